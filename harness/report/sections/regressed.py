"""The pairs that regressed or were fixed since the baseline: how many of which kind, and each regressed one."""

from collections import Counter
from typing import Any

from harness.report import cells
from harness.report.types import Report
from harness.results import ModelEntry


def regressed(report: Report) -> list[dict[str, Any]]:
    """Return the models under which any pair regressed or was fixed."""
    changed = {name: model for name, model in report.models.items() if model.regressed or model.fixed}
    chips = cells.models(report, changed)
    return [{"model": chip} | _view(report, model) for chip, model in zip(chips, changed.values(), strict=True)]


def _view(report: Report, model: ModelEntry) -> dict[str, Any]:
    kinds = list(zip(report.pairs.pair_type, report.pairs.category, strict=True))
    regressed = Counter(kinds[pair.row] for pair in model.regressed)
    fixed = Counter(kinds[row] for row in model.fixed)
    were, are = ("pair was", "is") if len(model.regressed) == 1 else ("pairs were", "are")
    return {
        "sentence": f"{len(model.regressed):,} {were} right when the baseline was stored and {are} wrong now, "
        f"{len(model.fixed):,} the reverse.",
        "groups": [
            {
                "pair_type": cells.text(kind[0]),
                "category": cells.text(kind[1]),
                "regressed": f"{regressed[kind]:,}",
                "fixed": f"{fixed[kind]:,}",
            }
            for kind in sorted(regressed | fixed, key=lambda kind: (-regressed[kind], fixed[kind], kind))
        ],
        "count": f"{len(model.regressed):,}",
        "pairs": [
            cells.pair(report, pair.row) | {"stored": cells.value(pair.stored), "now": cells.value(pair.now)}
            for pair in model.regressed
        ],
    }
