"""The connection to a Ray cluster, within bounded time, and the check that its nodes fit a run."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.errors import ClusterError
from harness.execution.machine import cores
from harness.execution.ray_worker import Identity, misfit

_SECONDS_TO_ANSWER = 5.0
_SECONDS_TO_CONNECT = 30.0
_SECONDS_TO_CHECK = 120.0
_OBJECT_STORE = 200 * 2**20  # bytes, of a cluster started here: arguments and results are small, files go to the store


def connected(address: str) -> None:
    """Connect this process to the cluster at an address, or to one that is started here where `auto` finds none.

    Ray itself waits minutes for an address at which nobody answers, and then ends the process.

    Raises:
        ClusterError: Nobody answers, or what answers is no Ray cluster, or one of another version.
    """
    # The code is that of the installed wheel: nothing is uploaded, and nothing is told to Ray's makers.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # a thread that is late does not start a cluster
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        return
    found = _resolved(address)
    own: dict[str, Any] = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    if found != "local":
        own = {}
        _require_answer(address, found)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(found, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # noqa: BLE001 - of many kinds: a version that differs, a head that is going down
        reason = str(error).strip().partition("\n")[0]
        raise ClusterError(f"--ray-address {address}: cannot be used ({type(error).__name__}: {reason})") from None
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():  # Ray's own would end a run without a word
                signal.signal(number, handler)


def _resolved(address: str) -> str:
    """Return `local`, or the address that `auto` stands for."""
    from ray._private.services import canonicalize_bootstrap_address

    if address.startswith("ray://"):
        return address
    try:
        given: Any = None if address == "auto" else address
        return canonicalize_bootstrap_address(given) or "local"
    except (OSError, ValueError) as error:
        raise ClusterError(f"--ray-address {address}: {error}; expected auto, ray://HOST:PORT or HOST:PORT") from None


def _require_answer(address: str, found: str) -> None:
    named = f"--ray-address {address}" + (f" ({found})" if found != address else "")
    url = urlsplit(found if "://" in found else f"//{found}")
    try:
        if not url.hostname or url.port is None:
            raise ClusterError(f"{named}: expected auto, ray://HOST:PORT or HOST:PORT")
        with socket.create_connection((url.hostname, url.port), timeout=_SECONDS_TO_ANSWER):
            pass
    except (OSError, ValueError) as error:
        hint = "; `ray stop` forgets a cluster that is gone" if address == "auto" else ""
        raise ClusterError(f"{named}: nobody answers ({error}); expected a running Ray cluster{hint}") from None
    if url.scheme:
        return  # the client's own handshake is bounded
    check = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", found]
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(check, capture_output=True, timeout=_SECONDS_TO_CONNECT, check=False)  # noqa: S603
        if done.returncode == 0:
            return
    raise ClusterError(f"{named}: what answers there is no Ray cluster of this version")


def fits(nodes: Sequence[Mapping[str, Any]], identity: Identity, paths: Sequence[Path]) -> None:
    """Check that every node fits a run, all at once.

    Raises:
        ClusterError: One does not.
    """
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    check: Any = ray.remote(misfit)
    asked = {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        on_node = check.options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        asked[on_node.remote(identity, paths)] = node["NodeManagerAddress"]
    ready, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_SECONDS_TO_CHECK)
    if silent:
        raise ClusterError(f"node {asked[silent[0]]}: gave no answer within {_SECONDS_TO_CHECK:.0f} s")
    for reference in ready:
        try:
            problem = ray.get(reference)
        except RayError as error:  # it could not import this package, or died
            line = str(error).strip().rpartition("\n")[2]
            problem = f"cannot run pytest-embedding-harness {identity.harness} ({line}): install the wheel of this run"
        if problem:
            raise ClusterError(f"node {asked[reference]}: {problem}")
