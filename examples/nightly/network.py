"""The network of examples/digits, and what the steps here have in common: their folders, JSON and metrics."""

import importlib.util
import json
import os
import sys
from pathlib import Path


def load_digits():
    path = Path(__file__).resolve().parents[1] / "digits" / "train.py"
    spec = importlib.util.spec_from_file_location("digits", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


digits = load_digits()


def folder(variable):
    path = os.environ.get(variable)
    if not path:
        sys.exit(f"{Path(sys.argv[0]).name}: {variable} is not set; this is a step of examples/nightly/pipeline.yaml")
    return Path(path)


def inputs():
    return folder("ANNEAL_INPUT_DIR")


def outputs():
    return folder("ANNEAL_OUTPUT_DIR")


def read(path):
    return json.loads(path.read_text())


def read_images(path):
    return digits.Images(**read(path))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
