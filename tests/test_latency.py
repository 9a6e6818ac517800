from __future__ import annotations

from typing import TYPE_CHECKING

from harness import latency, promises

if TYPE_CHECKING:
    import pytest

    from harness.pipeline import CaseRun


def test_a_served_model_tells_the_seconds_of_each_call(tiny_run: CaseRun) -> None:
    with latency.served(tiny_run, "lora") as encode:
        assert all(encode(batch) > 0 for batch in (1, 8, 1))


def test_models_take_turns_and_each_batch_gets_a_verdict(tiny_run: CaseRun, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    served = latency.served
    monkeypatch.setattr(latency, "_ROUNDS", 2)
    monkeypatch.setattr(latency, "served", lambda run, model: opened.append(model) or served(run, model))
    verdicts = promises.encodes_as_fast(tiny_run, "lora")
    assert ["lora", "base", "base", "lora"] == opened
    assert list(latency.BATCHES) == list(verdicts)
    assert {("latency", "lora", f"encode {batch}") for batch in latency.BATCHES} == {
        (verdict.name, verdict.model, verdict.metric) for verdict in verdicts.values()
    }
