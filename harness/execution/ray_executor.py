"""The executor `ray`: a step that has a process of its own is a task on a Ray cluster.

Its files go to the store, which all nodes share, from the node that makes them. Keys, locks and the rename are the
run's.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from harness.errors import ClusterError, HarnessError, StageError, StoreError
from harness.execution.digests import directory_digests
from harness.execution.executor import InlineExecutor, LocalExecutor
from harness.execution.ray_cluster import connected, fits
from harness.execution.ray_worker import Board, Identity, Reply, Request, work
from harness.execution.step import Arguments, Ask, Cost, Device, Progress, Server, Step, T

_ATTEMPTS = 3  # of a step whose worker or node is lost
_SECONDS_BETWEEN_SIGNS = 0.5
_MOST_JOBS = 1024  # a step in flight is a thread and a lock of the run


@dataclass(frozen=True)
class Share:
    """The part of a node that a step with a model asks for: cores, memory in MB (10^6 bytes), and GPUs."""

    cpus: int
    memory_mb: float
    gpus: int

    def places(self, node: Mapping[str, float]) -> int:
        """Return how many such steps a node holds at a time, by its resources in Ray's words."""
        found = [node.get("CPU", 0.0) // self.cpus, node.get("memory", 0.0) // (self.memory_mb * 1e6)]
        return int(min([*found, node.get("GPU", 0.0) // self.gpus] if self.gpus else found))


def choose_share(
    nodes: Sequence[Mapping[str, float]], jobs: int | None, memory_mb: float, device: Device
) -> tuple[Share, int]:
    """Return the share of a step, and how many steps are in flight.

    By default a step has one core, and twice as many are in flight as the nodes hold, so that none idles while the run
    takes in a result. With `jobs` that many are in flight, and share out the cores.
    """
    cores = [int(node.get("CPU", 0)) for node in nodes]
    cpus = 1 if jobs is None else max(1, min(sum(cores) // jobs, max(cores, default=1)))
    gpus = int(device == "cuda" or (device == "auto" and any(node.get("GPU", 0) >= 1 for node in nodes)))
    share = Share(cpus, memory_mb, gpus)
    places = sum(map(share.places, nodes))
    if not places and jobs is None:
        wanted = f"{cpus} core, {memory_mb:.0f} MB" + (", 1 GPU" if gpus else "")
        raise ClusterError(
            f"--executor ray: no node has what a model needs ({wanted}, by [gates.memory_mb]); expected one that has; "
            "where nodes are started on demand, say how many steps are asked for at a time: --jobs N"
        )
    return share, jobs or min(2 * places, _MOST_JOBS)


@dataclass
class _Run:
    """A task: what it says arrives in `news`, and in the end the future of its reply."""

    reference: Any
    news: SimpleQueue[Any]
    ended: bool = False


@dataclass(frozen=True)
class RayExecutor:
    """Runs steps as tasks on a Ray cluster that this process is connected to (see `on_cluster`).

    A step runs on its node as `LocalExecutor` runs it, in a process of its own, so that memory and errors are the same.
    One whose worker or node is lost is begun again, in a directory of its own. A server runs on this machine: it
    answers a clock, and the way to another node would be in each answer.
    """

    root: Path
    share: Share
    jobs: int
    board: Any
    _runs: dict[str, _Run] = field(default_factory=dict, repr=False, compare=False)

    def run(self, step: Step[T], title: str, arguments: Arguments, out: Path, progress: Progress) -> tuple[T, Cost]:
        """Run a step; the cluster has it wait until a node has its share free."""
        if not step.resource.process:
            return InlineExecutor().run(step, title, arguments, out, progress)
        lost = ""
        for attempt in range(_ATTEMPTS):
            progress(0.0, f"begun again: {lost}" if lost else "waiting for a node")
            own = out.with_name(f"{out.name}-{attempt}").absolute()  # a lost node may still write into the last one
            try:
                reply = self._attempt(step, title, arguments, own, progress)
                _take_over(own, out, reply)
            except _LostError as error:
                lost = str(error)
                continue
            finally:
                shutil.rmtree(own, ignore_errors=True)
            progress(*reply.last)
            return reply.value, reply.cost
        raise StageError(f"{title}: its worker was lost {_ATTEMPTS} times ({lost}). Nothing was stored: run again")

    def serve(self, title: str, function: Server, *arguments: Any, progress: Progress) -> AbstractContextManager[Ask]:
        """Serve from a process on this machine."""
        return LocalExecutor(self.root).serve(title, function, *arguments, progress=progress)

    def stop(self) -> None:
        """Cancel every task, those that wait as well."""
        import ray

        for run in list(self._runs.values()):
            run.ended = True
            ray.cancel(run.reference, force=True)

    def listen(self) -> None:
        """Pass on what the nodes say, as long as this process is connected."""
        import ray

        while ray.is_initialized():
            time.sleep(_SECONDS_BETWEEN_SIGNS)
            if not self._runs:
                continue
            with suppress(Exception):  # the board may have been lost with its node: progress is all that it holds
                for name, message in ray.get(self.board.take.remote(), timeout=10).items():
                    if name in self._runs:
                        self._runs[name].news.put(message)

    def _attempt(self, step: Step[Any], title: str, arguments: Arguments, own: Path, progress: Progress) -> Reply:
        import ray

        request = Request(
            id=uuid.uuid4().hex,
            title=title,
            call=pickle.dumps((step.run, arguments)),
            out=own if step.files else None,
            threads=self.share.cpus if step.resource.slot else None,
            identity=Identity.here(step.libraries),
            directory=Path.cwd(),
            path=sys.path,
        )
        memory = {"memory": int(self.share.memory_mb * 1e6), "num_gpus": self.share.gpus} if step.resource.slot else {}
        options = {"num_cpus": self.share.cpus if step.resource.slot else 1, "max_retries": 0, **memory}
        task: Any = ray.remote(work).options(name=title, scheduling_strategy="SPREAD", **options)
        run = _Run(task.remote(request, self.board), SimpleQueue())
        self._runs[request.id] = run
        try:
            run.reference.future().add_done_callback(run.news.put)
            while not isinstance(message := run.news.get(), Future):
                progress(*message)
            return _reply(title, message, ended=run.ended)
        finally:
            del self._runs[request.id]
            ray.cancel(run.reference, force=True)  # after Ctrl-C; nothing to one that has ended


class _LostError(Exception):
    """The worker of a step is gone, and not by what the step did."""


def _reply(title: str, future: Future[Any], *, ended: bool) -> Reply:
    from ray.exceptions import RayError, RayTaskError, TaskCancelledError

    error = future.exception()
    if error is None:
        if isinstance(reply := future.result(), HarnessError):
            raise reply
        found: Reply = reply
        return found
    if ended or isinstance(error, TaskCancelledError):
        raise StageError(f"{title}: was ended. Nothing was stored: run again")
    if isinstance(error, RayTaskError):
        raise StageError(f"{title}: failed in its Ray worker\n{error}")
    if isinstance(error, RayError):
        raise _LostError(str(error).partition("\n")[0])
    raise ClusterError(f"{title}: the Ray cluster is gone ({type(error).__name__}: {error}); run again")


def _take_over(own: Path, out: Path, reply: Reply) -> None:
    """Move the files of a step to where the run wants them, if they are those that the node wrote."""
    found = directory_digests(own) if reply.files else {}
    if found != reply.files:
        wrong = sorted(name for name in {*found, *reply.files} if found.get(name) != reply.files.get(name))
        expected = "expected a store on storage that every node shares"
        raise StoreError(f"{own}: {', '.join(wrong)}: not what the node wrote there; {expected}")
    for path in own.iterdir() if found else ():
        path.rename(out / path.name)


def on_cluster(
    address: str,
    root: Path,
    *,
    memory_mb: float,
    jobs: int | None = None,
    device: Device = "auto",
    libraries: Iterable[str] = (),
    paths: Collection[Path] = (),
) -> RayExecutor:
    """Connect to a Ray cluster, find every node fit for a run, and return the executor.

    Args:
        address: `auto` for the cluster of this machine, or one that is started here where there is none; else
            `ray://HOST:PORT` or `HOST:PORT`.
        root: The store's directory, on storage that every node shares.
        memory_mb: What a step with a model is declared to need, in MB.
        jobs: Steps in flight; by default as many as the cluster holds, and as many again that wait.
        device: Where models are trained and encode: a GPU is asked for where it is one.
        libraries: Distributions whose version must be the same on every node.
        paths: What steps read beside the store, such as the base's directory.

    Raises:
        ClusterError: Nobody answers, or a node has another version or source, lacks a path, or is too small.
    """
    import ray

    connected(address)
    known: Any = ray.nodes
    nodes = [node for node in known() if node["Alive"]]
    share, jobs = choose_share([node["Resources"] for node in nodes], jobs, memory_mb, device)
    marker = root / "building" / f"shared-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    try:
        fits(nodes, Identity.here(libraries), [marker, *paths])
    finally:
        marker.unlink()
    board = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
    executor = RayExecutor(root, share, jobs, board)
    threading.Thread(target=executor.listen, name="ray progress", daemon=True).start()
    return executor
