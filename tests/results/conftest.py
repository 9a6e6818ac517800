"""A small run's results, and its pairs."""

from __future__ import annotations

import pytest

from harness.results import PairTable, Results

from ..synthetic import make_report  # noqa: TID252


@pytest.fixture(scope="session")
def results() -> Results:
    return Results(harness="0.1.0", machine="m", cases={"dating": make_report("dating").case})


@pytest.fixture(scope="session")
def tables() -> dict[str, PairTable]:
    return {"dating": make_report("dating").pairs}
