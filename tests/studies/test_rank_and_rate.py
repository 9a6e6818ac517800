"""An adapter that falls behind full fine-tuning: is it its rank, or its learning rate? And what do more pairs tell?

21 trainings on the dating case, most of an hour: only `-m study` runs it, and `make studies` writes
docs/rank-and-rate.md. The recipes, the choice by dev and both claims were set before the first training.
"""

import math
from statistics import median

import numpy as np
import pytest

from harness.config import BASE, read_case
from harness.execution import write_whole
from harness.report.github import table
from harness.statistics import SEED, compare

from ..tables import written

pytestmark = pytest.mark.study

RANKS = (8, 16, 32, 64)
RATES = (2e-5, 2e-4, 1e-3, 3e-3)
OTHERS = {
    "batch of 8": {"batch_size": 8},
    "batch of 32": {"batch_size": 32},
    "2 epochs": {"epochs": 2},
    "8 epochs": {"epochs": 8},
}
METRIC = "spearman"
SETS = {"eval": "295 pairs", "large": "1,500 pairs"}

HEAD = """\
# Rank or rate?

The adapter of the dating case falls behind full fine-tuning at some recipes. Each rank below was trained at each
learning rate (alpha twice the rank, all else as in the case); the intervals are of 95 %, by resampling the evaluation
pairs, of one training each. Changes are paired: both models on the same resamples. The best rate and rank are those of
the dev pairs. `make studies` measures it again and writes this page.
"""


@pytest.fixture(scope="module")
def page():
    lines = [HEAD]
    yield from written("RANK_AND_RATE", lines, lambda path: write_whole(path, "\n".join(lines) + "\n"))


@pytest.fixture(scope="module")
def run(study, dating_case_path):
    models = read_case(dating_case_path).models
    lora = models["lora"]
    grid = {
        adapter(rank, rate): lora.changed(learning_rate=rate, lora={"rank": rank, "alpha": 2 * rank})
        for rank in RANKS
        for rate in RATES
    }
    others = {other(name): lora.changed(**changes) for name, changes in OTHERS.items()}
    return study({"standard": models["standard"], **grid, **others}, {"large": "eval_large.jsonl"})


def test_the_rate_holds_an_adapter_back_and_not_its_rank(run, page):
    best_rate = max(RATES, key=lambda rate: max(dev(run, adapter(rank, rate)) for rank in RANKS))
    best_rank = max(RANKS, key=lambda rank: dev(run, adapter(rank, best_rate)))
    for pairs, title in SETS.items():
        rows = [(f"rank {rank}", *(value(run, adapter(rank, rate), pairs) for rate in RATES)) for rank in RANKS]
        references = [(name, value(run, name, pairs), "", "", "") for name in (BASE, "standard")]
        page += [
            "",
            f"## {METRIC.capitalize()} of {title}",
            "",
            *table(("", *map("{:g}".format, RATES)), rows + references),
        ]
    own = adapter(8, 1e-3)
    changes = {
        f"rate {best_rate:g} instead of {RATES[0]:g}, rank {RANKS[0]}": (
            adapter(RANKS[0], best_rate),
            adapter(RANKS[0], RATES[0]),
        ),
        f"rank {RANKS[-1]} instead of {RANKS[0]}, rate {best_rate:g}": (
            adapter(RANKS[-1], best_rate),
            adapter(RANKS[0], best_rate),
        ),
        f"the best on dev (rank {best_rank}, rate {best_rate:g}) instead of full fine-tuning": (
            adapter(best_rank, best_rate),
            "standard",
        ),
        **{f"{name}, rank 8, rate 0.001": (other(name), own) for name in OTHERS},
    }
    found = {name: [change(run, now, before, pairs) for pairs in SETS] for name, (now, before) in changes.items()}
    rows = [(name, *(f"{c.change:+.3f} ({c.low:+.3f} to {c.high:+.3f})" for c in both)) for name, both in found.items()]
    page += ["", "## Changes", "", *table(("", *SETS.values()), rows)]
    by_rate, by_rank = [large.change for _, large in found.values()][:2]
    assert by_rate > by_rank


def test_more_pairs_tell_more(run, page):
    widths = {
        pairs: [np.subtract(*ends(run, model, pairs)[::-1]) for model in run.inputs.models if model != BASE]
        for pairs in SETS
    }
    narrower = [large / small for small, large in zip(*widths.values(), strict=True)]
    root = math.sqrt(len(run.inputs.pair_sets["eval"]) / len(run.inputs.pair_sets["large"]))
    small, large = map(median, widths.values())
    words = (
        f"The interval of {len(narrower)} models is {small:.3f} wide on 295 pairs and {large:.3f} on 1,500 (medians): "
        f"{median(narrower):.2f} times ({min(narrower):.2f} to {max(narrower):.2f}); independent pairs would give "
        f"{root:.2f}, the root of 295 / 1,500."
    )
    page += ["", "## More pairs", "", words]
    assert max(narrower) < 1


def adapter(rank, rate):
    """Return the name of the adapter of one rank and rate."""
    return f"rank_{rank}_at_{rate:.0e}".replace("-", "_")


def other(name):
    """Return the name of the adapter with one other change."""
    return f"other_{name}".replace(" ", "_")


def dev(run, model):
    """Return what the dev pairs say of a training."""
    return run.curve(model)[-1].spearman


def ends(run, model, pairs):
    """Return both ends of the interval of a model's value."""
    interval = run.uncertainty(model, pairs=pairs).intervals[METRIC]
    return interval.low, interval.high


def value(run, model, pairs):
    """Return a model's value with its interval, in words."""
    low, high = ends(run, model, pairs)
    return f"{run.evaluation(model, pairs=pairs).metrics[METRIC].value:.3f} ({low:.3f} to {high:.3f})"


def change(run, now, before, pairs):
    """Return the paired change between two models."""
    scores = [np.array(run.evaluation(model, pairs=pairs).scores) for model in (now, before)]
    chosen = run.inputs.pair_sets[pairs]
    return compare(*scores, chosen.labels, chosen.text_rows, seed=SEED, permutations=1, metrics=(METRIC,))[METRIC]
