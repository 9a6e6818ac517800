"""Files from outside, read with care: regular ones of a sane size, and JSON that says each thing once."""

import json
import stat
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

MOST_BYTES = 256 * 1024 * 1024
"""Of a file of settings or results: the stored scores of a million pairs are smaller."""


_LFS = b"version https://git-lfs.github.com/spec/"

NOT_FETCHED = "a Git LFS pointer, not the file; fetch the file with git lfs pull"
"""Said of what `is_pointer` finds."""


def is_pointer(path: Path) -> bool:
    """Return whether Git LFS left a pointer in the place of a file, as a clone without it does."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(_LFS)) == _LFS
    return False


def read_text(path: Path, error: type[HarnessError], *, most: int = MOST_BYTES) -> str:
    """Read a file of text.

    Raises:
        error: It is no regular file (a pipe or a device never ends), too large, a pointer of Git LFS, not UTF-8, or
            cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise error(f"{path}: cannot be read: {'a directory' if path.is_dir() else 'no regular file'}")
        if found.st_size > most:
            raise error(f"{path}: cannot be read: {found.st_size:,} bytes, expected at most {most:,}")
        if is_pointer(path):
            raise error(f"{path}: cannot be read: it is {NOT_FETCHED}")
        return path.read_bytes().decode("utf-8")
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise error(f"{path}: not UTF-8 (byte {problem.start + 1})") from None
    except ValueError as problem:  # a NUL in the name
        raise error(f"{str(path)!r}: cannot be read: {problem}") from None


def read_json(path: Path, error: type[HarnessError], *, most: int = MOST_BYTES) -> Any:
    """Read a JSON file.

    Raises:
        error: It cannot be read, is no JSON, is nested too deeply, or names a key of an object twice: which of both
            counts would depend on the reader.
    """
    text = read_text(path, error, most=most)
    if not text.strip():
        raise error(f"{path}: it is empty; save or upload it again")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise error(f"{path}: not JSON: nested too deeply") from None
    except ValueError as problem:
        raise error(f"{path}: not JSON: {problem}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {json.dumps(twice)[:80]} stands twice in an object")
    return found
