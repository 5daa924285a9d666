"""Requests to the servers of one installation: which are sent again and which never (src/client/request.ts)."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from anneal.errors import AnnealError, Unavailable, error_of

_FIRST_PAUSE, _LAST_PAUSE = 0.1, 1.0
# A server that says nothing for so long counts as away; a stream says something every 15 s (src/api/sse.ts). Seconds.
ANSWER_WITHIN, SILENCE = 120.0, 40.0
# Posts that lead to the same end however often they are sent.
_SAME_END = re.compile(r"/(plan|stop|priority|pause|resume)$")
_CODE_OF_STATUS = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "state_conflict",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to whoever it names."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


# Like the command, without the proxies of the environment: they are not meant for a server on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


class Transport:
    """Sends with the token; what is no good answer becomes an AnnealError. The next server is asked when one is away."""

    def __init__(self, servers: List[str], token: str, patience: float) -> None:
        self.servers = servers
        self._token = token
        self._patience = patience
        self._current = 0

    def call(
        self, method: str, path: str, body: Any = None, headers: Optional[Mapping[str, str]] = None
    ) -> Tuple[int, Any]:
        """Status and JSON of the answer. Sent again for `patience` seconds where that can do no harm."""
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        own = {**(headers or {}), **({} if data is None else {"content-type": "application/json"})}
        may_repeat = method == "GET" or "idempotency-key" in own or bool(_SAME_END.search(path.split("?")[0]))
        begun, pause, tries = time.monotonic(), _FIRST_PAUSE, 0
        while True:
            tries += 1
            try:
                with self.open(method, path, data, own) as answer:
                    return answer.status, _parsed(answer.url, answer.status, answer.read())
            except (http.client.HTTPException, OSError) as error:
                failure: AnnealError = self._away(error)
            except Unavailable as error:
                failure = error
            was_not_taken = isinstance(getattr(failure.__cause__, "reason", None), ConnectionRefusedError)
            if failure.status == 507 or not (may_repeat or was_not_taken):
                raise failure
            self.use_next()
            if tries % len(self.servers) != 0:
                continue
            if time.monotonic() - begun + pause > self._patience:
                raise failure
            time.sleep(pause)
            pause = min(_LAST_PAUSE, pause * 2)

    def open(
        self,
        method: str,
        path: str,
        data: Optional[bytes] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: float = ANSWER_WITHIN,
    ) -> Any:
        """One try; the answer as it comes, to be closed by the caller."""
        request = urllib.request.Request(self.servers[self._current] + path, data=data, method=method)
        for name, value in {**(headers or {}), "authorization": f"Bearer {self._token}"}.items():
            request.add_unredirected_header(name, value)
        try:
            return _opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (http.client.HTTPException, OSError) as error:
            raise self._away(error) from error

    def use_next(self) -> None:
        """The current server is away."""
        self._current = (self._current + 1) % len(self.servers)

    def _away(self, error: Exception) -> Unavailable:
        why = getattr(error, "reason", None) or error
        text = f"The server at {' or '.join(self.servers)} cannot be reached ({why})"
        failure = Unavailable("unavailable", text, next="start it with: npx anneal up")
        failure.__cause__ = error
        return failure


def read_events(answer: Any) -> Iterator[Dict[str, str]]:
    """The server-sent events of an answer: `event`, `data` and `id`. Ends when the connection does."""
    fields: Dict[str, str] = {}
    for raw in answer:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line == "":
            if "data" in fields:
                yield fields
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            fields[name] = fields["data"] + "\n" + value if name == "data" and "data" in fields else value


def _parsed(url: str, status: int, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _not_ours(url, status) from error


def _refusal(error: urllib.error.HTTPError) -> AnnealError:
    try:
        body = json.loads(error.read())
        code, message = str(body.pop("code")), str(body.pop("detail"))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, http.client.HTTPException):
        return _not_ours(error.url, error.code)
    next_, problems = body.pop("next", None), body.pop("problems", None)
    details = {name: value for name, value in body.items() if name not in ("type", "title", "status")}
    code = "unavailable" if error.code == 503 else code
    return error_of(code, message, next=next_, problems=problems, status=error.code, details=details)


def _not_ours(url: str, status: int) -> AnnealError:
    code = _CODE_OF_STATUS.get(status, "invalid_request" if 400 <= status < 500 else "unavailable")
    return error_of(
        code,
        f"{url} answers {status} with something that no Anneal server says",
        next="check the URL: it is that of the API, such as http://127.0.0.1:7480, without a path",
        status=status,
    )
