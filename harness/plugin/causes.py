"""One cause is one failure: the first test that meets an error fails, and the others point to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_CAUSE = "embedding-harness-cause"
"""User property of a test that fails for a cause which other tests may have as well."""


def fail_for(node: pytest.Item, case: str, error: str) -> NoReturn:
    """Fail a test for an error that the other tests of its case may meet as well."""
    node.user_properties.append((_CAUSE, json.dumps([case, error])))
    pytest.fail(error, pytrace=False)


class Causes:
    """A pytest plugin object of the process that reports, which sees the tests of every xdist worker."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)  # before pytest counts the failures
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Turn a failure whose cause was reported before into a skip with a pointer."""
        cause = next((str(value) for key, value in report.user_properties if key == _CAUSE), "")
        if report.failed and cause:
            first = self._first.setdefault(cause, report.nodeid)
            if first != report.nodeid:
                path, line, _ = report.location
                report.outcome = "skipped"
                report.longrepr = (path, line or 0, f"Skipped: not judged: {first} fails for the same cause")
        yield
