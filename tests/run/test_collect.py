"""What is known at the end of a run is brought together; a part that fails is named and costs no other."""

import sys

import pytest

from harness.errors import StoreError
from harness.report import headline
from harness.run import collect

FULL = frozenset({"full"})


@pytest.mark.parametrize(
    ("part", "error", "reason"),
    [
        ("_extra_sets", OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        ("_relative_performance", StoreError("damaged artefact"), "damaged artefact"),
        ("projections", ZeroDivisionError("as if"), "ZeroDivisionError: as if"),
    ],
)
def test_a_part_that_fails_is_named_and_costs_no_other(tiny_run, monkeypatch, part, error, reason):
    def broken(*_):
        raise error

    monkeypatch.setattr(sys.modules["harness.run.collect"], part, broken)
    results, _ = collect(tiny_run, [], kinds=FULL)
    ((name, why),) = results.failed_parts.items()
    assert (reason, {"base", "standard", "lora"}) == (why, set(results.models))
    assert headline(results).detail.endswith(f"Missing in this report, each with its reason below: {name}.")


def test_a_model_that_fails_costs_no_other(tiny_run, monkeypatch):
    def broken(run, model, *rest, **options):
        if model == "lora":
            raise MemoryError("too much")
        return found(run, model, *rest, **options)

    found = sys.modules["harness.run.collect"]._model  # `harness.run.collect` is the function
    monkeypatch.setattr(sys.modules["harness.run.collect"], "_model", broken)
    results, pairs = collect(tiny_run, [], kinds=FULL)
    assert {"lora": "MemoryError: too much"} == results.missing
    assert {"base", "standard"} == set(results.models) == set(pairs.scores)
