"""The numbers at the end of a fine-tune; what is saved is tested with torch."""

from __future__ import annotations

import json
import math
import unittest
from typing import Any

from finetune.results import final_metrics
from finetune.spec import read_spec


def metrics(method: str, evaluation: dict[str, Any] | None) -> dict[str, Any]:
    grader = {"name": "g", "type": "built_in", "functionName": "count_xml"}
    graders = {"graders": [grader]} if method == "grpo" else {}
    spec = read_spec(json.dumps({"baseModel": "m", "dataset": {"train": "d"}, "method": method, **graders}))
    return final_metrics(spec, {"train_loss": 1.5}, evaluation)


class Results(unittest.TestCase):
    def test_perplexity_is_e_to_the_loss_and_only_where_the_loss_is_that_of_a_language(self) -> None:
        evaluation = {"eval_loss": 2.0, "eval_mean_token_accuracy": 0.25, "eval_rewards/accuracies": 0.75}
        found = metrics("sft", evaluation)
        self.assertEqual((found["eval_loss"], found["accuracy"], found["perplexity"]), (2.0, 0.25, math.exp(2.0)))
        self.assertEqual(metrics("dpo", evaluation)["accuracy"], 0.75)
        self.assertNotIn("perplexity", metrics("dpo", evaluation))
        self.assertEqual(metrics("grpo", {"eval_reward": 0.5})["eval_reward"], 0.5)

    def test_what_is_no_number_is_null_and_what_was_not_measured_is_not_there(self) -> None:
        found = metrics("sft", {"eval_loss": float("nan")})
        self.assertEqual((found["eval_loss"], found["perplexity"], found["accuracy"]), (None, None, None))
        self.assertIsNone(metrics("sft", {"eval_loss": 1000.0})["perplexity"])
        self.assertNotIn("eval_loss", metrics("sft", None))
