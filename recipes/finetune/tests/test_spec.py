"""What a description may say, and how wrong ones are told. Needs no library."""

from __future__ import annotations

import json
import unittest
from typing import Any

from finetune.refusal import Refusal
from finetune.spec import read_spec

LEAST: dict[str, Any] = {"baseModel": "m", "dataset": {"train": "d.jsonl"}}
CHECK = {"name": "c", "type": "string_check", "referenceField": "word", "operation": "like"}


def problems(**more: Any) -> list[str]:
    try:
        read_spec(json.dumps({**LEAST, **more}))
    except Refusal as refusal:
        assert refusal.code == "invalid_spec"
        return [str(problem) for problem in refusal.problems]
    return []


class Spec(unittest.TestCase):
    def test_a_model_and_data_are_enough(self) -> None:
        spec = read_spec(json.dumps(LEAST))
        self.assertEqual((spec.method, spec.tuning, spec.save, spec.lora.rank), ("sft", "lora", "adapter", 16))
        self.assertEqual(read_spec(json.dumps({**LEAST, "tuning": "full"})).save, "merged")

    def test_everything_wrong_is_told_at_once_with_its_place(self) -> None:
        self.assertEqual(
            problems(
                method="ppo",
                dataset={"train": ""},
                hyperparameters={"batchSize": 0.5, "epochs": 0},
                lora={"dropout": 1},
            ),
            [
                "dataset.train: expected text, not ''",
                "method: expected one of sft, dpo, orpo, grpo, not 'ppo'",
                "lora.dropout: expected a number from 0 and below 1, not 1",
                "hyperparameters.batchSize: expected a whole number from 1 to 65536, not 0.5",
                "hyperparameters.epochs: expected a number above 0 to 100000, not 0",
            ],
        )

    def test_an_unknown_field_is_told_with_the_nearest_that_is_known(self) -> None:
        found = problems(hyperparameters={"learning_rate": 1}, datasets=1)
        self.assertIn("hyperparameters.learning_rate: unknown field; did you mean learningRate?", found)
        self.assertIn("datasets: unknown field; did you mean dataset?", found)

    def test_what_is_required_is_missed(self) -> None:
        with self.assertRaisesRegex(Refusal, "baseModel: is required"):
            read_spec("{}")
        with self.assertRaisesRegex(Refusal, "is no JSON"):
            read_spec("{")
        with self.assertRaisesRegex(Refusal, "expected an object"):
            read_spec("[]")

    def test_fields_that_do_not_fit_together_are_told(self) -> None:
        self.assertEqual(problems(method="grpo"), ["graders: grpo needs at least one"])
        self.assertEqual(problems(graders=[CHECK]), ["graders: are for the method grpo; sft reads none"])
        self.assertEqual(
            problems(method="grpo", graders=[CHECK, CHECK], hyperparameters={"numGenerations": 3, "maxLength": 512}),
            [
                "graders[1].name: is taken by a grader before it, not 'c'",
                "hyperparameters.numGenerations: must divide batchSize × gradientAccumulation, which is 8, not 3",
                "hyperparameters.maxLength: must be above maxPromptLength, which is 512: the difference is for the "
                "completion, not 512",
            ],
        )
        self.assertEqual(
            problems(tuning="full", save="adapter"),
            ["save: a full fine-tune has no adapter; expected merged, not 'adapter'"],
        )
        self.assertEqual(
            problems(evaluation={"strategy": "steps"}),
            ["dataset.evaluation: is required, since evaluation is asked for; or dataset.holdOut"],
        )
        self.assertEqual(
            problems(method="dpo", hyperparameters={"packing": True, "beta": 0}),
            [
                "hyperparameters.beta: expected a number above 0 for dpo, not 0.0",
                "hyperparameters.packing: is for the method sft; dpo cannot do it",
            ],
        )

    def test_a_grader_is_read_by_its_type(self) -> None:
        self.assertEqual(problems(method="grpo", graders=[CHECK]), [])
        self.assertIn(
            "no sandbox is configured here", problems(method="grpo", graders=[{"type": "python", "name": "p"}])[0]
        )
        self.assertEqual(
            problems(method="grpo", graders=[{**CHECK, "operation": "is"}, {"type": "none"}]),
            [
                "graders[0].operation: expected one of eq, ne, like, ilike, not 'is'",
                "graders[1].type: expected one of string_check, text_similarity, built_in, score_model, label_model, "
                "ruler, not 'none'",
            ],
        )
