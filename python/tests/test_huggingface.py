"""The callback with a trainer's words; test/torch has a real trainer speak to it."""

from __future__ import annotations

import sys
import types
from types import SimpleNamespace
from typing import Any
from unittest import mock

import anneal

from tests.within_job import WithinJob


def new_callback() -> Any:
    """With the base class alone in the place of transformers, which is not needed here."""
    transformers = types.ModuleType("transformers")
    transformers.TrainerCallback = object  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"transformers": transformers}):
        sys.modules.pop("anneal.huggingface", None)
        from anneal.huggingface import AnnealCallback

        return AnnealCallback()


class Callback(WithinJob):
    def setUp(self) -> None:
        super().setUp()
        self.callback = new_callback()
        self.state = SimpleNamespace(global_step=5, max_steps=20, is_world_process_zero=True)
        self.args = SimpleNamespace(output_dir=str(anneal.checkpoint_dir()))

    def test_numbers_are_reported_with_step_and_total_and_all_else_is_left_out(self) -> None:
        logs = {"loss": 0.5, "eval_loss": float("nan"), "note": "x", "step": 9, "flag": True}
        self.callback.on_log(self.args, self.state, None, logs=logs)
        self.assertEqual(self.lines(), [{"step": 5, "total_steps": 20, "loss": 0.5, "eval_loss": "NaN"}])

    def test_a_checkpoint_is_announced_once_it_is_saved(self) -> None:
        (anneal.checkpoint_dir() / "checkpoint-5").mkdir()
        self.callback.on_save(self.args, self.state, None)
        self.assertEqual(self.lines(), [{"checkpoint": "checkpoint-5", "step": 5}])

    def test_only_the_main_process_speaks(self) -> None:
        self.state.is_world_process_zero = False
        (anneal.checkpoint_dir() / "checkpoint-5").mkdir()
        self.callback.on_log(self.args, self.state, None, logs={"loss": 0.5})
        self.callback.on_save(self.args, self.state, None)
        self.assertEqual(self.lines(), [])

    def test_a_stop_saves_at_the_end_of_the_step_and_ends_the_training(self) -> None:
        control = SimpleNamespace(should_save=False, should_training_stop=False)
        self.callback.on_step_end(self.args, self.state, control)
        self.assertFalse(control.should_save or control.should_training_stop)
        with mock.patch("anneal.stopping._requested", True):
            self.callback.on_step_end(self.args, self.state, control)
        self.assertTrue(control.should_save and control.should_training_stop and self.callback.stopped)
