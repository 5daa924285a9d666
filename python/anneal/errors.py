"""What a server refuses, and what keeps it from being asked, as exceptions with the code of docs/failures.md."""

from __future__ import annotations

from typing import Any, Optional


class AnnealError(Exception):
    """A call that failed. `code` says why for programs, `next` what to do, `problems` what is wrong with an input."""

    def __init__(
        self,
        code: str,
        message: str,
        next: Optional[str] = None,  # noqa: A002 - the word of the API
        problems: Optional[list[dict[str, Any]]] = None,
        status: Optional[int] = None,
        details: Optional[dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next = next
        self.problems = problems or []
        self.status = status
        self.details = details or {}

    def __str__(self) -> str:
        lines = [f"{self.message} ({self.code})"]
        for problem in self.problems:
            value = f", not {problem['value']!r}" if "value" in problem else ""
            expected = f"; expected {problem['expected']}" if problem.get("expected") else ""
            lines.append(f"  {problem.get('path')}: {problem.get('message')}{value}{expected}")
        return "\n".join(lines + ([f"  next: {self.next}"] if self.next else []))


class Unavailable(AnnealError):
    """No server answers, or a part that it needs is away."""


class Unauthorized(AnnealError):
    """There is no token, it is not known, or it may not do this."""


class InvalidSpec(AnnealError):
    """The job description or the request has errors; `problems` says where."""


class NotFound(AnnealError):
    """There is no such thing here, or a name fits more than one."""


class Conflict(AnnealError):
    """The job's state, or an earlier use of the key, does not allow this."""


class QuotaExceeded(AnnealError):
    """The project or the user has as much as the quota allows."""


class WaitTimeout(AnnealError):
    """What was waited for did not come in the time that the caller gave."""


CLASSES: dict[str, type[AnnealError]] = {
    "unavailable": Unavailable,
    "disk_full": Unavailable,
    "unauthorized": Unauthorized,
    "forbidden": Unauthorized,
    "invalid_request": InvalidSpec,
    "invalid_spec": InvalidSpec,
    "too_large": InvalidSpec,
    "not_found": NotFound,
    "ambiguous": NotFound,
    "state_conflict": Conflict,
    "idempotency_conflict": Conflict,
    "quota_exceeded": QuotaExceeded,
    "timeout": WaitTimeout,
}


def error_of(code: str, message: str, **more: Any) -> AnnealError:
    """The exception for a code; AnnealError itself for one that only a newer server knows."""
    return CLASSES.get(code, AnnealError)(code, message, **more)
