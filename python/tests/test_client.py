"""The client against a server that fails in chosen ways; test/python/package.test.ts has it speak with a real one."""

from __future__ import annotations

import base64
import json
import os
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List
from unittest import mock

import anneal

from tests.within_job import WithinJob

JOB = {"id": "01a", "name": "a", "state": "queued", "outcome": None, "attempt": 0}
ENDED = {**JOB, "state": "ended", "attempt": 1, "outcome": {"reason": "completed", "message": "done", "exitCode": 0}}
Handler = Callable[["Request"], None]


class Request:
    """One request that a test answers."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self.line = f"{handler.command} {handler.path}"
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        length = int(self.headers.get("content-length", 0))
        self.body = json.loads(handler.rfile.read(length)) if length else None

    def json(self, status: int, body: Any, **headers: str) -> None:
        self.text(status, json.dumps(body), **{"content-type": "application/json", **headers})

    def text(self, status: int, text: str, **headers: str) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.send_header("content-length", str(len(text.encode())))
        self._handler.end_headers()
        self._handler.wfile.write(text.encode())

    def events(self, *events: Dict[str, Any]) -> None:
        lines = [
            f"id: {event['id']}\nevent: {event['event']}\ndata: {json.dumps(event['data'])}\n\n" for event in events
        ]
        self.text(200, ": hello\n\n" + "".join(lines), **{"content-type": "text/event-stream"})

    def hang_up(self) -> None:
        self._handler.close_connection = True


class ClientTest(unittest.TestCase):
    def serve(self, *answers: Handler) -> str:
        """Each request takes the next of the answers, the last one for ever."""
        self.requests: List[Request] = []
        test = self

        class Handling(BaseHTTPRequestHandler):
            def answer(self) -> None:
                request = Request(self)
                test.requests.append(request)
                answers[min(len(test.requests), len(answers)) - 1](request)

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close(), thread.join()))
        return f"http://127.0.0.1:{server.server_port}"

    def client(self, *answers: Handler, patience: float = 5) -> anneal.Client:
        return anneal.Client(url=self.serve(*answers), token="secret", patience=patience)

    def test_a_submit_that_got_no_answer_is_sent_again_with_the_same_key(self) -> None:
        client = self.client(lambda r: r.hang_up(), lambda r: r.json(503, {}), lambda r: r.json(201, JOB))
        job = client.submit(name="a", command="true")
        self.assertEqual(job.id, "01a")
        self.assertEqual([r.body for r in self.requests], [{"name": "a", "command": "true"}] * 3)
        self.assertEqual(len({r.headers["idempotency-key"] for r in self.requests}), 1)
        self.assertEqual(self.requests[0].headers["authorization"], "Bearer secret")

    def test_two_submits_are_two_jobs_unless_they_have_one_key(self) -> None:
        client = self.client(lambda r: r.json(201, JOB))
        for key in (None, None, "mine"):
            client.submit({"name": "a", "command": "true"}, key=key)
        keys = [r.headers["idempotency-key"] for r in self.requests]
        self.assertEqual((len(set(keys)), keys[2]), (3, "mine"))

    def test_a_refusal_is_an_error_of_its_kind_with_places_and_the_next_step(self) -> None:
        problem = {"path": "resources.gpus", "message": "expected int", "value": "two", "expected": "0 to 1024"}
        body = {"code": "invalid_spec", "detail": "The job has errors", "next": "mend it", "problems": [problem]}
        client = self.client(lambda r: r.json(422, body))
        with self.assertRaises(anneal.InvalidSpec) as caught:
            client.submit(name="a")
        self.assertEqual((caught.exception.code, caught.exception.problems), ("invalid_spec", [problem]))
        self.assertIn(
            "resources.gpus: expected int, not 'two'; expected 0 to 1024\n  next: mend it", str(caught.exception)
        )
        self.assertEqual(len(self.requests), 1)

    def test_each_code_has_its_class_and_an_unknown_one_stays_an_anneal_error(self) -> None:
        for status, code, kind in (
            (404, "not_found", anneal.NotFound),
            (409, "state_conflict", anneal.Conflict),
            (401, "unauthorized", anneal.Unauthorized),
            (418, "of_tomorrow", anneal.AnnealError),
        ):
            client = self.client(lambda r: r.json(status, {"code": code, "detail": "no"}))
            with self.assertRaises(kind) as caught:
                client.show("a")
            self.assertEqual((caught.exception.code, caught.exception.status), (code, status))

    def test_what_no_anneal_server_says_is_told_so_and_a_redirect_gets_no_token(self) -> None:
        other = self.serve(lambda r: r.json(200, JOB))
        elsewhere = self.requests
        client = self.client(lambda r: r.text(302, "", location=f"{other}/api/v1/jobs/a"))
        with self.assertRaisesRegex(anneal.Unavailable, "something that no Anneal server says"):
            anneal.Client(url=client._transport.servers[0], token="t", patience=0).show("a")
        self.assertEqual(elsewhere, [])

    def test_the_next_address_is_asked_when_one_is_away(self) -> None:
        gone = "http://127.0.0.1:9"
        client = anneal.Client(url=f"{gone},{self.serve(lambda r: r.json(200, JOB))}", token="t", patience=0)
        self.assertEqual(client.show("a").name, "a")

    def test_a_server_that_stays_away_is_unavailable(self) -> None:
        with self.assertRaisesRegex(anneal.Unavailable, "cannot be reached"):
            anneal.Client(url="http://127.0.0.1:9", token="t", patience=0).show("a")

    def test_logs_go_on_after_a_break_without_a_byte_lost_or_given_twice(self) -> None:
        def bytes_at(offset: int, text: str, id: str) -> Dict[str, Any]:
            data = base64.b64encode(text.encode()).decode()
            return {"id": id, "event": "bytes", "data": {"attempt": 1, "stream": "0", "offset": offset, "base64": data}}

        client = self.client(
            lambda r: r.json(200, JOB),
            lambda r: r.events(bytes_at(0, "one ", "1/0:4")),
            lambda r: r.hang_up(),
            lambda r: r.events(bytes_at(2, "e two", "1/0:7"), {"id": "x", "event": "end", "data": {}}),
        )
        pieces = list(client.logs("a"))
        self.assertEqual(b"".join(piece.data for piece in pieces), b"one two")
        self.assertEqual([piece.offset for piece in pieces], [0, 4])
        self.assertEqual(self.requests[3].headers["last-event-id"], "1/0:4")

    def test_wait_gives_the_ended_job_through_breaks(self) -> None:
        ended = {"id": "4", "event": "event", "data": {"type": "ended"}}
        client = self.client(
            lambda r: r.json(200, JOB),
            lambda r: r.events({"id": "3", "event": "event", "data": {"type": "started"}}),
            lambda r: r.events(ended),
            lambda r: r.json(200, ENDED),
        )
        job = client.wait("a", timeout=30)
        self.assertTrue(job.ended and job.outcome and job.outcome.completed)
        self.assertEqual(self.requests[2].headers["last-event-id"], "3")

    def test_wait_ends_by_its_time(self) -> None:
        with self.assertRaises(anneal.WaitTimeout):
            self.client(lambda r: r.json(200, JOB), lambda r: r.events()).wait("a", timeout=0.3)

    def test_a_list_goes_through_all_pages(self) -> None:
        client = self.client(
            lambda r: r.json(200, {"jobs": [JOB], "next": "c"}), lambda r: r.json(200, {"jobs": [ENDED], "next": None})
        )
        self.assertEqual([job.state for job in client.list(state="queued")], ["queued", "ended"])
        self.assertIn("cursor=c", self.requests[1].line)

    def test_a_folder_as_workdir_is_refused_before_anything_is_sent(self) -> None:
        client = self.client(lambda r: r.json(201, JOB))
        self.assertRaises(anneal.InvalidSpec, client.submit, name="a", command="true", workdir=".")
        self.assertEqual(self.requests, [])


class Connection(WithinJob):
    def test_without_a_server_or_a_token_it_says_what_to_do(self) -> None:
        os.environ["ANNEAL_HOME"] = str(self.folder)
        with self.assertRaisesRegex(
            anneal.Unavailable, "there is no .*up.json.*\n  next: start it with: npx anneal up"
        ):
            anneal.Client()
        (self.folder / "up.json").write_text('{"url": "http://127.0.0.1:9"}')
        with self.assertRaisesRegex(anneal.Unauthorized, "token does not exist or is empty"):
            anneal.Client()
        (self.folder / "token").write_text("home\n")
        anneal.Client()

    def test_the_token_of_the_home_is_never_sent_elsewhere(self) -> None:
        (self.folder / "token").write_text("home\n")
        with mock.patch.dict(os.environ, {"ANNEAL_HOME": str(self.folder), "ANNEAL_URL": "https://anneal.example.com"}):
            with self.assertRaisesRegex(anneal.Unauthorized, "set ANNEAL_TOKEN or pass token="):
                anneal.Client()

    def test_what_is_no_url_is_named(self) -> None:
        with self.assertRaisesRegex(anneal.InvalidSpec, "'localhost:7480' is no URL of a server"):
            anneal.Client(url="localhost:7480", token="t")
