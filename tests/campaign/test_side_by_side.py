"""Runs side by side on one store: same results, nothing built twice, and nobody waits without knowing for whom."""

import os
import signal

import pytest

from .crashes import SECONDS, end, wait_for

pytestmark = pytest.mark.campaign

PAIRS = {
    "two full runs": (("full", ()), ("full", ("--html", "other/report.html"))),
    "a gate run beside a full run": (("full", ()), ("gate", ("--adapter", "candidate"))),
    "-n 2 beside --update-baselines": (
        ("full", ("--update-baselines",)),
        ("full", ("-n", "2", "--html", "other/r.html")),
    ),
}
TRAINS = "train tiny-"


@pytest.mark.parametrize("kind", PAIRS)
def test_two_runs_on_one_store(whole, trial, table, kind):
    trial.forget("model", "embeddings")
    started = [trial.start(*arguments, kind=run) for run, arguments in PAIRS[kind]]
    ends = [process.wait(2 * SECONDS) for process in started]
    said = [process.log.read_text(errors="replace") for process in started]
    builds = trial.builds()
    wrong = [f"status {status}: {log[-2000:]}" for status, log in zip(ends, said, strict=True) if status != 0]
    wrong += [f"built twice: {build}" for build in set(builds) if builds.count(build) > 1]
    wrong += [] if trial.verdicts() == whole.verdicts or "--update-baselines" in kind else ["other verdicts"]
    wrong += [*trial.faults(), *trial.leftovers()]
    table.add(kind, not wrong, all("Traceback" not in log for log in said))
    assert not wrong
    assert any(build.startswith("model ") for build in builds)


def _two(trial):
    """Start a run that trains, and one that waits for it; return both, and what the second says while it waits."""
    trial.forget("model", "embeddings")
    holder = trial.start()
    assert wait_for(lambda: TRAINS in holder.log.read_text(errors="replace"), holder)
    os.kill(holder.pid, signal.SIGSTOP)
    waiting = trial.start("--html", "other/report.html")
    told = wait_for(lambda: f"run {holder.pid}@" in waiting.log.read_text(errors="replace"), waiting, 60)
    return holder, waiting, told


def test_a_stopped_holder_is_named_and_who_waits_for_it_can_be_ended(whole, trial, table):
    holder, waiting, told = _two(trial)
    os.killpg(waiting.pid, signal.SIGINT)
    status = waiting.wait(30)
    os.kill(holder.pid, signal.SIGCONT)
    ended = holder.wait(SECONDS)
    wrong = [*trial.faults(), *trial.leftovers()]
    table.add("a stopped holder", status == 2 and ended == 0 and not wrong, told)
    assert (status, ended, told, wrong) == (2, 0, True, [])
    assert trial.verdicts() == whole.verdicts


def test_a_killed_holder_is_noticed(whole, trial, table):
    holder, waiting, told = _two(trial)
    end(holder)
    status = waiting.wait(SECONDS)
    wrong = trial.faults()
    trial.run()  # its reports
    same = trial.verdicts() == whole.verdicts and not trial.leftovers()
    table.add("a holder that is killed while another waits", status == 0 and same and not wrong, told)
    assert (status, told, same, wrong) == (0, True, True, [])
