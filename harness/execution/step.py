"""Steps: what is computed once and kept. A step's key follows from its code and the digest of each argument."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")

Arguments = Mapping[str, Any]

Progress = Callable[[float, str], None]
"""Called with the part of the work done, in [0, 1], and a few words such as `epoch 2/4, step 120/372`."""

Ask = Callable[[Any], Any]
Server = Callable[..., Generator[Any, Any, None]]
"""A generator function that prepares itself, yields None, and from then on yields one reply for each request."""


@dataclass(frozen=True)
class Resource:
    """The needs of a step: a process of its own, and a share of the executor's slot where it holds a model."""

    process: bool
    slot: bool


INLINE = Resource(process=False, slot=False)
PROCESS = Resource(process=True, slot=False)
MODEL = Resource(process=True, slot=True)


Device = Literal["auto", "cpu", "cuda", "mps"]
AUTO: Device = "auto"
"""The best device that the machine has."""


@dataclass(frozen=True)
class Cost:
    """Cost of running a step.

    Attributes:
        seconds: Wall time.
        peak_rss_mb: Peak resident memory of its process in MB (10^6 bytes); null where it ran inline, or is not known.
        peak_cuda_mb: Peak of the memory that torch allocated on the process's CUDA device; null where it used none.
    """

    seconds: float
    peak_rss_mb: float | None = None
    peak_cuda_mb: float | None = None


@dataclass(frozen=True)
class Step(Generic[T]):
    """A computed, cached thing.

    Attributes:
        name: Directory of its artefacts below the store's root.
        run: A module-level function of keyword arguments, also of `progress` where it has a process of its own.
        result: Type of what it returns, a pydantic model or a dataclass of such values: gives the codec.
        resource: Where it runs.
        files: Whether it also takes `out`, an empty directory to fill.
        libraries: Distributions whose version can change the result.
        revision: Of a step too expensive to run again at every edit: raised when an edit changes the result. None: the
            digest of the import closure of `run` within the package.
    """

    name: str
    run: Callable[..., T]
    result: type[T]
    resource: Resource = INLINE
    files: bool = False
    libraries: tuple[str, ...] = ()
    revision: int | None = None

    @cached_property
    def codec(self) -> TypeAdapter[T]:
        """Writes a result as JSON, NaN as null, and reads it back."""
        return TypeAdapter(self.result)

    def arguments(self, given: Arguments, out: Path, progress: Progress) -> dict[str, Any]:
        """Add to the given arguments of `run` the ones that the executor provides."""
        provided = {"out": out} if self.files else {}
        return {**given, **provided, **({"progress": progress} if self.resource.process else {})}


@dataclass(frozen=True)
class ResultsOf:
    """Annotates a mapping from the names of some of `steps` to their results, for pydantic."""

    steps: Sequence[Step[Any]]

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of a typed dictionary."""
        fields = {
            step.name: core_schema.typed_dict_field(handler.generate_schema(step.result), required=False)
            for step in self.steps
        }
        return core_schema.typed_dict_schema(fields, extra_behavior="forbid")
