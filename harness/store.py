"""Content-addressed artefacts: `.harness/store/<kind>/<sha256 of everything that decides the content>/`.

An artefact is built in a temporary directory and moved in by one rename, under the store's lock: what is found at its
place is whole. Its `manifest.json` holds the inputs, the facts of the build and the sha256 of every file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from harness.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_MANIFEST = "manifest.json"
_SECONDS_UNNOTICED = 1.0  # that someone waits without being told why


@dataclass(frozen=True)
class Artefact:
    """A directory in the store.

    Attributes:
        path: The directory.
        key: sha256 of the kind and the inputs: the directory's name.
        inputs: Everything that decides the content.
        facts: What the build observed: seconds, peak memory, precision, device ...
        files: File name (POSIX, relative) -> sha256.
    """

    path: Path
    key: str
    inputs: Mapping[str, Any]
    facts: Mapping[str, Any]
    files: Mapping[str, str]

    def file(self, name: str) -> Path:
        """The path of one file, after its content was found to be what was stored.

        Raises:
            StoreError: The file is missing or was changed.
        """
        path = self.path / name
        found, stored = file_digest(path) if path.is_file() else "no file", self.files.get(name, "no such file")
        if found != stored:
            raise StoreError(
                f"damaged artefact: {path} has sha256 {found}, stored was {stored}; delete {self.path} and run again"
            )
        return path

    def read_json(self, name: str) -> Any:
        """The content of one JSON file."""
        return json.loads(self.file(name).read_text(encoding="utf-8"))

    def verified(self) -> Path:
        """The directory, after every file in it was verified.

        Raises:
            StoreError: A file is missing or was changed.
        """
        for name in self.files:
            self.file(name)
        return self.path


class Store:
    """The artefacts below one directory. Safe to use from several processes at once. Read-only, it builds nothing.

    Args:
        root: The directory.
        read_only: Whether nothing may be built.
        on_wait: Called once each time that another process builds and this one has to wait for it.
    """

    def __init__(self, root: Path, *, read_only: bool = False, on_wait: Callable[[], None] = lambda: None) -> None:
        self.root = root
        self._read_only = read_only
        self._on_wait = on_wait
        self._lock = FileLock(root / "lock", mode=0o644)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the store's lock: one builder at a time, and so one model in memory, across processes. Re-entrant."""
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=_SECONDS_UNNOTICED)
        except Timeout:
            self._on_wait()
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def find(self, kind: str, inputs: Mapping[str, Any]) -> Artefact | None:
        """The artefact with these inputs, or None where it was not built yet.

        Raises:
            StoreError: Its manifest cannot be read.
        """
        path = self._place(kind, inputs)
        if not path.is_dir():
            return None
        try:
            manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
            return Artefact(path, path.name, manifest["inputs"], manifest["facts"], manifest["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"damaged artefact: {path / _MANIFEST} ({error}); delete {path} and run again") from None

    def make(self, kind: str, inputs: Mapping[str, Any], build: Callable[[Path], Mapping[str, Any]]) -> Artefact:
        """The artefact with these inputs, built now if it is not there.

        Args:
            kind: Directory below the store's root.
            inputs: Everything that decides the content, as JSON values.
            build: Fills the given empty directory and returns the facts of the build, as JSON values.

        Raises:
            StoreError: It was not built, and the store is read-only.
        """
        found = self.find(kind, inputs)
        if found:
            return found
        if self._read_only:
            raise StoreError(f"{self.root}: no such {kind} was built")
        with self.locked():
            found = self.find(kind, inputs)  # another process may have built it while this one waited
            if found:
                return found
            # Only the holder of the lock builds: whatever else lies there was left by a build that was killed.
            building = self.root / "building"
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            try:
                facts = build(building)
                manifest = {"inputs": inputs, "facts": facts, "files": directory_digests(building)}
                (building / _MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True), encoding="utf-8")
                target = self._place(kind, inputs)
                target.parent.mkdir(exist_ok=True)
                building.rename(target)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        made = self.find(kind, inputs)
        assert made is not None  # noqa: S101 - renamed into place just above
        return made

    def _place(self, kind: str, inputs: Mapping[str, Any]) -> Path:
        """Where an artefact with these inputs lies, whether it was built or not."""
        return self.root / kind / digest_of({"kind": kind, **inputs})


def digest_of(value: Any) -> str:
    """sha256 of a JSON value in its canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def directory_digests(path: Path, *, counts: Callable[[str], bool] = lambda _: True) -> dict[str, str]:
    """sha256 of the files below a directory: name (POSIX, relative) -> digest.

    Args:
        path: The directory.
        counts: Whether a file counts, by its name. One that does not is not read.
    """
    names = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    return {name: file_digest(file) for name, file in names.items() if counts(name)}


def write_whole(path: Path, text: str) -> None:
    """Writes a text file by a temporary name and a rename: a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
