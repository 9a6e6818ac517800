"""The errors that a user can cause and mend. Each says what came, what was expected and what to do."""

import errno
import re
from importlib.util import find_spec

from harness.text import on_a_screen

_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


class HarnessError(Exception):
    """Base of every error that the harness raises on purpose. Its message is fit for a screen, whatever a file held."""

    def __init__(self, message: str = "") -> None:
        super().__init__(on_a_screen(message))


class CaseError(HarnessError):
    """A case file is wrong: unknown key, wrong type, missing file, impossible recipe."""


class DataError(HarnessError):
    """A data file has rows that cannot be used. The message lists them as `file:line: reason`."""


class CheckpointError(HarnessError):
    """A model on disk is not what it claims to be: digest, weights, adapter or base do not fit."""


class EncoderError(HarnessError):
    """A user's encoder or an endpoint failed, or gave what are no embeddings of the texts."""


class StageError(HarnessError):
    """A stage's process failed or was killed."""


class ClusterError(HarnessError):
    """A Ray cluster cannot be used: nobody answers, or a node is not what a run needs."""


class StoreError(HarnessError):
    """The store cannot be used: damaged, full, not writable."""


class DamagedError(StoreError):
    """An artefact in the store is not what was put there."""


class BaselineError(HarnessError):
    """A stored baseline is missing, unreadable, or may not be written now."""


class NotBuiltError(StoreError):
    """A step was only looked up, and it was never run."""


class MissingLibraryError(HarnessError):
    """A library of an extra is not installed. The message has the line that installs it."""


def require(extra: str, *modules: str) -> None:
    """Raise a MissingLibraryError where one of the modules that an extra of this package brings is not installed.

    Example:
        >>> require("parquet", "no_such_module")
        Traceback (most recent call last):
        ...
        harness.errors.MissingLibraryError: no_such_module is missing: pip install "pytest-embedding-harness[parquet]"
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingLibraryError(
            f'{", ".join(missing)} {verb} missing: pip install "pytest-embedding-harness[{extra}]"'
        )


def cannot_write(error: Exception) -> bool:
    """Return whether the system refused a file: no room, no permission, a broken disk.

    Example:
        >>> cannot_write(RuntimeError("I/O error: No space left on device (os error 28)"))  # as Rust words it
        True
    """
    worded = re.search(r"\(os error (\d+)\)", str(error))
    code = error.errno if isinstance(error, OSError) else int(worded[1]) if worded else None
    return code in _OF_THE_DISK
