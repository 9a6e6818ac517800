"""What every gate does with a value that is undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.gates import Verdict

OTHER_REASONS = (
    *("did not learn", "not better than", "was the adapter applied", "merging changed", ": slower", "as fast"),
    *("worse by", "better by", "no worse"),
)
"""What gates say of values that are defined."""


@pytest.fixture(scope="session")
def assert_undefined() -> Callable[[Verdict, str], None]:
    """NaN never passes, and is told with its reason and not with another."""

    def check(verdict: Verdict, reason: str) -> None:
        assert "fail" == verdict.verdict
        assert reason in verdict.message
        assert [] == [other for other in OTHER_REASONS if other in verdict.message]

    return check
