"""Runs that are killed or interrupted: the next one gives the same verdicts. `make campaign` tries more moments."""

import os
import random
import signal
import time

import pytest

from .crashes import victim, wait_for

KILLED = ("run", "stage", "forkserver")
NUMBER = int(os.environ.get("CAMPAIGN_KILLS", "50"))
"""Of kills in the long form; of Ctrl-C and of SIGTERM a quarter each."""

CASES = [
    *(("kill -9", KILLED[number % 3], number) for number in range(NUMBER)),
    *(("Ctrl-C", "run", number) for number in range(NUMBER // 4)),
    *(("SIGTERM", "run", number) for number in range(NUMBER // 4)),
]
FORGOTTEN = (("model", "embeddings"), ("embeddings",), ("embeddings", "evaluation", "uncertainty", "power"))
"""Steps of which a run finds nothing in the store."""


def disturb(whole, trial, sent, who, rng):
    """Start a run, and kill or interrupt it at a moment drawn by its time or by its output; return it ended."""
    trial.forget(*rng.choice(FORGOTTEN))
    process = trial.start()
    if rng.random() < 0.5:
        moment = time.monotonic() + rng.random() * whole.seconds
        reached = wait_for(lambda: time.monotonic() > moment, process)
    else:  # most of the lines come late, while it judges and reports
        line = rng.randrange(whole.lines)
        reached = wait_for(lambda: process.log.read_bytes().count(b"\n") > line, process)
    if reached and wait_for(lambda: victim(trial, process, who), process):
        try:
            if sent == "Ctrl-C":
                os.killpg(process.pid, signal.SIGINT)
            else:
                os.kill(victim(trial, process, who), signal.SIGKILL if sent == "kill -9" else signal.SIGTERM)
        except (ProcessLookupError, TypeError):  # it had ended by itself
            pass
    process.wait(60 if who == "run" else 240)
    return process


def follow_up(whole, trial):
    """Return what is wrong after an undisturbed run: a sentence each."""
    wrong = trial.faults()
    status, said = trial.run()
    if status != 0:
        return [*wrong, f"the next run ended with {status}: {said[-2000:]}"]
    wrong += [
        f"{key}: {found}, undisturbed {whole.verdicts.get(key)}"
        for key, found in trial.verdicts().items()
        if found != whole.verdicts.get(key)
    ]
    wrong += [] if len(trial.verdicts()) == len(whole.verdicts) else ["another number of verdicts"]
    return [*wrong, *trial.faults(), *(f"left: {name}" for name in trial.leftovers())]


def reason_of(process, sent, who):
    """Return what the disturbed run itself did wrong: a sentence each."""
    said = process.log.read_text(errors="replace")
    collected = " collected" in said  # before that, Ctrl-C ends pytest as it ends Python
    wrong = [f"a traceback: {said[-3000:]}"] if collected and ("Traceback" in said or "INTERNALERROR" in said) else []
    told = {"stage": "killed by SIGKILL", "forkserver": ""}
    if who != "run" and process.returncode not in (0, -signal.SIGKILL) and told[who] not in said:
        wrong.append(f"not said that it was killed: {said[-3000:]}")
    if sent != "kill -9" and process.returncode not in (0, 2, -signal.SIGTERM, -signal.SIGINT):
        wrong.append(f"status {process.returncode}: {said[-3000:]}")
    return wrong


@pytest.mark.parametrize(("sent", "who"), [("kill -9", "stage")])
def test_after_a_run_that_was_stopped_the_next_one_has_the_same_verdicts(whole, trial, sent, who):
    process = disturb(whole, trial, sent, who, random.Random(f"{sent} {who}"))
    assert not [*follow_up(whole, trial), *reason_of(process, sent, who)]


@pytest.mark.campaign
@pytest.mark.parametrize(("sent", "who", "number"), CASES)
def test_at_any_moment(whole, trial, table, sent, who, number):
    process = disturb(whole, trial, sent, who, random.Random(f"{sent} {who} {number}"))
    left = trial.leftovers() if sent != "kill -9" else []
    wrong = [*follow_up(whole, trial), *(f"left by {sent}: {name}" for name in left)]
    reasons = reason_of(process, sent, who)
    table.add(f"{sent} of the {who}", not wrong, not reasons)
    assert not [*wrong, *reasons]
