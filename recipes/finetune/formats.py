"""What a row of each format must look like."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Optional

# Where is it wrong (a column), in which words, and the value that stands there.
Wrong = tuple[str, str, Any]

COLUMNS = {
    "messages": ["messages"],
    "prompt_completion": ["prompt", "completion"],
    "text": ["text"],
    "preference": ["prompt", "chosen", "rejected"],
    "prompts": ["prompt"],
}
FORMATS_OF = {
    "sft": ("messages", "prompt_completion", "text"),
    "dpo": ("preference",),
    "orpo": ("preference",),
    "grpo": ("prompts",),
}
_ROLES = ("system", "developer", "user", "assistant", "tool")


def format_of(row: Any, method: str) -> Optional[str]:
    """The format whose columns the row has, of those that the method can use."""
    columns = set(row) if isinstance(row, dict) else set()
    return next((name for name in FORMATS_OF[method] if columns.issuperset(COLUMNS[name])), None)


def wrongs_of(row: Any, format_name: str, needed: list[list[str]]) -> list[Wrong]:
    """All that is wrong with a row; `needed` are columns that the graders read, of each list one."""
    if not isinstance(row, dict):
        return [("", "expected an object with columns", row)]
    if not row:
        return [("", "is empty", None)]
    missing = [name for name in COLUMNS[format_name] if name not in row]
    if missing:
        return [(name, f"is missing; there are {', '.join(map(str, row))}", None) for name in missing]
    found = list(_CHECKS[format_name](row))
    for names in needed:
        present = [name for name in names if row.get(name) is not None]
        if not present:
            found.append((names[0], "is missing, and a grader reads it" if names[0] not in row else "is empty", None))
    return found


def is_conversation(row: Any) -> bool:
    """Whether its prompt is a list of messages; all rows must have it the same way."""
    return isinstance(row, dict) and isinstance(row.get("prompt"), list)


def _messages(row: dict[str, Any]) -> Iterator[Wrong]:
    messages = row["messages"]
    yield from _conversation("messages", messages)
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        if messages[-1].get("role") != "assistant":
            yield ("messages", "must end with the assistant, whose words are learnt", messages[-1].get("role"))


def _prompt_completion(row: dict[str, Any]) -> Iterator[Wrong]:
    yield from _text_or_conversation(row, "prompt")
    yield from _text_or_conversation(row, "completion")
    yield from _alike(row, "prompt", "completion")


def _text(row: dict[str, Any]) -> Iterator[Wrong]:
    yield from _is_text("text", row["text"])


def _preference(row: dict[str, Any]) -> Iterator[Wrong]:
    for name in ("prompt", "chosen", "rejected"):
        yield from _text_or_conversation(row, name)
    yield from _alike(row, "prompt", "chosen")
    yield from _alike(row, "prompt", "rejected")
    if row["chosen"] == row["rejected"]:
        yield ("rejected", "is the same as chosen, so nothing is preferred", row["rejected"])


def _prompts(row: dict[str, Any]) -> Iterator[Wrong]:
    yield from _text_or_conversation(row, "prompt")


_CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[Wrong]]] = {
    "messages": _messages,
    "prompt_completion": _prompt_completion,
    "text": _text,
    "preference": _preference,
    "prompts": _prompts,
}


def _alike(row: dict[str, Any], one: str, other: str) -> Iterator[Wrong]:
    if isinstance(row[one], list) != isinstance(row[other], list):
        yield (other, f"must be text or messages, as {one} is", row[other])


def _text_or_conversation(row: dict[str, Any], name: str) -> Iterator[Wrong]:
    value = row[name]
    yield from (_conversation(name, value) if isinstance(value, list) else _is_text(name, value))


def _conversation(name: str, messages: Any) -> Iterator[Wrong]:
    if not isinstance(messages, list) or not messages:
        yield (name, "expected a list of messages", messages)
        return
    for index, message in enumerate(messages):
        place = f"{name}[{index}]"
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            role = message.get("role") if isinstance(message, dict) else message
            yield (f"{place}.role", f"expected one of {', '.join(_ROLES)}", role)
        elif message.get("tool_calls"):
            yield (f"{place}.tool_calls", "calls of tools cannot be learnt by this recipe", message["tool_calls"])
        else:
            yield from _is_text(f"{place}.content", message.get("content"))


def _is_text(place: str, value: Any) -> Iterator[Wrong]:
    if not isinstance(value, str):
        yield (place, "expected text", value)
    elif not value.strip():
        yield (place, "is empty", value)
