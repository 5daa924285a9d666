"""What the recipe refuses, so that the reader can put it right: the only errors that are told without a traceback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

# Of more problems than this only the number is told.
MOST_TOLD = 20
_LONGEST_VALUE = 80
_NOTHING = object()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what, and the value that stands there."""

    path: str
    message: str
    value: Any = _NOTHING

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + ("" if self.value is _NOTHING else f", not {shortened(self.value)}")


class Refusal(Exception):
    """`code` says for programs what kind it is: invalid_spec, invalid_data, unavailable."""

    def __init__(self, code: str, message: str, problems: Sequence[Problem] = (), more: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.problems = list(problems)
        self._more = more

    def __str__(self) -> str:
        told = [f"  {problem}" for problem in self.problems[:MOST_TOLD]]
        left = self._more + max(0, len(self.problems) - MOST_TOLD)
        return "\n".join([super().__str__(), *told, *([f"  and {left} more"] if left else [])])


def shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
