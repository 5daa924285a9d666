"""A test that runs as if within a job, with an environment and folders of its own."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, List
from unittest import mock


class WithinJob(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.metrics_file = self.folder / "metrics.jsonl"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANNEAL_")}
        for name in ("RANK", "NODE_RANK", "WORLD_SIZE"):
            kept.pop(name, None)
        within = {
            "ANNEAL_JOB_ID": "01job",
            "ANNEAL_ATTEMPT": "2",
            "ANNEAL_METRICS_FILE": str(self.metrics_file),
            "ANNEAL_CHECKPOINT_DIR": str(self.folder / "checkpoints"),
            "ANNEAL_OUTPUT_DIR": str(self.folder / "output"),
        }
        patched = mock.patch.dict(os.environ, {**kept, **within}, clear=True)
        patched.start()
        self.addCleanup(patched.stop)

    def lines(self) -> List[Dict[str, Any]]:
        if not self.metrics_file.exists():
            return []
        return [json.loads(line) for line in self.metrics_file.read_text().splitlines()]
