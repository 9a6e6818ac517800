"""`--update-baselines`: store what a run measures as the case's baseline, unless a hard gate fails."""

from contextlib import suppress
from pathlib import Path

from harness.baselines import changes, read_baseline, write_baseline
from harness.errors import BaselineError
from harness.gates import GATES, NotJudgedError, judge, subjects
from harness.run.calibration import measure_baseline
from harness.run.case_run import CaseRun


def update_baseline(run: CaseRun, path: Path, seeds: int | None) -> list[str]:
    """Store what a run measures, in one rename. Return what changed, a line each.

    Args:
        run: The case's run.
        path: The case's baseline file.
        seeds: Trainings for the tolerances; by default as many as the case says.

    Raises:
        BaselineError: A hard gate fails, or a value is undefined: such a run is no reference. The file stays.
    """
    hard = [(gate, subject) for gate in GATES.values() if gate.hard for subject in subjects(gate, run.inputs)]
    broken = []
    for gate, subject in hard:
        with suppress(NotJudgedError):  # another hard gate fails, and says why
            verdict = judge(run, gate, subject)
            broken += [verdict.text] if verdict.outcome == "fail" else []
    if broken:
        raise BaselineError(
            f"{path}: not updated, hard gates of case {run.inputs.case.name} failed:\n  " + "\n  ".join(broken)
        )
    old = read_baseline(path)
    new = measure_baseline(run, seeds or run.inputs.case.tolerance.seeds)
    changed = changes(old, new)
    if changed:
        write_baseline(path, new)
    return changed
