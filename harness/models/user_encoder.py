"""An encoder of the user's: a function of a module of theirs opens it, in the model's process."""

from __future__ import annotations

import ast
import importlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.data.sides import Side
from harness.errors import CaseError, EncoderError
from harness.execution.digests import digest_of, file_digest
from harness.models.encoder import CheckedEncoder, Encoder
from harness.text import one_line

_LONGEST = 300  # characters of what the user's code says


@dataclass(frozen=True)
class UserEncoder:
    """A function of the user's that returns an `Encoder`.

    Attributes:
        function: `module:function`.
        source: The module's file.
        sha256: Of that file. What it imports or downloads does not count.
        revision: What the case says of that.
        directory: Of the case file, where the module may lie.
    """

    function: str
    source: Path
    sha256: str
    revision: str
    directory: Path

    @classmethod
    def find(cls, function: str, revision: str, directory: Path) -> Self:
        """Find the module without importing it: in a directory, or else on `sys.path`.

        Raises:
            CaseError: There is no such module, it is no Python file, or it has no such function.
        """
        module, _, name = function.partition(":")
        source = _source(module, directory)
        if source is None:
            raise CaseError(f"no module {module}; expected a Python file in {directory}, or on sys.path")
        try:
            known = _names(ast.parse(source.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
            raise CaseError(f"{source}: cannot be read as Python: {one_line(str(error))}") from None
        if name not in known and "*" not in known:
            raise CaseError(f"{source}: no {name} in it; expected a function that returns an Encoder")
        return cls(function, source, file_digest(source), revision, directory)

    @property
    def digest(self) -> str:
        """sha256 of everything that is known of it to decide its embeddings."""
        return digest_of(["encoder", self.function, self.sha256, self.revision])

    @property
    def origin(self) -> dict[str, Any]:
        """What it is, for the provenance of its values."""
        return {"encoder": self.function, "sha256": self.sha256, "revision": self.revision}

    @property
    def strategy(self) -> str:
        """Kind of model, beside the strategies of recipes."""
        return "encoder"

    def open(self) -> Encoder:
        """Call the function, and return what it returns, each answer verified.

        Raises:
            EncoderError: The user's code raised something: one line, and its traceback is printed.
        """
        module, _, name = self.function.partition(":")
        with self.in_one_line():
            if self.source.is_relative_to(self.directory):  # as the directory of a script
                sys.path.insert(0, str(self.directory))
            encoder = getattr(importlib.import_module(module), name)()
        if not callable(getattr(encoder, "encode", None)):
            came = type(encoder).__name__
            raise EncoderError(f"{self.words}: returned a {came}; expected an object with encode(texts, *, side)")
        return CheckedEncoder(_Guarded(self, encoder), self.words)

    @property
    def words(self) -> str:
        """The encoder for people."""
        return f"encoder {self.function}"

    @contextmanager
    def in_one_line(self) -> Iterator[None]:
        """Raise whatever the user's code raises as an EncoderError that names the last line of their module."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the code is not ours
            traceback.print_exc()
            frames = traceback.extract_tb(error.__traceback__)
            last = next((frame for frame in reversed(frames) if Path(frame.filename) == self.source), frames[-1])
            words = one_line(f"{type(error).__name__}: {error}", _LONGEST)
            raise EncoderError(f"{self.words}: {last.filename}:{last.lineno}: {words}") from None


@dataclass(frozen=True)
class _Guarded:
    """The user's object; what it raises comes in one line."""

    user: UserEncoder
    encoder: Encoder

    def encode(self, texts: Sequence[str], *, side: Side) -> NDArray[np.float32]:
        with self.user.in_one_line():
            return self.encoder.encode(texts, side=side)


def _source(module: str, directory: Path) -> Path | None:
    """Return the file of a module; nothing is imported for it, since its packages would run."""
    first, *others = module.split(".")
    beside = PathFinder.find_spec(first, [str(directory)])
    spec = beside if beside and beside.origin else _spec(first, None)
    name = first
    for part in others:
        name = f"{name}.{part}"
        places = spec.submodule_search_locations if spec else None
        spec = None if places is None else _spec(name, list(places))
    origin = spec.origin if spec and spec.has_location else None
    return Path(origin) if origin and origin.endswith(".py") else None


def _spec(name: str, places: Sequence[str] | None) -> ModuleSpec | None:
    found = (finder.find_spec(name, places) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def _names(tree: ast.Module) -> set[str]:
    """Return the names that a module may have, `*` among them where it takes all of another one."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
