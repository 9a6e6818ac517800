"""What can be compared is answered once; what cannot be is answered with the reason, and with nothing."""

import math
from pathlib import Path

import pytest

from harness.baselines import CATEGORY_METRICS, comparable, origin_problems

OTHER_DATA = {"eval_sha256": "f" * 64, "eval_pairs": 300}
OTHER_BASE = {"base_digest": "c" * 64, "base_name": "mpnet"}
DATA = "the evaluation pairs are others: stored 2 pairs with sha256 eeeeeeeeeeee, now 300 with ffffffffffff"
BASE = "the base is another: stored MiniLM with digest bbbbbbbbbbbb, now mpnet with cccccccccccc"


@pytest.mark.parametrize(
    ("changed", "problems"),
    [({}, ()), ({**OTHER_DATA, **OTHER_BASE}, (DATA, BASE)), ({"base_name": "a mirror of the same files"}, ())],
    ids=["same", "both", "only-the-name"],
)
def test_another_origin_leaves_nothing_to_compare(make_baseline, changed, problems):
    baseline = make_baseline()
    origin = baseline.origin.model_copy(update=changed)
    stored = comparable(baseline, origin)
    assert problems == stored.problems
    assert (not problems) == (stored.model("lora") is not None)
    assert math.isnan(stored.result("lora", "spearman").value) == bool(problems)
    assert "; ".join(problems) == stored.result("lora", "spearman").reason
    renamed = tuple(problem.replace("stored", "A").replace("now", "B") for problem in problems)
    assert renamed == origin_problems(baseline.origin, origin, names=("A", "B"))


def test_without_a_baseline_it_says_where_it_looked_and_what_to_do(make_baseline):
    stored = comparable(None, make_baseline().origin, path=Path("b/baseline.json"))
    assert (
        "no baseline yet at b/baseline.json: look at the report, then run with --update-baselines",
    ) == stored.problems
    assert (stored.missing, comparable(make_baseline(), make_baseline().origin).missing) == (True, False)
    assert (None, None, None) == (stored.model("lora"), stored.value("lora", "spearman"), stored.scores("lora"))
    assert () == stored.differences(["base"], ["spearman"], [])


def test_what_is_stored_is_found(make_baseline):
    baseline = make_baseline()
    stored, lora = comparable(baseline, baseline.origin), baseline.models["lora"]
    assert lora.metrics["spearman"] == stored.value("lora", "spearman")
    assert lora.categories["values"]["margin"] == stored.value("lora", "margin", "values")
    assert (-0.25, 0.75) == stored.scores("lora")
    assert (0.8, "") == (stored.result("lora", "spearman").value, stored.result("lora", "spearman").reason)
    assert [None] * 3 == [stored.value(*what) for what in (("big", "spearman"), ("lora", "x"), ("lora", "x", "pets"))]
    assert stored.scores("big") is None
    assert "no x is stored for lora" == stored.result("lora", "x").reason


MODELS, METRICS = ["base", "lora"], ["spearman", "margin"]
GONE, NEW = "is stored, but gone now", "is new, nothing is stored for it"
OTHER_METRICS = (f"margin {GONE}", f"best_f1 {NEW}")


def test_what_vanished_or_is_new_is_named(make_baseline):
    for now, said in (
        ({}, []),
        ({"models": ["base"]}, [f"model lora {GONE}"]),
        ({"models": [*MODELS, "big"]}, [f"model big {NEW}"]),
        ({"metrics": ["spearman", "best_f1"]}, [f"{m} metric {what}" for m in MODELS for what in OTHER_METRICS]),
        ({"categories": []}, [f"base category values {GONE}", f"lora category values {GONE}"]),
        ({"categories": ["pets", "values"]}, [f"base category pets {NEW}", f"lora category pets {NEW}"]),
    ):
        baseline = make_baseline()
        asked = {"models": MODELS, "metrics": METRICS, "categories": ["values"], **now}
        assert tuple(said) == comparable(baseline, baseline.origin).differences(**asked)
        del baseline.models["base"].categories["values"][CATEGORY_METRICS[0]]
        lacking = f"base values metric {CATEGORY_METRICS[0]} {NEW}"
        assert (lacking in comparable(baseline, baseline.origin).differences(**asked)) == bool(asked["categories"])
