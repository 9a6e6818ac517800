"""Digests of values, files and directories."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_SCALARS = (str, int, float, bool, type(None))
_LONGEST_SHOWN = 2000  # characters: enough for a recipe; a manifest stays readable


def digest_of(value: Any) -> str:
    """Return the sha256 of a JSON value in its canonical form."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def directory_digests(path: Path, *, counts: Callable[[str], bool] = lambda _: True) -> dict[str, str]:
    """Return the sha256 of each file below a directory: name (POSIX, relative) -> digest.

    Args:
        path: The directory.
        counts: Whether a file counts, by its name. One that does not is not read.
    """
    names = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    return {name: file_digest(file) for name, file in names.items() if counts(name)}


def argument_identity(value: Any) -> Any:
    """Return what stands for an argument in a step's key and in the manifest: JSON, the same exactly for same content.

    An object with a `digest` is that digest. Of pydantic models and dataclasses the class's name and the fields count
    (but none with `compare=False`), of mappings, sequences, arrays and scalars the content. What is long is its sha256.

    Raises:
        TypeError: No digest is known of such a value. A path is refused: it says nothing about what is in the file.
    """
    identity = _identity(value)
    canonical = _canonical(identity)
    if len(canonical) <= _LONGEST_SHOWN:
        return identity
    return {"sha256": hashlib.sha256(canonical.encode()).hexdigest()}


def _identity(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Enum):
        return _identity(value.value)
    digest = getattr(value, "digest", None)
    if isinstance(digest, str):
        return {"digest": digest}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"a step's argument has a mapping with keys that are no strings: {list(value)[:3]}")
        return {key: _identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return list(value) if set(map(type, value)) <= set(_SCALARS) else [_identity(item) for item in value]
    if isinstance(value, BaseModel):
        return _of_fields(value, type(value).model_fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _of_fields(value, [field.name for field in dataclasses.fields(value) if field.compare])
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": [value.dtype.str, list(value.shape), content]}
    if isinstance(value, np.generic):
        return _identity(value.item())
    raise TypeError(f"a step's argument has a {type(value).__name__}, of which no digest is known: {value!r:.100}")


def _of_fields(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return {"class": type(value).__name__, **{name: _identity(getattr(value, name)) for name in names}}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
