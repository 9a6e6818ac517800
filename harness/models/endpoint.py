"""A model behind an OpenAI-style endpoint: texts are posted in batches, and their embeddings come back.

The key is read from the environment when a request is made, and is in no error, no file and no step's key.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from harness.data.sides import Side
from harness.errors import EncoderError
from harness.execution.digests import digest_of
from harness.models.encoder import CheckedEncoder, Encoder
from harness.text import one_line, quoted

_FIRST_WAIT = 1.0  # seconds before the second try; doubled before each further one
_LONGEST_WAIT = 60.0
_LONGEST_SAID = 200  # characters of what a server says
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Endpoint:
    """A model behind an endpoint.

    Attributes:
        url: The address to post to.
        model: The model to ask for.
        dimensions: The width to ask for; None for the model's own.
        key_env: Environment variable with the key; None where none is sent.
        batch_size: Texts in a request.
        timeout_s: Seconds that a request may take.
        retries: Further tries of a request.
        total_s: Seconds that all requests may take.
    """

    url: str
    model: str
    dimensions: int | None = None
    key_env: str | None = None
    batch_size: int = 64
    timeout_s: float = 30.0
    retries: int = 4
    total_s: float = 3600.0

    @property
    def digest(self) -> str:
        """sha256 of what decides the embeddings; neither the key nor how they are asked for."""
        return digest_of(["endpoint", self.url, self.model, self.dimensions])

    @property
    def origin(self) -> dict[str, Any]:
        """What it is, for the provenance of its values."""
        return {"endpoint": self.url, "model": self.model, "dimensions": self.dimensions}

    @property
    def strategy(self) -> str:
        """Kind of model, beside the strategies of recipes."""
        return "endpoint"

    @property
    def words(self) -> str:
        """The endpoint for people."""
        return f"endpoint {self.url}, model {self.model}"

    def key(self) -> str:
        """Return the key; empty where none is sent.

        Raises:
            EncoderError: The variable is not set, or holds what no header can.
        """
        if self.key_env is None:
            return ""
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise EncoderError(f"{self.words}: the environment variable {self.key_env} (key_env) is not set")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise EncoderError(
                f"{self.words}: the environment variable {self.key_env} (key_env) holds no key, but spaces, control "
                "characters or letters beyond ASCII"
            )
        return key

    def open(self) -> Encoder:
        """Return the encoder, whose every answer is verified; nothing is posted yet. An EncoderError without a key."""
        return CheckedEncoder(_Client(self, self.key(), time.monotonic() + self.total_s), self.words)


class _Row(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Row]


class _TryAgainError(Exception):
    """A request failed as one does that may succeed later: after so many seconds, where the server says it."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the key is for one address."""

    def redirect_request(self, *_: Any) -> None:
        """Return no request."""


class _Client:
    """Posts texts until a point of the monotonic clock."""

    def __init__(self, endpoint: Endpoint, key: str, end: float) -> None:
        self._endpoint, self._key, self._end = endpoint, key, end
        self._opener = urllib.request.build_opener(_NoRedirect)

    def encode(self, texts: Sequence[str], *, side: Side) -> NDArray[np.float32]:
        """Post texts in batches, the prompt of their side in front of each: the interface has none."""
        size = self._endpoint.batch_size
        batches = [[side.prompt + text for text in texts[start : start + size]] for start in range(0, len(texts), size)]
        return np.concatenate([self._batch(batch) for batch in batches])

    def _batch(self, texts: list[str]) -> NDArray[np.float32]:
        width = self._endpoint.dimensions
        asked = {"model": self._endpoint.model, "input": texts, **({"dimensions": width} if width else {})}
        content = self._post(json.dumps(asked).encode())
        try:
            rows = _Answer.model_validate_json(content).data
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the answer"
            raise self._error(
                f"answered {self._said(content)}, which is no list of embeddings ({where}: {first['msg'].lower()}); "
                "expected what .../v1/embeddings gives"
            ) from None
        if sorted(row.index for row in rows) != list(range(len(texts))):
            raise self._error(f"gave {len(rows)} embeddings for {len(texts)} texts, or not one for each `index`")
        widths = {len(row.embedding) for row in rows}
        if len(widths) > 1 or (width and widths != {width}):
            came, asked_for = (
                " and ".join(map(str, sorted(widths))),
                f"the {width} that were asked for" if width else "one",
            )
            raise self._error(f"gave embeddings of width {came}; expected {asked_for}")
        return np.array([row.embedding for row in sorted(rows, key=lambda row: row.index)], dtype=np.float32)

    def _post(self, body: bytes) -> bytes:
        """Return the answer to a request, tried again as often as the case says."""
        wait, tries = _FIRST_WAIT, self._endpoint.retries + 1
        for number in range(1, tries + 1):
            try:
                return self._once(body)
            except _TryAgainError as error:
                pause = wait if error.seconds is None else error.seconds
                if number == tries:
                    raise self._error(f"{error} (tried {tries} times)" if tries > 1 else str(error)) from None
                if time.monotonic() + pause > self._end:
                    raise self._error(
                        f"{error}; the next try, in {pause:.0f} s, would be beyond the {self._endpoint.total_s:g} s "
                        "that all requests may take (total_s)"
                    ) from None
                time.sleep(pause)
                wait = min(2 * wait, _LONGEST_WAIT)
        raise AssertionError

    def _once(self, body: bytes) -> bytes:
        now = time.monotonic()
        if now >= self._end:
            raise self._error(f"all requests took more than {self._endpoint.total_s:g} s (total_s)")
        seconds = min(self._endpoint.timeout_s, self._end - now)
        headers = {"Content-Type": "application/json", "User-Agent": "pytest-embedding-harness"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self._endpoint.url, body, headers)  # noqa: S310 - http or https, by the case
        try:
            with self._opener.open(request, timeout=seconds) as response:
                parts = []
                while part := response.read1(_READ_BYTES):
                    parts.append(part)
                    if time.monotonic() > now + seconds:  # the time-out of a socket begins anew with each byte
                        raise TimeoutError
                return b"".join(parts)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise self._error(f"its certificate cannot be verified: {self._clean(str(reason))}") from None
            if isinstance(reason, TimeoutError):
                raise _TryAgainError(f"no answer within {seconds:.3g} s (timeout_s)") from None
            words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise _TryAgainError(f"cannot be reached: {self._clean(words)}") from None

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        with error:
            try:
                said = self._said(error.read(_READ_BYTES))
            except (OSError, http.client.HTTPException):
                said = "nothing that can be read"
        words = f"status {error.code}, and said {said}"
        if error.code == 429 or error.code >= 500:
            return _TryAgainError(words, _seconds(error.headers.get("Retry-After")))
        if 300 <= error.code < 400:
            place = self._clean(error.headers.get("Location") or "nowhere")
            words = f"status {error.code}: moved to {place}; give that url"
        return self._error(words)

    def _said(self, content: bytes) -> str:
        return quoted(self._clean(content.decode(errors="replace")), _LONGEST_SAID)

    def _clean(self, words: str) -> str:
        """Put what a server says in a line without the key: some repeat it."""
        return one_line(words.replace(self._key, "***") if self._key else words)

    def _error(self, words: str) -> EncoderError:
        return EncoderError(f"{self._endpoint.words}: {words}")


def _seconds(after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which gives them or a date; None where it gives neither."""
    try:
        return max(0.0, float(after or ""))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(after or "") - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
