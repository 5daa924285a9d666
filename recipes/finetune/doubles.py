"""Rows that stand in the data more than once, or in those for training and for evaluation."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Optional

# Of more rows than this, doubles are no longer looked for: memory.
DOUBLES_AMONG = 2_000_000


class Doubles:
    """Which rows have been there before, by 16 bytes each: in the same data, and in those of `training`."""

    def __init__(self, training: Optional["Doubles"] = None) -> None:
        self._seen: set[bytes] = set()
        self._training = training
        self._rows = 0
        self.doubles = 0
        self.shared = 0
        self._first: dict[str, str] = {}

    def add(self, where: str, row: Any) -> None:
        self._rows += 1
        key = _key(row)
        if key in self._seen:
            self.doubles += 1
            self._first.setdefault("double", where)
        elif len(self._seen) < DOUBLES_AMONG:
            self._seen.add(key)
        if self._training is not None and key in self._training._seen:
            self.shared += 1
            self._first.setdefault("shared", where)

    def told(self) -> list[str]:
        said = []
        if self.doubles:
            said.append(f"{self.doubles} double, the first {self._first['double']}")
        if self.shared:
            said.append(f"{self.shared} in the data for training too, the first {self._first['shared']}")
        if self._rows > DOUBLES_AMONG:
            said.append(f"doubles of the first {DOUBLES_AMONG}")
        return said


def _key(row: Any) -> bytes:
    text = json.dumps(row, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
