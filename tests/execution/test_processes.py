"""A function runs in a process of its own: its result, its cost, its errors and its death all reach the caller."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import CheckpointError, StageError
from harness.execution.processes import _peak_rss_mb, run_in_process, serve_from_process

if TYPE_CHECKING:
    from collections.abc import Callable


def error_of(function: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(StageError) as caught:
        run_in_process("train tiny", function, arguments)
    return str(caught.value)


def test_a_function_runs_in_another_process_without_the_network_and_at_a_cost(functions: Any) -> None:
    before = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")
    (first, cost), (second, _) = (run_in_process("add", functions.add, {"first": 3, "second": 4}) for _ in range(2))
    assert (7, "1") == (first["sum"], first["offline"])
    assert 3 == len({os.getpid(), first["pid"], second["pid"]})
    assert 0.05 <= cost.seconds < 5
    assert cost.peak_rss_mb is not None
    assert 10 < cost.peak_rss_mb < 5000
    assert before == os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")


def test_progress_arrives_in_its_order(functions: Any) -> None:
    said: list[tuple[float, str]] = []
    progress = lambda *message: said.append(message)  # noqa: E731
    value, _ = run_in_process("report", functions.report, {"count": 200, "progress": progress})
    assert 200 == value
    assert [((number + 1) / 200, f"step {number + 1}/200") for number in range(200)] == said


def test_an_error_of_ours_comes_through_unchanged(functions: Any) -> None:
    with pytest.raises(CheckpointError) as caught:
        run_in_process("train tiny", functions.refuse, {})
    assert ("model.bin: not the model",) == caught.value.args


@pytest.mark.parametrize("name", ["ZeroDivisionError", "EOFError", "KeyError"])
def test_another_error_comes_with_its_traceback_and_the_last_output(functions: Any, name: str) -> None:
    message = error_of(functions.fail, name=name)
    assert message.startswith("train tiny: failed in its process\nTraceback (most recent call last):\n")
    assert 'functions.py", line' in message
    assert f"\n{name}: " in message
    assert message.endswith("\n--- its last output ---\nsaid before\nwarned before")


def test_a_value_that_cannot_be_sent_is_an_error(functions: Any) -> None:
    assert "cannot pickle" in error_of(functions.return_a_lock)


def test_a_killed_process_names_its_signal_and_the_likely_cause(functions: Any) -> None:
    assert (
        "train tiny: its process was killed by SIGKILL; the system kills so when memory runs out. "
        "Nothing was stored: run again"
    ) == error_of(functions.speak_and_die, lines=0)
    shown = error_of(functions.speak_and_die, lines=40).splitlines()[2:]
    assert [f"line {number}" for number in range(25, 40)] == shown


@pytest.mark.parametrize("status", [0, 3])
def test_a_process_that_leaves_without_a_result_is_an_error(functions: Any, status: int) -> None:
    message = error_of(functions.leave, status=status)
    assert f"train tiny: its process ended with status {status} and no result" == message


def test_a_process_that_is_killed_in_the_middle_of_its_answer_was_killed(functions: Any, gone: Any) -> None:
    with pytest.raises(StageError, match="killed by SIGKILL"):
        run_in_process("train", functions.die_while_answering, {"progress": lambda _, pid: gone(int(pid))})


def test_the_peak_memory_of_a_process_is_its_own(functions: Any) -> None:
    before, big, after = (
        run_in_process("allocate", functions.allocate, {"megabytes": size})[1].peak_rss_mb for size in (1, 300, 1)
    )
    assert big - before == pytest.approx(300, abs=30)
    assert before == pytest.approx(after, abs=30)


def test_a_peak_that_the_system_does_not_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert _peak_rss_mb() is None


def test_an_interrupt_leaves_no_process_behind(functions: Any, gone: Any) -> None:
    pids: list[int] = []

    def interrupt(_: float, pid: str) -> None:
        pids.append(int(pid))
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_in_process("wait", functions.wait_forever, {"progress": interrupt})
    assert gone(pids[0], seconds=0.5)
    assert time.monotonic() - started < 5


def test_a_server_answers_each_request_from_one_process_and_ends_with_its_block(functions: Any, gone: Any) -> None:
    answers = []

    def use() -> None:
        with serve_from_process("double", functions.doubling, 2) as ask:
            answers.extend(ask(number) for number in (1, 2, 3))
            os.kill(answers[0][0], signal.SIGINT)  # as Ctrl-C reaches the whole group: the caller decides
            answers.append(ask(4))
            raise LookupError

    with pytest.raises(LookupError):
        use()
    pid = answers[0][0]
    assert [(pid, 2), (pid, 4), (pid, 6), (pid, 8)] == answers
    assert pid != os.getpid()
    assert gone(pid, seconds=0.5)


def test_an_error_of_a_server_is_told_to_the_asker(functions: Any) -> None:
    with pytest.raises(CheckpointError, match=r"^model\.bin: not the model$"):
        serve_from_process("open", functions.refusing_to_start).__enter__()
    with serve_from_process("divide", functions.dividing) as ask:
        assert 0.5 == ask(2)
        with pytest.raises(StageError, match=r"(?s)^divide: failed in its process\n.*ZeroDivisionError"):
            ask(0)


def test_a_server_that_dies_names_its_signal(functions: Any, gone: Any) -> None:
    with serve_from_process("die", functions.dying) as ask, pytest.raises(StageError, match=r"^die: .* by SIGKILL"):
        ask(1)
    with serve_from_process("double", functions.doubling, 2) as ask:
        pid, _ = ask(1)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        with pytest.raises(StageError, match=r"^double: its process was killed by SIGKILL"):
            ask(2)


# In processes of their own: what is preloaded there takes seconds, and is not what these are about.
WITHOUT_PRELOAD = """
import sys
from harness.execution import processes
processes._PRELOAD[:] = []
sys.path.insert(0, sys.argv[1])
"""

WAIT_IN_A_PROCESS = (
    WITHOUT_PRELOAD
    + """
import functions

if __name__ == "__main__":
    said = {"progress": lambda _, pid: print(pid, flush=True)}
    processes.run_in_process("wait", functions.wait_forever, said)
"""
)


@pytest.mark.parametrize(
    ("number", "to_the_group"),
    [(signal.SIGKILL, False), (signal.SIGINT, False), (signal.SIGINT, True)],
    ids=["killed", "interrupted", "ctrl-c"],
)
def test_no_process_outlives_the_one_that_started_it(
    functions: Any, start_script: Any, gone: Any, number: signal.Signals, *, to_the_group: bool
) -> None:
    parent = start_script(WAIT_IN_A_PROCESS, Path(functions.__file__).parent)
    child = int(parent.stdout.readline())
    (os.killpg if to_the_group else os.kill)(parent.pid, number)
    assert gone(child, seconds=5)
    assert -number == parent.wait(10)
    assert ("KeyboardInterrupt" in parent.stderr.read()) == (number == signal.SIGINT)


TORCH_STAYS_OUT = (
    WITHOUT_PRELOAD
    + """
import harness.run.case_run, harness.report, harness.plugin

heavy = "torch transformers sentence_transformers peft sklearn hdbscan umap matplotlib datasets".split()

if __name__ == "__main__":
    imported = [name for name in heavy if name in sys.modules]
    import torch_step
    value, _ = processes.run_in_process("sum", torch_step.sum_of_ones, {"size": 5})
    print(imported, value, [name for name in heavy if name in sys.modules])
"""
)
TORCH_STEP = """
def sum_of_ones(size):
    import torch

    return float(torch.ones(size).sum())
"""


def test_the_starting_process_never_imports_torch(tmp_path: Path, start_script: Any) -> None:
    (tmp_path / "torch_step.py").write_text(TORCH_STEP, encoding="utf-8")
    assert ("[] 5.0 []\n", "") == start_script(TORCH_STAYS_OUT, tmp_path).communicate(timeout=60)
