"""Each model at a threshold chosen on other pairs, and the optimism of its best one on the evaluation pairs."""

import math
from typing import Any

from harness.analyses import OPERATING_POINT, QUANTITIES, OperatingPoint
from harness.report import cells
from harness.report.types import Report

_PAIRS = {"dev": "the dev", "train": "the training"}


def operating_point(report: Report) -> dict[str, Any]:
    """Return a sentence a model, and a row for each quantity."""
    points = report.analyses(OPERATING_POINT)
    if not points:
        return {}
    return {
        "chosen_on": _PAIRS[next(iter(points.values())).chosen_on],
        "line": "; ".join(f"{name}: {_line(point)}" for name, point in points.items()),
        "models": [cells.model(report, name) for name in points],
        "sentences": [_sentences(name, point) for name, point in points.items()],
        "thresholds": [
            {"chosen": cells.value(point.threshold), "eval": cells.value(point.eval_threshold)}
            for point in points.values()
        ],
        "rows": cells.rows(QUANTITIES, points, lambda model, key: _cell(points[model], key)),
    }


def _line(point: OperatingPoint) -> str:
    if math.isnan(point.threshold):
        return "no threshold"
    return f"F1 {cells.value(point.values['f1'].value)}, optimism {cells.change(point.optimism['f1'])}"


def _sentences(model: str, point: OperatingPoint) -> str:
    f1, false_positives = point.values["f1"], point.values["false_positives"]
    if math.isnan(point.threshold):
        return f"{model} has no threshold: {f1.reason}."
    here = _achieved(f1.value, false_positives.value)
    apparent = _achieved(point.apparent["f1"], point.apparent["false_positives"])
    best = f"the best threshold on the evaluation pairs themselves, {cells.value(point.eval_threshold)},"
    end = f"{best} has the same." if apparent == here else f"{best} has {apparent}: that is the optimism."
    chosen_on = _PAIRS[point.chosen_on]
    if point.degenerate:
        end += f" The threshold means nothing: on {chosen_on} pairs, calling every pair positive is as good."
    elif point.eval_degenerate:
        end += " The latter means nothing: on the evaluation pairs, calling every pair positive is as good."
    chosen = cells.value(point.threshold)
    return f"At the threshold {chosen}, chosen on {chosen_on} pairs, {model} has {here}; {end}"


def _achieved(f1: float, false_positives: float) -> str:
    return f"F1 {cells.value(f1)} and {cells.value(false_positives, 'pairs')} false positives"


def _cell(point: OperatingPoint, key: str) -> dict[str, str]:
    estimate, unit = point.values[key], QUANTITIES[key].unit
    value, interval = cells.value(estimate.value, unit), cells.ends(estimate, unit)
    cell = {"value": value, "interval": interval, "note": estimate.reason}
    if key not in point.apparent:
        return cell | {"no_skill": cells.value(point.no_skill[key], unit)}
    optimism = cells.change(point.optimism[key], unit)
    return cell | {"apparent": cells.value(point.apparent[key], unit), "optimism": optimism}
