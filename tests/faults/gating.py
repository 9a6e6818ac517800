"""The gates of `pytest evals/ -m gate`, one after the other, in this process."""

import math
import warnings
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.execution import Cost, Executor, InlineExecutor
from harness.gates import GATES, NotJudgedError, Skipped, Verdict, judge, subjects
from harness.models import EMBEDDINGS
from harness.verification import VERIFY_LOAD_PATHS, VERIFY_OPENED


def verdicts_of(run):
    """Judge every gate on the candidate, in the order of the table; who wants the first need not wait for the last."""
    for gate in GATES.values():
        for subject in subjects(gate, run.inputs) if "gate" in gate.runs else ():
            try:
                yield judge(run, gate, subject)
            except NotJudgedError as error:
                yield Skipped(gate=gate.name, subject=subject, cause=error.cause)
            except HarnessError as error:  # fails the gate's test
                nothing, message = math.nan, f"not measured: {error}"
                yield Verdict(
                    gate=gate.name,
                    subject=subject,
                    outcome="fail",
                    observed=nothing,
                    reference=nothing,
                    message=message,
                )


def with_outcome(found, outcome):
    """Return the verdicts with an outcome."""
    return [verdict for verdict in found if isinstance(verdict, Verdict) and verdict.outcome == outcome]


@dataclass(frozen=True)
class InThisProcess:
    """An executor that opens candidates in this process, where all that they need is imported: a tenth of the time.

    Attributes:
        executor: Runs the other steps; encoding in a process of its own, whose peak memory a gate asks for.
        load_paths: Whether a candidate is opened by its load paths; if not, none is found.
    """

    executor: Executor
    load_paths: bool
    jobs = 1

    def run(self, step, title, arguments, out, progress):
        if step is VERIFY_LOAD_PATHS and not self.load_paths:
            from safetensors.numpy import save_file

            save_file({}, out / EMBEDDINGS)
            return step.result(settings={}, errors={}), Cost(0.0)
        if step not in (VERIFY_OPENED, VERIFY_LOAD_PATHS):
            return self.executor.run(step, title, arguments, out, progress)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no errors, as in a process of its own
            return InlineExecutor().run(step, title, arguments, out, progress)

    def serve(self, title, function, *arguments, progress):
        return self.executor.serve(title, function, *arguments, progress=progress)
