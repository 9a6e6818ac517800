"""Every gate of every case, a test a verdict.

The rows of `harness.gates.GATES` say which gates there are, what each is judged for, and in which runs it is chosen.
"""


def test_gate(gate, subject, judge):
    """One gate holds for one subject."""
    judge(gate, subject)
