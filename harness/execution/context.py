"""The context of a run: where its steps are kept, where they run, and who is told how they get on."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from importlib.metadata import version
from typing import Any, Self

from harness.errors import DamagedError, HarnessError, NotBuiltError, StoreError
from harness.execution.ahead import Ahead
from harness.execution.digests import argument_identity, digest_of, source_digest
from harness.execution.executor import Executor
from harness.execution.step import AUTO, Arguments, Ask, Device, Server, Step, T
from harness.execution.store import STORE_FORMAT, Artefact, Store

StepProgress = Callable[[str, float, str], None]
"""Called with a step's title, the part of its work done in [0, 1], and a few words."""

_SECONDS_BETWEEN_SIGNS = 0.2
_version = cache(version)


@dataclass(frozen=True)
class Context:
    """Runs steps. A step's result, or the HarnessError that it ended with, is remembered in the process by its key.

    Every method takes a step and the keyword arguments of its function, and raises a HarnessError where the step failed
    or what the store holds is damaged. `title` names the step in errors and to `progress`, such as `train dating-lora`;
    without one the step's name does. Where not `runs_models`, a step that holds a model must be in the store.
    `device` is where models are trained and encode.
    """

    store: Store
    executor: Executor
    progress: StepProgress = lambda *_: None
    runs_models: bool = True
    device: Device = AUTO
    _ended: dict[str, Artefact[Any] | HarnessError] = field(default_factory=dict, repr=False, compare=False)
    _locks: dict[str, threading.Lock] = field(default_factory=dict, repr=False, compare=False)
    _told: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _ahead(self) -> Ahead:
        return Ahead(self.executor.jobs)

    def run(self, step: Step[T], /, *, title: str = "", **arguments: Any) -> T:
        """Return a step's result, from the store if it is there."""
        return self.artefact(step, title=title, **arguments).value

    def artefact(self, step: Step[T], /, *, title: str = "", **arguments: Any) -> Artefact[T]:
        """Return a step's artefact, from the store if it is there."""
        inputs = _inputs(step, arguments)
        key, title = digest_of(inputs), title or step.name
        with self._one_at_a_time(key):
            if key not in self._ended:
                self._require_wanted(title)
                try:
                    self._ended[key] = self._make(step, title, inputs, arguments)
                except HarnessError as error:
                    self._require_wanted(title)  # else it did not fail, but was ended
                    self._ended[key] = error
        ended = self._ended[key]
        if isinstance(ended, HarnessError):
            raise ended.with_traceback(None)
        return ended

    def ahead(self, calls: Iterable[Callable[[], object]]) -> None:
        """Begin calls that will be asked for, as far as several models may be in memory at a time.

        Their steps are the same ones: who asks for a step that is under way waits for it, and takes what came of it.
        """
        self._ahead.add(calls)

    def close(self) -> None:
        """End what was begun ahead and nobody waits for any more."""
        self._ahead.close(self.executor.stop)

    def lookup_only(self) -> Self:
        """Return a context that runs no step which holds a model: what was not built raises a NotBuiltError there."""
        return replace(self, runs_models=False, _ended=dict(self._ended), _locks={})

    def serve(self, title: str, function: Server, *arguments: Any) -> AbstractContextManager[Ask]:
        """Keep `function(*arguments)`, which holds a model, ready; yield a call that takes a request to its reply."""
        return self.executor.serve(title, function, *arguments, progress=partial(self.progress, title))

    def _make(self, step: Step[T], title: str, inputs: Arguments, arguments: Arguments) -> Artefact[T]:
        if step.resource.slot and not self.runs_models:
            if (found := self.store.find(step, digest_of(inputs))) is None:
                raise NotBuiltError(f"{title}: not built")
            return found
        told = partial(self._tell, title)

        def make() -> Artefact[T]:
            return self.store.make(
                step,
                inputs,
                lambda out: self.executor.run(step, title, arguments, out, told),
                on_wait=lambda holder: told(0.0, f"waiting for {holder}"),
            )

        try:
            return make()
        except DamagedError as error:
            if step.resource.process:  # it may have taken minutes: a person decides
                raise
            told(0.0, f"{error}: built again")
            self.store.remove(step, digest_of(inputs))
            return make()
        except OSError as error:
            raise StoreError(f"{title}: {error} (the store is {self.store.root})") from None

    def _require_wanted(self, title: str) -> None:
        """Raise a NotBuiltError where this thread works ahead of a run that has ended."""
        if self._ahead.is_here and self._ahead.is_closed:
            raise NotBuiltError(f"{title}: not built: the run ended")

    @contextmanager
    def _one_at_a_time(self, key: str) -> Iterator[None]:
        """Let one thread at a time make a step; meanwhile pass on what those that work ahead have to say."""
        lock = self._locks.setdefault(key, threading.Lock())
        while not lock.acquire(timeout=_SECONDS_BETWEEN_SIGNS):
            self._pass_on()
        try:
            yield
        finally:
            lock.release()

    def _tell(self, title: str, done: float, note: str) -> None:
        """Say how a step gets on: a thread that works ahead leaves it to the one that waits."""
        if self._ahead.is_here:
            self._told[title] = done, note
        else:
            self._pass_on()
            self.progress(title, done, note)

    def _pass_on(self) -> None:
        if not self._ahead.is_here:
            for title in list(self._told):
                self.progress(title, *self._told.pop(title))


def _inputs(step: Step[Any], arguments: Arguments) -> dict[str, Any]:
    """Return everything that decides a step's result, as JSON: their digest is the key."""
    return {
        "format": STORE_FORMAT,
        "step": step.name,
        "code": source_digest(step.run) if step.revision is None else step.revision,
        "libraries": {name: _version(name) for name in step.libraries},
        "arguments": {name: argument_identity(value) for name, value in arguments.items()},
    }
