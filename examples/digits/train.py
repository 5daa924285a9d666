#!/usr/bin/env python3
"""Trains a small neural network on images of handwritten digits, with nothing but the standard library.

It shows what a training does to live well under Anneal: it commits whole checkpoints, resumes from
the last one with the very same numbers, reports metrics, and saves when it is told to stop. Where
the ANNEAL_* variables are not set, it trains all the same and keeps nothing.
"""

import argparse
import gzip
import json
import math
import os
import random
import signal
import sys
import time
from operator import mul
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).resolve().parent / "digits.csv.gz"
PIXELS, HIDDEN, DIGITS = 64, 32, 10
BATCH = 32
MOMENTUM = 0.9

# Each layer's weights are one row per unit; the last column is the bias, met by a constant input of 1.
SHAPES = [(HIDDEN, PIXELS + 1), (DIGITS, HIDDEN + 1)]


class Problem(Exception):
    """Something the user can put right; its text is the one line they get to see."""


class Stopped(Exception):
    """A stop was asked for in the middle of an epoch."""


class Stop:
    """Remembers the signal that asked for a stop, so that the training ends where it is safe to."""

    signal = None

    def request(self, number, _frame):
        self.signal = number


class State(NamedTuple):
    """All that the next epoch depends on. Never changed in place, so the last finished epoch stays whole."""

    epoch: int
    weights: list
    momentum: list
    rng: tuple


class Images(NamedTuple):
    """Pixels scaled to 0..1, each image followed by the constant 1 for the bias, and the digits they show."""

    pixels: list
    labels: list


# The data


def load_images():
    with gzip.open(DATA, "rt") as lines:
        rows = [[int(value) for value in line.split(",")] for line in lines]
    return Images([[value / 16 for value in row[:PIXELS]] + [1.0] for row in rows], [row[PIXELS] for row in rows])


def with_shuffled_labels(images, seed):
    """Breaks the tie between image and digit, so that nothing learnt from some images can hold for others."""
    labels = list(images.labels)
    random.Random(seed).shuffle(labels)
    return images._replace(labels=labels)


def split(images):
    """Images to train on and images held out: every fifth one, so that the split is the same in every run."""
    pairs = list(zip(images.pixels, images.labels))
    training = [pair for index, pair in enumerate(pairs) if index % 5 != 0]
    return Images(*zip(*training)), Images(*zip(*pairs[::5]))


# The network


def first_state(seed):
    rng = random.Random(seed)
    weights = [
        [[rng.gauss(0, math.sqrt(2 / columns)) for _ in range(columns)] for _ in range(rows)]
        for rows, columns in SHAPES
    ]
    momentum = [[[0.0] * columns for _ in range(rows)] for rows, columns in SHAPES]
    return State(0, weights, momentum, rng.getstate())


def product(left, right):
    """Left times right transposed. All the work is done here, and `sum(map(mul))` keeps its loop out of Python."""
    return [[sum(map(mul, row, other)) for other in right] for row in left]


def transposed(matrix):
    return list(zip(*matrix))


def softmax(scores):
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def forward(weights, pixels):
    hidden = [[max(0.0, value) for value in row] + [1.0] for row in product(pixels, weights[0])]
    return hidden, [softmax(scores) for scores in product(hidden, weights[1])]


def gradients(weights, pixels, labels):
    """The summed loss of a minibatch and its gradient by each layer's weights."""
    hidden, errors = forward(weights, pixels)
    loss = 0.0
    for guess, label in zip(errors, labels):
        loss -= math.log(max(guess[label], sys.float_info.min))
        guess[label] -= 1.0  # a guess less the truth is the loss's slope by the scores
    slopes = [
        [slope if value > 0 else 0.0 for slope, value in zip(row, values)]
        for row, values in zip(product(errors, transposed(weights[1])[:-1]), hidden)
    ]
    by_hidden = product(transposed(slopes), transposed(pixels))
    by_output = product(transposed(errors), transposed(hidden))
    return loss, [by_hidden, by_output]


def mixed(left, left_factor, right, right_factor):
    return [
        [a * left_factor + b * right_factor for a, b in zip(left_row, right_row)]
        for left_row, right_row in zip(left, right)
    ]


def train_epoch(state, images, rate, epoch_seconds, stop):
    """One pass over the images in a new order; gives the new state and the mean loss on the way.

    Raises Stopped between two minibatches. `epoch_seconds` spreads the minibatches over at least that long.
    """
    started = time.monotonic()
    rng = random.Random()
    rng.setstate(state.rng)
    order = list(range(len(images.labels)))
    rng.shuffle(order)
    weights, momentum, loss = state.weights, state.momentum, 0.0
    for start in range(0, len(order), BATCH):
        if stop.signal:
            raise Stopped
        batch = order[start : start + BATCH]
        batch_loss, slopes = gradients(
            weights, [images.pixels[index] for index in batch], [images.labels[index] for index in batch]
        )
        loss += batch_loss
        momentum = [mixed(m, MOMENTUM, s, -rate / len(batch)) for m, s in zip(momentum, slopes)]
        weights = [mixed(w, 1.0, m, 1.0) for w, m in zip(weights, momentum)]
        wait_until(started + epoch_seconds * (start + len(batch)) / len(order), stop)
    return State(state.epoch + 1, weights, momentum, rng.getstate()), loss / len(order)


def wait_until(moment, stop):
    """Sleeps in short pieces, because Python takes up a sleep again after a signal."""
    while not stop.signal and time.monotonic() < moment:
        time.sleep(min(0.05, max(0.0, moment - time.monotonic())))


def accuracy(weights, images):
    _, guesses = forward(weights, images.pixels)
    right = sum(guess.index(max(guess)) == label for guess, label in zip(guesses, images.labels))
    return right / len(images.labels)


# Checkpoints and metrics


def report(entry):
    """Adds one line to the metrics file, in a single write so that a kill leaves no torn line."""
    path = os.environ.get("ANNEAL_METRICS_FILE")
    if path:
        with open(path, "ab", buffering=0) as file:
            file.write(json.dumps(entry).encode() + b"\n")


def save(state):
    """Commits a checkpoint: it has its name only once it is whole on disk, and is announced only after that."""
    folder = os.environ.get("ANNEAL_CHECKPOINT_DIR")
    if not folder:
        return False
    os.makedirs(folder, exist_ok=True)
    path = Path(folder) / f"epoch-{state.epoch:04d}.json"
    unfinished = path.with_name(path.name + ".tmp")
    with open(unfinished, "w") as file:
        json.dump(state._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    sync_folder(folder)
    report({"checkpoint": path.name, "step": state.epoch})
    return True


def sync_folder(folder):
    """A rename outlives a power cut only once its folder is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path):
    try:
        saved = json.loads(Path(path).read_text())
        state = State(saved["epoch"], saved["weights"], saved["momentum"], as_rng_state(saved["rng"]))
        check(state)
        return state
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise Problem(
            f"cannot resume from {path}: {describe(error)}; "
            "set ANNEAL_RESUME_FROM to an earlier checkpoint, or unset it to start afresh"
        ) from error


def as_rng_state(saved):
    """JSON has no tuples, and `setstate` takes nothing else; a generator is the one judge of its own state."""
    try:
        version, numbers, spare = saved
        state = (version, tuple(numbers), spare)
        random.Random().setstate(state)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError("its rng is no state of a Python random generator") from error
    return state


def check(state):
    if type(state.epoch) is not int or state.epoch < 0:
        raise ValueError(f"its epoch is {state.epoch!r}, not a whole number")
    for name, layers in (("weights", state.weights), ("momentum", state.momentum)):
        shapes = [(len(layer), len(row)) for layer in layers for row in layer]
        if shapes != [shape for shape in SHAPES for _ in range(shape[0])]:
            raise ValueError(f"its {name} do not fit a network of {PIXELS}-{HIDDEN}-{DIGITS}")
        if not all(math.isfinite(value) for layer in layers for row in layer for value in row):
            raise ValueError(f"its {name} are not all finite")


def describe(error):
    if isinstance(error, json.JSONDecodeError):
        return f"it is not whole JSON ({error})"
    if isinstance(error, KeyError):
        return f"it has no {error}"
    if isinstance(error, OSError):
        return error.strerror
    if isinstance(error, ValueError):
        return str(error)
    return f"it is no checkpoint of this training ({error})"


# The run


class Arguments(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage above it."""

    def error(self, message):
        raise Problem(f"{message}; see --help")


def number(convert, lowest, wording):
    """A type for the parser that refuses what is no number, not finite, or below `lowest`."""

    def parse(text):
        try:
            value = convert(text)
            if math.isfinite(value) and value >= lowest:
                return value
        except (ValueError, OverflowError):
            pass
        raise argparse.ArgumentTypeError(f"{text!r} is not {wording}")

    return parse


def parse_arguments(arguments):
    parser = Arguments(prog="train.py", description="Trains a small neural network on images of handwritten digits.")
    parser.add_argument(
        "--epochs", type=number(int, 1, "a whole number from 1"), default=20, help="passes over the images (20)"
    )
    parser.add_argument(
        "--lr",
        type=number(float, sys.float_info.min, "a number above 0 (from --lr, else from the variable LR)"),
        default=os.environ.get("LR", "0.1"),
        help="learning rate (the variable LR, else 0.1)",
    )
    parser.add_argument(
        "--seed", type=number(int, 0, "a whole number from 0"), default=0, help="start of the random numbers (0)"
    )
    parser.add_argument(
        "--shuffle-labels",
        action="store_true",
        help="shuffle which digit goes with which image: the test accuracy is then about 0.1",
    )
    parser.add_argument(
        "--epoch-seconds",
        type=number(float, 0, "a number from 0"),
        default=0.0,
        metavar="S",
        help="let an epoch take at least S seconds",
    )
    return parser.parse_args(arguments)


def start_state(seed):
    path = os.environ.get("ANNEAL_RESUME_FROM")
    if not path:
        return first_state(seed)
    state = load(path)
    print(f"resumed from {Path(path).name} at epoch {state.epoch}")
    return state


def train(state, training, held_out, options, stop):
    """Trains to the last epoch and gives 0, or saves the last finished epoch on a stop and gives the signal's code."""
    saved_epoch = None
    try:
        while state.epoch < options.epochs:
            state, loss = train_epoch(state, training, options.lr, options.epoch_seconds, stop)
            if not math.isfinite(loss):
                raise Problem(f"the loss is no longer finite in epoch {state.epoch}; use a smaller --lr")
            score = accuracy(state.weights, held_out)
            print(f"epoch {state.epoch}/{options.epochs} loss {loss:.4f} accuracy {score:.3f}")
            report({"step": state.epoch, "loss": loss, "accuracy": score})
            if save(state):
                saved_epoch = state.epoch
    except Stopped:
        report({"phase": "saving"})
        saved = saved_epoch == state.epoch or save(state)
        print(f"stopped at epoch {state.epoch}, {'saved' if saved else 'not saved: ANNEAL_CHECKPOINT_DIR is not set'}")
        return 128 + stop.signal
    print(f"test accuracy {accuracy(state.weights, held_out):.3f}")
    return 0


def main():
    sys.stdout.reconfigure(line_buffering=True)
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.request)
    signal.signal(signal.SIGINT, stop.request)
    try:
        options = parse_arguments(sys.argv[1:])
        images = load_images()
        if options.shuffle_labels:
            images = with_shuffled_labels(images, options.seed)
        training, held_out = split(images)
        return train(start_state(options.seed), training, held_out, options, stop)
    except Problem as problem:
        print(f"train.py: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
