"""Checkpoints that are whole or not there: written under another name, flushed, renamed, announced."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Union

from anneal.job import checkpoint_dir, is_main_process
from anneal.metrics import write_line

# Names that the agent never takes for a checkpoint (src/runner/checkpoint-scan.ts).
_UNFINISHED = re.compile(r"^\.|\.(tmp|part|partial|removing)$")


@contextmanager
def checkpoint(name: str, step: Optional[int] = None, folder: bool = True) -> Iterator[Path]:
    """Gives a path to write to; when the block is left, what stands there is the checkpoint `name`.

        with anneal.checkpoint(f"step-{step}", step=step) as path:
            torch.save(state, path / "state.pt")

    The path is a new folder, or with `folder=False` the name of a file to be written. On leaving, all of it is flushed
    to the disk and renamed, and only then announced, so that a kill at any moment leaves the old checkpoint or the new
    one. One of the same name is replaced. When the block raises, nothing is announced and what was written is removed.
    Every rank that calls it writes, only rank 0 announces: let one rank write where they share a folder.
    """
    _check(name)
    final = checkpoint_dir() / name
    unfinished = final.with_name(f"{name}.{os.getpid()}.tmp")
    _remove(unfinished)
    if folder:
        unfinished.mkdir()
    try:
        yield unfinished
        if not unfinished.exists():
            raise FileNotFoundError(f"nothing was written to {unfinished}, the path that anneal.checkpoint() gave")
        sync_tree(unfinished)
        _replace(unfinished, final)
    except BaseException:
        _remove(unfinished)
        raise
    announce_checkpoint(final, step=step)


def announce_checkpoint(path: Union[str, Path], step: Optional[int] = None) -> None:
    """Says that the checkpoint at `path` is whole, one that was written by other means. It must not change any more."""
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    if not is_main_process():
        return
    entry: dict[str, object] = {"checkpoint": str(Path(path).absolute())}
    inside = os.path.relpath(path, checkpoint_dir())
    if not inside.startswith(".."):
        entry["checkpoint"] = inside
    if step is not None:
        entry["step"] = int(step)
    write_line(entry)


def sync_tree(path: Path) -> None:
    """Puts a file, or a folder with all in it, onto the disk."""
    if path.is_dir() and not path.is_symlink():
        for entry in path.iterdir():
            sync_tree(entry)
    elif path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(new: Path, final: Path) -> None:
    """A folder cannot be renamed onto another, so an old one steps aside under a name that counts for nothing."""
    old = final.with_name(f"{final.name}.removing")
    if final.is_dir():
        _remove(old)
        os.rename(final, old)
    os.replace(new, final)
    sync_tree_entry(final.parent)
    _remove(old)


def sync_tree_entry(folder: Path) -> None:
    """A rename outlives a power cut only once its folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _check(name: str) -> None:
    if not name or "/" in name or "\\" in name or name in (".", "..") or _UNFINISHED.search(name):
        raise ValueError(
            f"{name!r} cannot be the name of a checkpoint: expected one without slashes that neither begins with a dot "
            "nor ends in .tmp, .part, .partial or .removing, which mean something unfinished"
        )
