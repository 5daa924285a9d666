"""The graders of grpo. Each gives a list of scores, one for each completion; their sum is the reward."""

from __future__ import annotations

from typing import Any, Protocol

from ..fields import read_object
from ..refusal import Problem
from .built_in import BuiltIn
from .judged import LabelModel, Ruler, ScoreModel
from .similarity import TextSimilarity
from .string_check import StringCheck

KINDS: dict[str, type] = {
    "string_check": StringCheck,
    "text_similarity": TextSimilarity,
    "built_in": BuiltIn,
    "score_model": ScoreModel,
    "label_model": LabelModel,
    "ruler": Ruler,
}


class Grader(Protocol):
    """`columns` has the values of each column of the data, one for each completion."""

    name: str

    def needs(self) -> list[list[str]]:
        """Columns that the data must have: of each list one."""

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        """One score for each completion."""


def read_grader(value: Any, path: str, problems: list[Problem]) -> Any:
    """By its `type`. A `python` grader is refused: it runs code of the description, and no sandbox is configured."""
    if not isinstance(value, dict):
        problems.append(Problem(path, "expected an object", value))
        return None
    kind = value.get("type")
    if kind == "python":
        words = (
            "a python grader runs code that stands in the description, and no sandbox is configured here; use another"
        )
        problems.append(Problem(f"{path}.type", words))
        return None
    if not isinstance(kind, str) or kind not in KINDS:
        problems.append(Problem(f"{path}.type", f"expected one of {', '.join(KINDS)}", kind))
        return None
    fields = {name: given for name, given in value.items() if name != "type"}
    return read_object(KINDS[kind], fields, path, problems)


def as_text(value: Any) -> str:
    """The text of a prompt or completion; of a conversation its contents, one after the other."""
    if isinstance(value, list):
        return "\n".join(str(message.get("content") or "") for message in value if isinstance(message, dict))
    return "" if value is None else str(value)


def as_reward(grader: Grader) -> Any:
    """The function that TRL calls, under the grader's name."""

    def reward(prompts: list[Any], completions: list[Any], **columns: Any) -> list[float]:
        asked = [as_text(prompt) for prompt in prompts]
        # TRL gives every column but this one, which judges above all are told of: {{{ sample.prompt }}}.
        scores = grader.grade(asked, [as_text(c) for c in completions], {**columns, "prompt": asked})
        if len(scores) != len(completions):
            raise RuntimeError(f"grader {grader.name} gave {len(scores)} scores for {len(completions)} completions")
        return scores

    reward.__name__ = grader.name
    return reward
