"""The audit of the pairs of several cases, by itself."""

from collections.abc import Iterator

from harness.gates import GATES, Verdict, judge, subjects
from harness.run.session import open_session
from harness.run.settings import Settings


def audit_of_cases(settings: Settings) -> Iterator[tuple[str, list[Verdict]]]:
    """Judge the data of each case: its name, and a verdict for each check; opens no model.

    Raises:
        HarnessError: A case is not what it should be.
    """
    session, gate = open_session(settings, lambda *_: None), GATES["audit"]
    for name, inputs in session.cases.items():
        run = session.run(name)
        yield name, [judge(run, gate, subject) for subject in subjects(gate, inputs)]
