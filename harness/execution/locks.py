"""Locks between processes, without `fcntl`: a claim that a heartbeat keeps, and that ends with its process."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from filelock import SoftFileLease, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEASE_SECONDS = 30.0
"""A holder on another machine, or one that is suspended, is taken for gone when it gave no sign for so long. One whose
process ended on this machine is recognised at once."""

_SECONDS_UNNOTICED = 1.0  # that someone waits without being told why


@contextmanager
def held(path: Path, *, on_wait: Callable[[str], None]) -> Iterator[SoftFileLease]:
    """Hold the lock at a path, once nobody else does. Re-entrant in a thread.

    Args:
        path: The lock's file; it exists while the lock is held.
        on_wait: Told for whom this process waits, such as `run 4711@host, since 2026-07-01 12:30:00`: after a second,
            and again when it is another one.

    Yields:
        The lock. `is_lock_held_by_us` is false once another process took this one for gone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = SoftFileLease(path, lease_duration=LEASE_SECONDS, poll_interval=0.1, is_singleton=True)
    if lock.is_locked:
        yield lock
        return
    signature, told = path.with_suffix(".holder"), ""
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_SECONDS_UNNOTICED)
        except Timeout:
            holder = _holder(signature)
            if holder != told:
                on_wait(holder)
            told = holder
    try:
        signature.write_text(f"{os.getpid()}@{socket.gethostname()}", encoding="utf-8")
        yield lock
    finally:
        if lock.is_lock_held_by_us:
            signature.unlink(missing_ok=True)
        lock.release()


def _holder(signature: Path) -> str:
    with suppress(FileNotFoundError):  # it has just let go, or was killed before it could sign
        since = datetime.fromtimestamp(signature.stat().st_mtime)
        return f"run {signature.read_text(encoding='utf-8')}, since {since:%Y-%m-%d %H:%M:%S}"
    return "another run"
