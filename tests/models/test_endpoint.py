"""The client of an OpenAI-style endpoint, against a server on this machine: what it asks, and how it may fail."""

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep

import numpy as np
import pytest

from harness.data.sides import Side
from harness.errors import EncoderError
from harness.models import Endpoint
from harness.models import endpoint as client

KEY = "sk-secret-0815"
TEXTS = ["one", "three", "fifteen", "no", "seventy"]


def embedding(text, width=4):
    return [len(text) + place / 8 for place in range(width)]


def rows(asked):
    """The answer's rows, the last text's first: `index` says whose each is."""
    width = asked.get("dimensions", 4)
    found = [{"index": place, "embedding": embedding(text, width)} for place, text in enumerate(asked["input"])]
    return list(reversed(found))


class Server(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: (status, headers, body); after them as it should."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked, self.headers = [], [], []
        self.url = f"http://127.0.0.1:{self.server_port}/v1/embeddings"

    def handle_error(self, *_):
        """The client gave up: nothing to say."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        self.server.headers.append(dict(self.headers))
        answer = self.server.answers.pop(0) if self.server.answers else {"data": rows(asked)}
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for byte in body:
            self.wfile.write(bytes([byte]))
            if "Slow" in headers:
                sleep(float(headers["Slow"]))

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def waited(monkeypatch):
    """The seconds between two tries, none of which is waited."""
    seconds = []
    monkeypatch.setattr(client.time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def open_at(server, monkeypatch):
    monkeypatch.setenv("THE_KEY", KEY)
    return lambda **changes: Endpoint(**{"url": server.url, "model": "m", "key_env": "THE_KEY", **changes}).open()


def error_of(encoder, texts=TEXTS):
    with pytest.raises(EncoderError) as caught:
        encoder.encode(texts, side=Side())
    words = str(caught.value)
    assert "\n" not in words
    assert KEY not in words
    return words.partition(", model m: ")[2]


def test_texts_are_posted_in_batches_and_come_back_in_their_order(server, open_at):
    found = open_at(batch_size=2, dimensions=3).encode(TEXTS, side=Side("query", "q: "))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32([embedding(f"q: {text}", 3) for text in TEXTS]))
    assert [["q: one", "q: three"], ["q: fifteen", "q: no"], ["q: seventy"]] == [
        asked["input"] for asked in server.asked
    ]
    assert [{"model": "m", "dimensions": 3}] * 3 == [
        {key: value for key, value in asked.items() if key != "input"} for asked in server.asked
    ]
    assert {f"Bearer {KEY}"} == {headers["Authorization"] for headers in server.headers}
    server.asked.clear(), server.headers.clear()
    open_at(key_env=None).encode(TEXTS[:1], side=Side())
    assert [{"model": "m", "input": ["one"]}] == server.asked
    assert "Authorization" not in server.headers[0]


def test_only_what_decides_the_embeddings_is_in_the_digest():
    one = Endpoint("http://a/v1", "m")
    assert one.digest == Endpoint("http://a/v1", "m", None, "KEY", 1, 1.0, 0, 9.0).digest
    others = [Endpoint("http://b/v1", "m"), Endpoint("http://a/v1", "n"), Endpoint("http://a/v1", "m", 3)]
    assert 4 == len({one.digest, *(other.digest for other in others)})


def test_a_request_is_tried_again_after_the_time_that_the_server_asks_for(server, open_at, waited):
    server.answers += [(429, {"Retry-After": "7"}, "slow down"), (503, {}, "busy"), (500, {"Retry-After": "soon"}, "")]
    server.answers += [(429, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, "")]
    assert (1, 4) == open_at().encode(["one"], side=Side()).shape
    assert [7.0, 2.0, 4.0, 0.0] == waited
    server.answers += [(429, {}, f"{KEY} is over its quota\n\x1b[2J")] * 3
    said = 'status 429, and said "*** is over its quota <U+001B>[2J" (tried 3 times)'
    assert said == error_of(open_at(retries=2))
    server.answers += [(429, {"Retry-After": "500"}, "")]
    assert error_of(open_at(total_s=60.0)).endswith(
        "; the next try, in 500 s, would be beyond the 60 s that all requests may take (total_s)"
    )
    assert 6 == len(waited)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {}, f"bad key {KEY}"), 'status 401, and said "bad key ***"'),
        ((302, {"Location": "/elsewhere"}, ""), "status 302: moved to /elsewhere; give that url"),
        (
            "<html>\n<p>Welcome",
            'answered "<html> <p>Welcome", which is no list of embeddings (the answer: invalid json',
        ),
        ({"object": "list"}, 'answered "{"object": "list"}", which is no list of embeddings (data: field required)'),
        (
            {"data": [{"index": 0, "embedding": "AAAA"}]},
            'answered "{"data": [{"index": 0, "embedding": "AAAA"}]}", which',
        ),
        ({"data": rows({"input": TEXTS[1:]})}, "gave 4 embeddings for 5 texts, or not one for each `index`"),
        ({"data": rows({"input": TEXTS})[1:] * 2}, "gave 8 embeddings for 5 texts, or not one for each `index`"),
        (
            {"data": rows({"input": TEXTS, "dimensions": 5})},
            "gave embeddings of width 5; expected the 4 that were asked",
        ),
        (
            {"data": [*rows({"input": TEXTS[1:]}), {"index": 4, "embedding": [1.0]}]},
            "gave embeddings of width 1 and 4; expected the 4",
        ),
        ({"data": [{**row, "embedding": [math.nan] * 4} for row in rows({"input": TEXTS})]}, "gave NaN or infinite"),
    ],
)
def test_an_answer_that_is_no_embeddings_of_the_texts_is_refused_in_one_line(server, open_at, answer, expected):
    server.answers.append(answer)
    assert error_of(open_at(dimensions=4)).startswith(expected)
    assert 1 == len(server.asked)


def test_the_width_is_one_in_all_requests(server, open_at):
    encoder = open_at()
    encoder.encode(TEXTS, side=Side())
    server.answers.append({"data": rows({"input": TEXTS, "dimensions": 5})})
    assert "width 5, and before that 4; expected one width for all texts" in error_of(encoder)


def test_an_endpoint_that_is_down_slow_or_drips_is_an_error(server, open_at, waited):
    with Server() as closed:
        pass
    assert error_of(open_at(url=closed.url, retries=1)) == "cannot be reached: Connection refused (tried 2 times)"
    assert [1.0] == waited
    slow = (200, {"Slow": "5"}, "{}")
    server.answers += [slow, (200, {"Slow": "0.02"}, " " * 10_000)]
    encoder = open_at(timeout_s=0.2, retries=0)
    assert ["no answer within 0.2 s (timeout_s)"] * 2 == [error_of(encoder), error_of(encoder)]
    assert error_of(open_at(total_s=1e-9)) == "all requests took more than 1e-09 s (total_s)"


@pytest.mark.parametrize("key", [None, "", "  ", "two words", "line\nend", "schlüssel"])
def test_without_a_key_that_a_header_can_hold_nothing_is_opened(open_at, monkeypatch, key):
    monkeypatch.delenv("THE_KEY") if key is None else monkeypatch.setenv("THE_KEY", key)
    with pytest.raises(EncoderError, match=r": the environment variable THE_KEY \(key_env\) (is not set|holds no key)"):
        open_at()
