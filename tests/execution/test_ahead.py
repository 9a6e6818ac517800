"""What is begun ahead runs side by side, comes to whoever asks for it, and ends with the run."""

import threading
import time
from functools import partial

import pytest

from harness.errors import StageError
from harness.execution import MODEL, Context, InlineExecutor, LocalExecutor, Step, Store, ahead


@pytest.fixture
def told():
    return []


@pytest.fixture
def ctx(tmp_path, told):
    context = Context(
        Store(tmp_path / "store"),
        LocalExecutor(tmp_path / "store", jobs=2),
        lambda *said: told.append((*said, threading.current_thread() is threading.main_thread())),
    )
    yield context
    context.close()


def model_step(name, function):
    return Step(name, run=function, result=list, resource=MODEL, revision=1)


def test_two_models_are_in_memory_at_once_share_the_cores_and_are_not_made_twice(ctx, functions, tmp_path, told):
    calls = [
        partial(ctx.run, model_step(f"meet-{own}", functions.meet), own=own, directory=str(tmp_path)) for own in "ab"
    ]
    ctx.ahead(calls)
    found = [call() for call in calls]
    assert [["b", 1], ["a", 1]] == [[met, threads] for met, threads, _ in found]
    assert 2 == len({pid for *_, pid in found})
    assert found == [call() for call in calls]
    assert {"meet-a", "meet-b"} == {title for title, *_ in told}
    assert all(in_main for *_, in_main in told), "only the one who waits writes into the terminal"


def test_more_than_there_are_slots_for_wait_their_turn(ctx, functions, tmp_path):
    log = tmp_path / "log"
    steps = [Step(f"train-{n}", run=functions.train, result=list, resource=MODEL, files=True) for n in range(4)]
    calls = [partial(ctx.run, step, log=str(log)) for step in steps]
    ctx.ahead(calls)
    for call in calls:
        call()
    in_memory, most = 0, 0
    for event in log.read_text(encoding="utf-8").split():
        in_memory += 1 if event == "start" else -1
        most = max(most, in_memory)
    assert most <= 2  # that it is two at times is for the two that meet


def test_an_error_is_raised_where_it_is_asked_for_and_there_alone(ctx, functions):
    step = model_step("fail", functions.fail)
    ctx.ahead([partial(ctx.run, step)])
    for _ in range(2):
        with pytest.raises(StageError, match="EOFError: at heart"):
            ctx.run(step)


def test_the_end_of_a_run_ends_what_nobody_waits_for(ctx, functions, gone, monkeypatch):
    monkeypatch.setattr(ahead, "_SECONDS_TO_END", 600.0)  # busy cores do not make it fail, a process that stays does
    pids = []
    step = model_step("wait", functions.wait_forever)
    ctx.ahead([partial(ctx.run, step)] * 3)
    while not pids:
        pids = [int(note) for _, note in ctx._told.values() if note.isdigit()]
        time.sleep(0.05)  # its process has still to start
    ctx.close()
    assert all(map(gone, pids))
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
    assert not [path for path in ctx.store.root.glob("*/*") if path.is_dir()], "nothing half-made is left"
    assert ctx.lookup_only().store.find(step, "0" * 64) is None  # who only looks is not held up


def test_with_one_job_nothing_is_begun_before_it_is_asked_for(tmp_path):
    for executor in (LocalExecutor(tmp_path), InlineExecutor()):
        context = Context(Store(tmp_path), executor)
        context.ahead([partial(pytest.fail, "begun ahead")])
        assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
        context.close()
