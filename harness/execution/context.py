"""The context of a run: where its steps are kept, where they run, and who is told how they get on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, NotBuiltError
from harness.execution.closure import source_digest
from harness.execution.digests import argument_identity, digest_of
from harness.execution.executor import Executor
from harness.execution.store import Artefact, Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.execution.processes import Server
    from harness.execution.step import Progress, Step, T

StepProgress = Callable[[str, float, str], None]
"""Called with a step's title, the part of its work done in [0, 1], and a few words."""


@dataclass(frozen=True)
class Context:
    """Runs steps. A step's result, or the HarnessError that it ended with, is remembered in the process by its key.

    Every method takes a step and the keyword arguments of its function. `title` names the step in errors and to
    `progress`, such as `train dating-lora`; without one the step's name does.

    Attributes:
        store: Keeps what steps make.
        executor: Runs them.
        progress: Told how they get on, and for whom they wait.
        runs_models: Whether a step that holds a model may run; if not, it must be in the store.
    """

    store: Store
    executor: Executor
    progress: StepProgress = lambda *_: None
    runs_models: bool = True
    _ended: dict[str, Artefact[Any] | HarnessError] = field(default_factory=dict, repr=False, compare=False)

    def run(self, step: Step[T], /, *, title: str = "", **arguments: Any) -> T:
        """Return a step's result, from the store if it is there.

        Raises:
            HarnessError: The step failed, or what the store holds is damaged.
        """
        return self.artefact(step, title=title, **arguments).value

    def artefact(self, step: Step[T], /, *, title: str = "", **arguments: Any) -> Artefact[T]:
        """Return a step's artefact, from the store if it is there.

        Raises:
            HarnessError: As in `run`.
        """
        inputs = step_inputs(step, arguments)
        key = digest_of(inputs)
        if key not in self._ended:
            try:
                self._ended[key] = self._make(step, title or step.name, key, inputs, arguments)
            except HarnessError as error:
                self._ended[key] = error
        ended = self._ended[key]
        if isinstance(ended, HarnessError):
            raise ended.with_traceback(None)
        return ended

    def built(self, step: Step[T], /, **arguments: Any) -> Artefact[T] | None:
        """Return a step's artefact if it is in the store; never run the step.

        Raises:
            StoreError: What the store holds is damaged.
        """
        return self.store.find(step, digest_of(step_inputs(step, arguments)))

    def lookup_only(self) -> Context:
        """Return a context that runs no step which holds a model: what was not built raises a NotBuiltError there."""
        return replace(self, runs_models=False, _ended=dict(self._ended))

    @contextmanager
    def serve(self, title: str, function: Server, *arguments: Any) -> Iterator[Callable[[Any], Any]]:
        """Keep `function(*arguments)`, which holds a model, ready; yield a call that takes a request to its reply.

        Raises:
            HarnessError: Its process failed.
        """
        with self.executor.serve(title, function, *arguments, progress=self._told(title)) as ask:
            yield ask

    def _make(
        self, step: Step[T], title: str, key: str, inputs: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> Artefact[T]:
        if step.resource.slot and not self.runs_models:
            found = self.store.find(step, key)
            if found is None:
                raise NotBuiltError(f"{title}: not built")
            return found
        told = self._told(title)
        return self.store.make(
            step,
            inputs,
            lambda out: self.executor.run(step, title, arguments, out, told),
            on_wait=lambda holder: told(0.0, f"waiting for {holder}"),
        )

    def _told(self, title: str) -> Progress:
        return lambda done, note: self.progress(title, done, note)


def step_inputs(step: Step[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that decides a step's result, as JSON: their digest is the key.

    Raises:
        TypeError: Of an argument no digest is known.
    """
    return {
        "step": step.name,
        "code": source_digest(step.run) if step.revision is None else step.revision,
        "libraries": {name: _version(name) for name in step.libraries},
        "arguments": {name: argument_identity(value) for name, value in arguments.items()},
    }


@cache
def _version(library: str) -> str:
    return version(library)
