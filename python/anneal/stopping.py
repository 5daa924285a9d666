"""A stop: SIGTERM first, and SIGKILL once the job's grace is over (`timeouts.grace`, 30 s by default)."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Callable, List, Optional

_callbacks: List[Callable[[], None]] = []
_before: Any = None
_installed = False
_requested = False


def on_stop(callback: Callable[[], None]) -> Callable[[], None]:
    """Calls `callback` once, in the main thread, when the job is told to stop; the process then goes on.

    Let it do little, such as set a flag that the training looks at, save after that, and leave with `sys.exit`. When the
    stop has come already it is called at once. A second SIGTERM ends the process as if nothing had been set. Raises
    RuntimeError outside of the main thread, where Python lets nobody listen for signals. Usable as a decorator.
    """
    _install()
    if _requested:
        callback()
    else:
        _callbacks.append(callback)
    return callback


def stop_requested() -> bool:
    """Whether the job has been told to stop, seen from the first call of this function or of `on_stop` on."""
    if not _installed and threading.current_thread() is threading.main_thread():
        _install()
    return _requested


def _install() -> None:
    global _installed, _before
    if _installed:
        return
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("anneal.on_stop() must be called in the main thread; call it before threads are started")
    _before = signal.signal(signal.SIGTERM, _handle)
    _installed = True


def _handle(number: int, frame: Optional[FrameType]) -> None:
    global _requested
    _requested = True
    signal.signal(signal.SIGTERM, _before if callable(_before) else signal.SIG_DFL)
    callbacks, _callbacks[:] = list(_callbacks), []
    for callback in callbacks:
        callback()
    if callable(_before):
        _before(number, frame)
