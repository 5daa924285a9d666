"""Metrics and phases: lines of JSON in $ANNEAL_METRICS_FILE, which the host's agent reads as they come."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from typing import Any, Optional

from anneal.job import is_main_process

# The agent takes a longer line for no metric (src/runner/metrics-file.ts).
MAX_LINE_BYTES = 1024 * 1024
_RESERVED = {"phase": "anneal.phase()", "checkpoint": "anneal.announce_checkpoint()"}
_warned = False
_begun: set[str] = set()
_lock = threading.Lock()


def log(step: Optional[int] = None, **metrics: Any) -> None:
    """Reports numbers, at a step where one is given: `anneal.log(step=10, loss=0.5)`.

    Takes whatever `float()` takes, scalars of torch and numpy too; None is left out, NaN and the infinities stand in the
    file as the words "NaN", "Infinity" and "-Infinity". Only rank 0 reports. Nothing happens outside of Anneal, and a
    file that cannot be written is told once on stderr: a training does not end for its metrics. Raises TypeError for
    what is no number, ValueError for a name that has a function of its own.
    """
    entry: dict[str, Any] = {} if step is None else {"step": int(step)}
    for name, value in metrics.items():
        if name in _RESERVED:
            raise ValueError(f"{name!r} is no metric; use {_RESERVED[name]}")
        if value is not None:
            entry[name] = _as_json(name, value)
    if entry:
        write_line(entry)


def phase(name: str) -> None:
    """Says what the training is at. From `saving` on the clock of saving runs, and limits leave it the job's grace."""
    if not isinstance(name, str) or name == "":
        raise ValueError(f"a phase is a word such as 'saving', not {name!r}")
    write_line({"phase": name})


def write_line(entry: dict[str, Any]) -> None:
    """Appends one line, in one write, so that a kill leaves no torn line and two processes never mix."""
    path = os.environ.get("ANNEAL_METRICS_FILE")
    if not path or not is_main_process():
        return
    line = json.dumps(entry, allow_nan=False).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"one line of metrics has {len(line)} bytes; the most is {MAX_LINE_BYTES}")
    try:
        _append(path, line)
    except OSError as error:
        _warn(f"anneal: metrics cannot be written: {error}")


def _append(path: str, line: bytes) -> None:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        with _lock:
            # Whoever wrote before may have been killed in the middle of a line, which must not spoil this one. Looked
            # at once: later a line that somebody else is writing would be taken for a torn one.
            if path not in _begun and _ends_torn(file):
                line = b"\n" + line
            _begun.add(path)
            while line:
                line = line[os.write(file, line) :]
    finally:
        os.close(file)


def _ends_torn(file: int) -> bool:
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"the metric {name!r} is {value!r}; expected a number")
    if isinstance(value, int):
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"the metric {name!r} is a {type(value).__name__}; expected a number") from error
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _warn(text: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        print(text, file=sys.stderr)
