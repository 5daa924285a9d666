"""Graders that ask a model: a score, a label, or an order of all completions of a prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Optional

from ..fields import known, list_of, number, text
from ..refusal import Problem
from .judge import ask

DEFAULT_MODEL = "gemini-2.0-flash"


def _range(value: Any, path: str, problems: list[Problem]) -> Any:
    read = (
        [number(-1e6, 1e6)(bound, f"{path}[{i}]", problems) for i, bound in enumerate(value)]
        if isinstance(value, list)
        else []
    )
    if len(read) == 2 and None not in read and read[0] < read[1]:
        return read
    problems.append(Problem(path, "expected two numbers, the lower first", value))
    return None


@dataclass
class ScoreModel:
    """A number for each completion, cut to the range."""

    name: str = known(text)
    prompt: str = known(text)
    model: str = known(text, DEFAULT_MODEL)
    range: Optional[list[float]] = known(_range, None)

    def needs(self) -> list[list[str]]:
        return columns_of(self.prompt)

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        schema = {"type": "OBJECT", "properties": {"score": {"type": "NUMBER"}}, "required": ["score"]}
        return [self._score(ask(text, self.model, schema)) for text in _filled(self.prompt, completions, columns)]

    def _score(self, reply: Any) -> float:
        score = _number_in(reply, "score")
        return min(max(score, self.range[0]), self.range[1]) if self.range and reply is not None else score


@dataclass
class LabelModel:
    """1 where the label that the model gives is a passing one."""

    name: str = known(text)
    prompt: str = known(text)
    labels: list[str] = known(list_of(text, 100))
    passing_labels: list[str] = known(list_of(text, 100))
    model: str = known(text, DEFAULT_MODEL)

    def needs(self) -> list[list[str]]:
        return columns_of(self.prompt)

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        label = {"type": "STRING", "enum": self.labels}
        schema = {"type": "OBJECT", "properties": {"label": label}, "required": ["label"]}
        replies = [ask(text, self.model, schema) for text in _filled(self.prompt, completions, columns)]
        return [float(isinstance(r, dict) and r.get("label") in self.passing_labels) for r in replies]


@dataclass
class Ruler:
    """One look at all completions of the batch: scores from 0 to 1 relative to each other; a missing one is 0."""

    name: str = known(text)
    rules: list[str] = known(list_of(text, 100))
    model: str = known(text, DEFAULT_MODEL)

    def needs(self) -> list[list[str]]:
        return []

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        schema = {"type": "OBJECT", "properties": {"scores": {"type": "ARRAY", "items": {"type": "NUMBER"}}}}
        reply = ask(self._question(prompts, completions), self.model, schema)
        scores = reply.get("scores") if isinstance(reply, dict) else None
        found = list(scores)[: len(completions)] if isinstance(scores, list) else []
        found += [0.0] * (len(completions) - len(found))
        return [min(max(_number_in({"score": score}, "score"), 0.0), 1.0) for score in found]

    def _question(self, prompts: list[str], completions: list[str]) -> str:
        rules = "\n".join(f"- {rule}" for rule in self.rules)
        asked = "\n\n".join(
            f"[{i}] prompt: {p}\n[{i}] answer: {c}" for i, (p, c) in enumerate(zip(prompts, completions))
        )
        return (
            "Score each answer from 0 to 1, relative to the others, by these rules:\n"
            f"{rules}\nGive the scores in the order of the answers.\n\n{asked}"
        )


def columns_of(template: str) -> list[list[str]]:
    """The columns of the data that a prompt names as `{{{ sample.<column> }}}`."""
    return [[name] for name in dict.fromkeys(re.findall(r"\{\{\{\s*sample\.(\w+)\s*\}\}\}", template))]


def _filled(template: str, completions: list[str], columns: dict[str, list[Any]]) -> list[str]:
    """Filled in one pass, so that braces within a completion stay what they are."""
    pattern = re.compile(r"\{\{\{\s*sample\.(\w+)\s*\}\}\}|\{\{\s*completion\s*\}\}")

    def fill(index: int) -> str:
        return pattern.sub(lambda m: str(columns[m[1]][index]) if m[1] else completions[index], template)

    return [fill(index) for index in range(len(completions))]


def _number_in(reply: Any, key: str) -> float:
    value = reply.get(key) if isinstance(reply, dict) else None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        return float(value)
    return 0.0
