"""A client of one installation."""

from __future__ import annotations

import base64
import http.client
import json
import time
import uuid
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple, Union
from urllib.parse import quote, urlencode

from anneal.connection import find_servers, find_token
from anneal.errors import InvalidSpec, Unavailable, WaitTimeout
from anneal.jobs import Job, LogPiece, Outcome
from anneal.transport import SILENCE, Transport, read_events

__all__ = ["Client", "Job", "LogPiece", "Outcome"]
_PAGE = 200
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 2.0


class Client:
    """Calls to an Anneal server. `ref` is an id, a unique prefix of one, or a name, which means its newest job.

    Server and token are found as the command finds them: ANNEAL_URL and ANNEAL_TOKEN, else the home of an `anneal up` on
    this machine. What is refused is raised as an AnnealError with its code; a server that is away for longer than
    `patience` seconds as Unavailable. Only what can do no harm is sent twice. Threads may share a client.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        token: Optional[str] = None,
        home: Optional[str] = None,
        patience: float = 5.0,
    ) -> None:
        servers = find_servers(url, home)
        self._transport = Transport(servers, find_token(token, home, servers), patience)

    def submit(self, spec: Optional[Mapping[str, Any]] = None, key: Optional[str] = None, **fields: Any) -> Job:
        """Submits a job: `client.submit(name="digits", command="python3 train.py")`, or its description as a dict.

        Each call is one job, however often it had to be sent. With a `key` of your own, all calls with that key and the
        same description are one job. Raises InvalidSpec with the problems, each with its place.
        """
        body = {**(spec or {}), **fields}
        if isinstance(body.get("workdir"), str):
            raise InvalidSpec(
                "invalid_spec",
                "workdir: only the command packs a folder",
                next="submit with `anneal submit`, or leave workdir out and give absolute paths",
            )
        return Job.of(self._keyed("/api/v1/jobs", body, key))

    def retry(self, ref: str, key: Optional[str] = None) -> Job:
        """A new job like an ended one, which inherits its checkpoints."""
        return Job.of(self._keyed(f"{_path(ref)}/retry", None, key))

    def show(self, ref: str) -> Job:
        return Job.of(self._get(_path(ref)))

    def list(self, state: Optional[str] = None, name: Optional[str] = None) -> Iterator[Job]:
        """All jobs of the project, newest first; pages are asked for as they are needed."""
        cursor: Optional[str] = None
        while True:
            page = self._get("/api/v1/jobs", state=state, name=name, cursor=cursor, limit=_PAGE)
            for job in page["jobs"]:
                yield Job.of(job)
            cursor = page["next"]
            if cursor is None:
                return

    def stop(self, ref: str, force: bool = False) -> Job:
        """Wants the job stopped and returns at once. `force` leaves no grace, and closes the job of a silent host."""
        return Job.of(self._transport.call("POST", f"{_path(ref)}/stop", {"force": force})[1])

    def metrics(self, ref: str, **query: Any) -> Any:
        """The job's metrics, as the server gives them; `query` is handed on."""
        return self._get(f"{_path(ref)}/metrics", **query)

    def events(self, ref: str) -> Iterator[Dict[str, Any]]:
        """The timeline as it is, oldest first."""
        after: Optional[int] = 0
        while after is not None:
            page = self._get(f"{_path(ref)}/events", after=after)
            yield from page["events"]
            after = page["next"]

    def wait(self, ref: str, timeout: Optional[float] = None) -> Job:
        """The job once it has ended, through restarts of the server. Raises WaitTimeout after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        job = self._patiently(lambda: self.show(ref), until)
        if not job.ended:
            for message in self._follow(f"{_path(job.id)}/events", until):
                if json.loads(message["data"]).get("type") == "ended":
                    break
            job = self._patiently(lambda: self.show(job.id), until)
        return job

    def logs(
        self,
        ref: str,
        attempt: Optional[int] = None,
        stream: Optional[str] = None,
        follow: bool = True,
        timeout: Optional[float] = None,
    ) -> Iterator[LogPiece]:
        """The bytes of the logs as they come, across attempts, until the job has ended.

        A connection that breaks is made again where it was, without a byte lost or given twice. With `follow=False`
        only what is stored now is given.
        """
        until = None if timeout is None else time.monotonic() + timeout
        job = self._patiently(lambda: self.show(ref), until)
        if not follow:
            yield from self._stored(job.id, attempt, stream)
            return
        known: Dict[Tuple[int, str], int] = {}
        query = _query(attempt=attempt, stream=stream)
        for message in self._follow(f"{_path(job.id)}/follow{query}", until):
            if message.get("event") == "end":
                return
            if message.get("event") == "bytes":
                piece = _new_part(json.loads(message["data"]), known)
                if piece.data:
                    yield piece

    def _stored(self, job_id: str, attempt: Optional[int], stream: Optional[str]) -> Iterator[LogPiece]:
        for found in self._get(f"{_path(job_id)}/logs")["streams"]:
            number, name = found["attempt"], found["stream"]
            if attempt not in (None, number) or stream not in (None, name):
                continue
            with self._transport.open("GET", f"{_path(job_id)}/logs/{number}/{name}") as answer:
                for offset, data in _chunks(answer):
                    yield LogPiece(number, name, offset, data)

    def _keyed(self, path: str, body: Any, key: Optional[str]) -> Any:
        return self._transport.call("POST", path, body, {"idempotency-key": key or str(uuid.uuid4())})[1]

    def _get(self, path: str, **query: Any) -> Any:
        return self._transport.call("GET", path + _query(**query))[1]

    def _follow(self, path: str, until: Optional[float]) -> Iterator[Dict[str, str]]:
        """The events of a stream, across breaks of the connection. Whoever has what they want stops reading."""
        last: Optional[str] = None
        pause = _FIRST_PAUSE
        while True:
            headers = {"accept": "text/event-stream", **({} if last is None else {"last-event-id": last})}
            try:
                with self._transport.open("GET", path, headers=headers, timeout=_left(until, SILENCE)) as answer:
                    for message in read_events(answer):
                        last, pause = message.get("id", last), _FIRST_PAUSE
                        yield message
                        _left(until, SILENCE)
            except (Unavailable, http.client.HTTPException, OSError):
                self._transport.use_next()
            time.sleep(min(pause, _left(until, pause)))
            pause = min(_LAST_PAUSE, pause * 2)

    def _patiently(self, call: Callable[[], Job], until: Optional[float]) -> Job:
        """Asks again for as long as no server answers, and for at least as long as any call does."""
        while True:
            try:
                return call()
            except Unavailable:
                time.sleep(min(_LAST_PAUSE, _left(until, _LAST_PAUSE)))


def _left(until: Optional[float], most: float) -> float:
    """Seconds that may still be waited. Raises WaitTimeout when there are none."""
    left = most if until is None else min(most, until - time.monotonic())
    if left <= 0:
        raise WaitTimeout("timeout", "The job has not ended in the time that was given", next="wait for it again")
    return left


def _path(ref: str) -> str:
    return f"/api/v1/jobs/{quote(ref, safe='')}"


def _query(**values: Union[str, int, None]) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return "?" + urlencode(given, doseq=True) if given else ""


def _new_part(message: Dict[str, Any], known: Dict[Tuple[int, str], int]) -> LogPiece:
    """What of the message has not been given yet."""
    data = base64.b64decode(message["base64"])
    key = (message["attempt"], message["stream"])
    skip = min(len(data), max(0, known.get(key, 0) - message["offset"]))
    known[key] = max(known.get(key, 0), message["offset"] + len(data))
    return LogPiece(key[0], key[1], message["offset"] + skip, data[skip:])


def _chunks(answer: Any) -> Iterator[Tuple[int, bytes]]:
    offset = 0
    while True:
        data = answer.read(256 * 1024)
        if not data:
            return
        yield offset, data
        offset += len(data)
