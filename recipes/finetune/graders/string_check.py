"""Whether a completion is, is not, or contains what stands in a column of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..fields import known, one_of, text

_OPERATIONS = {
    "eq": lambda completion, reference: completion == reference,
    "ne": lambda completion, reference: completion != reference,
    "like": lambda completion, reference: reference in completion,
    "ilike": lambda completion, reference: reference.casefold() in completion.casefold(),
}


@dataclass
class StringCheck:
    """1 or 0. `eq` and `ne` compare all of it; `like` looks for the reference in it, `ilike` whatever the case."""

    name: str = known(text)
    reference_field: str = known(text)
    operation: str = known(one_of(*_OPERATIONS))

    def needs(self) -> list[list[str]]:
        return [[self.reference_field]]

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        holds = _OPERATIONS[self.operation]
        return [float(holds(c, str(r))) for c, r in zip(completions, columns[self.reference_field])]
