"""The table of what retrainings and forgetful models showed."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def verdicts_table():
    """Collects what was found, and writes it as Markdown to the file that the variable `VERDICTS_TABLE` names."""
    from .table import VerdictsTable

    table = VerdictsTable()
    yield table
    if os.environ.get("VERDICTS_TABLE"):
        table.write(Path(os.environ["VERDICTS_TABLE"]))
