"""A step is run once: its key is what decides its result, and what it came to is remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import CheckpointError, HarnessError, StoreError
from harness.execution import MODEL, PROCESS, Context, InlineExecutor, Step, Store, context

if TYPE_CHECKING:
    from pathlib import Path

CALLS: list[str] = []


@dataclass(frozen=True)
class Sum:
    value: float


def add(first: float, second: float = 0.0) -> Sum:
    CALLS.append("add")
    return Sum(first + second)


def train(seed: int, out: Path, progress: Any) -> Sum:
    CALLS.append("train")
    progress(0.5, "half")
    (out / "weights.bin").write_bytes(bytes([seed]))
    return Sum(seed)


def encode(model: Any) -> Sum:
    CALLS.append("encode")
    return Sum(model.file("weights.bin").read_bytes()[0])


def fail() -> Sum:
    CALLS.append("fail")
    raise CheckpointError("model.bin: not the model")


ADD = Step("add", run=add, result=Sum, libraries=("numpy",))
TRAIN = Step("train", run=train, result=Sum, resource=MODEL, files=True, revision=1)
ENCODE = Step("encode", run=encode, result=Sum, resource=replace(MODEL, process=False))
FAIL = Step("fail", run=fail, result=Sum)


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    CALLS.clear()
    return Context(Store(tmp_path / "store"), InlineExecutor())


def other_process(ctx: Context) -> Context:
    """A context on the same store that remembers nothing."""
    return Context(ctx.store, ctx.executor)


def test_a_step_runs_once_here_and_once_for_every_process(ctx: Context) -> None:
    results = [where.run(ADD, first=1.0, second=2.0) for where in (ctx, ctx, other_process(ctx))]
    assert [Sum(3.0)] * 3 == results
    assert results[0] is results[1]
    assert ["add"] == CALLS


@pytest.mark.parametrize(
    "other",
    [
        (replace(ADD, name="plus"), {"first": 1.0}),
        (replace(ADD, revision=1), {"first": 1.0}),
        (replace(ADD, libraries=("numpy", "pydantic")), {"first": 1.0}),
        (ADD, {"first": 1.5}),
        (ADD, {"first": 1.0, "second": 0.0}),
    ],
    ids=["name", "code", "libraries", "value", "argument"],
)
def test_whatever_decides_a_result_is_in_its_key(ctx: Context, other: tuple[Step[Sum], dict[str, Any]]) -> None:
    step, arguments = other
    assert ctx.artefact(ADD, first=1.0).key != ctx.artefact(step, **arguments).key
    assert ["add"] * 2 == CALLS


def test_another_version_of_a_library_is_another_key(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ctx.artefact(ADD, first=1.0)
    monkeypatch.setattr(context, "_version", lambda _: "99.0")
    assert first.key != ctx.artefact(ADD, first=1.0).key


def test_where_a_step_runs_and_what_it_is_called_decide_nothing(ctx: Context) -> None:
    first = ctx.artefact(ADD, first=1.0)
    assert first is ctx.artefact(replace(ADD, resource=PROCESS), title="add tiny", first=1.0)


def test_an_artefact_is_an_argument_of_the_next_step(ctx: Context) -> None:
    keys = set()
    for seed in (1, 2):
        trained = ctx.artefact(TRAIN, seed=seed)
        encoded = ctx.artefact(ENCODE, model=trained)
        assert Sum(seed) == encoded.value
        assert {"model": {"digest": trained.digest}} == encoded.inputs["arguments"]
        keys.add(encoded.key)
    assert 2 == len(keys)


def test_progress_is_told_under_the_title_of_the_step(ctx: Context) -> None:
    told: list[tuple[str, float, str]] = []
    ctx = replace(ctx, progress=lambda *message: told.append(message))
    ctx.run(TRAIN, title="train tiny-lora", seed=1)
    ctx.run(TRAIN, seed=2)
    assert [("train tiny-lora", 0.5, "half"), ("train", 0.5, "half")] == told


def test_an_error_of_ours_is_told_to_everyone_who_asks_and_happens_once(ctx: Context) -> None:
    for _ in range(3):
        with pytest.raises(CheckpointError, match=r"^model\.bin: not the model$"):
            ctx.run(FAIL)
    assert ["fail"] == CALLS
    with pytest.raises(HarnessError):
        other_process(ctx).run(FAIL)
    assert ["fail"] * 2 == CALLS


def test_what_is_built_is_found_without_running_anything(ctx: Context) -> None:
    assert ctx.built(TRAIN, seed=1) is None
    made = ctx.artefact(TRAIN, seed=1)
    assert made == ctx.built(TRAIN, seed=1)
    assert ["train"] == CALLS


def test_a_context_for_lookups_runs_no_model(ctx: Context) -> None:
    ctx.run(TRAIN, seed=1)
    with pytest.raises(CheckpointError):
        ctx.run(FAIL)
    for where in (ctx.lookup_only(), other_process(ctx).lookup_only()):
        assert Sum(1) == where.run(TRAIN, seed=1)
        assert Sum(3.0) == where.run(ADD, first=3.0)
        with pytest.raises(StoreError, match=r"^train tiny-lora: not built$"):
            where.run(TRAIN, title="train tiny-lora", seed=2)
    with pytest.raises(CheckpointError):
        ctx.lookup_only().run(FAIL)
    assert ["train", "fail", "add"] == CALLS
    assert Sum(2) == ctx.run(TRAIN, seed=2)


def test_a_model_is_served_in_this_process(ctx: Context) -> None:
    def doubling(factor: int) -> Any:
        request = yield None
        while True:
            request = yield factor * request

    with ctx.serve("double", doubling, 2) as ask:
        assert [2, 4] == [ask(1), ask(2)]
