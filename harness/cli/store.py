"""`embedding-harness store`: the size of what was computed, and its removal once no run uses it any more."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.cli.command import CASES, DONE, Command
from harness.text import aligned, count

if TYPE_CHECKING:
    from harness.execution import Kept

_DAY = 86_400.0


def _run(given: argparse.Namespace) -> int:
    from harness.execution import Store  # not for --help
    from harness.run import make_store, settings_here

    store = Store(make_store(settings_here(given.cases).store))
    if given.action == "prune":
        removed = store.prune(time.time() - given.days * _DAY)
        sys.stdout.write(f"removed: {_total(removed)} that no run used for {given.days:g} days\n")
    kept = list(store.kept())
    rows = [(step, *_columns([one for one in kept if one.step == step])) for step in sorted({one.step for one in kept})]
    for line in aligned(("step", "results", "MB", "last used"), rows, right=(1, 2)):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{_total(kept)} in {store.root}\n")
    return DONE


def _columns(kept: Sequence[Kept]) -> tuple[str, str, str]:
    last = time.strftime("%Y-%m-%d", time.localtime(max(one.used for one in kept)))
    return f"{len(kept):,}", f"{sum(one.size for one in kept) / 1e6:,.1f}", last


def _total(kept: Sequence[Kept]) -> str:
    return f"{count(len(kept), 'result')}, {sum(one.size for one in kept) / 1e6:,.1f} MB"


def _days(value: str) -> float:
    with suppress(ValueError):
        if (days := float(value)) >= 0:
            return days
    raise argparse.ArgumentTypeError(f"got {value!r}, expected a number of days, 0 or more")


COMMAND = Command(
    help="show the size of what was computed, or remove what no run used for long",
    description="Shows what the store holds, by step. With `prune` it first removes what no run used for some days: "
    "a later run computes it again where it needs it. Stored baselines are never touched. Exit status: 0 done, "
    "2 there is no case.",
    arguments={
        "action": {"nargs": "?", "choices": ("show", "prune"), "default": "show", "help": "show (default) or prune"},
        "--days": {"type": _days, "default": 30.0, "metavar": "N", "help": "unused for so long (default 30)"},
        "--case": CASES,
    },
    run=_run,
)
