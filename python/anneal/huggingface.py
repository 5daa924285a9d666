"""What a Hugging Face trainer says to Anneal: `Trainer(..., callbacks=[AnnealCallback()])`.

Save below `anneal.checkpoint_dir()` and start with `trainer.train(resume_from_checkpoint=anneal.resume_from())`, so that
the next attempt goes on where this one was. Only this module needs transformers.
"""

from __future__ import annotations

import numbers
from pathlib import Path
from typing import Any

from anneal.checkpoints import announce_checkpoint, sync_tree
from anneal.metrics import log, phase
from anneal.stopping import on_stop, stop_requested

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise ImportError("anneal.huggingface needs transformers: pip install transformers") from error

_WORDS = {"phase", "checkpoint", "step", "total_steps"}


class AnnealCallback(TrainerCallback):  # type: ignore[misc]
    """Metrics with step and total, checkpoints announced once they are whole, and a stop that saves first.

    When the job is told to stop, the trainer saves a checkpoint at the end of the step that it is in, and `train()`
    returns; `stopped` says so. Let a step and a save together be shorter than the job's `timeouts.grace`.
    """

    def __init__(self) -> None:
        self.stopped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        on_stop(lambda: phase("saving"))
        self._log(state, {})

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if stop_requested():
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self._log(state, logs or {})

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if path.is_dir():
            sync_tree(path)
            announce_checkpoint(path, step=state.global_step)

    def _log(self, state: Any, logs: dict[str, Any]) -> None:
        if not state.is_world_process_zero:
            return
        found = {name: value for name, value in logs.items() if _is_number(value) and name not in _WORDS}
        total = {"total_steps": state.max_steps} if state.max_steps and state.max_steps > 0 else {}
        log(step=state.global_step, **total, **found)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
