"""What a training says and is told: metrics, phases, checkpoints, folders, a stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import anneal

from tests.within_job import WithinJob

PACKAGE = str(Path(__file__).resolve().parents[1])


class Metrics(WithinJob):
    def test_each_call_is_one_line_with_its_step(self) -> None:
        anneal.log(step=1, loss=0.5, accuracy=1)
        anneal.log(loss=0.25)
        self.assertEqual(self.lines(), [{"step": 1, "loss": 0.5, "accuracy": 1}, {"loss": 0.25}])

    def test_what_is_not_finite_is_a_word_so_that_the_line_stays_json(self) -> None:
        anneal.log(a=float("nan"), b=float("inf"), c=-float("inf"), d=None)
        self.assertEqual(self.lines(), [{"a": "NaN", "b": "Infinity", "c": "-Infinity"}])

    def test_scalars_of_other_libraries_are_taken_and_words_refused(self) -> None:
        class Scalar:
            def __float__(self) -> float:
                return 0.125

        anneal.log(loss=Scalar(), good=True)
        self.assertEqual(self.lines(), [{"loss": 0.125, "good": 1}])
        with self.assertRaisesRegex(TypeError, "the metric 'loss' is 'low'; expected a number"):
            anneal.log(loss="low")
        with self.assertRaisesRegex(ValueError, "use anneal.announce_checkpoint"):
            anneal.log(checkpoint=1)

    def test_a_torn_line_of_a_killed_attempt_does_not_spoil_the_next(self) -> None:
        self.metrics_file.write_bytes(b'{"loss": 0.')
        anneal.log(loss=0.25)
        self.assertEqual(self.metrics_file.read_text(), '{"loss": 0.\n{"loss": 0.25}\n')

    def test_lines_of_many_threads_never_mix(self) -> None:
        def many(number: int) -> None:
            for step in range(200):
                anneal.log(step=step, **{f"of_{number}": number, "padding": 1e300})

        threads = [threading.Thread(target=many, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.lines()), 800)

    def test_only_rank_0_reports_and_nobody_does_outside_of_a_job(self) -> None:
        os.environ["RANK"] = "3"
        anneal.log(loss=1)
        del os.environ["RANK"]
        os.environ["ANNEAL_RANK"] = "1"
        anneal.log(loss=1)
        del os.environ["ANNEAL_RANK"], os.environ["ANNEAL_METRICS_FILE"]
        anneal.log(loss=1)
        self.assertEqual(self.lines(), [])

    def test_a_file_that_cannot_be_written_does_not_end_the_training(self) -> None:
        os.environ["ANNEAL_METRICS_FILE"] = str(self.folder / "no" / "such" / "folder")
        anneal.log(loss=1)

    def test_a_phase_is_a_word(self) -> None:
        anneal.phase("saving")
        self.assertEqual(self.lines(), [{"phase": "saving"}])
        self.assertRaises(ValueError, anneal.phase, "")


class Checkpoints(WithinJob):
    def test_it_has_its_name_only_when_whole_and_is_announced_after_that(self) -> None:
        with anneal.checkpoint("step-1", step=1) as path:
            (path / "model.bin").write_text("weights")
            self.assertFalse((anneal.checkpoint_dir() / "step-1").exists())
            self.assertTrue(path.name.endswith(".tmp"))
            self.assertEqual(self.lines(), [])
        self.assertEqual((anneal.checkpoint_dir() / "step-1" / "model.bin").read_text(), "weights")
        self.assertEqual(self.lines(), [{"checkpoint": "step-1", "step": 1}])
        self.assertEqual(os.listdir(anneal.checkpoint_dir()), ["step-1"])

    def test_one_that_failed_half_way_leaves_nothing_and_the_old_one_stays(self) -> None:
        with anneal.checkpoint("last") as path:
            (path / "model.bin").write_text("old")
        with self.assertRaises(RuntimeError):
            with anneal.checkpoint("last") as path:
                (path / "model.bin").write_text("half")
                raise RuntimeError("the disk of a sudden")
        self.assertEqual((anneal.checkpoint_dir() / "last" / "model.bin").read_text(), "old")
        self.assertEqual(os.listdir(anneal.checkpoint_dir()), ["last"])
        self.assertEqual(len(self.lines()), 1)

    def test_one_of_the_same_name_is_replaced(self) -> None:
        for text in ("first", "second"):
            with anneal.checkpoint("last") as path:
                (path / text).write_text(text)
        self.assertEqual(os.listdir(anneal.checkpoint_dir() / "last"), ["second"])
        self.assertEqual(os.listdir(anneal.checkpoint_dir()), ["last"])

    def test_it_may_be_one_file(self) -> None:
        with anneal.checkpoint("step-2.pt", folder=False) as path:
            path.write_text("state")
        self.assertEqual((anneal.checkpoint_dir() / "step-2.pt").read_text(), "state")
        with self.assertRaisesRegex(FileNotFoundError, "nothing was written"):
            with anneal.checkpoint("step-3.pt", folder=False):
                pass

    def test_a_name_that_the_agent_would_pass_over_or_that_leads_elsewhere_is_refused(self) -> None:
        for name in ("", "a/b", "..", ".hidden", "x.tmp", "x.part"):
            with self.assertRaisesRegex(ValueError, "cannot be the name of a checkpoint"):
                with anneal.checkpoint(name):
                    pass

    def test_one_that_somebody_else_wrote_is_announced_by_its_place(self) -> None:
        inside, outside = anneal.checkpoint_dir() / "checkpoint-5", self.folder / "elsewhere"
        inside.mkdir()
        outside.mkdir()
        anneal.announce_checkpoint(inside)
        anneal.announce_checkpoint(outside)
        self.assertEqual(self.lines(), [{"checkpoint": "checkpoint-5"}, {"checkpoint": str(outside)}])
        self.assertRaises(FileNotFoundError, anneal.announce_checkpoint, self.folder / "none")


class Facts(WithinJob):
    def test_the_job_is_known_by_its_environment(self) -> None:
        self.assertEqual((anneal.job_id(), anneal.attempt(), anneal.rank(), anneal.world_size()), ("01job", 2, 0, 1))
        self.assertIsNone(anneal.resume_from())
        self.assertTrue(anneal.output_dir().is_dir())

    def test_inputs_are_found_by_key_and_a_missing_one_names_those_that_there_are(self) -> None:
        (self.folder / "inputs" / "data-set").mkdir(parents=True)
        os.environ["ANNEAL_INPUT_DIR"] = str(self.folder / "inputs")
        self.assertEqual(anneal.input("data-set"), self.folder / "inputs" / "data-set")
        os.environ["ANNEAL_INPUT_DATA_SET"] = "/elsewhere"
        self.assertEqual(anneal.input("data-set"), Path("/elsewhere"))
        with self.assertRaisesRegex(KeyError, "there is no input 'model'; there are: data-set"):
            anneal.input("model")


class Stop(WithinJob):
    def run_python(self, code: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": PACKAGE}
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, timeout=60
        )

    def test_the_callback_is_called_once_and_the_process_goes_on_to_save(self) -> None:
        done = self.run_python(
            """
            import anneal, os, signal
            anneal.on_stop(lambda: print("told", flush=True))
            assert not anneal.stop_requested()
            os.kill(os.getpid(), signal.SIGTERM)
            assert anneal.stop_requested()
            anneal.on_stop(lambda: print("late", flush=True))
            print("saved")
            """
        )
        self.assertEqual((done.stdout, done.returncode, done.stderr), ("told\nlate\nsaved\n", 0, ""))

    def test_a_second_signal_ends_it(self) -> None:
        done = self.run_python(
            """
            import anneal, os, signal
            anneal.on_stop(lambda: None)
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
            print("still here")
            """
        )
        self.assertEqual((done.stdout, done.returncode), ("", -signal.SIGTERM))

    def test_a_handler_that_was_there_before_is_called_too(self) -> None:
        done = self.run_python(
            """
            import anneal, os, signal
            signal.signal(signal.SIGTERM, lambda *_: print("before"))
            anneal.on_stop(lambda: print("ours"))
            os.kill(os.getpid(), signal.SIGTERM)
            """
        )
        self.assertEqual(done.stdout, "ours\nbefore\n")
