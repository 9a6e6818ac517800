"""As many jobs as cores and half of the free memory hold, by what the cases declare."""

import pytest

from harness.config import MemoryGate
from harness.run import jobs
from harness.run.jobs import choose_jobs


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Sets cores, free memory in MB, and a container's limit and use."""

    def be(cores, free, limit="max", used=0):
        monkeypatch.setattr(jobs, "cores", lambda: cores)
        monkeypatch.setattr(jobs, "_has_gpu", lambda: False)
        (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {free * 1_000_000 // 1024} kB\n")
        for name, value in (("max", limit), ("current", used)):
            (tmp_path / f"memory.{name}").write_text(f"{value}\n")
        monkeypatch.setattr(jobs, "_MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(jobs, "_CGROUP", tmp_path)

    return be


def with_ceilings(inputs, train, encode):
    gates = inputs.case.gates.model_copy(update={"memory_mb": MemoryGate(train=train, encode=encode)})
    return type(inputs)(**{**vars(inputs), "case": inputs.case.model_copy(update={"gates": gates})})


def test_cores_and_declared_memory_decide(machine, tiny_inputs):
    inputs = with_ceilings(tiny_inputs, {"standard": 2000, "lora": 1000}, 500)
    for cores, free, expected in ((1, 99_000, 1), (4, 99_000, 4), (4, 12_100, 3), (4, 3_000, 1), (4, 100, 1)):
        machine(cores, free)
        assert expected == choose_jobs([inputs], "auto"), (cores, free)
        assert 1 == choose_jobs([inputs], "cuda")
    machine(4, 99_000, limit=20_000_000_000, used=10_000_000_000)
    assert 2 == choose_jobs([inputs, inputs], "cpu")


def test_without_a_ceiling_the_weights_of_the_base_are_reckoned_with(machine, tiny_inputs):
    gates = tiny_inputs.case.gates.model_copy(update={"memory_mb": None})
    inputs = type(tiny_inputs)(**{**vars(tiny_inputs), "case": tiny_inputs.case.model_copy(update={"gates": gates})})
    machine(8, 6_100)
    assert 2 == choose_jobs([inputs], "cpu")


def test_a_gpu_is_not_shared_and_an_unknown_machine_is_not_filled(machine, tiny_inputs, monkeypatch, tmp_path):
    machine(8, 99_000)
    monkeypatch.setattr(jobs, "_has_gpu", lambda: True)
    assert (1, 8) == (choose_jobs([tiny_inputs], "auto"), choose_jobs([tiny_inputs], "cpu"))
    monkeypatch.setattr(jobs, "_MEMINFO", tmp_path / "nowhere")
    assert 1 == choose_jobs([tiny_inputs], "cpu")
