"""A step runs where its resource says, one model at a time; its result, cost, errors and death reach the caller."""

import os
import sys
import time
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGSTOP

import pytest

from harness.errors import CheckpointError, EncoderError, StageError, StoreError
from harness.execution import MODEL, PROCESS, Context, LocalExecutor, Step, Store, executor
from harness.execution.machine import peak_rss_mb


def run(function, progress=lambda *_: None, **arguments):
    step = Step("train", run=function, result=object, resource=PROCESS)
    return LocalExecutor(Path()).run(step, "train tiny", arguments, Path(), progress)


def error_of(function, **arguments):
    with pytest.raises(StageError) as caught:
        run(function, **arguments)
    return str(caught.value)


@pytest.fixture
def ctx(tmp_path):
    return Context(Store(tmp_path / "store"), LocalExecutor(tmp_path / "store"))


def test_a_step_runs_in_a_process_without_the_network(ctx, functions, tmp_path):
    before, pids = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS"), {os.getpid()}
    for resource in (PROCESS, MODEL):
        step = Step("train", run=functions.train, result=list, resource=resource, files=True)
        made = ctx.artefact(step, log=str(tmp_path / str(resource.slot)))
        pids.add(made.value[0])
        assert ("1", b"weights") == (made.value[1], made.file("weights.bin").read_bytes())
        assert 0.3 <= made.cost.seconds < 5
        assert 10 < made.cost.peak_rss_mb < 5000
    assert 3 == len(pids)
    inline = ctx.artefact(Step("inline", run=os.getpid, result=int, revision=1))
    assert (os.getpid(), None) == (inline.value, inline.cost.peak_rss_mb)
    assert before == os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")


def test_progress_arrives_in_its_order(functions):
    said = []
    value, _ = run(functions.report, lambda *message: said.append(message), count=200)
    assert 200 == value
    assert [(0.0, "starting"), *((number / 200, f"step {number}/200") for number in range(1, 201))] == said


def test_an_error_comes_with_its_traceback_and_the_last_output_and_one_of_ours_unchanged(ctx, functions):
    message, _, output = error_of(functions.fail).partition("\n--- its last output ---\n")
    assert message.startswith("train tiny: failed in its process\nTraceback (most recent call last):\n")
    assert [True] * 2 == [part in message for part in ('functions.py", line', "\nEOFError: at heart")]
    assert {"said before", "warned before"} == set(output.splitlines())
    for start in (lambda: run(functions.refuse), ctx.serve("open", functions.refuse).__enter__):
        with pytest.raises(CheckpointError) as caught:
            start()
        assert ("model.bin: not the model",) == caught.value.args
    with pytest.raises(EncoderError) as failed:
        run(functions.refuse_with_a_log)
    line, *shown = str(failed.value).splitlines()
    assert ("ours.py:3: not today", "--- its last output ---") == (line, shown[0])
    assert {"said before", "warned before"} == set(shown[1:])


@pytest.mark.parametrize("error", ["os", "rust"])
def test_a_full_disk_is_one_sentence_whoever_words_it(functions, error):
    with pytest.raises(StoreError, match=r"^train tiny: .*28\b.*; nothing was stored\. .*run again$"):
        run(functions.fill_the_disk, error=error)


def test_a_killed_process_names_its_signal_and_one_without_a_result_how_it_ended(functions, gone):
    killed, *shown = error_of(functions.speak_and_die, lines=40).splitlines()
    assert killed.startswith("train tiny: its process was killed by SIGKILL; the system kills so when memory runs out")
    assert ["--- its last output ---", *(f"line {number}" for number in range(25, 40))] == shown
    assert killed == error_of(functions.speak_and_die, lines=0)
    for status in (0, 3):
        assert f"ended with status {status} and no result" in error_of(functions.leave, status=status)
    assert "cannot pickle" in error_of(functions.return_a_lock)
    with pytest.raises(StageError, match="killed by SIGKILL"):
        run(functions.die_while_answering, lambda _, pid: pid.isdigit() and gone(int(pid)))


def test_the_peak_memory_of_a_process_is_its_own(functions, monkeypatch):
    before, big, after = (run(functions.allocate, megabytes=size)[1].peak_rss_mb for size in (1, 300, 1))
    assert big - before == pytest.approx(300, abs=30)
    assert before == pytest.approx(after, abs=30)
    monkeypatch.setitem(sys.modules, "resource", None)  # where the system does not tell
    assert peak_rss_mb() is None


@pytest.mark.parametrize("killed", [True, False])
def test_a_killed_or_interrupted_step_leaves_nothing(ctx, functions, gone, killed):
    step = Step("train", run=functions.wait_forever, result=int, resource=MODEL)
    pids = []

    def end(_title, _done, note):
        if note != "starting":
            pids.append(int(note))
            if not killed:
                raise KeyboardInterrupt
            os.kill(pids[0], SIGKILL)

    started = time.monotonic()
    reason = r"^train tiny: its process was killed by SIGKILL.* run again$" if killed else None
    with pytest.raises(StageError if killed else KeyboardInterrupt, match=reason):
        Context(ctx.store, ctx.executor, end).run(step, title="train tiny")
    assert gone(pids[0], seconds=0.5)
    assert time.monotonic() - started < 5
    assert [] == [path for path in ctx.store.root.rglob("*") if path.is_file()]


def test_a_step_that_gives_no_sign_is_ended_and_one_that_cannot_be_started_says_so(functions, gone, monkeypatch):
    monkeypatch.setattr(executor, "_SECONDS_OF_SILENCE", 0.5)
    pids = []
    with pytest.raises(StageError, match=r"^train tiny: process (\d+) gave no sign for .* Run again$") as caught:
        run(functions.wait_forever, lambda _, note: pids.append(note))
    assert pids[1] in str(caught.value)
    assert gone(int(pids[1]), seconds=0.5)
    monkeypatch.setattr("multiprocessing.context.ForkServerProcess._Popen", lambda *_: Path("/nowhere").read_text())
    assert error_of(functions.leave, status=0).startswith("train tiny: its process could not be started (FileNotFound")


def test_a_server_answers_from_one_process_and_ends_with_its_block(ctx, functions, gone):
    answers = []

    def use():
        with ctx.serve("double", functions.doubling, 2) as ask:
            answers.extend(ask(number) for number in (1, 2, 3))
            os.kill(answers[0][0], SIGINT)  # as Ctrl-C reaches the whole group: the caller decides
            answers.append(ask(4))
            raise LookupError

    with pytest.raises(LookupError):
        use()
    pid = answers[0][0]
    assert [(pid, 2), (pid, 4), (pid, 6), (pid, 8)] == answers
    assert pid != os.getpid()
    assert gone(pid, seconds=0.5)


def test_an_error_and_the_death_of_a_server_are_told_to_the_asker(ctx, functions, gone, tmp_path):
    with ctx.serve("double", functions.doubling, 2) as ask:
        assert 4 == ask(2)[1]
        with pytest.raises(StageError, match=r"(?s)^double: failed in its process\n.*ZeroDivisionError"):
            ask(0)
    step = Step("train", run=functions.train, result=list, resource=MODEL, files=True)
    with ctx.serve("double", functions.doubling, 2) as ask:
        pid, _ = ask(1)
        assert pid != ctx.run(step, log=str(tmp_path / "log"))[0]  # who holds the slot does not wait for it
        os.kill(pid, SIGKILL)
        assert gone(pid)
        with pytest.raises(StageError, match=r"^double: its process was killed by SIGKILL"):
            ask(2)


# Several runs, in processes of their own. What is preloaded takes seconds, and is not what these are about.
IN_A_PROCESS = """
import sys
from pathlib import Path
from harness.execution import MODEL, Context, LocalExecutor, Step, Store, executor

executor._PRELOAD[:] = []
sys.path.insert(0, sys.argv[1])
import functions

if __name__ == "__main__":
    store = Store(Path(sys.argv[2]))
    ctx = Context(store, LocalExecutor(store.root), lambda *said: print(*said, sep="|", flush=True))
"""
TRAIN = """
    step = Step("train-" + sys.argv[4], run=functions.train, result=list, resource=MODEL, files=True)
    sys.stdin.readline()
    ctx.run(step, log=sys.argv[3])
"""
SERVE = """
    with ctx.serve("latency tiny", functions.doubling, 2) as ask:
        print(ask(1)[0], flush=True)
        sys.stdin.readline()
"""
WAIT = '    ctx.run(Step("wait", run=functions.wait_forever, result=int, resource=MODEL))'
TORCH_STAYS_OUT = """
    import harness.run.case_run, harness.report, harness.plugin

    heavy = "torch transformers sentence_transformers peft sklearn hdbscan umap matplotlib datasets".split()
    imported = [name for name in heavy if name in sys.modules]
    value = ctx.run(Step("sum", run=functions.sum_of_ones, result=float, resource=MODEL), size=5)
    print(imported, value, [name for name in heavy if name in sys.modules])
"""


@pytest.fixture
def start(functions, tmp_path, start_script):
    """Starts a run with the same store and the same log."""
    fixed = Path(functions.__file__).parent, tmp_path / "store", tmp_path / "log"
    return lambda source, *arguments: start_script(IN_A_PROCESS + source, *fixed, *arguments)


def test_the_starting_process_never_imports_torch(start):
    assert ("sum|0.0|starting\n[] 5.0 []\n", "") == start(TORCH_STAYS_OUT).communicate(timeout=60)


@pytest.mark.parametrize(("end", "number"), [(os.kill, SIGKILL), (os.kill, SIGINT), (os.killpg, SIGINT)])
@pytest.mark.parametrize("stopped", [False, True])
def test_no_process_outlives_the_one_that_started_it(start, gone, end, number, stopped):
    parent = start(WAIT)
    assert "wait|0.0|starting\n" == parent.stdout.readline()
    child = int(parent.stdout.readline().rpartition("|")[2])
    if stopped:
        os.kill(child, SIGSTOP)
    end(parent.pid, number)
    assert gone(child, seconds=5)
    assert -number == parent.wait(10)
    assert ("KeyboardInterrupt" in parent.stderr.read()) == (number == SIGINT)


def test_no_two_processes_have_a_model_in_memory_at_once(tmp_path, start):
    processes = [start(TRAIN, number) for number in range(3)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [""] * 3 == [process.communicate(timeout=30)[1] for process in processes]
    assert ["start", "end"] * 3 == (tmp_path / "log").read_text(encoding="utf-8").split()


def test_who_waits_for_the_slot_is_told_who_has_it_and_gets_it_when_that_one_is_killed(tmp_path, start, gone):
    holder = start(SERVE)
    child = int(holder.stdout.readline())
    waiting = start(TRAIN, 1)
    waiting.stdin.write("\n")
    waiting.stdin.flush()
    assert waiting.stdout.readline().startswith(f"train-1|0.0|waiting for the model slot of run {holder.pid}@")
    assert not (tmp_path / "log").exists()
    holder.send_signal(SIGKILL)
    holder.wait(10)
    started = time.monotonic()
    assert ("train-1|0.0|starting\ntrain-1|1.0|done\n", "") == waiting.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert gone(child)
