"""A step is run once: its key is what decides its result, and what it came to is remembered."""

import errno
import os
from dataclasses import dataclass, replace

import pytest

from harness.errors import CheckpointError, DamagedError, NotBuiltError, StoreError
from harness.execution import MODEL, PROCESS, Context, InlineExecutor, Step, Store, context

CALLS = []


@dataclass(frozen=True)
class Sum:
    value: float


def add(first, second=0.0):
    CALLS.append("add")
    return Sum(first + second)


def train(seed, out, progress):
    CALLS.append("train")
    progress(0.5, "half")
    (out / "weights.bin").write_bytes(bytes([seed]))
    return Sum(seed)


def encode(model):
    return Sum(model.file("weights.bin").read_bytes()[0])


def fail():
    CALLS.append("fail")
    raise CheckpointError("model.bin: not the model")


ADD = Step("add", run=add, result=Sum, libraries=("numpy",))
TRAIN = Step("train", run=train, result=Sum, resource=MODEL, files=True, revision=1)
ENCODE = Step("encode", run=encode, result=Sum)
FAIL = Step("fail", run=fail, result=Sum)


@pytest.fixture
def ctx(tmp_path):
    CALLS.clear()
    return Context(Store(tmp_path / "store"), InlineExecutor())


def test_a_step_runs_once_here_and_once_for_every_process(ctx):
    results = [where.run(ADD, first=1.0, second=2.0) for where in (ctx, ctx, Context(ctx.store, ctx.executor))]
    assert [Sum(3.0)] * 3 == results
    assert results[0] is results[1]
    assert ["add"] == CALLS


def test_a_key_is_what_decides_a_result_and_nothing_else(ctx, monkeypatch):
    first = ctx.artefact(ADD, first=1.0)
    assert first is ctx.artefact(replace(ADD, resource=PROCESS), title="add tiny", first=1.0)
    others = [
        (replace(ADD, name="plus"), {"first": 1.0}),
        (replace(ADD, revision=1), {"first": 1.0}),
        (replace(ADD, libraries=("numpy", "pydantic")), {"first": 1.0}),
        (ADD, {"first": 1.5}),
        (ADD, {"first": 1.0, "second": 0.0}),
    ]
    keys = {first.key, *(ctx.artefact(step, **arguments).key for step, arguments in others)}
    monkeypatch.setattr(context, "_version", lambda _: "99.0")
    assert 7 == len({*keys, ctx.artefact(ADD, first=1.0).key}) == len(CALLS)


def test_an_artefact_is_an_argument_of_the_next_step(ctx):
    keys = set()
    for seed in (1, 2):
        trained = ctx.artefact(TRAIN, seed=seed)
        encoded = ctx.artefact(ENCODE, model=trained)
        assert Sum(seed) == encoded.value
        assert {"model": {"digest": trained.digest}} == encoded.inputs["arguments"]
        keys.add(encoded.key)
    assert 2 == len(keys)


def test_progress_is_told_under_the_title_of_the_step(ctx):
    told = []
    ctx = replace(ctx, progress=lambda *message: told.append(message))
    ctx.run(TRAIN, title="train tiny-lora", seed=1)
    ctx.run(TRAIN, seed=2)
    assert [("train tiny-lora", 0.5, "half"), ("train", 0.5, "half")] == told


def test_an_error_of_ours_is_told_to_everyone_who_asks_and_happens_once(ctx):
    other = Context(ctx.store, ctx.executor)
    for where, times in ((lambda: ctx, 1), (lambda: ctx, 1), (ctx.lookup_only, 1), (lambda: other, 2)):
        with pytest.raises(CheckpointError, match=r"^model\.bin: not the model$"):
            where().run(FAIL)
        assert ["fail"] * times == CALLS


def test_a_lookup_runs_no_model(ctx):
    with pytest.raises(NotBuiltError, match=r"^train: not built$"):
        ctx.lookup_only().run(TRAIN, seed=1)
    made = ctx.artefact(TRAIN, seed=1)
    for where in (ctx.lookup_only(), Context(ctx.store, ctx.executor).lookup_only()):
        assert made == where.artefact(TRAIN, seed=1)
        assert Sum(3.0) == where.run(ADD, first=3.0)
        with pytest.raises(NotBuiltError, match=r"^train tiny-lora: not built$"):
            where.run(TRAIN, title="train tiny-lora", seed=2)
    assert ["train", "add"] == CALLS
    assert Sum(2) == ctx.run(TRAIN, seed=2)


def test_a_damaged_result_that_is_cheap_is_built_again_and_said_and_another_one_is_refused(ctx):
    said = []
    ctx = replace(ctx, progress=lambda *words: said.append(words))
    for step, arguments in ((ADD, {"first": 1.0}), (TRAIN, {"seed": 1})):
        (ctx.artefact(step, **arguments).path / "result.json").write_text("{}", encoding="utf-8")
    again = Context(ctx.store, ctx.executor, ctx.progress)
    assert Sum(1.0) == again.run(ADD, first=1.0) == Context(ctx.store, ctx.executor).run(ADD, first=1.0)
    assert ["add", "train", "add"] == CALLS
    assert [True] == [note.startswith("damaged artefact: ") and "built again" in note for _, _, note in said[1:]]
    with pytest.raises(DamagedError, match=r"delete .* and run again"):
        again.run(TRAIN, seed=1)


def test_a_full_disk_is_one_error_of_ours_asked_once(ctx):
    def full():
        CALLS.append("full")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "weights.bin")

    step = Step("full", run=full, result=Sum, revision=1)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"^full: .*No space left on device: 'weights.bin' \(the store is "):
            ctx.run(step)
    assert ["full"] == CALLS
