"""How often the 95 % intervals hold the value that they are about: a simulation of minutes, `make intervals`.

The scores of both classes are normal, so the true AUC and the true best F1 are known. In the clustered design five
pairs share a text and half of the variance.
"""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binomtest

from harness.statistics import intervals

from ..tables import written

pytestmark = pytest.mark.coverage

SETS = 300
SIZES = (50, 100, 295, 1500)
DESIGNS = {"ordinary": (1.0, 1), "strong": (3.0, 1), "clustered": (1.0, 5), "strong and clustered": (3.0, 5)}
"""Distance of the classes in standard deviations, and pairs that share a text."""


def draw(rng, size, distance, together):
    group = np.arange(size) // together
    shared = np.sqrt(0.5) if together > 1 else 0.0
    noise = shared * rng.normal(size=size)[group] + np.sqrt(1 - shared**2) * rng.normal(size=size)
    labels = np.arange(size) % 2
    return noise + distance * labels, labels, np.stack([group, group], axis=1)


def true_values(distance):
    thresholds = np.linspace(-4, distance + 4, 20_001)
    tp, fp = 0.5 * ndtr(distance - thresholds), 0.5 * ndtr(-thresholds)
    return {
        "auc_roc": float(ndtr(distance / np.sqrt(2))),
        "best_f1": float((2 * tp / (tp + fp + 0.5)).max()),
        "margin": distance,
        "cohens_d": distance,
    }


@pytest.fixture(scope="module")
def table():
    """Collects the rows, and writes them as Markdown to the file that the variable `INTERVALS_TABLE` names."""
    rows = []

    def write(path):
        lines = "".join(f"| {' | '.join(row)} |\n" for row in sorted(rows))
        path.write_text(PAGE + lines, encoding="utf-8")

    yield from written("INTERVALS_TABLE", rows, write)


PAGE = f"""# Intervals, tried on simulated pairs

How often a 95 % interval holds the true value, over {SETS} sets of pairs each, with the mean width of the intervals
behind it. `make intervals` simulates it again, in minutes, and writes this page. By chance alone a share of 0.95 comes
out between 0.92 and 0.97.

The scores of both classes are normal, one standard deviation apart (ordinary: AUC 0.76) or three (strong: AUC 0.98);
clustered, five pairs share a text and half of the variance. The AUC has a score interval with the variance of the
bootstrap. The best F1 has one that is normal on the logit scale, moved down by the bias of the resamples, and none
where the best threshold leaves fewer than two wrong pairs (how many sets have none stands behind it); it errs on the
wide side in small sets. Margin and Cohen's d have percentiles.

| pairs | scores | AUC-ROC | best F1 | margin | Cohen's d |
|---|---|---|---|---|---|
"""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_hold_the_true_value_as_often_as_they_say(size, design, table):
    distance, together = DESIGNS[design]
    true = true_values(distance)
    found = {name: [] for name in true}
    for number in range(SETS):
        rng = np.random.default_rng((number, size, *design.encode()))
        for name, interval in intervals(*draw(rng, size, distance, together), seed=number, resamples=500).items():
            if name in true and not interval.reason:
                found[name].append(interval)
    held = {name: sum(one.low <= true[name] <= one.high for one in each) for name, each in found.items()}
    table.append((f"{size:5,}", design, *(shown(held[name], found[name]) for name in found)))
    assert {SETS} == {len(found[name]) for name in found if name != "best_f1"}
    for name, most in (("auc_roc", 0.97), ("best_f1", 1.0)):
        low, high = binomtest(held[name], len(found[name])).proportion_ci(0.99)
        assert (low <= most, high >= 0.93) == (True, True), (name, held[name] / len(found[name]))


def shown(held, found):
    width = np.mean([one.high - one.low for one in found])
    without = f", {SETS - len(found)} without" if len(found) < SETS else ""
    return f"{held / len(found):.3f} ({width:.3f}{without})"
