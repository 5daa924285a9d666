"""Jobs as the server tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class Outcome:
    """How a job ended: one of the reasons of docs/failures.md, in words, and the exit code of the process where known."""

    reason: str
    message: str
    exit_code: Optional[int] = None

    @property
    def completed(self) -> bool:
        return self.reason == "completed"


@dataclass(frozen=True)
class Job:
    """A job, or one line of a list. `raw` is all that the server has said, with its attempts, clocks and spec."""

    id: str
    name: str
    state: str
    outcome: Optional[Outcome]
    attempt: int
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def ended(self) -> bool:
        return self.state == "ended"

    @staticmethod
    def of(raw: Mapping[str, Any]) -> "Job":
        end = raw.get("outcome")
        outcome = Outcome(end["reason"], end["message"], end.get("exitCode")) if end else None
        return Job(raw["id"], raw["name"], raw["state"], outcome, raw["attempt"], raw)


@dataclass(frozen=True)
class LogPiece:
    """Bytes of one stream, each exactly once and in order within their stream: `setup`, or the rank of a process."""

    attempt: int
    stream: str
    offset: int
    data: bytes
