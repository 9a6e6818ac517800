"""Executors: where a step runs."""

from __future__ import annotations

import socket
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.execution.locks import held
from harness.execution.processes import Server, run_in_process, serve_from_process
from harness.execution.step import Cost, Progress, Step, T

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Executor(Protocol):
    """Decides where a step runs, and when."""

    def run(
        self, step: Step[T], title: str, arguments: Mapping[str, Any], out: Path, progress: Progress
    ) -> tuple[T, Cost]:
        """Run a step.

        Args:
            step: The step.
            title: Names it in errors, such as `train dating-lora`.
            arguments: Keyword arguments of its function.
            out: An empty directory for its files.
            progress: Told how it gets on, and what it waits for.

        Raises:
            HarnessError: Raised by the step itself.
            StageError: Its process failed otherwise, or was killed.
        """
        ...

    def serve(
        self, title: str, function: Server, *arguments: Any, progress: Progress
    ) -> AbstractContextManager[Callable[[Any], Any]]:
        """Keep `function(*arguments)`, which holds a model, ready; yield a call that takes a request to its reply."""
        ...


class InlineExecutor:
    """Runs every step in this process, as tests want it: an error that is not ours comes with its own traceback."""

    def run(
        self, step: Step[T], title: str, arguments: Mapping[str, Any], out: Path, progress: Progress
    ) -> tuple[T, Cost]:
        """Run a step here."""
        del title
        started = time.perf_counter()
        value = step.run(**step.arguments(arguments, out, progress))
        return value, Cost(round(time.perf_counter() - started, 3))

    @contextmanager
    def serve(
        self, title: str, function: Server, *arguments: Any, progress: Progress
    ) -> Iterator[Callable[[Any], Any]]:
        """Serve from here."""
        del title, progress
        generator = function(*arguments)
        next(generator)
        yield generator.send


@dataclass(frozen=True)
class LocalExecutor:
    """Runs a step where its resource says: here, or in a process of its own; one model in memory at a time.

    Attributes:
        root: Directory of the slot, usually the store's root. All runs on this machine with the same one take turns.
    """

    root: Path

    def run(
        self, step: Step[T], title: str, arguments: Mapping[str, Any], out: Path, progress: Progress
    ) -> tuple[T, Cost]:
        """Run a step; one that holds a model once the slot is free."""
        if not step.resource.process:
            return InlineExecutor().run(step, title, arguments, out, progress)
        with self._slot(progress) if step.resource.slot else nullcontext():
            progress(0.0, "starting")
            return run_in_process(title, step.run, step.arguments(arguments, out, progress))

    @contextmanager
    def serve(
        self, title: str, function: Server, *arguments: Any, progress: Progress
    ) -> Iterator[Callable[[Any], Any]]:
        """Serve from a process of its own, which holds the slot."""
        with self._slot(progress), serve_from_process(title, function, *arguments) as ask:
            yield ask

    def _slot(self, progress: Progress) -> AbstractContextManager[object]:
        # Memory is the machine's: on a shared directory each machine has its slot.
        path = self.root / f"model-{socket.gethostname()}.lock"
        return held(path, on_wait=lambda holder: progress(0.0, f"waiting for the model slot of {holder}"))
