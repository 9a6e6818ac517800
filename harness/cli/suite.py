"""pytest on the packaged suite, for the commands that run it."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

FURTHER = "Any further option goes to pytest, among them those of the plugin: see pytest --help."
"""A line for the help of such a command."""


def run_suite(kind: str, arguments: Sequence[str]) -> NoReturn:
    """Become pytest, which runs the packaged suite with `-m kind`.

    With -P, Python does not put the working directory on `sys.path`: a folder `harness/` in it would be imported
    instead of this package.
    """
    ours = [
        "-p",
        "embedding_harness",
        "--pyargs",
        "harness.evals",
    ]  # where plugins are not loaded by themselves as well
    command = [sys.executable, "-P", "-m", "pytest", *ours, "-m", kind, *arguments]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted
