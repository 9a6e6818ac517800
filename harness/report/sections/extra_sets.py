"""The models on extra evaluation sets, and how much narrower those make each interval."""

import math
from typing import Any

from harness.metrics import METRICS
from harness.report import cells
from harness.report.types import Report
from harness.results import ExtraSet
from harness.text import count


def extra_sets(report: Report) -> list[dict[str, Any]]:
    """Return a table for each set, with a row for each metric."""
    return [_view(report, name, extra) for name, extra in report.case.extra_sets.items() if extra.models]


def _view(report: Report, name: str, extra: ExtraSet) -> dict[str, Any]:
    models = [model for model in report.models if model in extra.models]
    leak = f"{extra.in_train or 0:,} of its pairs are in the training data, and say nothing about new ones."
    # A number of errors grows with the pairs that can be wrong, here the negative ones.
    per_negative = report.case.negatives / extra.negatives if extra.negatives else math.nan

    def cell(model: str, metric: str) -> dict[str, str]:
        here, there, unit = report.models[model].metrics[metric], extra.models[model][metric], METRICS[metric].unit
        width = math.nan
        if here.interval is not None and there.interval is not None and here.interval.high != here.interval.low:
            narrower = (there.interval.high - there.interval.low) / (here.interval.high - here.interval.low)
            width = narrower * (per_negative if unit == "pairs" else 1.0)
        return {
            "value": cells.value(there.value, unit),
            "interval": cells.ends(there.interval, unit),
            "eval": cells.value(here.value, unit),
            "eval_interval": cells.ends(here.interval, unit),
            "width": "" if math.isnan(width) else f"{width:.2f} of the width",
            "note": there.reason,
        }

    return {
        "name": name,
        "line": _line(extra, models),
        "pairs": f"{extra.pairs:,}",
        "eval_pairs": f"{report.case.pairs:,}",
        "expected": f"{math.sqrt(report.case.pairs / extra.pairs):.2f}",
        "leak": leak if extra.in_train else "",
        "models": [cells.model(report, name) for name in models],
        "rows": cells.rows(METRICS, models, cell),
    }


def _line(extra: ExtraSet, models: list[str]) -> str:
    values = (f"{model} {cells.value(extra.models[model]['spearman'].value)}" for model in models)
    return f"{count(extra.pairs, 'pair')}; {METRICS['spearman'].title}: {', '.join(values)}"
