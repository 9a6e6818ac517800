"""Executors: where a step runs. One that holds a model has a process of its own, so pytest's never imports torch.

The process is a child of a forkserver that has imported torch once: it starts in hundredths of a second, its memory
really goes back to the system when it ends, and its peak resident memory is its own.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

from harness.errors import EncoderError, HarnessError, StageError, StoreError, cannot_write
from harness.execution.machine import cores, ctrl_c_blocked, peak_cuda_mb, peak_rss_mb
from harness.execution.scratch import scratch
from harness.execution.step import Arguments, Ask, Cost, Progress, Server, Step, T
from harness.execution.store import held

_PACKAGES = str(Path(__file__).parents[2])
_PRELOAD = ["__main__", "torch", "sentence_transformers", "peft"]
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # whatever a step opens was resolved before; a step never asks the network
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # Threads that wait sleep, instead of spinning on a core that others need: with two busy neighbours on two cores, a
    # training step took 0.23 s instead of 0.65 to 3 s.
    "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    "JOBLIB_MULTIPROCESSING": "0",  # or joblib leaves semaphores behind in a process that is killed
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONHASHSEED": "0",  # or the order of a set, such as an adapter's target modules in its file, differs by machine
}
_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_LOG_LINES = 15
_SECONDS_TO_END = 10.0
_SECONDS_OF_SILENCE = 3600.0  # every step reports its progress more often, also on a slow machine
_STARTING = threading.Lock()  # of a process: it changes the environment for a moment


class Executor(Protocol):
    """Decides where a step runs, and when. `title` names it in errors, such as `train dating-lora`.

    A HarnessError of the step is passed on. It is a StageError if the step's process failed otherwise or was killed.
    """

    @property
    def jobs(self) -> int:
        """The number of steps that hold a model, or wait for a place where they can, at a time."""

    def run(self, step: Step[T], title: str, arguments: Arguments, out: Path, progress: Progress) -> tuple[T, Cost]:
        """Run a step, whose files go to the empty directory `out`."""

    def serve(self, title: str, function: Server, *arguments: Any, progress: Progress) -> AbstractContextManager[Ask]:
        """Keep `function(*arguments)`, which holds a model, ready; yield a call that takes a request to its reply."""

    def stop(self) -> None:
        """End what runs: the step's caller is told that it was killed."""


class InlineExecutor:
    """Runs every step in this process, as tests want it: an error that is not ours comes with its own traceback."""

    jobs = 1

    def run(self, step: Step[T], title: str, arguments: Arguments, out: Path, progress: Progress) -> tuple[T, Cost]:
        """Run a step here."""
        del title
        return _measured(step.run, step.arguments(arguments, out, progress))

    @contextmanager
    def serve(self, title: str, function: Server, *arguments: Any, progress: Progress) -> Iterator[Ask]:
        """Serve from here."""
        del title, progress
        generator = function(*arguments)
        next(generator)
        yield generator.send

    def stop(self) -> None:
        """Do nothing: whoever could call it runs the step."""


@dataclass(frozen=True)
class LocalExecutor:
    """Runs a step where its resource says: here, or in a process of its own; `jobs` models in memory at a time.

    All runs on this machine with the same directory `root`, usually the store's, share the slots and take turns.
    Several models share out the cores: a sum is then made in another order, which moves the last bits of a number.
    """

    root: Path
    jobs: int = 1
    _running: set[multiprocessing.process.BaseProcess] = field(default_factory=set, repr=False, compare=False)

    def run(self, step: Step[T], title: str, arguments: Arguments, out: Path, progress: Progress) -> tuple[T, Cost]:
        """Run a step; one that holds a model once a slot is free."""
        if not step.resource.process:
            return InlineExecutor().run(step, title, arguments, out, progress)
        with self._slot(progress) if step.resource.slot else nullcontext():
            progress(0.0, "starting")
            sent = {**step.arguments(arguments, out, progress), "progress": None}  # the process reports by messages
            threads = max(1, cores() // self.jobs) if self.jobs > 1 else None
            function = partial(on_threads, threads, step.run) if step.resource.slot else step.run
            with self._process(title, _run, function, sent) as receive:
                while not isinstance((message := receive())[1], Cost):
                    progress(*message)
        value, cost = message
        return value, cost

    @contextmanager
    def serve(self, title: str, function: Server, *arguments: Any, progress: Progress) -> Iterator[Ask]:
        """Serve from a process of its own, which holds a slot."""
        with self._slot(progress), self._process(title, _serve, function, arguments) as receive:
            receive()  # prepared
            yield receive.ask

    def stop(self) -> None:
        """End the processes of all steps that run."""
        for process in list(self._running):
            process.kill()

    @contextmanager
    def _process(self, title: str, body: Callable[..., None], function: Any, given: Any) -> Iterator[_Receiver]:
        with _process(title, body, function, given) as receive:
            self._running.add(receive.process)
            try:
                yield receive
            finally:
                self._running.discard(receive.process)

    def _slot(self, progress: Progress) -> AbstractContextManager[object]:
        # Memory is the machine's: on a shared directory each machine has its slots.
        paths = [self.root / f"model-{socket.gethostname()}-{slot}.lock" for slot in range(self.jobs)]
        own = f"run {os.getpid()}@"
        return held(
            *paths,
            on_wait=lambda holder: progress(
                0.0, "waiting for its turn" if holder.startswith(own) else f"waiting for the model slot of {holder}"
            ),
        )


def on_threads(threads: int | None, function: Callable[..., T], **arguments: Any) -> T:
    """Call a function in this process with so many of torch's threads, or as many as torch takes by itself."""
    torch: Any = sys.modules.get("torch")  # the forkserver has it; a model that is an endpoint needs none
    if threads is not None and torch is not None:
        torch.set_num_threads(threads)
    return function(**arguments)


def _measured(function: Callable[..., T], arguments: Arguments) -> tuple[T, Cost]:
    started = time.perf_counter()
    value = function(**arguments)
    return value, Cost(round(time.perf_counter() - started, 3))


@dataclass(frozen=True)
class _Receiver:
    """Takes the next message of a process, and turns its errors and its death into exceptions."""

    process: multiprocessing.process.BaseProcess
    connection: Connection
    log: Path

    def __call__(self) -> Any:
        try:
            if not self.connection.poll(_SECONDS_OF_SILENCE):
                silent = f"process {self.process.pid} gave no sign for {_SECONDS_OF_SILENCE / 60:.0f} minutes"
                raise StageError(f"{self.process.name}: {silent}: it hangs or is stopped, and was ended. Run again")
            message = self.connection.recv()
        except (EOFError, OSError):  # nothing more, or not the whole message
            self.process.join()
            raise StageError(f"{self.process.name}: {self._death()}{_last_output(self.log)}") from None
        if isinstance(message, HarnessError):
            raise message
        return message

    def ask(self, request: Any) -> Any:
        with suppress(BrokenPipeError):  # it died: receiving finds out how
            self.connection.send(request)
        return self()

    def _death(self) -> str:
        code = self.process.exitcode or 0
        if code >= 0:
            return f"its process ended with status {code} and no result"
        hint = "; the system kills so when memory runs out" if -code == signal.SIGKILL else ""
        return f"its process was killed by {signal.Signals(-code).name}{hint}. Nothing was stored: run again"


def _last_output(log: Path) -> str:
    if not log.is_file():  # it ended before it could open it
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()[-_LOG_LINES:]
    return "\n--- its last output ---\n" + "\n".join(lines) if lines else ""


@contextmanager
def _process(title: str, body: Callable[..., None], function: Callable[..., Any], given: Any) -> Iterator[_Receiver]:
    context: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
    context.set_forkserver_preload(_PRELOAD)
    ours, theirs = context.Pipe()
    with _STARTING:
        parent = scratch()
    with tempfile.TemporaryDirectory(prefix="step-", dir=parent) as directory:
        log = Path(directory, "output.log")
        process = context.Process(target=_child, args=(theirs, log, body, function, given), name=title, daemon=True)
        try:
            with _STARTING:
                _start(process)
            theirs.close()
            yield _Receiver(process, ours, log)
            ours.close()
            process.join(_SECONDS_TO_END)
        finally:
            if process.pid is not None:  # Ctrl-C may come before it started
                process.kill()
                process.join()


def _start(process: multiprocessing.process.BaseProcess) -> None:
    """Start a process; with the first one the forkserver, whose environment and temporary files are those of all.

    A process searches for modules where this one does, but for this package first: pytest puts directories of the
    user's in front, and a package there of the same name would be imported in its place.
    """
    directory = str(scratch())
    environment = mock.patch.dict(os.environ, {**_ENVIRONMENT, "TMPDIR": directory})
    path = mock.patch.object(sys, "path", [_PACKAGES, *sys.path])
    with environment, path, mock.patch.object(tempfile, "tempdir", directory), ctrl_c_blocked():
        try:
            process.start()
        except (EOFError, OSError) as error:
            reason = f"could not be started ({type(error).__name__}: {error})"
            raise StageError(f"{process.name}: its process {reason}; nothing was stored: run again") from None


def _child(connection: Connection, log: Path, body: Callable[..., None], function: Any, given: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides, and kills
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if sys.platform == "linux":  # a thread cannot act in a process that is stopped; the system can
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The forkserver ends with the last one that holds this: with the run, then, and not with this process.
        server: Any = forkserver._forkserver
        os.close(server._forkserver_alive_fd)
    with log.open("w", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    try:
        body(connection, function, given)
    except EncoderError as error:  # of code that is not ours: what it printed belongs to it
        sys.stdout.flush()
        connection.send(EncoderError(f"{error}{_last_output(log)}"))
    except HarnessError as error:
        connection.send(error)
    except Exception as error:  # noqa: BLE001 - it goes on to the parent as text: its class need not exist there
        sys.stdout.flush()
        title, crash = multiprocessing.current_process().name, traceback.format_exc()
        if cannot_write(error):
            connection.send(StoreError(f"{title}: {error}; nothing was stored. Make it possible, and run again"))
        else:
            connection.send(StageError(f"{title}: failed in its process\n{crash}{_last_output(log)}"))


def _run(connection: Connection, function: Callable[..., Any], given: dict[str, Any]) -> None:
    value, cost = _measured(function, {**given, "progress": lambda *message: connection.send(message)})
    connection.send((value, replace(cost, peak_rss_mb=peak_rss_mb(), peak_cuda_mb=peak_cuda_mb())))


def _serve(connection: Connection, function: Server, given: tuple[Any, ...]) -> None:
    generator = function(*given)
    connection.send(next(generator))
    while True:
        try:
            request = connection.recv()
        except EOFError:  # the asker is done
            return
        connection.send(generator.send(request))


def _exit_with_parent() -> None:
    """End this process when the one that started it is gone, however it went: a kill -9 leaves nothing behind."""
    parent: Any = multiprocessing.parent_process()
    wait([parent.sentinel])
    os._exit(1)
