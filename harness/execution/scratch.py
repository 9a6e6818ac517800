"""The temporary directory of a run. What a killed one leaves behind, the next one removes."""

import os
import shutil
import socket
import tempfile
from contextlib import suppress
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

_LONGEST = 50  # bytes of the parent's path: a socket below it may have 107 in all, on macOS 103
_LAST = -200  # multiprocessing takes -100


@cache
def scratch() -> Path:
    """Return a directory of this process below the system's temporary one; it is removed when the process ends."""
    remove_left()
    parent, mine = _place()
    made = Path(tempfile.mkdtemp(prefix=f"{mine}{os.getpid()}-", dir=parent))
    # After multiprocessing has removed its own files in it, and in this process alone, not in a forked child.
    Finalize(None, shutil.rmtree, args=(made, True), exitpriority=_LAST)
    return made


def remove_left() -> None:
    """Remove what killed runs left: one that finds all in the store makes no directory, but tidies up."""
    parent, mine = _place()
    for left in parent.glob(f"{mine}*-*"):
        process = left.name.removeprefix(mine).partition("-")[0]
        if process.isdigit() and not _runs(int(process)):
            shutil.rmtree(left, ignore_errors=True)


def _place() -> tuple[Path, str]:
    """Return the parent of the directories of all runs, and how the names of those of this machine begin."""
    parent = Path(tempfile.gettempdir())
    if len(os.fsencode(parent)) > _LONGEST:
        parent = Path("/tmp")  # noqa: S108 - the directory in it gets a name that no one can foresee
    return parent, f"harness-{socket.gethostname()[:20]}-"


def _runs(process: int) -> bool:
    with suppress(PermissionError):  # another user's
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
