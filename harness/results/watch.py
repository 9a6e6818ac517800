"""The checks of a watched model, and their history: an SQLite file with a row a check and value."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from harness.errors import StoreError
from harness.metrics import Number
from harness.text import one_line, quoted

Answer = Literal["fine", "look", "retrain"]


@dataclass(frozen=True)
class WatchValue:
    """A value of one check; NaN where it has no such part.

    Attributes:
        name: A metric, `drift_auc`, `drift_mmd`, or `age_days` of the baseline.
        value: As measured.
        low: Lower end of its 95 % interval.
        high: Its upper end.
        stored: The baseline's, of a metric.
        limit: The greatest deterioration of a metric that is noise.
        p_value: Of drift.
        reason: Why the value is NaN; else empty.
    """

    name: str
    value: Number
    low: Number = math.nan
    high: Number = math.nan
    stored: Number = math.nan
    limit: Number = math.nan
    p_value: Number = math.nan
    reason: str = ""


@dataclass(frozen=True)
class WatchCheck:
    """One check of a model.

    Attributes:
        at: Its time, as ISO 8601 in UTC.
        model: Name of the model.
        answer: `retrain` where a metric is worse, `look` where something else is to be looked at, else `fine`.
        why: The reasons, in words.
        values: At least one.
    """

    at: str
    model: str
    answer: Answer
    why: str
    values: tuple[WatchValue, ...]

    @property
    def minute(self) -> str:
        """Its time as a page shows it."""
        return self.at[:16].replace("T", " ")

    def value(self, name: str) -> WatchValue:
        """Return a value by its name; NaN where the check has none."""
        return next((value for value in self.values if value.name == name), WatchValue(name, math.nan))


@dataclass(frozen=True)
class History:
    """The checks of one model of a case, at least one, the oldest first."""

    case: str
    checks: Sequence[WatchCheck]

    @property
    def last(self) -> WatchCheck:
        """The newest check."""
        return self.checks[-1]


_OF_CHECK = ("at", "model", "answer", "why")
_OF_VALUE = tuple(field.name for field in fields(WatchValue))
_COLUMNS = ("number", *_OF_CHECK, *_OF_VALUE)
_CHECK = TypeAdapter(WatchCheck)


def read_history(path: Path) -> list[WatchCheck]:
    """Read every check, the oldest first; none where there is no file yet.

    Raises:
        StoreError: It is damaged, or no history.
    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return []
    with _opened(path) as history:
        rows = history.execute("SELECT * FROM checks ORDER BY number, rowid").fetchall()
        return [_check([*found]) for _, found in groupby(rows, key=lambda row: row["number"])]


def add_check(path: Path, check: WatchCheck) -> None:
    """Add a check in one transaction.

    Raises:
        StoreError: It cannot be written, or is damaged.
    """
    about = [getattr(check, name) for name in _OF_CHECK]
    places = ", ".join("?" * len(_COLUMNS))
    with _opened(path) as history, history:
        history.execute("BEGIN IMMEDIATE")
        history.execute(f"CREATE TABLE IF NOT EXISTS checks ({', '.join(map(quoted, _COLUMNS))})")
        [[number]] = history.execute("SELECT coalesce(max(number), 0) + 1 FROM checks")
        rows = [(number, *about, *astuple(value)) for value in check.values]
        history.executemany(f"INSERT INTO checks VALUES ({places})", rows)  # noqa: S608 (its number of places)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a history; what goes wrong with it meanwhile is said in one line."""
    try:
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as history:
            history.row_factory = sqlite3.Row
            yield history
    except (sqlite3.Error, ValidationError, IndexError, KeyError) as error:
        what = (
            f"its {error.errors()[0]['loc'][-1]} is wrong"
            if isinstance(error, ValidationError)
            else one_line(str(error))
        )
        raise StoreError(
            f"{path}: cannot be used as the history ({what}); expected what `watch` wrote. It was left as it is: "
            "restore it, or move it away to begin another"
        ) from None


def _check(rows: Sequence[sqlite3.Row]) -> WatchCheck:
    """Return a check from its rows: SQLite keeps NaN as null."""
    values = [{name: row[name] for name in _OF_VALUE} for row in rows]
    return _CHECK.validate_python({name: rows[0][name] for name in _OF_CHECK} | {"values": values})
