"""One model, one process: a step that needs torch runs in a child of a forkserver that has imported torch once.

A child starts in hundredths of a second, its memory really goes back to the system when it ends, and its peak resident
memory is its own. The pytest process never imports torch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any
from unittest import mock

from harness.errors import HarnessError, StageError
from harness.execution.step import Cost, T

Server = Callable[..., Generator[Any, Any, None]]
"""A generator function that prepares itself, yields None, and from then on yields one reply for each request."""

_PRELOAD = ["__main__", "torch", "sentence_transformers", "peft"]
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # whatever a step opens was resolved before; a step never asks the network
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # Threads that wait sleep, instead of spinning on a core that others need: with two busy neighbours on two cores, a
    # training step took 0.23 s instead of 0.65 to 3 s.
    "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    "JOBLIB_MULTIPROCESSING": "0",  # or joblib leaves semaphores behind in a process that is killed
    "TOKENIZERS_PARALLELISM": "false",
}
_LOG_LINES = 15
_SECONDS_TO_END = 10.0


def run_in_process(title: str, function: Callable[..., T], arguments: Mapping[str, Any]) -> tuple[T, Cost]:
    """Run `function(**arguments)` in a process of its own and wait for it.

    Args:
        title: Names the process in errors, such as `train dating-lora`.
        function: A module-level function.
        arguments: Sent to the process; the calls of `progress`, where it is one of them, are sent back to it here.

    Raises:
        HarnessError: Raised by the function itself, and passed on.
        StageError: The function failed otherwise, or its process was killed.
    """
    here = dict(arguments)
    progress = here.pop("progress", None)
    with _process(title, _run, function, (here, progress is not None)) as receive:
        while not isinstance(message := receive(), _Done):
            progress(*message)
    return message.value, message.cost


@contextmanager
def serve_from_process(title: str, function: Server, *arguments: Any) -> Iterator[Callable[[Any], Any]]:
    """Keep `function(*arguments)` in a process of its own and yield a call that takes a request to its reply.

    Raises:
        HarnessError: As in `run_in_process`, of the preparation as of each request.
    """
    with _process(title, _serve, function, arguments) as receive:
        receive()  # prepared
        yield receive.ask


@dataclass(frozen=True)
class _Done:
    value: Any
    cost: Cost


@dataclass(frozen=True)
class _Receiver:
    """Takes the next message of a process, and turns its errors and its death into exceptions."""

    title: str
    process: multiprocessing.process.BaseProcess
    connection: Connection
    log: Path

    def __call__(self) -> Any:
        try:
            message = self.connection.recv()
        except (EOFError, OSError):  # nothing more, or not the whole message
            self.process.join()
            raise StageError(f"{self.title}: {self._death()}{self._last_output()}") from None
        if isinstance(message, HarnessError):
            raise message
        if isinstance(message, _Crash):
            raise StageError(f"{self.title}: failed in its process\n{message.text}{self._last_output()}")
        return message

    def ask(self, request: Any) -> Any:
        """Send a request to a serving process and take its reply."""
        with suppress(BrokenPipeError):  # it died: receiving finds out how
            self.connection.send(request)
        return self()

    def _death(self) -> str:
        code = self.process.exitcode or 0
        if code >= 0:
            return f"its process ended with status {code} and no result"
        hint = "; the system kills so when memory runs out" if -code == signal.SIGKILL else ""
        return f"its process was killed by {signal.Signals(-code).name}{hint}. Nothing was stored: run again"

    def _last_output(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()[-_LOG_LINES:]
        return "\n--- its last output ---\n" + "\n".join(lines) if lines else ""


@dataclass(frozen=True)
class _Crash:
    """An exception of another kind, as text: its class need not exist in the other process."""

    text: str


@contextmanager
def _process(
    title: str, body: Callable[..., None], function: Callable[..., Any], arguments: tuple[Any, ...]
) -> Iterator[_Receiver]:
    context: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
    context.set_forkserver_preload(_PRELOAD)
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="harness-") as directory:
        log = Path(directory, "output.log")
        process = context.Process(target=_child, args=(theirs, log, body, function, arguments), name=title, daemon=True)
        try:
            with mock.patch.dict(os.environ, _ENVIRONMENT):  # the forkserver starts with the first process
                process.start()
            theirs.close()
            yield _Receiver(title, process, ours, log)
            ours.close()
            process.join(_SECONDS_TO_END)
        finally:
            if process.pid is not None:  # Ctrl-C may come before it started
                process.kill()
                process.join()


def _child(
    connection: Connection, log: Path, body: Callable[..., None], function: Callable[..., Any], arguments: Any
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides, and kills
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    output: IO[str] = log.open("w", encoding="utf-8")
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    try:
        body(connection, function, arguments)
    except HarnessError as error:
        connection.send(error)
    except Exception:  # noqa: BLE001 - it goes on to the parent, whole
        connection.send(_Crash(traceback.format_exc()))


def _run(connection: Connection, function: Callable[..., Any], given: tuple[dict[str, Any], bool]) -> None:
    arguments, reports = given
    if reports:
        arguments["progress"] = lambda done, note: connection.send((done, note))
    started = time.perf_counter()
    value = function(**arguments)
    connection.send(_Done(value, Cost(round(time.perf_counter() - started, 3), _peak_rss_mb())))


def _serve(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    generator = function(*arguments)
    connection.send(next(generator))
    while True:
        try:
            request = connection.recv()
        except EOFError:  # the asker is done
            return
        connection.send(generator.send(request))


def _exit_with_parent() -> None:
    """End this process when the one that started it is gone, however it went: a kill -9 leaves nothing behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _peak_rss_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)
