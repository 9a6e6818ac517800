"""The audit of the pairs of several cases, by itself."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.gates import GATES, Verdict, judge, subjects
from harness.run.session import open_session


def audit_of_cases(root: Path, paths: Sequence[Path]) -> Iterator[tuple[str, list[Verdict]]]:
    """Judge the data of each case: its name, and a verdict for each check; opens no model.

    Args:
        root: Directory of `fixtures/` and of the store.
        paths: Case files; by default every `fixtures/*/case.toml`.

    Raises:
        HarnessError: A case is not what it should be.
    """
    session, gate = open_session(root, paths, lambda *_: None), GATES["audit"]
    for name, inputs in session.cases.items():
        run = session.run(name)
        yield name, [judge(run, gate, subject) for subject in subjects(gate, inputs)]
