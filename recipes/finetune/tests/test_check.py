"""The check of the data, for files that need no library."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import types
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from finetune.check import check_data
from finetune.refusal import Refusal
from finetune.spec import read_spec


class Words:
    """A tokenizer of words."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * len(text.split())


class Check(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, *rows: Any) -> str:
        file = self.folder / name
        file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return str(file)

    def check(self, train: str, tokenizer: Any = None, **more: Any) -> Any:
        dataset = {"train": train, **more.pop("dataset", {})}
        return check_data(read_spec(json.dumps({"baseModel": "m", "dataset": dataset, **more})), tokenizer)

    def problems(self, train: str, **more: Any) -> list[str]:
        with self.assertRaises(Refusal) as caught:
            self.check(train, **more)
        self.refusal = caught.exception
        return [str(problem) for problem in caught.exception.problems]

    def test_a_bad_row_at_the_very_end_is_told_by_its_line(self) -> None:
        good = [{"prompt": f"question {n}", "completion": "answer"} for n in range(1000)]
        file = self.write("d.jsonl", *good, '{"prompt": "cut off')
        self.assertRegex(self.problems(file)[0], r"^dataset.train line 1001: is no JSON: ")
        file = self.write("d.jsonl", *good, "", {"prompt": "question", "completion": " "})
        self.assertEqual(self.problems(file), ["dataset.train line 1002 completion: is empty, not ' '"])

    def test_the_format_is_known_by_the_columns_and_fits_the_method(self) -> None:
        for row, method, name in (
            ({"text": "a"}, "sft", "text"),
            (
                {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
                "sft",
                "messages",
            ),
            ({"prompt": "q", "completion": "a"}, "sft", "prompt_completion"),
            ({"prompt": "q", "chosen": "a", "rejected": "b"}, "dpo", "preference"),
            ({"prompt": "q", "chosen": "a", "rejected": "b"}, "orpo", "preference"),
        ):
            self.assertEqual(self.check(self.write("d.jsonl", row), method=method)[0].format, name)
        file = self.write("d.jsonl", {"question": "q", "answer": "a"})
        words = "its columns (question, answer) are those of no format of sft: messages or prompt_completion or text"
        self.assertEqual(self.problems(file), [f"dataset.train: {words}"])
        self.assertIn("dpo needs preference", self.problems(file, method="dpo", dataset={"format": "text"})[0])

    def test_each_format_names_what_is_wrong_with_a_row(self) -> None:
        user = {"role": "user", "content": "q"}
        for rows, method, words in (
            ([{"text": "a"}, {"text": 5}], "sft", "line 2 text: expected text, not 5"),
            ([{"text": "a"}, {"txt": "b"}], "sft", "line 2 text: is missing; there are txt"),
            ([{"text": "a"}, [1]], "sft", "line 2: expected an object with columns, not [1]"),
            (
                [{"messages": [user]}],
                "sft",
                "line 1 messages: must end with the assistant, whose words are learnt, not 'user'",
            ),
            (
                [{"messages": [{"role": "bot", "content": ""}]}],
                "sft",
                "line 1 messages[0].role: expected one of system, ",
            ),
            ([{"messages": []}], "sft", "line 1 messages: expected a list of messages, not []"),
            ([{"prompt": "q", "chosen": "a", "rejected": "a"}], "dpo", "line 1 rejected: is the same as chosen"),
            (
                [{"prompt": [user], "chosen": "a", "rejected": "b"}],
                "dpo",
                "line 1 chosen: must be text or messages, as prompt",
            ),
        ):
            self.assertIn(f"dataset.train {words}", self.problems(self.write("d.jsonl", *rows), method=method)[0])

    def test_texts_and_conversations_do_not_mix(self) -> None:
        said = [{"role": "user", "content": "q"}], [{"role": "assistant", "content": "a"}]
        rows = {"prompt": "q", "completion": "a"}, {"prompt": said[0], "completion": said[1]}
        words = "dataset.train line 2 prompt: must be text, as in the first row"
        self.assertIn(words, self.problems(self.write("d.jsonl", *rows))[0])
        self.assertIn("must be messages, as in", self.problems(self.write("d.jsonl", *reversed(rows)))[0])

    def test_a_format_that_was_asked_for_is_what_the_first_row_is_measured_by(self) -> None:
        file = self.write("d.jsonl", ["no row"], {"text": "a"})
        words = "dataset.train line 1: expected an object with columns, not ['no row']"
        self.assertEqual(self.problems(file, dataset={"format": "text"}), [words])

    def test_columns_that_graders_read_are_missed(self) -> None:
        grader = {"name": "c", "type": "string_check", "referenceField": "word", "operation": "eq"}
        accuracy = {"name": "n", "type": "built_in", "functionName": "numerical_accuracy"}
        file = self.write(
            "d.jsonl", {"prompt": "q", "word": "a", "answer": "1"}, {"prompt": "q", "word": None, "solution": "1"}
        )
        self.assertEqual(
            self.problems(file, method="grpo", graders=[grader, accuracy]), ["dataset.train line 2 word: is empty"]
        )
        file = self.write("d.jsonl", {"prompt": "q", "word": "a"})
        words = "dataset.train line 1 solution: is missing, and a grader reads it"
        self.assertEqual(self.problems(file, method="grpo", graders=[accuracy]), [words])

    def test_doubles_and_rows_that_are_too_long_are_counted_and_the_first_is_named(self) -> None:
        file = self.write("d.jsonl", {"text": "one two"}, "", {"text": "one two"}, {"text": "w " * 20})
        found = self.check(file, Words(), hyperparameters={"maxLength": 8})[0]
        self.assertEqual((found.rows, found.doubles, found.lengths.longest, found.lengths.cut), (3, 1, 20, 1))
        words = "3 rows of text; the longest has 20 tokens; 1 above maxLength 8, the first line 4 with 20; "
        self.assertIn(words + "1 double, the first line 3 (sha256", found.told())

    def test_prompts_are_measured_by_the_limit_of_prompts(self) -> None:
        grader = {"name": "c", "type": "string_check", "referenceField": "word", "operation": "eq"}
        file = self.write("d.jsonl", {"prompt": "w " * 20, "word": "w"})
        limits = {"maxPromptLength": 8, "maxLength": 512}
        found = self.check(file, Words(), method="grpo", graders=[grader], hyperparameters=limits)[0]
        self.assertIn("1 above maxPromptLength 8, the first line 1 with 20", found.told())

    def test_without_a_tokenizer_it_says_that_lengths_were_not_looked_at(self) -> None:
        found = self.check(self.write("d.jsonl", {"text": "w " * 5000}))[0]
        self.assertIn("1 rows of text; token lengths not looked at (sha256", found.told())

    def test_rows_for_evaluation_that_are_trained_on_are_told(self) -> None:
        train = self.write("a.jsonl", {"text": "a"}, {"text": "b"})
        found = self.check(train, dataset={"evaluation": self.write("b.jsonl", {"text": "c"}, {"text": "b"})})
        self.assertIn("1 in the data for training too, the first line 2", found[1].told())
        self.assertNotIn("for training", found[0].told())
        same = self.check(train, dataset={"evaluation": train})[1].told()
        self.assertIn("the same as the data for training, so the evaluation says little", same)

    def test_empty_rows_are_errors_wherever_they_stand(self) -> None:
        file = self.write("d.jsonl", {}, {"text": "a"}, {}, {"text": "\t"}, "null")
        self.assertEqual(
            self.problems(file),
            [
                "dataset.train line 1: is empty",
                "dataset.train line 3: is empty",
                "dataset.train line 4 text: is empty, not '\\t'",
                "dataset.train line 5: expected an object with columns",
            ],
        )

    def test_of_many_errors_the_first_are_told_and_all_counted(self) -> None:
        file = self.write("d.jsonl", {"text": "a"}, *[{"text": ""}] * 1000)
        self.assertEqual(len(self.problems(file)), 20)
        self.assertIn("has 1000 errors", str(self.refusal))
        self.assertIn("and 980 more", str(self.refusal))

    def test_csv_is_read_by_its_head_and_a_short_line_told(self) -> None:
        file = self.write("d.csv", "prompt,completion", 'a,"b\nc"', "d,e")
        self.assertEqual(self.check(file)[0].rows, 2)
        file = self.write("d.csv", "prompt,completion", "a,b", "d")
        self.assertEqual(self.problems(file), ["dataset.train line 3: has not the 2 columns of the first line"])

    def test_bytes_that_are_no_text_and_files_that_are_none_are_told(self) -> None:
        (self.folder / "d.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n')
        self.assertEqual(self.problems(str(self.folder / "d.jsonl")), ["dataset.train line 2: is no UTF-8 (byte 11)"])
        self.assertIn("there is no such file", self.problems("./none.jsonl")[0])
        self.assertEqual(self.problems(self.write("empty.jsonl")), ["dataset.train: is empty"])
        self.assertIn("expected a file that ends in", self.problems(self.write("d.txt", "text"))[0])

    def test_a_hub_that_is_away_is_no_fault_of_the_data(self) -> None:
        for error, code in ((ConnectionError("no route"), "unavailable"), (ValueError("no rows"), "invalid_data")):
            hub = types.SimpleNamespace(load_dataset=mock.Mock(side_effect=error))
            with mock.patch.dict(sys.modules, {"datasets": hub}):
                self.assertIn(f"it cannot be read: {type(error).__name__}", self.problems("owner/name")[0])
            self.assertEqual(self.refusal.code, code)

    def test_variables_stand_in_paths_and_evaluation_is_checked_too(self) -> None:
        self.write("a.jsonl", {"text": "a"})
        self.write("b.jsonl", {"text": ""})
        os.environ["TEST_DATA"] = str(self.folder)
        self.assertEqual(self.check("$TEST_DATA/a.jsonl")[0].rows, 1)
        found = self.problems("$TEST_DATA/a.jsonl", dataset={"evaluation": "$TEST_DATA/b.jsonl"})
        self.assertEqual(found, ["dataset.evaluation line 1 text: is empty, not ''"])
