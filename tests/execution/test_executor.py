"""The local executor runs a step where its resource says, and one model at a time on a machine."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StageError
from harness.execution import INLINE, MODEL, PROCESS, Context, LocalExecutor, Step, Store


def where_am_i() -> int:
    return os.getpid()


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(Store(tmp_path / "store"), LocalExecutor(tmp_path / "store"))


@pytest.mark.parametrize("resource", [PROCESS, MODEL])
def test_a_step_runs_in_a_process_and_leaves_its_files(
    ctx: Context, functions: Any, tmp_path: Path, resource: Any
) -> None:
    step = Step("train", run=functions.take_a_while, result=int, resource=resource, files=True)
    made = ctx.artefact(step, log=str(tmp_path / "log"))
    assert made.value != os.getpid()
    assert b"weights" == made.file("weights.bin").read_bytes()
    assert 0.3 <= made.cost.seconds < 5
    assert made.cost.peak_rss_mb is not None


def test_an_inline_step_runs_here_and_has_no_memory_of_its_own(ctx: Context) -> None:
    made = ctx.artefact(Step("where", run=where_am_i, result=int, resource=INLINE))
    assert (os.getpid(), None) == (made.value, made.cost.peak_rss_mb)


def test_a_killed_step_leaves_no_artefact_and_no_lock(ctx: Context, functions: Any) -> None:
    step = Step("train", run=functions.wait_forever, result=int, resource=MODEL)

    def kill(_title: str, _done: float, note: str) -> None:
        if note != "starting":
            os.kill(int(note), signal.SIGKILL)

    killing = Context(ctx.store, ctx.executor, kill)
    with pytest.raises(StageError, match=r"^train tiny: its process was killed by SIGKILL.* run again$"):
        killing.run(step, title="train tiny")
    assert [] == [path for path in ctx.store.root.rglob("*") if path.is_file()]


IN_A_PROCESS = """
import sys
from pathlib import Path

from harness.execution import MODEL, Context, LocalExecutor, Step, Store, processes

processes._PRELOAD[:] = []
sys.path.insert(0, sys.argv[1])
import functions

if __name__ == "__main__":
    store = Store(Path(sys.argv[2]))
    ctx = Context(store, LocalExecutor(store.root), lambda *said: print(*said, sep="|", flush=True))
"""
TAKE_A_WHILE = (
    IN_A_PROCESS
    + """
    step = Step("train-" + sys.argv[4], run=functions.take_a_while, result=int, resource=MODEL, files=True)
    sys.stdin.readline()
    ctx.run(step, log=sys.argv[3])
"""
)
SERVE = (
    IN_A_PROCESS
    + """
    with ctx.serve("latency tiny", functions.doubling, 2) as ask:
        print(ask(1)[0], flush=True)
        sys.stdin.readline()
"""
)


def test_no_two_processes_have_a_model_in_memory_at_once(functions: Any, tmp_path: Path, start_script: Any) -> None:
    log, directory = tmp_path / "log", Path(functions.__file__).parent
    processes = [start_script(TAKE_A_WHILE, directory, tmp_path / "store", log, number) for number in range(3)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [""] * 3 == [process.communicate(timeout=30)[1] for process in processes]
    assert ["start", "end"] * 3 == log.read_text(encoding="utf-8").split()


def test_who_waits_for_the_slot_is_told_who_has_it_and_gets_it_when_that_one_is_killed(
    functions: Any, tmp_path: Path, start_script: Any, gone: Any
) -> None:
    directory, store = Path(functions.__file__).parent, tmp_path / "store"
    holder = start_script(SERVE, directory, store)
    child = int(holder.stdout.readline())
    waiting = start_script(TAKE_A_WHILE, directory, store, tmp_path / "log", 1)
    waiting.stdin.write("\n")
    waiting.stdin.flush()
    assert waiting.stdout.readline().startswith(f"train-1|0.0|waiting for the model slot of run {holder.pid}@")
    assert not (tmp_path / "log").exists()
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    started = time.monotonic()
    assert ("train-1|0.0|starting\ntrain-1|1.0|done\n", "") == waiting.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert gone(child)


def test_the_slot_never_waits_for_the_one_who_holds_it(ctx: Context, functions: Any, tmp_path: Path) -> None:
    step = Step("train", run=functions.take_a_while, result=int, resource=MODEL, files=True)
    with ctx.serve("latency", functions.doubling, 2) as ask:
        assert ask(2)[0] != ctx.run(step, log=str(tmp_path / "log"))
