"""A stage runs in a process of its own: its result, its cost, its errors and its death all reach the caller."""

from __future__ import annotations

import importlib
import math
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import CheckpointError, StageError
from harness.stages import _peak_rss_mb, run_stage, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FUNCTIONS = """
import os
import signal
import sys
import threading
import time

import numpy as np

from harness.errors import CheckpointError


def add(first, second, progress):
    time.sleep(0.05)
    return {"sum": first + second}


def report(count, progress):
    for number in range(count):
        progress((number + 1) / count, f"step {number + 1}/{count}")
    return count


def refuse(progress):
    raise CheckpointError("model.bin: not the model")


def fail(name, progress):
    print("said before", flush=True)
    print("warned before", file=sys.stderr, flush=True)
    raise {"ZeroDivisionError": ZeroDivisionError, "EOFError": EOFError, "KeyError": KeyError}[name]("at heart")


def speak_and_die(lines, progress):
    for number in range(lines):
        print("line", number, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(status, progress):
    os._exit(status)


def die_while_answering(progress):
    progress(0.0, str(os.getpid()))
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return b"x" * 50_000_000


def return_a_lock(progress):
    return threading.Lock()


def allocate(megabytes, progress):
    return float(np.ones(megabytes * 1_000_000, dtype=np.uint8)[-1])


def describe(progress):
    return {"pid": os.getpid(), "offline": os.environ.get("HF_HUB_OFFLINE")}


def wait_forever(progress):
    progress(0.0, str(os.getpid()))
    time.sleep(600)


def doubling(first):
    factor = first
    request = yield None
    while True:
        request = yield (os.getpid(), factor * request)


def dividing():
    request = yield None
    while True:
        request = yield 1 / request


def refusing_to_start():
    raise CheckpointError("model.bin: not the model")
    yield None


def dying():
    request = yield None
    os.kill(os.getpid(), signal.SIGKILL)
    yield None


def ending():
    yield None
    yield "only answer"
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("importable")
    (directory / "stage_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    sys.path.insert(0, str(directory))
    yield importlib.import_module("stage_functions")
    sys.path.remove(str(directory))
    del sys.modules["stage_functions"]


def silent(*_: object) -> None: ...


def error_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(StageError) as caught:
        run_stage("train tiny", function, *arguments, on_progress=silent)
    return str(caught.value)


def test_a_stage_returns_its_value_and_its_cost(functions: Any) -> None:
    result = run_stage("add", functions.add, 3, 4, on_progress=silent)
    assert {"sum": 7} == result.value
    assert 0.05 <= result.seconds < 5
    assert 10 < result.peak_rss_mb < 5000


def test_a_stage_is_another_process_without_the_network(functions: Any) -> None:
    before = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")
    described = [run_stage("describe", functions.describe, on_progress=silent).value for _ in range(2)]
    assert 3 == len({os.getpid(), *(value["pid"] for value in described)})
    assert {"1"} == {value["offline"] for value in described}
    assert before == os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")


def test_progress_arrives_in_its_order(functions: Any) -> None:
    said: list[tuple[float, str]] = []
    result = run_stage("report", functions.report, 200, on_progress=lambda *message: said.append(message))
    assert 200 == result.value
    assert [((number + 1) / 200, f"step {number + 1}/200") for number in range(200)] == said


def test_an_error_of_ours_comes_through_unchanged(functions: Any) -> None:
    with pytest.raises(CheckpointError) as caught:
        run_stage("train tiny", functions.refuse, on_progress=silent)
    assert ("model.bin: not the model",) == caught.value.args


@pytest.mark.parametrize("name", ["ZeroDivisionError", "EOFError", "KeyError"])
def test_another_error_comes_with_its_traceback_and_the_last_output(functions: Any, name: str) -> None:
    message = error_of(functions.fail, name)
    assert message.startswith("train tiny: failed in its process\nTraceback (most recent call last):\n")
    assert 'stage_functions.py", line' in message
    assert f"\n{name}: " in message
    assert message.endswith("\n--- its last output ---\nsaid before\nwarned before")


def test_a_value_that_cannot_be_sent_is_an_error_of_the_stage(functions: Any) -> None:
    assert "cannot pickle" in error_of(functions.return_a_lock)


def test_a_killed_stage_names_its_signal_and_the_likely_cause(functions: Any) -> None:
    message = error_of(functions.speak_and_die, 0)
    assert (
        "train tiny: its process was killed by SIGKILL; the system kills so when memory runs out. "
        "Nothing was stored: run again"
    ) == message


def test_of_the_output_the_last_lines_are_shown(functions: Any) -> None:
    message = error_of(functions.speak_and_die, 40)
    assert [f"line {number}" for number in range(25, 40)] == message.splitlines()[2:]


@pytest.mark.parametrize("status", [0, 3])
def test_a_stage_that_leaves_without_a_result_is_an_error(functions: Any, status: int) -> None:
    assert f"train tiny: its process ended with status {status} and no result" == error_of(functions.leave, status)


def test_a_stage_that_is_killed_in_the_middle_of_its_answer_is_a_killed_stage(functions: Any, gone: Any) -> None:
    with pytest.raises(StageError, match="killed by SIGKILL"):
        run_stage("train", functions.die_while_answering, on_progress=lambda _, pid: gone(int(pid)))


def test_the_peak_memory_of_a_stage_is_its_own(functions: Any) -> None:
    before, big, after = (
        run_stage("allocate", functions.allocate, size, on_progress=silent).peak_rss_mb for size in (1, 300, 1)
    )
    assert big - before == pytest.approx(300, abs=30)
    assert before == pytest.approx(after, abs=30)


def test_a_peak_that_the_system_does_not_tell_is_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert math.isnan(_peak_rss_mb())


def test_an_interrupt_leaves_no_stage_behind(functions: Any, gone: Any) -> None:
    pids: list[int] = []

    def interrupt(_: float, pid: str) -> None:
        pids.append(int(pid))
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_stage("wait", functions.wait_forever, on_progress=interrupt)
    assert gone(pids[0], seconds=0.5)
    assert time.monotonic() - started < 5


def test_a_served_stage_answers_each_request_from_one_process(functions: Any) -> None:
    with serving("double", functions.doubling, 2) as ask:
        answers = [ask(number) for number in (1, 2, 3)]
    assert [2, 4, 6] == [answer for _, answer in answers]
    assert 1 == len({pid for pid, _ in answers} - {os.getpid()})


def test_an_interrupt_is_for_the_caller_to_decide_and_not_for_the_stage(functions: Any) -> None:
    with serving("double", functions.doubling, 2) as ask:
        pid, _ = ask(1)
        os.kill(pid, signal.SIGINT)  # as Ctrl-C reaches the whole group of the terminal
        assert (pid, 6) == ask(3)


def test_a_served_stage_ends_with_its_block(functions: Any, gone: Any) -> None:
    with serving("double", functions.doubling, 2) as ask:
        pid, _ = ask(1)
    assert gone(pid, seconds=0.5)


def test_a_served_stage_ends_with_an_error_in_its_block(functions: Any, gone: Any) -> None:
    pids = []

    def use() -> None:
        with serving("double", functions.doubling, 2) as ask:
            pids.append(ask(1)[0])
            raise LookupError

    with pytest.raises(LookupError):
        use()
    assert gone(pids[0], seconds=0.5)


def test_an_error_while_answering_is_told_to_the_asker(functions: Any) -> None:
    with serving("divide", functions.dividing) as ask:
        assert 0.5 == ask(2)
        with pytest.raises(StageError, match=r"(?s)^divide: failed in its process\n.*ZeroDivisionError"):
            ask(0)


def test_an_error_of_ours_while_preparing_comes_through_unchanged(functions: Any) -> None:
    served = serving("open", functions.refusing_to_start)
    with pytest.raises(CheckpointError, match=r"^model\.bin: not the model$"):
        served.__enter__()


def test_a_served_stage_that_dies_of_a_request_names_its_signal(functions: Any) -> None:
    with serving("die", functions.dying) as ask, pytest.raises(StageError, match=r"^die: .* killed by SIGKILL"):
        ask(1)


def test_a_served_stage_that_died_between_two_requests_names_its_signal(functions: Any, gone: Any) -> None:
    with serving("double", functions.doubling, 2) as ask:
        pid, _ = ask(1)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        with pytest.raises(StageError, match=r"^double: its process was killed by SIGKILL"):
            ask(2)


def test_a_served_stage_that_has_no_more_answers_is_an_error(functions: Any) -> None:
    with serving("end", functions.ending) as ask:
        assert "only answer" == ask(1)
        with pytest.raises(StageError, match="StopIteration"):
            ask(2)


# In processes of their own: what is preloaded there takes seconds, and is not what these are about.
WITHOUT_PRELOAD = """
import sys
from harness import stages
stages._PRELOAD[:] = []
"""

WAIT_IN_A_STAGE = (
    WITHOUT_PRELOAD
    + """
sys.path.insert(0, sys.argv[1])
import stage_functions

if __name__ == "__main__":
    stages.run_stage("wait", stage_functions.wait_forever, on_progress=lambda _, pid: print(pid, flush=True))
"""
)


@pytest.mark.parametrize(
    ("number", "to_the_group"),
    [(signal.SIGKILL, False), (signal.SIGINT, False), (signal.SIGINT, True)],
    ids=["killed", "interrupted", "ctrl-c"],
)
def test_no_stage_outlives_the_process_that_started_it(
    functions: Any, start_script: Any, gone: Any, number: signal.Signals, *, to_the_group: bool
) -> None:
    parent = start_script(WAIT_IN_A_STAGE, os.path.dirname(functions.__file__))  # noqa: PTH120
    stage = int(parent.stdout.readline())
    (os.killpg if to_the_group else os.kill)(parent.pid, number)
    assert gone(stage, seconds=5)
    assert -number == parent.wait(10)
    assert ("KeyboardInterrupt" in parent.stderr.read()) == (number == signal.SIGINT)


TORCH_STAYS_OUT = (
    WITHOUT_PRELOAD
    + """
import harness.pipeline, harness.promises

heavy = "torch transformers sentence_transformers peft sklearn hdbscan umap matplotlib datasets".split()

if __name__ == "__main__":
    imported = [name for name in heavy if name in sys.modules]
    import torch_stage
    value = stages.run_stage("sum", torch_stage.sum_of_ones, 5, on_progress=lambda *_: None).value
    print(imported, value, [name for name in heavy if name in sys.modules])
"""
)
TORCH_STAGE = """
def sum_of_ones(size, progress):
    import torch

    return float(torch.ones(size).sum())
"""


def test_the_starting_process_never_imports_torch(tmp_path: Path, start_script: Any) -> None:
    (tmp_path / "torch_stage.py").write_text(TORCH_STAGE, encoding="utf-8")
    assert ("[] 5.0 []\n", "") == start_script(TORCH_STAYS_OUT).communicate(timeout=60)
