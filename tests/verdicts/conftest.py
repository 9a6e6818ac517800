"""The table of what retrainings and forgetful models showed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .table import VerdictsTable


@pytest.fixture(scope="session")
def verdicts_table() -> Iterator[VerdictsTable]:
    """Collects what was found, and writes it as Markdown to the file that the variable `VERDICTS_TABLE` names."""
    from .table import VerdictsTable

    table = VerdictsTable()
    yield table
    if os.environ.get("VERDICTS_TABLE"):
        table.write(Path(os.environ["VERDICTS_TABLE"]))
