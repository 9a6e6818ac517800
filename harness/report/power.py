"""The power of the gate against the baseline in words: the smallest drop that it detects, and its false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.metrics import METRICS
from harness.report.comparison.rendering import aligned
from harness.report.github import markdown_text, table
from harness.report.sections.power import detectable, power_sentences
from harness.text import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.analyses.power import ModelPower
    from harness.baselines import StoredModel

_TITLES = ("model", "category", "metric", "stored", "tolerance", "detected alone", "detected together")


def as_text(case: str, powers: Mapping[str, ModelPower], stored: Mapping[str, StoredModel]) -> str:
    """Return the power on each model of a case for a terminal.

    Args:
        case: The case.
        powers: Model -> the power of the gate on it.
        stored: Model -> its stored values.
    """
    rows = aligned(_TITLES, _rows(powers, stored), right=(3, 4, 5, 6))
    return "\n".join([case, "", *rows, "", *map(power_sentences, powers, powers.values()), ""])


def as_markdown(case: str, powers: Mapping[str, ModelPower], stored: Mapping[str, StoredModel]) -> str:
    """Return the same for a pull request."""
    rows = table(_TITLES, ([markdown_text(cell) for cell in row] for row in _rows(powers, stored)))
    sentences = [f"- {markdown_text(power_sentences(model, power))}" for model, power in powers.items()]
    return "\n".join([f"### Smallest detectable drops of {markdown_text(case)}", "", *sentences, "", *rows, ""])


def _rows(powers: Mapping[str, ModelPower], stored: Mapping[str, StoredModel]) -> list[tuple[str, ...]]:
    rows = []
    for model, power in powers.items():
        for category, metric, value in stored[model].compared:
            known = (number(amount, METRICS[metric].unit) for amount in (value.value, value.tolerance))
            rows.append((model, category or "all", metric, *known, *detectable(power, category, metric)))
    return rows
