"""Runs that are killed, interrupted, crowded and starved: nothing is lost, nothing is left, and verdicts stay the same.

`make test` tries each kind once; `make campaign` as often as docs/campaign.md says.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

import pytest

from .crashes import artefacts, built, ended, faults, forget, half_written, orphans, verdicts

LONG = pytest.mark.campaign
KILLS = {"run": 20, "stage": 15, "forkserver": 15}
"""What is killed, and how often by `make campaign`."""

SIGNALS = {"Ctrl-C": (signal.SIGINT, 8), "SIGTERM": (signal.SIGTERM, 8)}
"""How a run is ended from outside, and how often."""


def moments(kinds):
    """Yield a parameter for each time; the first of a kind is in `make test`."""
    for kind, count in kinds.items():
        for number in range(count):
            yield pytest.param(kind, number, marks=() if number == 0 else LONG, id=f"{kind}-{number}")


@pytest.fixture(scope="module")
def seconds(undisturbed, tmp_path_factory):
    """How long a cold run takes here and now."""
    origin, _ = undisturbed
    forget(origin)
    started = time.monotonic()
    assert 0 == origin.run()[0]
    return time.monotonic() - started


@pytest.fixture
def judged(campaign_table):
    """Enters the outcome in the table, and fails with what was wrong."""

    def judge(kind, wrong):
        campaign_table(kind, not wrong)
        assert not wrong, "\n".join(wrong)

    return judge


def after(project, expected, baseline, output):
    """Return what is wrong after a disturbance: at once, and after the next run."""
    wrong = [f"left running: {words}" for words in orphans(project)]
    wrong += ["a traceback"] if "Traceback" in output or "INTERNALERROR" in output else []
    status, said = project.run()
    wrong += [] if status == 0 else [f"the next run ended with {status}: {said[-2000:]}"]
    return wrong or faults(project, expected, baseline=baseline)


@pytest.mark.parametrize(("kind", "number"), moments(KILLS))
def test_after_a_kill_the_next_run_is_as_if_nothing_had_been(project, seconds, judged, kind, number):
    project, expected = project
    baseline, draw = project.baseline.read_bytes(), random.Random(f"{kind} {number}")
    run = project.start()
    killed = kill_at(project, run, kind, draw.uniform(0.05, 0.95) * seconds)
    status, output = ended(run)
    wrong = after(project, expected, baseline, "" if kind == "run" else output)
    if killed and kind != "run" and status == 0 and verdicts(project) != expected:
        wrong.append("the run whose process was killed ended well, with other verdicts")
    judged(f"kill -9 of the {kind}", wrong)


def kill_at(project, run, kind, moment):
    """Kill a process of a kind at a moment, or the first one after it; false where the run ended before."""
    time.sleep(moment)
    while run.poll() is None:
        for number in project.targets(kind, run)[:1]:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
                return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(("kind", "number"), moments({name: count for name, (_, count) in SIGNALS.items()}))
def test_a_run_that_is_ended_says_so_and_leaves_nothing(project, seconds, judged, kind, number):
    project, expected = project
    baseline, draw = project.baseline.read_bytes(), random.Random(f"{kind} {number}")
    run = project.start()
    time.sleep(draw.uniform(0.05, 0.9) * seconds)
    with suppress(ProcessLookupError):
        (os.killpg if kind == "Ctrl-C" else os.kill)(run.pid, SIGNALS[kind][0])  # a terminal sends it to the group
    status, output = ended(run)
    judged(kind, after(project, expected, baseline, output) + ([] if status or "passed" in output else ["no word"]))


@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=LONG) for number in range(1, 4))])
def test_two_runs_on_one_store_build_nothing_twice_and_agree(project, judged, number):
    project, expected = project
    baseline = project.baseline.read_bytes()
    runs = [project.start(f"--html=reports/{name}/report.html") for name in ("one", "two")]
    time.sleep(0.3 * number)
    found = [ended(run) for run in runs]
    wrong = [f"ended with {status}: {output[-2000:]}" for status, output in found if status != 0]
    wrong += [
        f"{title} was done {times} times" for title, times in built("\n".join(o for _, o in found)).items() if times > 1
    ]
    wrong += [f"{name}: other verdicts" for name in ("one", "two") if verdicts(project, name) != expected]
    judged("two full runs on one store", wrong + after(project, expected, baseline, "".join(o for _, o in found)))


@pytest.mark.campaign
def test_a_gate_beside_a_full_run_and_an_update_beside_workers(project, judged):
    project, expected = project
    baseline = project.baseline.read_bytes()
    gate = project.start("--adapter", str(project.path / "lora"), "--model", "lora", command="gate")
    status, output = project.run()
    gate_status, gate_output = ended(gate)
    wrong = [f"{status} and {gate_status}: {output[-1000:]} {gate_output[-1000:]}"] if status or gate_status else []
    judged("a gate beside a full run", wrong + after(project, expected, baseline, output + gate_output))
    forget(project)
    update = project.start("--update-baselines")
    status, output = project.run("-n", "2", "--html=reports/workers/report.html")
    update_status, update_output = ended(update)
    wrong = (
        [f"{status} and {update_status}: {output[-1000:]} {update_output[-1000:]}"] if status or update_status else []
    )
    judged("two workers beside an update", wrong + after(project, expected, project.baseline.read_bytes(), output))


def test_who_waits_for_a_stopped_run_says_for_which_and_can_be_ended(project, judged):
    project, expected = project
    baseline = project.baseline.read_bytes()
    first = project.start()
    while not (stage := project.targets("stage", first)) and first.poll() is None:
        time.sleep(0.02)
    assert stage
    os.killpg(first.pid, signal.SIGSTOP)
    second = project.start("--html=reports/two/report.html")
    deadline, told = time.monotonic() + 25, False
    while not told and time.monotonic() < deadline:
        told = f"run {first.pid}@" in second.log.read_text(encoding="utf-8")
        time.sleep(0.1)
    os.killpg(second.pid, signal.SIGINT)
    began = time.monotonic()
    ended(second)
    wrong = [] if told else [f"it did not name run {first.pid}: {second.log.read_text()[-1000:]}"]
    wrong += [] if time.monotonic() - began < 20 else ["it could not be ended"]
    first.kill()
    first.wait()
    judged("a stopped run that another waits for", wrong + after(project, expected, baseline, ""))


# --- disks and clocks -------------------------------------------------------------------------------------------------


@contextmanager
def mounted(directory, *options):
    """Mount a file system at a directory; skips where that is not permitted."""
    directory.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", *options, str(directory)], capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def one_clear_error(status, output):
    """Return what is wrong with how a run that cannot go on says so."""
    wrong = [] if status else ["it ended with status 0"]
    wrong += ["a traceback"] if "Traceback" in output or "INTERNALERROR" in output else []
    return wrong + ([] if len(output.splitlines()) < 150 else [f"{len(output.splitlines())} lines"])


@pytest.mark.parametrize("kilobytes", [40, *(pytest.param(size, marks=LONG) for size in (150, 400, 900))])
def test_on_a_full_disk_there_is_one_clear_error(project, judged, kilobytes):
    project, expected = project
    baseline = project.baseline.read_bytes()
    with mounted(project.path / ".harness", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs"):
        status, output = project.run()
        wrong = one_clear_error(status, output) + ([] if "No space left" in output else [f"no reason: {output[-800:]}"])
        wrong += [f"half-written: {path}" for path in half_written(project.store) if path.parent.name != "building"]
    judged("a full disk below the store", wrong + after(project, expected, baseline, ""))


@pytest.mark.parametrize(
    "place", [".harness", pytest.param("reports", marks=LONG), pytest.param("baselines", marks=LONG)]
)
def test_in_a_directory_that_is_only_read_there_is_one_clear_error(project, judged, place):
    project, expected = project
    baseline, directory = project.baseline.read_bytes(), project.path / place
    directory.mkdir(exist_ok=True)
    with mounted(directory, "--bind", str(directory)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(directory)], check=True)
        status, output = project.run(*(["--update-baselines"] if place == "baselines" else []))
        wrong = one_clear_error(status, output) + ([] if "Read-only" in output else [f"no reason: {output[-800:]}"])
    judged(f"{place} that is only read", wrong + after(project, expected, baseline, ""))


@pytest.mark.campaign
@pytest.mark.parametrize("years", [-20, 20])
def test_a_clock_that_jumped_costs_nothing(undisturbed, judged, years):
    project, expected = undisturbed
    baseline, count = project.baseline.read_bytes(), artefacts(project)
    moment = time.time() + years * 365 * 86400
    for path in project.store.rglob("*"):
        os.utime(path, (moment, moment))
    status, output = project.run()
    wrong = [] if status == 0 else [output[-1000:]]
    wrong += [] if artefacts(project) == count and not built(output) else ["something was built again"]
    judged("a store of another time", wrong + faults(project, expected, baseline=baseline))


@pytest.mark.campaign
def test_a_store_of_another_format_is_left_alone_and_everything_is_made_again(project, undisturbed, judged):
    project, expected = project
    baseline = project.baseline.read_bytes()
    shutil.copytree(undisturbed[0].store, project.store)
    for step in [path for path in project.store.iterdir() if path.is_dir()]:
        for number, key in enumerate(sorted(step.iterdir())):
            key.rename(step / f"{number:064x}")  # the format is part of every key
    count = artefacts(project)
    status, output = project.run()
    wrong = [] if status == 0 and artefacts(project) > count else [f"{artefacts(project)} of {count}: {output[-1000:]}"]
    judged("a store of another format", wrong + faults(project, expected, baseline=baseline))
