"""Content-addressed artefacts: `.harness/store/<step>/<key>/`, the key a sha256 of everything that decides the content.

The holder of a key's lock builds the artefact in a directory of its own and moves it in by one rename: what is found at
its place is whole. `result.json` holds the step's result; `manifest.json` the inputs, cost and sha256 of every file.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from pydantic import TypeAdapter, ValidationError

from harness.errors import HarnessError, StoreError
from harness.execution.digests import digest_of, directory_digests, file_digest
from harness.execution.locks import held
from harness.execution.step import Cost, T

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.execution.step import Step

_MANIFEST = "manifest.json"
_RESULT = "result.json"


@dataclass(frozen=True)
class Artefact(Generic[T]):
    """A directory in the store, with the result of the step that filled it.

    Attributes:
        path: The directory.
        key: sha256 of the inputs: the directory's name.
        inputs: What decided the content: step, code, libraries and arguments.
        value: The step's result, as it was read back.
        cost: What building it took.
        files: File name (POSIX, relative) -> sha256.
    """

    path: Path
    key: str
    inputs: Mapping[str, Any]
    value: T
    cost: Cost
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """sha256 of the key and the content: what stands for the artefact as an argument of another step.

        Beside files the result does not count: it tells of the build, such as the seconds that it took.
        """
        left = {name: sha256 for name, sha256 in self.files.items() if name != _RESULT}
        return digest_of([self.key, left or dict(self.files)])

    def file(self, name: str) -> Path:
        """Return the path of one file, after its content was found to be what was stored.

        Raises:
            StoreError: The file is missing or was changed.
        """
        return _verified(self.path, name, self.files)

    def verified(self) -> Path:
        """Return the directory, after every file in it was verified. Read once: what was found whole stays so in a run.

        Raises:
            StoreError: A file is missing or was changed.
        """
        return self._verified_path

    @cached_property
    def _verified_path(self) -> Path:
        for name in self.files:
            self.file(name)
        return self.path


@dataclass(frozen=True)
class Store:
    """The artefacts below one directory. Safe to use from several processes and machines at once.

    Attributes:
        root: The directory.
    """

    root: Path

    def find(self, step: Step[T], key: str) -> Artefact[T] | None:
        """Return the artefact of a step with this key, or None where it was not built yet.

        Raises:
            StoreError: Its manifest or its result is damaged.
        """
        path = self.root / step.name / key
        if not path.is_dir():
            return None
        manifest = _read(path, _MANIFEST, _MANIFEST_CODEC)
        _verified(path, _RESULT, manifest.files)
        value = _read(path, _RESULT, step.codec)
        return Artefact(path, key, manifest.inputs, value, manifest.cost, manifest.files)

    def make(
        self,
        step: Step[T],
        inputs: Mapping[str, Any],
        build: Callable[[Path], tuple[T, Cost]],
        *,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> Artefact[T]:
        """Return the artefact of a step with these inputs, built now if it is not there.

        Args:
            step: The step.
            inputs: Everything that decides the content, as JSON values. Their digest is the key.
            build: Fills the given empty directory; returns the result and what it cost.
            on_wait: Told who builds it already, as in `held`.

        Raises:
            StoreError: What was found is damaged.
        """
        key = digest_of(inputs)
        while (found := self.find(step, key)) is None:
            with held(self._building / f"{key}.lock", on_wait=on_wait) as lock:
                if self.find(step, key) is None:  # another run may have built it while this one waited
                    try:
                        self._build(step, key, inputs, build)
                    except (OSError, HarnessError):
                        if lock.is_lock_held_by_us:
                            raise
                        # This run was suspended for so long that another one took over: what that one builds counts.
        return found

    @property
    def _building(self) -> Path:
        return self.root / "building"

    def _build(
        self, step: Step[T], key: str, inputs: Mapping[str, Any], build: Callable[[Path], tuple[T, Cost]]
    ) -> None:
        for left in self._building.glob(f"{key}-*"):  # by a builder that was killed: only the lock's holder builds
            shutil.rmtree(left, ignore_errors=True)
        out = self._building / f"{key}-{uuid.uuid4().hex[:8]}"
        out.mkdir()
        try:
            value, cost = build(out)
            (out / _RESULT).write_bytes(step.codec.dump_json(value, warnings="error"))
            manifest = {"inputs": inputs, "cost": asdict(cost), "files": directory_digests(out)}
            (out / _MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True), encoding="utf-8")
            (self.root / step.name).mkdir(exist_ok=True)
            out.rename(self.root / step.name / key)
        finally:
            shutil.rmtree(out, ignore_errors=True)


@dataclass(frozen=True)
class _Manifest:
    inputs: dict[str, Any]
    cost: Cost
    files: dict[str, str]


_MANIFEST_CODEC = TypeAdapter(_Manifest)


def _read(directory: Path, name: str, codec: TypeAdapter[T]) -> T:
    try:
        return codec.validate_json((directory / name).read_bytes())
    except OSError as error:
        reason = str(error)
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"]])
    raise StoreError(f"damaged artefact: {directory / name} ({reason}); delete {directory} and run again")


def _verified(directory: Path, name: str, files: Mapping[str, str]) -> Path:
    path = directory / name
    found, stored = file_digest(path) if path.is_file() else "no file", files.get(name, "no such file")
    if found != stored:
        raise StoreError(
            f"damaged artefact: {path} has sha256 {found}, stored was {stored}; delete {directory} and run again"
        )
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a text file by a temporary name and a rename: a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
