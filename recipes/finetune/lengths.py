"""Tokens of the rows, as near as they can be told without the trainer's own formatting."""

from __future__ import annotations

from typing import Any, Optional

from .spec import Hyperparameters

# Of more rows than this, lengths are no longer counted: time.
LENGTHS_OF = 20_000


class Lengths:
    """The longest row, and those that the trainer will cut; nothing without a tokenizer."""

    def __init__(self, tokenizer: Any, hyperparameters: Hyperparameters) -> None:
        self._tokenizer = tokenizer
        self._limits = hyperparameters
        self._rows = 0
        self.longest: Optional[int] = None
        self.cut = 0
        self._first_cut = ""

    def add(self, where: str, row: dict[str, Any], format_name: str) -> None:
        self._rows += 1
        if self._tokenizer is None or self._rows > LENGTHS_OF:
            return
        length = length_of(row, format_name, self._tokenizer)
        self.longest = max(self.longest or 0, length)
        name, most = self._limit(format_name)
        if length > most:
            self.cut += 1
            self._first_cut = self._first_cut or f"above {name} {most}, the first {where} with {length}"

    def told(self) -> list[str]:
        if self.longest is None:
            return ["token lengths not looked at"]
        said = [f"the longest has {self.longest} tokens"]
        if self.cut:
            said.append(f"{self.cut} {self._first_cut}")
        if self._rows > LENGTHS_OF:
            said.append(f"lengths of the first {LENGTHS_OF}")
        return said

    def _limit(self, format_name: str) -> tuple[str, int]:
        if format_name == "prompts":
            return "maxPromptLength", self._limits.max_prompt_length
        return "maxLength", self._limits.max_length


def length_of(row: dict[str, Any], format_name: str, tokenizer: Any) -> int:
    """Tokens of the longest sequence that the row becomes."""
    if format_name == "messages":
        return _tokens(row["messages"], tokenizer)
    if format_name == "text":
        return _tokens(row["text"], tokenizer)
    if format_name == "prompts":
        return _tokens(row["prompt"], tokenizer)
    answers = [row["completion"]] if format_name == "prompt_completion" else [row["chosen"], row["rejected"]]
    return _tokens(row["prompt"], tokenizer) + max(_tokens(answer, tokenizer) for answer in answers)


def _tokens(value: Any, tokenizer: Any) -> int:
    if isinstance(value, list):
        return sum(len(tokenizer.encode(str(message["content"]), add_special_tokens=False)) + 4 for message in value)
    return len(tokenizer.encode(value, add_special_tokens=False))
