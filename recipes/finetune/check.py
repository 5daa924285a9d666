"""Looks at all of the data before a model is loaded, or a device is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Optional

from .doubles import Doubles
from .formats import FORMATS_OF, format_of, is_conversation, wrongs_of
from .lengths import Lengths
from .refusal import MOST_TOLD, Problem, Refusal
from .sources import Row, Source, find_source, rows_of
from .spec import Finetune


@dataclass
class Checked:
    """What was found in one set of data that is fit for use."""

    source: Source
    format: str
    is_conversation: bool
    seen: Doubles
    lengths: Lengths
    rows: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def doubles(self) -> int:
        return self.seen.doubles

    def told(self) -> str:
        said = [f"{self.rows} rows of {self.format}", *self.lengths.told(), *(self.notes or self.seen.told())]
        return f"{self.source.name}: {'; '.join(said)} (sha256 {self.source.sha256[:12]})"


def check_data(spec: Finetune, tokenizer: Any = None) -> list[Checked]:
    """The data for training, then those for evaluation. Raises a Refusal `invalid_data` that names rows by their lines."""
    named = [("dataset.train", spec.dataset.train), ("dataset.evaluation", spec.dataset.evaluation)]
    checked: list[Checked] = []
    for path, name in named:
        if name is not None:
            seen = Doubles(checked[0].seen if checked else None)
            checked.append(_check(spec, path, find_source(name, path), seen, tokenizer))
    if len(checked) == 2 and checked[0].source.sha256 == checked[1].source.sha256:
        checked[1].notes.append("the same as the data for training, so the evaluation says little")
    return checked


def _check(spec: Finetune, path: str, source: Source, seen: Doubles, tokenizer: Any) -> Checked:
    needed = [names for grader in spec.graders for names in grader.needs()]
    found: Optional[Checked] = None
    problems: list[Problem] = []
    count = 0
    for row in rows_of(source):
        if found is None and row.wrong is None and row.value != {}:
            lengths = Lengths(tokenizer, spec.hyperparameters)
            found = Checked(source, _chosen_format(spec, path, row.value), is_conversation(row.value), seen, lengths)
        wrong = list(_problems(path, row, found, needed))
        count += len(wrong)
        problems += wrong[: MOST_TOLD - len(problems)]
        if wrong or found is None:
            continue
        found.rows += 1
        seen.add(row.where, row.value)
        found.lengths.add(row.where, row.value, found.format)
    if count:
        words = f"{source.name} has an error" if count == 1 else f"{source.name} has {count} errors"
        raise Refusal("invalid_data", words, problems, count - len(problems))
    if found is None:
        raise Refusal("invalid_data", f"{source.name} has no rows", [Problem(path, "is empty")])
    return found


def _chosen_format(spec: Finetune, path: str, first: Any) -> str:
    """The one that was asked for, else by the columns of the first row."""
    asked = spec.dataset.format
    fit = FORMATS_OF[spec.method]
    if asked is not None and asked not in fit:
        words = f"{spec.method} needs {' or '.join(fit)}"
        raise Refusal("invalid_spec", "data and method do not fit", [Problem("dataset.format", words, asked)])
    chosen = asked or format_of(first, spec.method)
    if chosen is None:
        columns = ", ".join(map(str, first)) if isinstance(first, dict) else "no columns"
        words = f"its columns ({columns}) are those of no format of {spec.method}: {' or '.join(fit)}"
        raise Refusal("invalid_data", "data and method do not fit", [Problem(path, words)])
    return chosen


def _problems(path: str, row: Row, found: Optional[Checked], needed: list[list[str]]) -> Iterator[Problem]:
    place = f"{path} {row.where}"
    if row.wrong is not None or found is None:
        yield Problem(place, row.wrong or "is empty")
        return
    wrongs = wrongs_of(row.value, found.format, needed)
    for column, words, value in wrongs:
        where = f"{place} {column}".rstrip()
        yield Problem(where, words) if value is None else Problem(where, words, value)
    if not wrongs and is_conversation(row.value) != found.is_conversation:
        words = f"must be {'messages' if found.is_conversation else 'text'}, as in the first row"
        yield Problem(f"{place} prompt", words, row.value["prompt"])
