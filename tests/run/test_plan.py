"""The trainings that a run has ahead are those that it asks for and that are not in the store."""

from dataclasses import replace

import pytest

from harness.execution import Store
from harness.run import trainings_ahead


@pytest.mark.parametrize(
    ("kinds", "seeds", "expected"),
    [
        ({"full"}, 1, ["standard", "lora"]),
        ({"gate"}, 1, []),
        (
            {"full"},
            3,
            ["standard", "lora", *(f"{name} (seed {seed})" for name in ("standard", "lora") for seed in (2, 3))],
        ),
    ],
)
def test_what_is_not_in_the_store_is_ahead(tiny_run, tmp_path, kinds, seeds, expected):
    empty = replace(tiny_run, ctx=replace(tiny_run.ctx, store=Store(tmp_path), _ended={}), _once={})
    assert [f"train tiny-{name}" for name in expected] == list(trainings_ahead(empty, kinds, seeds))
    done = {"train tiny-standard", "train tiny-lora"}
    assert done.isdisjoint(trainings_ahead(tiny_run, kinds, seeds))
