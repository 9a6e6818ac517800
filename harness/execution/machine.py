"""Cores that a process may use, the peaks of its memory, and its signals."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_rss_mb() -> float | None:
    """Return the peak resident memory of this process in MB (10^6 bytes); None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)


def peak_cuda_mb() -> float | None:
    """Return the peak of what torch allocated on this process's CUDA device, in MB; None where it used none."""
    torch: Any = sys.modules.get("torch")  # a step that did not import it used no such device
    if torch is None or not torch.cuda.is_initialized():
        return None
    return float(round(torch.cuda.max_memory_allocated() / 1e6, 1))


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Block SIGINT in this thread and in what it starts: a forkserver that still imports would end with a traceback."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
