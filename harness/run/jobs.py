"""The number of models that are trained and encode side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from harness.execution import Device, cores
from harness.gates import Inputs

_WEIGHTS = 5  # of a training in fp32: weights, gradients, two moments of AdamW, and one for what passes through
_AT_LEAST_MB = 1500.0  # libraries, activations
_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def choose_jobs(cases: Iterable[Inputs], device: Device) -> int:
    """Return as many jobs as there are cores, and as half of the free memory holds by the declared ceilings.

    A model without a ceiling is reckoned by its base's weights. On a GPU it is one: models would share it.
    """
    if device not in ("auto", "cpu") or (device == "auto" and _has_gpu()):
        return 1
    return max(1, min(cores(), int(_free_mb() / 2 / needed_mb(cases))))


def needed_mb(cases: Iterable[Inputs]) -> float:
    """Return the most memory in MB that a model may take, by the declared ceilings or its base's weights."""
    return max((needed for inputs in cases for needed in _needed_mb(inputs)), default=_AT_LEAST_MB)


def _needed_mb(inputs: Inputs) -> Iterator[float]:
    ceilings = inputs.case.gates.memory_mb
    if ceilings is not None:
        yield from (*ceilings.train.values(), ceilings.encode)
    else:
        weights = sum(file.stat().st_size for file in inputs.base.path.rglob("*.safetensors")) / 1e6
        yield _AT_LEAST_MB + _WEIGHTS * weights


def _free_mb() -> float:
    """Return what programs may still take of the machine, or of the container where it has a limit; 0 if unknown."""
    try:
        lines = dict(line.split(":") for line in _MEMINFO.read_text(encoding="ascii").splitlines())
    except OSError:  # another system than Linux
        return 0.0
    free = int(lines["MemAvailable"].removesuffix("kB")) * 1024
    with suppress(OSError):
        limit, used = ((_CGROUP / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current"))
        free = free if limit == "max" else min(free, int(limit) - int(used))
    return free / 1e6


def _has_gpu() -> bool:
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd"))
