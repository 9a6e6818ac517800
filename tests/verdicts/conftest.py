"""The table of what retrainings and forgetful models showed."""

import pytest

from ..tables import written


@pytest.fixture(scope="session")
def verdicts_table():
    """Collects what was found, and writes it as Markdown to the file that the variable `VERDICTS_TABLE` names."""
    from .table import VerdictsTable

    table = VerdictsTable()
    yield from written("VERDICTS_TABLE", table, table.write)
