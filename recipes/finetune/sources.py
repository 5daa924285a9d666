"""Where the rows of the data come from: a file of JSON lines, CSV or Parquet, a folder of `datasets`, or the hub."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional

from .refusal import Problem, Refusal

# A longer row is no example of anything, and would have to be held in memory whole. Bytes.
MAX_ROW_BYTES = 16 * 1024 * 1024
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_TRAIN = ("train", "training")


class Row(NamedTuple):
    """`where` is its line or its number; `value` what stands there, `wrong` why nothing of it can be read."""

    where: str
    value: Any
    wrong: Optional[str] = None


class Source(NamedTuple):
    """`name` as the description has it; `sha256` of a file, or what the dataset's library tells its versions by."""

    name: str
    kind: str
    path: str
    sha256: str


def find_source(name: str, path: str) -> Source:
    """Of a path, with variables such as $ANNEAL_INPUT_DIR, or of a dataset of the hub: `owner/name` or `owner/name:split`.

    Raises a Refusal `invalid_data` when there is no such thing, before any of it is read.
    """
    place = Path(os.path.expandvars(os.path.expanduser(name)))
    if place.is_file():
        kind = _kind(place.suffix.lower())
        if kind is None:
            words = f"expected a file that ends in {', '.join(_JSON_LINES)}, .csv or .parquet"
            raise Refusal("invalid_data", "the data cannot be read", [Problem(path, words, name)])
        return Source(name, kind, str(place), _sha256(place))
    if place.is_dir():
        return Source(name, "folder", str(place), _fingerprint(_load("folder", str(place), path, name)))
    if name.startswith((".", "/", "~", "$")) or name.count("/") > 1 or _kind(place.suffix.lower()):
        words = f"there is no such file; it was looked for at {place.absolute()}"
        raise Refusal("invalid_data", "the data cannot be read", [Problem(path, words, name)])
    return Source(name, "hub", name, _fingerprint(_load("hub", name, path, name)))


def rows_of(source: Source) -> Iterator[Row]:
    """Every row with its place, those that cannot be read too."""
    if source.kind == "json":
        return _json_rows(source.path)
    if source.kind == "csv":
        return _csv_rows(source.path)
    return _numbered(_load(source.kind, source.path, "dataset", source.name))


def _json_rows(path: str) -> Iterator[Row]:
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(MAX_ROW_BYTES + 1):
            number += 1
            where = f"line {number}"
            if len(line) > MAX_ROW_BYTES:
                yield Row(where, None, f"is longer than {MAX_ROW_BYTES} bytes")
                return
            if not line.strip():
                continue
            try:
                yield Row(where, json.loads(line.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")))
            except UnicodeDecodeError as error:
                yield Row(where, None, f"is no UTF-8 (byte {error.start + 1})")
            except (ValueError, RecursionError) as error:
                yield Row(where, None, f"is no JSON: {error}")


def _csv_rows(path: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_ROW_BYTES)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True, restkey="", restval=None)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeDecodeError) as error:
                yield Row(f"line {reader.line_num + 1}", None, f"is no CSV: {error}")
                return
            where = f"line {reader.line_num}"
            if "" in row or None in row.values():
                yield Row(where, None, f"has not the {len(reader.fieldnames or [])} columns of the first line")
            else:
                yield Row(where, row)


def _numbered(rows: Any) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        yield Row(f"row {number}", row)


def _load(kind: str, path: str, place: str, name: str) -> Any:
    try:
        import datasets
    except ImportError:
        words = "needs the package datasets; install recipes/finetune/requirements.txt"
        raise Refusal("unavailable", "the data cannot be read", [Problem(place, words, name)]) from None
    try:
        if kind == "parquet":
            return datasets.Dataset.from_parquet(path)
        if kind == "folder" and (Path(path) / "dataset_info.json").exists():
            return datasets.load_from_disk(path)
        if kind == "folder" and (Path(path) / "dataset_dict.json").exists():
            return _split_of(datasets.load_from_disk(path), "")
        at, _, split = (path, "", "") if kind == "folder" else path.partition(":")
        return _split_of(datasets.load_dataset(at), split)
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the library, the hub or the file has to say
        words = f"it cannot be read: {type(error).__name__}: {error}"
        # A hub that cannot be reached may be back for the next attempt.
        code = "unavailable" if kind == "hub" and isinstance(error, ConnectionError) else "invalid_data"
        raise Refusal(code, "the data cannot be read", [Problem(place, words, name)]) from error


def _split_of(found: Any, split: str) -> Any:
    """The one that was named, else that for training, else the first."""
    names = list(found)
    if split and split not in names:
        words = f"there is no split {split!r}; there are {', '.join(names)}"
        raise Refusal("invalid_data", words)
    return found[split or next((name for name in _TRAIN if name in names), names[0])]


def _kind(suffix: str) -> Optional[str]:
    if suffix in _JSON_LINES:
        return "json"
    return {".csv": "csv", ".parquet": "parquet"}.get(suffix)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()


def _fingerprint(dataset: Any) -> str:
    return str(getattr(dataset, "_fingerprint", "unknown"))
