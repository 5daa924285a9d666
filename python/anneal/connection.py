"""Which server is meant and by which token, found as the command `anneal` finds them (src/cli/connection.ts)."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Optional
from urllib.parse import urlsplit

from anneal.errors import InvalidSpec, Unauthorized, Unavailable

_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|::1)$")
_START = "start it with: npx anneal up"


def find_servers(url: Optional[str], home: Optional[str]) -> list[str]:
    """By argument, by ANNEAL_URL, or what `anneal up` has announced in the home; several stand with commas between."""
    text = url or os.environ.get("ANNEAL_URL") or _announced(_home(home))
    urls = list(dict.fromkeys(part.strip().rstrip("/") for part in text.split(",")))
    for one in urls:
        parts = urlsplit(one)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSpec(
                "invalid_request",
                f"{one!r} is no URL of a server",
                next="write it like http://127.0.0.1:7480; several with commas between them",
            )
    return urls


def find_token(token: Optional[str], home: Optional[str], servers: list[str]) -> str:
    """By argument, by ANNEAL_TOKEN, or the home's own, which is for the machine itself and is never sent elsewhere."""
    given = token or os.environ.get("ANNEAL_TOKEN")
    if given:
        return given
    named = " or ".join(servers)
    hint = "set ANNEAL_TOKEN or pass token="
    if not all(_LOOPBACK.match(urlsplit(one).hostname or "") for one in servers):
        raise Unauthorized("unauthorized", f"There is no token for {named}", next=hint)
    file = _home(home) / "token"
    found = (_read(file) or "").strip()
    if not found:
        raise Unauthorized(
            "unauthorized", f"There is no token for {named}: {file} does not exist or is empty", next=hint
        )
    return found


def _home(home: Optional[str]) -> Path:
    return Path(home or os.environ.get("ANNEAL_HOME") or Path.home() / ".anneal").absolute()


def _announced(home: Path) -> str:
    file = home / "up.json"
    text = _read(file)
    if text is None:
        raise Unavailable("unavailable", f"No server runs here: there is no {file}", next=_START)
    try:
        return str(json.loads(text)["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("unavailable", f"{file} cannot be understood", next=_START) from error


def _read(file: Path) -> Optional[str]:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "mend its permissions, or pass url= and token="
        raise Unauthorized("unauthorized", f"{file} cannot be read: {error.strerror}", next=hint) from error
