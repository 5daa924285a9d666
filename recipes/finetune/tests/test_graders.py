"""The graders, by scores that can be reckoned by hand or stand in the papers that they come from."""

from __future__ import annotations

import json
import os
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from unittest import mock

from finetune.graders import as_reward, judge, read_grader
from finetune.graders.similarity import bleu, fuzzy_match, gleu, measure_of, meteor, rouge_l, rouge_n
from finetune.graders.stemmer import stem
from finetune.refusal import Problem


def grader(**fields: Any) -> Any:
    problems: list[Problem] = []
    made = read_grader({"name": "g", **fields}, "graders[0]", problems)
    assert not problems, problems
    return made


def scores(completions: list[str], columns: dict[str, list[Any]] | None = None, **fields: Any) -> list[float]:
    return as_reward(grader(**fields))(prompts=[""] * len(completions), completions=completions, **(columns or {}))


class StringCheck(unittest.TestCase):
    def test_each_operation(self) -> None:
        words = ["Love", "love", "true love"]
        for operation, expected in (("eq", [0, 1, 0]), ("ne", [1, 0, 1]), ("like", [0, 1, 1]), ("ilike", [1, 1, 1])):
            found = scores(
                words, {"word": ["love"] * 3}, type="string_check", referenceField="word", operation=operation
            )
            self.assertEqual(found, expected, operation)

    def test_a_conversation_is_graded_by_its_words_and_a_number_in_the_data_as_text(self) -> None:
        reward = as_reward(grader(type="string_check", referenceField="word", operation="eq"))
        said = [[{"role": "assistant", "content": "42"}]]
        self.assertEqual(reward(prompts=["q"], completions=said, word=[42], completion_ids=[[1]]), [1.0])
        self.assertEqual(reward.__name__, "g")

    def test_the_prompt_is_a_column_as_well(self) -> None:
        reward = as_reward(grader(type="string_check", referenceField="prompt", operation="like"))
        asked: list[Any] = ["love", [{"role": "user", "content": "love"}]]
        self.assertEqual(reward(prompts=asked, completions=["true love", "hate"]), [1.0, 0.0])


class Similarity(unittest.TestCase):
    def test_the_same_is_1_and_nothing_in_common_is_0(self) -> None:
        same = "the quick brown fox jumps over the lazy dog"
        for metric in ("fuzzy_match", "bleu", "gleu", "rouge_1", "rouge_5", "rouge_l"):
            self.assertAlmostEqual(measure_of(metric)(same, same), 1.0, msg=metric)
            self.assertEqual(measure_of(metric)("", "word"), 0.0, metric)
        for metric in ("bleu", "gleu", "meteor", "rouge_1", "rouge_l"):
            self.assertEqual(measure_of(metric)("aaaa bbbb", "cccc dddd"), 0.0, metric)

    def test_scores_that_can_be_reckoned(self) -> None:
        self.assertAlmostEqual(fuzzy_match("kitten", "sitting"), 1 - 3 / 7)
        self.assertAlmostEqual(rouge_n("the cat sat", "the cat ran", 1), 2 / 3)
        self.assertAlmostEqual(rouge_n("the cat sat", "the cat ran", 2), 1 / 2)
        self.assertAlmostEqual(rouge_l("police killed the gunman", "police kill the gunman"), 1.0)  # stemmed
        self.assertAlmostEqual(rouge_l("the gunman kill police", "police kill the gunman"), 0.5)  # Lin 2004, section 3
        # Runs of 1 to 4 words: 2 + 1 of 3 + 2 + 1 are in common.
        self.assertAlmostEqual(gleu("the cat sat", "the cat ran"), 3 / 6)
        # Six words in one chunk of six: 1 - 0.5 × (1/6)³.
        self.assertAlmostEqual(meteor("the cat sat on the mat", "the cat sat on the mat"), 1 - 0.5 / 216)
        # Precision 3/4, smoothed 2/4, 1/3, 1/2 for 2, 3 and 4 words; the lengths are the same.
        self.assertAlmostEqual(bleu("a b c d", "a b x d"), (3 / 4 * 2 / 4 * 1 / 3 * 1 / 2) ** 0.25)

    def test_a_short_answer_is_not_praised_for_its_precision(self) -> None:
        self.assertLess(bleu("the", "the cat sat on the mat"), 0.1)
        self.assertLess(gleu("the cat", "the cat sat on the mat"), 0.3)

    def test_the_stemmer_agrees_with_the_examples_of_its_paper(self) -> None:
        examples = (
            "caresses caress ponies poni ties ti cats cat feed feed agreed agre plastered plaster motoring motor sing sing "
            "conflated conflat troubled troubl sized size hopping hop falling fall hissing hiss failing fail filing file "
            "happy happi sky sky relational relat conditional condit rational ration digitizer digit operator oper "
            "feudalism feudal decisiveness decis hopefulness hope formality formal triplicate triplic formative form "
            "electrical electr goodness good revival reviv allowance allow inference infer adjustable adjust replacement "
            "replac adoption adopt probate probat rate rate cease ceas controll control roll roll generalizations gener"
        ).split()
        for word, expected in zip(examples[::2], examples[1::2]):
            self.assertEqual(stem(word), expected, word)


class BuiltIn(unittest.TestCase):
    GOOD = "<think>\none\n</think>\n<answer>\n42\n</answer>"

    def test_the_format_is_exact(self) -> None:
        for text, expected in (
            (self.GOOD, 0.5),
            (self.GOOD + "\n", 0.5),
            (self.GOOD + " ", 0),
            (self.GOOD.replace("\n", ""), 0),
        ):
            self.assertEqual(scores([text], type="built_in", functionName="format_reward"), [expected], text)

    def test_tags_are_counted_and_words_after_the_answer_cost(self) -> None:
        with_tail, torn = self.GOOD + "\nand so on!", self.GOOD.replace("</think>", "")
        found = scores([self.GOOD, with_tail, torn], type="built_in", functionName="count_xml")
        self.assertEqual([round(score, 6) for score in found], [0.5, 0.5 - 0.010, 0.375])

    def test_tags_may_have_other_names(self) -> None:
        other = self.GOOD.replace("think", "reasoning")
        names = {"thinkTag": "reasoning"}
        self.assertEqual(scores([other], type="built_in", functionName="format_reward", parameters=names), [0.5])

    def test_numbers_are_compared_as_numbers(self) -> None:
        completions = [self.GOOD, "42.0", "$42", "forty-two", "41"]
        truths = {"answer": ["it is so\n#### 42"] * 5}
        found = scores(completions, truths, type="built_in", functionName="numerical_accuracy")
        self.assertEqual(found, [1, 1, 1, 0, 0])

    def test_expressions_are_compared_by_value_and_run_nothing(self) -> None:
        completions = ["<answer>2*(3+4)^2</answer>", "98", "x + 1", "__import__('os')", "9**9**9", "1/0"]
        truths = {"solution": ["98", "2*49", "X+1", "98", "98", "98"]}
        found = scores(completions, truths, type="built_in", functionName="expression_accuracy")
        self.assertEqual(found, [1, 1, 1, 0, 0, 0])


class Judged(unittest.TestCase):
    """A server that speaks as the judge's API does."""

    def setUp(self) -> None:
        self.asked: list[Any] = []
        self.replies: list[Any] = []
        test = self

        class Judge(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                test.asked.append((self.path, self.headers["x-goog-api-key"], body))
                reply = test.replies.pop(0) if test.replies else None
                self.send_response(200 if reply is not None else 500)
                self.end_headers()
                self.wfile.write(json.dumps(reply).encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Judge)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close(), thread.join()))
        url = f"http://127.0.0.1:{server.server_port}/v1"
        patched = mock.patch.dict(os.environ, {"ANNEAL_JUDGE_URL": url, "GOOGLE_API_KEY": "key", "no_proxy": "*"})
        patched.start()
        self.addCleanup(patched.stop)
        mock.patch.object(judge, "_failed_in_a_row", 0).start()
        self.addCleanup(mock.patch.stopall)

    def say(self, *answers: Any) -> None:
        self.replies += [{"candidates": [{"content": {"parts": [{"text": json.dumps(a)}]}}]} for a in answers]

    def test_a_score_is_cut_to_its_range_and_a_failed_call_is_0(self) -> None:
        self.say({"score": 7}, {"score": -3}, {"note": "none"})
        prompt = "Is {{ completion }} like {{{ sample.word }}}?"
        given = {"type": "score_model", "prompt": prompt, "range": [0, 5]}
        found = scores(["a {{{ sample.word }}}", "b", "c", "d"], {"word": ["w", "x", "y", "z"]}, **given)
        self.assertEqual(found, [5, 0, 0, 0])
        path, key, body = self.asked[0]
        self.assertEqual((path, key), ("/v1/models/gemini-2.0-flash:generateContent", "key"))
        self.assertEqual(body["contents"][0]["parts"][0]["text"], "Is a {{{ sample.word }}} like w?")

    def test_a_label_passes_or_not(self) -> None:
        self.say({"label": "good"}, {"label": "bad"})
        given = {
            "type": "label_model",
            "prompt": "{{ completion }}",
            "labels": ["good", "bad"],
            "passingLabels": ["good"],
        }
        self.assertEqual(scores(["a", "b"], **given), [1, 0])

    def test_a_ruler_asks_once_and_what_is_missing_is_0(self) -> None:
        self.say({"scores": [0.25, 7]})
        self.assertEqual(scores(["a", "b", "c"], type="ruler", rules=["be short"]), [0.25, 1, 0])
        self.assertEqual(len(self.asked), 1)

    def test_cosine_compares_by_meaning(self) -> None:
        self.replies += [
            {"embeddings": [{"values": [1, 0]}, {"values": [1, 1]}]},
            {"embeddings": [{"values": [1, 0]}] * 2},
        ]
        given = {"type": "text_similarity", "referenceField": "word", "evaluationMetric": "cosine"}
        found = scores(["a", "b"], {"word": ["c", "d"]}, **given)
        self.assertEqual([round(score, 4) for score in found], [1.0, 0.7071])

    def test_a_judge_that_stays_away_ends_the_training(self) -> None:
        with self.assertRaisesRegex(judge.JudgeLost, "has failed 20 times in a row"), mock.patch("sys.stderr"):
            scores(["a"] * 30, type="score_model", prompt="{{ completion }}")
        self.assertEqual(len(self.asked), 20)


class Refused(unittest.TestCase):
    def test_code_in_the_description_is_never_run(self) -> None:
        problems: list[Problem] = []
        read_grader({"name": "p", "type": "python", "source": "def grade(): ..."}, "graders[0]", problems)
        self.assertIn("no sandbox is configured here", str(problems[0]))

    def test_a_range_is_two_numbers_the_lower_first(self) -> None:
        problems: list[Problem] = []
        read_grader({"name": "s", "type": "score_model", "prompt": "p", "range": [1, 0]}, "graders[0]", problems)
        self.assertEqual(str(problems[0]), "graders[0].range: expected two numbers, the lower first, not [1, 0]")
