"""Looks at all of the data before a model is loaded, or a device is asked for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Iterator, Optional

from .formats import FORMATS_OF, format_of, is_conversation, wrongs_of
from .refusal import MOST_TOLD, Problem, Refusal
from .sources import Row, Source, find_source, rows_of
from .spec import Finetune

# Of more rows than this, doubles are no longer looked for, and lengths no longer counted: memory and time.
DOUBLES_AMONG = 2_000_000
LENGTHS_OF = 20_000


@dataclass
class Checked:
    """What was found in one set of data that is fit for use."""

    source: Source
    format: str
    is_conversation: bool
    rows: int = 0
    doubles: int = 0
    # Tokens of the longest row, and how many are cut at maxLength; None where there was no tokenizer.
    longest: Optional[int] = None
    cut: int = 0
    notes: list[str] = field(default_factory=list)

    def told(self) -> str:
        lengths = "token lengths not looked at" if self.longest is None else f"the longest has {self.longest} tokens"
        said = "; ".join([f"{self.rows} rows of {self.format}", lengths, *self.notes])
        return f"{self.source.name}: {said} (sha256 {self.source.sha256[:12]})"


def check_data(spec: Finetune, tokenizer: Any = None) -> list[Checked]:
    """The data for training, then those for evaluation. Raises a Refusal `invalid_data` that names rows by their lines."""
    needed = [names for grader in spec.graders for names in grader.needs()]
    named = [("dataset.train", spec.dataset.train), ("dataset.evaluation", spec.dataset.evaluation)]
    checked: list[Checked] = []
    for path, name in named:
        if name is not None:
            checked.append(_check(spec, path, find_source(name, path), needed, tokenizer))
    if len(checked) == 2 and checked[0].source.sha256 == checked[1].source.sha256:
        checked[1].notes.append("the same as the data for training, so the evaluation says little")
    return checked


def _check(spec: Finetune, path: str, source: Source, needed: list[list[str]], tokenizer: Any) -> Checked:
    found: Optional[Checked] = None
    problems: list[Problem] = []
    count = 0
    lines = _Lines()
    for row in rows_of(source):
        if found is None and row.wrong is None:
            found = Checked(source, _chosen_format(spec, path, row.value), is_conversation(row.value))
        wrong = list(_problems(path, row, found, needed))
        count += len(wrong)
        problems += wrong[: MOST_TOLD - len(problems)]
        if wrong or found is None:
            continue
        found.rows += 1
        if lines.has_seen(row.value):
            found.doubles += 1
        if tokenizer is not None and found.rows <= LENGTHS_OF:
            _measure(found, length_of(row.value, found.format, tokenizer), spec.hyperparameters.max_length)
    if count:
        words = f"{source.name} has an error" if count == 1 else f"{source.name} has {count} errors"
        raise Refusal("invalid_data", words, problems, count - len(problems))
    if found is None:
        raise Refusal("invalid_data", f"{source.name} has no rows", [Problem(path, "is empty")])
    _note(found, spec)
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
        yield Problem(place, row.wrong or "is no row")
        return
    wrongs = wrongs_of(row.value, found.format, needed)
    for column, words, value in wrongs:
        where = f"{place} {column}".rstrip()
        yield Problem(where, words) if value is None else Problem(where, words, value)
    if not wrongs and is_conversation(row.value) != found.is_conversation:
        words = f"must be {'messages' if found.is_conversation else 'text'}, as in the first row"
        yield Problem(f"{place} prompt", words, row.value["prompt"])


class _Lines:
    """Which rows have been there before, by 16 bytes each."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def has_seen(self, row: Any) -> bool:
        if len(self._seen) >= DOUBLES_AMONG:
            return False
        text = json.dumps(row, sort_keys=True, default=str)
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        before = len(self._seen)
        self._seen.add(key)
        return len(self._seen) == before


def _measure(found: Checked, length: int, most: int) -> None:
    found.longest = max(found.longest or 0, length)
    if length > most:
        found.cut += 1


def _note(found: Checked, spec: Finetune) -> None:
    if found.doubles:
        found.notes.append(f"{found.doubles} are double")
    if found.cut:
        found.notes.append(f"{found.cut} are longer than maxLength {spec.hyperparameters.max_length} and are cut")
    if found.longest is not None and found.rows > LENGTHS_OF:
        found.notes.append(f"lengths of the first {LENGTHS_OF}")
    if found.rows > DOUBLES_AMONG:
        found.notes.append(f"doubles among the first {DOUBLES_AMONG}")


def length_of(row: dict[str, Any], format_name: str, tokenizer: Any) -> int:
    """Tokens of the longest sequence that the row becomes."""
    if format_name == "messages":
        return _tokens(row["messages"], tokenizer)
    if format_name == "text":
        return _tokens(row["text"], tokenizer)
    if format_name == "prompts":
        return _tokens(row["prompt"], tokenizer)
    answers = [row["completion"]] if format_name == "prompt_completion" else [row["chosen"], row["rejected"]]
    return _tokens(row["prompt"], tokenizer) + max(_tokens(answer, tokenizer) for answer in answers)


def _tokens(value: Any, tokenizer: Any) -> int:
    if isinstance(value, list):
        return sum(len(tokenizer.encode(str(message["content"]), add_special_tokens=False)) + 4 for message in value)
    return len(tokenizer.encode(value, add_special_tokens=False))
