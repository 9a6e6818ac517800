"""A `results.json`, as far as it is compared, read and validated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError
from harness.github import plain_text
from harness.report.results import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

Answer = Literal["pass", "fail", "inconclusive"]


class _Read(BaseModel):
    """What is read of the file. Other keys are for other readers."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class MetricValue(_Read):
    """A metric of a model; None is undefined, and no tolerance where nothing is stored."""

    value: float | None
    tolerance: float | None


class Group(_Read):
    """How many pairs a category has."""

    positives: int
    negatives: int


class Parameters(_Read):
    """The size of a model."""

    total: int


class ModelResults(_Read):
    """A model of a case."""

    metrics: dict[str, MetricValue]
    categories: dict[str, Group]
    parameters: Parameters


class Gate(_Read):
    """The answer of a gate."""

    name: str
    model: str
    metric: str
    verdict: Answer
    message: str


class CaseResults(_Read):
    """A case."""

    models: dict[str, ModelResults]
    gates: list[Gate]


class Origin(_Read):
    """What the values of a case must share to be comparable."""

    eval_sha256: str
    base_digest: str


class Provenance(_Read):
    """Where the values come from; case -> origin, where the file says so."""

    origin: dict[str, Origin] = {}


class Results(_Read):
    """A `results.json`, as far as it is compared."""

    cases: dict[str, CaseResults]
    provenance: Provenance


def read_results(path: Path) -> Results:
    """Reads and validates a `results.json`.

    Raises:
        HarnessError: It cannot be read, or is none, or one with another schema number. In one line.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}; expected a results.json") from None
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path}: not JSON ({_line(error)}); expected a results.json") from None
    if not isinstance(content, dict) or "schema" not in content:
        raise HarnessError(f"{path}: got {_came(content)}, expected a results.json: an object with the key schema")
    if content["schema"] != SCHEMA or isinstance(content["schema"], bool):
        raise HarnessError(f"{path}: schema: got {_came(content['schema'])}, expected {SCHEMA}")
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        problems = error.errors()
        first = problems[0]
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        where = plain_text(".".join(map(str, first["loc"]))) or "the file"
        expected = _line(first["msg"]).split(" or instance of ")[0]  # our classes say nothing to the reader
        raise HarnessError(f"{path}: {where}: {expected}; got {_came(first['input'])}{more}") from None


def _came(value: Any) -> str:
    """What came, short enough for a line."""
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."


def _line(message: object) -> str:
    return plain_text(str(message))
