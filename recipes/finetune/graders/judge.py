"""A model that judges: Gemini's REST API, with the key in GOOGLE_API_KEY (name it in the job's `secrets`)."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any, Optional

_HOME = "https://generativelanguage.googleapis.com/v1beta"
# A call that takes longer counts as failed. Seconds.
_ANSWER_WITHIN = 60
_MOST_BYTES = 16 * 1024 * 1024
# A judge that fails so often in a row will not come back, and a training by zeros is worse than none.
_PATIENCE = 20
_failed_in_a_row = 0


class JudgeFailed(Exception):
    """One call gave nothing that can be used."""


class JudgeLost(Exception):
    """The judge has failed so often that the training cannot go on."""


def has_key() -> bool:
    return bool(os.environ.get("GOOGLE_API_KEY"))


def ask(prompt: str, model: str, schema: dict[str, Any]) -> Optional[Any]:
    """The judge's answer as JSON of that schema; None where this call failed, which is told on stderr."""
    body = {
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": {"temperature": 0, "responseMimeType": "application/json", "responseSchema": schema},
    }
    return _tried(lambda: _answer(_post(f"models/{model}:generateContent", body)))


def embeddings(texts: list[str], model: str) -> list[list[float]]:
    """One vector for each text; empty ones where the call failed."""
    requests = [{"model": model, "content": {"parts": [{"text": text}]}} for text in texts]
    found = _tried(
        lambda: [
            list(map(float, e["values"]))
            for e in _post(f"{model}:batchEmbedContents", {"requests": requests})["embeddings"]
        ]
    )
    return found if found is not None and len(found) == len(texts) else [[] for _ in texts]


def _tried(call: Any) -> Any:
    global _failed_in_a_row
    try:
        found = call()
        _failed_in_a_row = 0
        return found
    except (JudgeFailed, KeyError, IndexError, TypeError, ValueError) as error:
        _failed_in_a_row += 1
        print(f"the judge gave no answer, which counts as 0: {error}", file=sys.stderr)
        if _failed_in_a_row >= _PATIENCE:
            raise JudgeLost(f"the judge has failed {_failed_in_a_row} times in a row: {error}") from error
        return None


def _answer(reply: Any) -> Any:
    return json.loads(reply["candidates"][0]["content"]["parts"][0]["text"])


def _post(path: str, body: Any) -> Any:
    """ANNEAL_JUDGE_URL names another address of the same API."""
    url = f"{os.environ.get('ANNEAL_JUDGE_URL', _HOME).rstrip('/')}/{path}"
    headers = {"content-type": "application/json", "x-goog-api-key": os.environ.get("GOOGLE_API_KEY", "")}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_WITHIN) as reply:
            return json.loads(reply.read(_MOST_BYTES))
    except (OSError, ValueError) as error:  # an HTTPError is an OSError; its text never has the key
        raise JudgeFailed(f"{type(error).__name__}: {error}") from None
