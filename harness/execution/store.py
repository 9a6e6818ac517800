"""Content-addressed artefacts: `.harness/store/<step>/<key>/`, the key a sha256 of everything that decides the content.

The holder of a key's lock builds the artefact in a directory of its own and moves it in by one rename: what is found at
its place is whole. `result.json` holds the step's result; `manifest.json` the inputs, cost and sha256 of every file.
"""

import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

from filelock import SoftFileLease, Timeout
from pydantic import TypeAdapter, ValidationError

from harness.errors import DamagedError, HarnessError
from harness.execution.digests import digest_of, directory_digests, file_digest
from harness.execution.step import Arguments, Cost, Step, T

STORE_FORMAT = 2
"""Part of every key: an artefact of another format is never found."""

LEASE_SECONDS = 30.0
"""A lock's holder on another machine, or one that is suspended, is taken for gone when it gave no sign for so long. One
whose process ended on this machine is recognised at once."""

_SECONDS_UNNOTICED = 1.0  # that someone waits without being told why
_SECONDS_BETWEEN_TRIES = 0.1
_BUILDING, _MANIFEST, _RESULT = "building", "manifest.json", "result.json"

OnWait = Callable[[str], None]
Build = Callable[[Path], tuple[T, Cost]]
"""Fills the given empty directory; returns the result and what it cost."""


@dataclass(frozen=True)
class _Manifest:
    inputs: Mapping[str, Any]
    cost: Cost
    files: Mapping[str, str]

    @property
    def content_digest(self) -> str:
        """sha256 of all of it."""
        return digest_of({"inputs": self.inputs, "cost": asdict(self.cost), "files": self.files})


@dataclass(frozen=True)
class _SignedManifest(_Manifest):
    sha256: str


_MANIFEST_CODEC = TypeAdapter(_SignedManifest)


@dataclass(frozen=True)
class Artefact(_Manifest, Generic[T]):
    """A directory in the store, with the result of the step that filled it.

    Attributes:
        inputs: What decided the content: step, code, libraries and arguments. Their digest is the key.
        files: File name (POSIX, relative) -> sha256.
        value: The step's result, as it was read back.
    """

    path: Path
    key: str
    value: T

    @property
    def digest(self) -> str:
        """sha256 of the key and the content: what stands for the artefact as an argument of another step."""
        # Beside files the result does not count: it tells of the build, such as the seconds that it took.
        left = {name: sha256 for name, sha256 in self.files.items() if name != _RESULT}
        return digest_of([self.key, left or dict(self.files)])

    def file(self, name: str) -> Path:
        """Return the path of one file; a DamagedError where it is missing, or its content is not what was stored."""
        return _verified(self.path, name, self.files)

    @cached_property
    def verified(self) -> Path:
        """The directory, every file verified as by `file`. Read once: what was found whole stays so in a run."""
        for name in self.files:
            self.file(name)
        return self.path


@dataclass(frozen=True)
class Kept:
    """An artefact as a directory that takes space.

    Attributes:
        step: Name of the step that filled it.
        path: The directory.
        size: Bytes of its files.
        used: When a run last found it, in seconds since 1970.
    """

    step: str
    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class Store:
    """The artefacts below a directory. Safe to use from several processes and machines at once.

    It is a DamagedError if the manifest or the result of what is found is damaged.
    """

    root: Path

    def find(self, step: Step[T], key: str) -> Artefact[T] | None:
        """Return the artefact of a step with this key, or None where it was not built yet."""
        path = self.root / step.name / key
        if not path.is_dir():
            return None
        manifest = _manifest(path)
        _verified(path, _RESULT, manifest.files)
        _mark_as_used(path / _MANIFEST)
        value, kept = _read(path, _RESULT, step.codec), (manifest.inputs, manifest.cost, manifest.files)
        return Artefact(*kept, path=path, key=key, value=value)

    def remove(self, step: Step[Any], key: str) -> None:
        """Remove an artefact, as one that is damaged."""
        with held(self.root / _BUILDING / f"{key}.lock", on_wait=lambda _: None):
            shutil.rmtree(self.root / step.name / key, ignore_errors=True)

    def kept(self) -> Iterator[Kept]:
        """Yield every artefact."""
        for path in sorted(self.root.glob("*/*")):
            manifest = path / _MANIFEST
            if path.parent.name != _BUILDING and manifest.is_file():
                size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                yield Kept(path.parent.name, path, size, manifest.stat().st_atime)

    def prune(self, unused_since: float) -> list[Kept]:
        """Remove the artefacts that no run has used since then, in seconds since 1970; return them."""
        unused = [one for one in self.kept() if one.used < unused_since]
        for one in unused:
            with held(self.root / _BUILDING / f"{one.path.name}.lock", on_wait=lambda _: None):
                shutil.rmtree(one.path)
        return unused

    def make(
        self, step: Step[T], inputs: Arguments, build: Build[T], *, on_wait: OnWait = lambda _: None
    ) -> Artefact[T]:
        """Return the artefact of a step and its inputs, JSON values; built now if it is not there.

        `on_wait` is told who builds it already, as in `held`.
        """
        key = digest_of(inputs)
        while (found := self.find(step, key)) is None:
            with held(self.root / _BUILDING / f"{key}.lock", on_wait=on_wait) as lock:
                if self.find(step, key) is None:  # another run may have built it while this one waited
                    try:
                        self._build(step, key, inputs, build)
                    except (OSError, HarnessError):
                        if lock.is_lock_held_by_us:
                            raise
                        # This run was suspended for so long that another one took over: what that one builds counts.
        return found

    def _build(self, step: Step[T], key: str, inputs: Arguments, build: Build[T]) -> None:
        building = self.root / _BUILDING
        for left in building.glob(f"{key}-*"):  # by a builder that was killed: only the lock's holder builds
            shutil.rmtree(left, ignore_errors=True)
        out = building / f"{key}-{uuid.uuid4().hex[:8]}"
        out.mkdir()
        try:
            value, cost = build(out)
            (out / _RESULT).write_bytes(step.codec.dump_json(value, warnings="error"))
            manifest = _Manifest(inputs, cost, directory_digests(out))
            signed = asdict(_SignedManifest(**vars(manifest), sha256=manifest.content_digest))
            (out / _MANIFEST).write_text(json.dumps(signed, indent=2, sort_keys=True), encoding="utf-8")
            (self.root / step.name).mkdir(exist_ok=True)
            out.rename(self.root / step.name / key)
        finally:
            shutil.rmtree(out, ignore_errors=True)


def _manifest(directory: Path) -> _Manifest:
    found = _read(directory, _MANIFEST, _MANIFEST_CODEC)
    if found.sha256 != found.content_digest:
        raise _damaged(directory, _MANIFEST, "was changed: its content has not the sha256 that stands in it")
    return found


def _mark_as_used(manifest: Path) -> None:
    with suppress(OSError):  # of a store that is only read
        os.utime(manifest, (time.time(), manifest.stat().st_mtime))


def _read(directory: Path, name: str, codec: TypeAdapter[T]) -> T:
    try:
        return codec.validate_json((directory / name).read_bytes())
    except OSError as error:
        reason = str(error)
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"]])
    raise _damaged(directory, name, f"({reason})")


def _verified(directory: Path, name: str, files: Mapping[str, str]) -> Path:
    path = directory / name
    found, stored = file_digest(path) if path.is_file() else "no file", files.get(name, "no such file")
    if found != stored:
        raise _damaged(directory, name, f"has sha256 {found}, stored was {stored}")
    return path


def _damaged(directory: Path, name: str, reason: str) -> DamagedError:
    return DamagedError(f"damaged artefact: {directory / name} {reason}; delete {directory} and run again")


@contextmanager
def held(*paths: Path, on_wait: OnWait) -> Iterator[SoftFileLease]:
    """Hold the first lock among `paths` that nobody else holds, without `fcntl`: a claim kept by a heartbeat.

    Re-entrant in a thread. `on_wait` is told for whom this one waits, such as `run 4711@host, since 2026-07-01
    12:30:00`: after a second, and again when it is another one. Once another process took this one for gone,
    `is_lock_held_by_us` is false.
    """
    claims = []
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = SoftFileLease(path, lease_duration=LEASE_SECONDS, is_singleton=True)
        if lock.is_locked:
            yield lock
            return
        claims.append((lock, path.with_suffix(".holder")))
    lock, signature = _acquired(claims, on_wait)
    try:
        signature.write_text(f"{os.getpid()}@{socket.gethostname()}", encoding="utf-8")
        yield lock
    finally:
        if lock.is_lock_held_by_us:
            signature.unlink(missing_ok=True)
        lock.release()


def _acquired(claims: Sequence[tuple[SoftFileLease, Path]], on_wait: OnWait) -> tuple[SoftFileLease, Path]:
    """Acquire one of the locks as soon as it is free; return it with the file that its holder signs."""
    noticed, told = time.monotonic() + _SECONDS_UNNOTICED, ""
    while True:
        for lock, signature in claims:
            with suppress(Timeout):
                lock.acquire(blocking=False)
                return lock, signature
        if time.monotonic() > noticed:
            noticed += _SECONDS_UNNOTICED
            holder = _holder(claims[0][1])
            if holder != told:
                on_wait(holder)
            told = holder
        time.sleep(_SECONDS_BETWEEN_TRIES)  # a lock is a file, perhaps another machine's: nothing tells when it is free


def _holder(signature: Path) -> str:
    with suppress(FileNotFoundError):  # it has just let go, or was killed before it could sign
        since = datetime.fromtimestamp(signature.stat().st_mtime)
        return f"run {signature.read_text(encoding='utf-8')}, since {since:%Y-%m-%d %H:%M:%S}"
    return "another run"


def write_whole(path: Path, text: str) -> None:
    """Write a text file by a temporary name and a rename: a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
