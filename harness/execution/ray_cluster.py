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
_EXPECTED = "expected a Ray cluster of the same versions; one that wants a token is used with RAY_AUTH_MODE=token"
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
        kind = type(error).__name__
        raise ClusterError(f"--ray-address {address}: cannot be used ({kind}: {reason}); {_EXPECTED}") from None
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
    reason = f"no answer of a Ray cluster within {_SECONDS_TO_CONNECT:.0f} s"
    with suppress(subprocess.TimeoutExpired):  # the address is one argument, and no shell reads it
        done = subprocess.run(check, capture_output=True, text=True, timeout=_SECONDS_TO_CONNECT, check=False)  # noqa: S603
        if done.returncode == 0:
            return
        reason = done.stderr.strip().rpartition("\n")[2]
    raise ClusterError(f"{named}: what answers there cannot be used ({reason}); {_EXPECTED}")


def fits(nodes: Sequence[Mapping[str, Any]], identity: Identity, paths: Sequence[Path]) -> None:
    """Check that every node fits a run, all at once.

    Raises:
        ClusterError: One does not.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    check: Any = ray.remote(misfit)
    asked = {}
    try:
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            on_node = check.options(num_cpus=0, max_retries=0, scheduling_strategy=there)
            asked[on_node.remote(identity, paths)] = node["NodeManagerAddress"]
        ready, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_SECONDS_TO_CHECK)
    except Exception as error:  # noqa: BLE001 - a client's server raises whatever importing this package raised there
        raise _unable("the cluster's head", identity, error) from None
    if silent:
        raise ClusterError(f"node {asked[silent[0]]}: gave no answer within {_SECONDS_TO_CHECK:.0f} s")
    for reference in ready:
        try:
            problem = ray.get(reference)
        except Exception as error:  # noqa: BLE001 - it could not import this package, or died
            raise _unable(f"node {asked[reference]}", identity, error) from None
        if problem:
            raise ClusterError(f"node {asked[reference]}: {problem}")


def _unable(where: str, identity: Identity, error: Exception) -> ClusterError:
    line = str(error).strip().rpartition("\n")[2]
    return ClusterError(
        f"{where}: cannot run pytest-embedding-harness {identity.harness} ({line}): install the wheel of this run"
    )
