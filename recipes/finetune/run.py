"""A fine-tune from its description to its results, in order."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any, Optional

import anneal

from .check import Checked, check_data
from .refusal import Refusal
from .spec import Finetune, read_spec

DONE, FAILED, REFUSED, STOPPED = 0, 1, 2, 143
_USAGE = """usage: main.py [check] [FILE]

Trains as FILE says, or the JSON in ANNEAL_FINETUNE. `check` looks at description and data, loads no model and trains
nothing. README.md tells what may stand in it."""


def main(arguments: list[str]) -> int:
    """Exit codes: 0 done, 1 failed, 2 refused with what is wrong on stderr, 143 stopped with a checkpoint saved."""
    only_check = arguments[:1] == ["check"]
    files = arguments[1:] if only_check else arguments
    if len(files) > 1 or any(name.startswith("-") for name in files):
        print(_USAGE, file=sys.stderr)
        return DONE if files in (["--help"], ["-h"]) else REFUSED
    try:
        spec = read_spec(_given(files[0] if files else None))
        return check(spec) if only_check else train(spec)
    except Refusal as refusal:
        print(f"finetune: {refusal} [{refusal.code}]", file=sys.stderr)
        return REFUSED


def check(spec: Finetune) -> int:
    """Needs no library for files of JSON and CSV; token lengths are looked at where transformers has the tokenizer."""
    tokenizer = None
    try:
        from .model import load_tokenizer

        tokenizer = load_tokenizer(spec)
    except Exception as error:  # noqa: BLE001 - also what a library that is half installed has to say
        print(f"token lengths are not looked at: {error}", file=sys.stderr)
    for found in check_data(spec, tokenizer):
        print(found.told())
    return DONE


def train(spec: Finetune) -> int:
    """Data first: an error in the last row is told before a model is loaded."""
    _quiet()
    from .model import check_machine, load_model, load_tokenizer
    from .prepare import hold_out, prepare
    from .training import AnnealCallback, new_trainer

    check_machine(spec)
    tokenizer = load_tokenizer(spec)
    data = check_data(spec, tokenizer)
    for found in data:
        print(found.told(), flush=True)
    sets = [prepare(spec, found, tokenizer) for found in data]
    if spec.dataset.hold_out is not None:
        sets = hold_out(sets[0], spec.dataset.hold_out, spec.seed)
    callback = AnnealCallback()
    trainer = new_trainer(
        spec,
        load_model(spec),
        tokenizer,
        sets[0],
        sets[1] if len(sets) > 1 else None,
        str(anneal.checkpoint_dir()),
        callback,
    )
    trainer.add_callback(_lines())
    resume = anneal.resume_from()
    if resume is not None:
        print(f"goes on from {resume.name}", flush=True)
    result = trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    if callback.stopped and trainer.state.global_step < trainer.state.max_steps:
        print(f"stopped at step {trainer.state.global_step}, with a checkpoint", flush=True)
        return STOPPED
    _finish(spec, trainer, tokenizer, data, dict(result.metrics))
    return DONE


def _finish(spec: Finetune, trainer: Any, tokenizer: Any, data: list[Checked], trained: dict[str, Any]) -> None:
    from .results import final_metrics, save_results, write_samples

    evaluation = _last_evaluation(trainer) or trainer.evaluate() if trainer.eval_dataset is not None else None
    if not trainer.is_world_process_zero():
        return
    anneal.phase("saving")
    metrics = final_metrics(spec, trained, evaluation)
    output = anneal.output_dir()
    write_samples(spec, trainer, tokenizer, output)
    folder = save_results(spec, trainer, tokenizer, data, metrics, output)
    print(f"saved {folder.name}: {', '.join(f'{k} {v:.4g}' for k, v in metrics.items() if v is not None)}", flush=True)


def _last_evaluation(trainer: Any) -> Optional[dict[str, Any]]:
    """The one that followed the last step, where there was one."""
    last = [entry for entry in trainer.state.log_history if "eval_loss" in entry][-1:]
    return last[0] if last and last[0].get("step") == trainer.state.global_step else None


def _quiet() -> None:
    """Progress bars fill a log, and these warnings are for those who write libraries."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


def _lines() -> Any:
    """One line of the log for each report of the trainer."""
    from transformers import TrainerCallback

    class Lines(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            shown = {name: value for name, value in (logs or {}).items() if isinstance(value, (int, float))}
            wanted = [name for name in ("loss", "eval_loss", "reward", "learning_rate") if name in shown]
            if wanted and state.is_world_process_zero:
                numbers = " ".join(f"{name} {shown[name]:.4g}" for name in wanted)
                print(f"step {state.global_step}/{state.max_steps} {numbers}", flush=True)

    return Lines()


def _given(file: Optional[str]) -> str:
    try:
        text = Path(file).read_text() if file else os.environ.get("ANNEAL_FINETUNE", "")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("invalid_spec", f"{file} cannot be read: {error}") from error
    if not text.strip():
        raise Refusal("invalid_spec", "there is no description: name a file, or set ANNEAL_FINETUNE to its JSON")
    return text
