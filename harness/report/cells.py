"""Values, models and pairs as the tables of a page show them."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from harness.analyses.operating_point import Estimate
from harness.report.types import Report
from harness.statistics import Interval
from harness.text import MINUS, cut, number, percent, signed


def value(amount: float, unit: str = "") -> str:
    """Format a value with a real minus sign."""
    return number(amount, unit, minus=MINUS)


def change(amount: float, unit: str = "") -> str:
    """Format a change with its sign."""
    return signed(amount, unit, minus=MINUS)


def ratio(amount: float) -> str:
    """Format a ratio in per cent; "none" where it is undefined."""
    return "none" if math.isnan(amount) else percent(amount, 1, minus=MINUS)


def ends(interval: Interval | Estimate | None, unit: str = "") -> str:
    """Format both ends of an interval; "none" where there is none."""
    if interval is None or math.isnan(interval.low):
        return "none"
    return f"{value(interval.low, unit)} to {value(interval.high, unit)}"


def ratio_ends(interval: Interval) -> str:
    """Format both ends of a ratio's interval; empty where there is none."""
    return "" if math.isnan(interval.low) else f"{ratio(interval.low)} to {ratio(interval.high)}"


def model(report: Report, name: str) -> dict[str, str]:
    """Return the name of a model with its colour."""
    return {"name": name, "colour": report.colours[name]}


def rows(
    table: Mapping[str, Any], names: Collection[str], cell: Callable[[str, str], dict[str, str]]
) -> list[dict[str, Any]]:
    """Return a row for each of a table's metrics or quantities, with a cell, by model and key, for each model."""
    return [
        {"title": row.title, "unit": row.unit, "direction": row.direction, "cells": [cell(name, key) for name in names]}
        for key, row in table.items()
    ]


def pair(report: Report, row: int) -> dict[str, Any]:
    """Return what a table shows of a pair, long texts cut."""
    pairs = report.pairs
    return {
        "texts": [cut(pairs.text_1[row]), cut(pairs.text_2[row])],
        "label": pairs.label[row],
        "pair_type": cut(pairs.pair_type[row])[0],
        "category": cut(pairs.category[row])[0],
    }
