"""Reads a JSON object into a dataclass: every problem with its place, unknown fields with the nearest that is known."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from typing import Any, Callable, Optional

from .refusal import Problem

Reader = Callable[[Any, str, "list[Problem]"], Any]


def known(read: Reader, default: Any = dataclasses.MISSING, factory: Any = dataclasses.MISSING) -> Any:
    """A field of a dataclass that is read by `read`; required where it has no default."""
    given = {} if factory is dataclasses.MISSING else {"default_factory": factory}
    if default is not dataclasses.MISSING:
        given = {"default": default}
    return dataclasses.field(metadata={"read": read}, **given)


def read_object(kind: type, value: Any, path: str, problems: list[Problem]) -> Any:
    """An instance of the dataclass, or None where something required is missing or no object stands there."""
    if not isinstance(value, dict):
        problems.append(Problem(path or "(document)", "expected an object", value))
        return None
    fields = {camel(field.name): field for field in dataclasses.fields(kind)}
    for key in value:
        if key not in fields:
            problems.append(_unknown(path, str(key), list(fields)))
    read: dict[str, Any] = {}
    for key, field in fields.items():
        place = f"{path}.{key}" if path else key
        if value.get(key) is not None:
            read[field.name] = field.metadata["read"](value[key], place, problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(Problem(place, "is required"))
            return None
    return kind(**read)


def text(value: Any, path: str, problems: list[Problem]) -> Optional[str]:
    if isinstance(value, str) and value.strip():
        return value
    problems.append(Problem(path, "expected text", value))
    return None


def flag(value: Any, path: str, problems: list[Problem]) -> Optional[bool]:
    if isinstance(value, bool):
        return value
    problems.append(Problem(path, "expected true or false", value))
    return None


def one_of(*choices: str) -> Reader:
    def read(value: Any, path: str, problems: list[Problem]) -> Optional[str]:
        if isinstance(value, str) and value in choices:
            return value
        problems.append(Problem(path, f"expected one of {', '.join(choices)}", value))
        return None

    return read


def whole(lowest: int, highest: int) -> Reader:
    def read(value: Any, path: str, problems: list[Problem]) -> Optional[int]:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        problems.append(Problem(path, f"expected a whole number from {lowest} to {highest}", value))
        return None

    return read


def number(lowest: float, highest: float, above: bool = False, below: bool = False) -> Reader:
    """From `lowest` to `highest`; `above` and `below` leave the ends out."""

    def read(value: Any, path: str, problems: list[Problem]) -> Optional[float]:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            is_high = value > lowest if above else value >= lowest
            if is_high and (value < highest if below else value <= highest):
                return float(value)
        words = f"a number {'above' if above else 'from'} {lowest:g} {'and below' if below else 'to'} {highest:g}"
        problems.append(Problem(path, f"expected {words}", value))
        return None

    return read


def object_of(kind: type) -> Reader:
    return lambda value, path, problems: read_object(kind, value, path, problems)


def list_of(read: Reader, most: int) -> Reader:
    def read_all(value: Any, path: str, problems: list[Problem]) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            problems.append(Problem(path, f"expected a list of at most {most}", value))
            return []
        return [read(entry, f"{path}[{index}]", problems) for index, entry in enumerate(value)]

    return read_all


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def _unknown(path: str, key: str, names: list[str]) -> Problem:
    near = difflib.get_close_matches(key, names, 1) or difflib.get_close_matches(camel(key), names, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(names)}"
    return Problem(f"{path}.{key}" if path else key, f"unknown field{hint}")
