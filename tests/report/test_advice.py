"""The recommendation: the cheapest of those that are as good as the best and keep to the constraints."""

import math

import pytest

from harness.report.advice import Constraints, advise
from harness.results import RetrievalValue
from harness.statistics import Interval, RelativePerformance

NONE = Interval.none("")


def strategies(report, **values):
    """The case with nDCG@10, ratio kept, file to ship, and least ratio to keep of each model."""
    case, models = report.case, {}
    entries = {}
    for name, (ndcg, kept, ships, least) in values.items():
        of = RetrievalValue(value=ndcg, interval=Interval(ndcg - 0.03, ndcg + 0.03))
        ratio = RelativePerformance(
            model=1, reference=1, base=1, ratio=kept, interval=NONE, gap_recovered=math.nan, gap_interval=NONE
        )
        changed = {"metrics": {"nDCG@10": of}, "kept": ratio, "keeps_at_least": least}
        entry = case.strategies[name].model_copy(update=changed)
        entries[name] = entry.model_copy(update={"widths": {"128": ndcg - 0.2 * (name == "standard")}})
        encoding = type(case.models[name].encoding)(**{**vars(case.models[name].encoding), "weights_mb": ships})
        models[name] = case.models[name].model_copy(update={"encoding": encoding})
    return case.model_copy(update={"strategies": entries, "models": models})


BASE = (0.3, 1.0, 90.9, 0.95)


@pytest.mark.parametrize(
    ("standard", "lora", "constraints", "expected"),
    [
        ((0.6, 1.0, 90.9, 0.95), (0.58, 1.0, 0.3, 0.95), {}, "lora"),  # as good, and smaller
        ((0.6, 1.0, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {}, "standard"),
        ((0.6, 0.9, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {}, "lora"),  # it forgot
        ((0.6, 0.9, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {"keeps": 0.8}, "standard"),
        ((0.6, 0.9, 90.9, 0.8), (0.5, 1.0, 0.3, 0.95), {}, "standard"),  # the case lets it
        ((0.6, 0.9, 90.9, 0.8), (0.5, 1.0, 0.3, 0.95), {"keeps": 0.95}, "lora"),
        ((0.6, 1.0, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {"dimensions": 128}, "lora"),
        ((0.6, 1.0, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {"ships_mb": 10}, "lora"),
        ((0.6, 1.0, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {"train_mb": 10}, ""),
        ((0.6, 1.0, 90.9, 0.95), (0.5, 1.0, 0.3, 0.95), {"dimensions": 7}, ""),
        ((0.2, 1.0, 90.9, 0.95), (math.nan, 1.0, 0.3, 0.95), {}, ""),
    ],
)
def test_the_recommendation_and_why_others_are_left_out(report, standard, lora, constraints, expected):
    case = strategies(report, base=BASE, standard=standard, lora=lora)
    advice = advise(case, Constraints(**constraints))
    assert expected == advice.model
    assert expected not in advice.left_out
    assert advice.reason
    if not expected:
        assert {"standard", "lora"} == set(advice.left_out)
        assert all(advice.left_out.values())
