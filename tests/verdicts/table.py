"""The tables of what retrainings and forgetful models showed, in `docs/verdicts.md`."""

import math
from collections import Counter, defaultdict
from statistics import mean

import numpy as np

from harness.execution import write_whole
from harness.report.github import markdown_text, table
from harness.text import percent

HEAD = """\
# Verdicts, tried on real models

Simulation says how often an equally good training fails (a false alarm), and the smallest drop that is caught with 95 %
probability (`embedding-harness power`). `make verdicts` tries both on models that were really trained, and writes this
file.

## Trainings that are as good

Each model of the shipped cases, trained with seeds that no tolerance comes from: false alarms are trainings with a
comparison that fails. The cases allow 5 %, by their `tolerance.confidence`.
"""

CALIBRATED = """
## Calibrations

A model is calibrated once and retrained many times. The first two layers of the shipped base are trained for one epoch
with 24 seeds (`tests/verdicts/test_calibrations.py`); 200 times eight of them are drawn to calibrate on, one of these
as the stored one, and the others are judged.
"""

PLANTED = """
## Drops

Each of these models was made to forget: its weights were taken a share of the way back to the base's, in the steps of
`tests/verdicts/test_retrainings.py`, until the value had dropped by at least twice what the simulation says is seen.
Caught is what fails; what is not is inconclusive, a warning. Where no model can drop as far, nothing can be planted.
"""


class VerdictsTable:
    """False alarms and planted drops, counted."""

    def __init__(self):
        self._retrained: dict[tuple[str, str], list[Counter[str]]] = defaultdict(list)
        self._alarms: list[str] = []
        self._calibrated: list[tuple[str, ...]] = []
        self._planted: dict[tuple[str, str, str], list[tuple[float, float | None, bool]]] = defaultdict(list)

    def retrained(self, case, model, seed, verdicts):
        """Add a training with the verdicts on all its comparisons."""
        self._retrained[case, model].append(Counter(verdict.outcome for verdict in verdicts))
        failed = [verdict.message for verdict in verdicts if verdict.outcome == "fail"]
        self._alarms += [f"{case}, seed {seed}: {message}" for message in failed]

    def calibrated(self, model, trainings, shares):
        """Add the share of good trainings that fail under each calibration."""
        mean_share, often = np.mean(shares), np.quantile(shares, 0.95)
        more = np.mean(np.array(shares) > 0.15)
        row = (model, str(trainings), str(len(shares)), percent(mean_share, 1), percent(often, 1), percent(more, 1))
        self._calibrated.append(row)

    def planted(self, case, model, value, seen, drop, verdict):
        """Add a drop, None where it could not be planted, beside the one that the gate is said to see."""
        self._planted[case, model, value].append((seen, drop, verdict is not None and verdict.outcome == "fail"))

    def write(self, path):
        """Write both tables."""
        trainings = []
        for key, found in self._retrained.items():
            failed, warned = (sum(one[outcome] > 0 for one in found) for outcome in ("fail", "inconclusive"))
            trainings.append((*key, str(len(found)), str(failed), str(warned)))
        drops = []
        for about, rows in self._planted.items():
            planted = [drop for _, drop, _ in rows if drop is not None]
            seen = "none" if math.isnan(rows[0][0]) else f"{rows[0][0]:.3f}"
            caught = f"{sum(caught for *_, caught in rows)} of {len(planted)}" if planted else "-"
            drops.append((*about, seen, f"{mean(planted):.3f}" if planted else "-", caught))
        lines = [
            HEAD,
            *table(("case", "model", "trainings", "false alarms", "with a warning"), trainings),
            "",
            *(f"- {markdown_text(alarm)}" for alarm in self._alarms),
            CALIBRATED,
            *table(
                ("model", "trainings", "calibrations", "false alarms", "of one calibration in 20", "more than 15 %"),
                self._calibrated,
            ),
            PLANTED,
            *table(("case", "model", "value", "drop seen", "planted, mean", "caught"), drops),
        ]
        write_whole(path, "\n".join(lines) + "\n")
