"""Ray's side of `RayExecutor`: whether a node fits a run, and one step in a process of its own, as a local one runs."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from harness import __version__
from harness.errors import ClusterError, HarnessError
from harness.execution.digests import digest_of, directory_digests
from harness.execution.executor import LocalExecutor, on_threads
from harness.execution.step import PROCESS, Cost, Step, T

_PACKAGE = Path(__file__).parents[1]
_SECONDS_BETWEEN_SIGNS = 1.0
_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Identity:
    """The code that runs a step: what must be the same on every node.

    Attributes:
        harness: Version of this package.
        source: sha256 over its source.
        libraries: Distribution -> version, of those that can change a result; empty where one is not installed.
    """

    harness: str
    source: str
    libraries: Mapping[str, str]

    @classmethod
    def here(cls, libraries: Iterable[str]) -> Self:
        """Return the identity of this installation."""
        return cls(__version__, _source(), {name: _version(name) for name in libraries})


@dataclass(frozen=True)
class Request:
    """A step for a node.

    Attributes:
        id: Names it on the board.
        title: Names it in errors.
        call: Its function, and the arguments but those that an executor provides: pickled, since a node can read them
            only once it searches for modules where the run does.
        out: The directory that it makes and fills, which no other attempt uses; None for a step without files.
        threads: Threads of torch; None as torch takes by itself.
        identity: The code that it must run with.
        directory: The working directory of the run, where the node has it as well.
        path: Where the run searches for modules.
    """

    id: str
    title: str
    call: bytes
    out: Path | None
    threads: int | None
    identity: Identity
    directory: Path
    path: Sequence[str]


@dataclass(frozen=True)
class Reply:
    """The result of a step.

    Attributes:
        files: File name (POSIX, relative) -> sha256, as they were written on the node.
        last: The last progress.
    """

    value: Any
    cost: Cost
    files: Mapping[str, str]
    last: tuple[float, str]


class Board:
    """The last progress of each step that runs: an actor, which the nodes write to and the run reads."""

    def __init__(self) -> None:
        self._news: dict[str, tuple[float, str]] = {}

    def tell(self, step: str, done: float, note: str) -> None:
        """Keep the progress of a step."""
        self._news[step] = done, note

    def take(self) -> Mapping[str, tuple[float, str]]:
        """Return what is new since the last call."""
        news, self._news = self._news, {}
        return news


def misfit(expected: Identity, paths: Sequence[Path] = ()) -> str:
    """Return why this machine cannot take part in a run: another code, or one of its paths is not here; or nothing."""
    own, host = Identity.here(expected.libraries), socket.gethostname()
    if own.harness != expected.harness:
        return f"{host} has pytest-embedding-harness {own.harness}, the run {expected.harness}: install the same wheel"
    if own.source != expected.source:
        digests = f"sha256 {own.source[:12]}, of the run {expected.source[:12]}"
        return (
            f"{host} has pytest-embedding-harness {own.harness} with another source ({digests}): install the same wheel"
        )
    for name, wanted in expected.libraries.items():
        if own.libraries[name] != wanted:
            return f"{host} has {name} {own.libraries[name] or '(not installed)'}, the run {wanted}: install the same"
    for path in paths:
        if not path.exists():
            return f"{host} has no {path}: expected the run's directories on storage that every node shares"
        if path.is_dir() and not os.access(path, os.R_OK):
            return f"{host} cannot read {path}"
    return ""


def work(request: Request, board: Any) -> Reply | HarnessError:
    """Run a step in a process of its own on this node; return its error where it is one of ours."""
    if problem := misfit(request.identity):
        return ClusterError(f"{request.title}: {problem}")
    host, out, said = socket.gethostname(), request.out or Path(), [(0.0, "")]
    try:
        if request.out is not None:
            out.mkdir()
        with _as_the_run(request.path), _posting(said, partial(board.tell.remote, request.id)):
            function, arguments = pickle.loads(request.call)  # noqa: S301 - of the run, over Ray's own connection
            home = partial(_at_home, request.directory, os.environ.get(_GPUS), request.threads, function)
            step = Step(request.title, run=home, result=object, resource=PROCESS, files=request.out is not None)
            value, cost = LocalExecutor(out).run(
                step, request.title, arguments, out, lambda done, note: said.append((done, f"{note}, on {host}"))
            )
        return Reply(value, cost, directory_digests(out) if step.files else {}, said[-1])
    except HarnessError as error:
        return error
    except OSError as error:
        return ClusterError(f"{request.title}: {host} cannot write to the store: {error}")


def _at_home(directory: Path, gpus: str | None, threads: int | None, function: Callable[..., T], **arguments: Any) -> T:
    """Call a function where the run stands, on the GPUs of this task: its forkserver may have been an earlier one's."""
    if gpus is not None:
        os.environ[_GPUS] = gpus
    if directory.is_dir():
        os.chdir(directory)
    return on_threads(threads, function, **arguments)


@contextmanager
def _posting(said: Sequence[tuple[float, str]], post: Callable[[float, str], object]) -> Iterator[None]:
    """Post the last of what is said, now and then: a thousand steps at once say no more than the board takes in."""
    done, posted = threading.Event(), 1

    def keep_posting() -> None:
        nonlocal posted
        while not done.wait(_SECONDS_BETWEEN_SIGNS):
            if (count := len(said)) > posted:
                posted = count
                post(*said[-1])

    thread = threading.Thread(target=keep_posting, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _as_the_run(path: Sequence[str]) -> Iterator[None]:
    """Search for modules where the run does, and hide Ray's main module, which a step's process would import."""
    sys.path += [entry for entry in path if entry not in sys.path]
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@cache
def _source() -> str:
    return digest_of(directory_digests(_PACKAGE, counts=lambda name: name.endswith(".py")))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
