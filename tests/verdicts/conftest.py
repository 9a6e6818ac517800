"""The table of what retrainings and forgetful models showed."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.gates import Verdict

HEAD = """\
# Verdicts, tried on real models

Simulation says how often an equally good training fails (a false alarm), and the smallest drop that is caught with 95 %
probability (`python -m harness power`). `make verdicts` tries both on models that were really trained, and writes this
file.

## Trainings that are as good

Each model of the shipped cases, trained with seeds that no tolerance comes from: false alarms are trainings with a
comparison that fails. The cases allow 5 %, by their `tolerance.confidence`.
"""

PLANTED = """
## Drops

Each of these models was made to forget: its weights were taken a share of the way back to the base's, in the steps of
`tests/verdicts/test_retrainings.py`, until the value had dropped by at least twice what the simulation says is seen.
Caught is what fails; what is not is inconclusive, a warning. Where no model can drop as far, nothing can be planted.
"""


@pytest.fixture(scope="session")
def verdicts_table() -> Iterator[VerdictsTable]:
    """Collects what was found, and writes it as Markdown to the file that the variable `VERDICTS_TABLE` names."""
    table = VerdictsTable()
    yield table
    if os.environ.get("VERDICTS_TABLE"):
        table.write(Path(os.environ["VERDICTS_TABLE"]))


class VerdictsTable:
    """False alarms and planted drops, counted."""

    def __init__(self) -> None:
        self._retrained: dict[tuple[str, str], list[Counter[str]]] = defaultdict(list)
        self._alarms: list[str] = []
        self._planted: dict[tuple[str, str, str], list[tuple[float, float | None, bool]]] = defaultdict(list)

    def retrained(self, case: str, model: str, outcomes: Sequence[str], failed: Sequence[str]) -> None:
        """Adds a training with the outcomes of all its comparisons, and what those that failed say."""
        self._retrained[case, model].append(Counter(outcomes))
        self._alarms += [f"{case}, {message}" for message in failed]

    def planted(
        self, case: str, model: str, comparison: str, seen: float, drop: float | None, verdict: Verdict | None
    ) -> None:
        """Adds a drop, None where it could not be planted, beside the one that the gate is said to see."""
        caught = verdict is not None and verdict.verdict == "fail"
        self._planted[case, model, comparison].append((seen, drop, caught))

    def write(self, path: Path) -> None:
        """Writes both tables."""
        from harness.gates import NOW_WRONG
        from harness.report.github import markdown_text, table
        from harness.execution.store import write_whole

        trainings = [
            (
                case,
                model,
                str(len(found)),
                str(sum(outcomes["fail"] > 0 for outcomes in found)),
                str(sum(outcomes["inconclusive"] > 0 for outcomes in found)),
            )
            for (case, model), found in self._retrained.items()
        ]
        drops = []
        for (case, model, comparison), found in self._planted.items():
            planted = [drop for _, drop, _ in found if drop is not None]
            caught = sum(caught for *_, caught in found)
            drops.append(
                (
                    case,
                    model,
                    comparison,
                    "none" if math.isnan(found[0][0]) else f"{found[0][0]:.3f}",
                    f"{mean(planted):.3f}" if planted else "-",
                    f"{caught} of {len(planted)}" if planted else "-",
                )
            )
        lines = [
            HEAD,
            *table(("case", "model", "trainings", "false alarms", "with a warning"), trainings),
            "",
            *(f"- {markdown_text(alarm.split(NOW_WRONG)[0])}" for alarm in self._alarms),
            PLANTED,
            *table(("case", "model", "value", "drop seen", "planted, mean", "caught"), drops),
        ]
        write_whole(path, "\n".join(lines) + "\n")
