"""The pairs that changed sides since the baseline was stored: how many of which kind, and each that is wrong now."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.report.words import cut, plain

if TYPE_CHECKING:
    from harness.pairs import Pair
    from harness.report.types import CaseReport
    from harness.statistics import Flip
    from harness.uncertainty import Uncertainty


def flips_view(report: CaseReport) -> list[dict[str, Any]]:
    """What the page shows of each model under which any pair changed sides, in words."""
    return [
        _model_view(report, model, report.uncertainty[model])
        for model in report.measured
        if model in report.uncertainty and (report.uncertainty[model].lost or report.uncertainty[model].gained)
    ]


def _model_view(report: CaseReport, model: str, sure: Uncertainty) -> dict[str, Any]:
    pairs = report.pairs.pairs
    lost = Counter(_group(pairs[flip.row]) for flip in sure.lost)
    gained = Counter(_group(pairs[row]) for row in sure.gained)
    groups = sorted(lost | gained, key=lambda group: (-lost[group], gained[group], group))
    return {
        "name": model,
        "colour": report.colours[model],
        "sentence": _sentence(len(sure.lost), len(sure.gained)),
        "groups": [
            {
                "pair_type": cut(group[0])[0],
                "category": cut(group[1])[0],
                "lost": f"{lost[group]:,}",
                "gained": f"{gained[group]:,}",
            }
            for group in groups
        ],
        "count": f"{len(sure.lost):,}",
        "lost": [_flip_view(pairs[flip.row], flip) for flip in sure.lost],
    }


def _sentence(lost: int, gained: int) -> str:
    were, are = ("pair was", "is") if lost == 1 else ("pairs were", "are")
    return f"{lost:,} {were} right when the baseline was stored and {are} wrong now, {gained:,} the reverse."


def _group(pair: Pair) -> tuple[str, str]:
    return pair.pair_type, pair.category


def _flip_view(pair: Pair, flip: Flip) -> dict[str, Any]:
    return {
        "texts": [cut(text) for text in (pair.text_1, pair.text_2)],
        "label": pair.label,
        "pair_type": cut(pair.pair_type)[0],
        "category": cut(pair.category)[0],
        "stored": plain(flip.stored),
        "now": plain(flip.now),
    }
