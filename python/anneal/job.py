"""What a process is told of its job, by the environment (docs/lifecycle.md, "What the process gets")."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Optional


def job_id() -> Optional[str]:
    """The id of the job; None outside of Anneal."""
    return os.environ.get("ANNEAL_JOB_ID") or None


def job_name() -> Optional[str]:
    """The name of the job; None outside of Anneal."""
    return os.environ.get("ANNEAL_JOB_NAME") or None


def attempt() -> int:
    """The number of this attempt, from 1; 1 outside of Anneal."""
    return _number(("ANNEAL_ATTEMPT",), 1)


def rank() -> int:
    """This process among all of its attempt: torchrun's RANK where it is set, else the rank of the node."""
    return _number(("RANK", "ANNEAL_RANK", "NODE_RANK"), 0)


def world_size() -> int:
    """How many there are: torchrun's count of processes below it, else the count of nodes."""
    return _number(("WORLD_SIZE",), 1)


def is_main_process() -> bool:
    """Whether this is rank 0, whose metrics and checkpoints are those of the attempt."""
    return rank() == 0


def output_dir() -> Path:
    """Where results go; it exists. `output` in the working directory outside of Anneal."""
    return _made(os.environ.get("ANNEAL_OUTPUT_DIR") or "output")


def checkpoint_dir() -> Path:
    """Where checkpoints go, kept between attempts; it exists. `checkpoints` in the working directory outside of Anneal."""
    return _made(os.environ.get("ANNEAL_CHECKPOINT_DIR") or "checkpoints")


def resume_from() -> Optional[Path]:
    """The last whole checkpoint, to go on from; None where there is none, so for every first attempt."""
    path = os.environ.get("ANNEAL_RESUME_FROM")
    return Path(path) if path else None


def input(key: str) -> Path:  # noqa: A001 - the word of the job description
    """The file or folder that the job's `inputs` names `key`. Raises KeyError, naming those that there are."""
    named = os.environ.get("ANNEAL_INPUT_" + re.sub(r"[^A-Za-z0-9]", "_", key).upper())
    if named:
        return Path(named)
    folder = os.environ.get("ANNEAL_INPUT_DIR")
    if folder and re.fullmatch(r"[^/\\]+", key) and key not in (".", "..") and (Path(folder) / key).exists():
        return Path(folder) / key
    there = sorted(path.name for path in Path(folder).iterdir()) if folder and Path(folder).is_dir() else []
    raise KeyError(
        f"there is no input {key!r}; there are: {', '.join(there) or 'none'}. "
        f"Name it in the job: inputs: {{ {key}: {{ artifact: 'NAME:TAG' }} }}"
    )


def _number(names: tuple[str, ...], otherwise: int) -> int:
    for name in names:
        text = os.environ.get(name, "")
        if re.fullmatch(r"\d+", text):
            return int(text)
    return otherwise


def _made(path: str) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
