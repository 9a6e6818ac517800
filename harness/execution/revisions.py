"""Revisions of the steps that are too expensive to run again at every edit.

The key of such a step holds its revision, not its source. `revisions.json` keeps the source that each revision stands
for; a test fails where the source changed and the revision did not. If a result can differ, raise the step's revision.
Then, and also if none can, store the source as it is now: `python -m harness.execution.revisions`.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.execution.closure import module_digests
from harness.execution.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.execution.step import Step

STEPS = (("harness.training", "TRAIN"), ("harness.analyses.projection", "PROJECT"))
"""Module and name of the steps with a revision; imported when asked for, since they are above this module."""

STORED = Path(__file__).with_name("revisions.json")

_DIGITS = 12


def revision_of(step: Step[Any]) -> dict[str, Any]:
    """Return a step's revision with the source that it stands for now: `revision`, `modules` (module -> digest)."""
    digests = module_digests(step.run.__module__)
    return {"revision": step.revision, "modules": {name: digest[:_DIGITS] for name, digest in digests.items()}}


def current() -> dict[str, Any]:
    """Return step -> `revision_of` it, for every step that has one."""
    steps = [getattr(import_module(module), name) for module, name in STEPS]
    return {step.name: revision_of(step) for step in steps}


def differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, str]:
    """Return step -> what differs from what is stored, in words; nothing of a step that is as stored."""
    found = {}
    for name, entry in now.items():
        was = before.get(name, {"revision": None})
        if entry["revision"] != was["revision"]:
            found[name] = f"revision {entry['revision']} is new: what was built under another one is built again"
        elif entry != was:
            changed = sorted({module for module, _ in entry["modules"].items() ^ was["modules"].items()})
            found[name] = (
                f"still revision {entry['revision']}, though its source changed ({', '.join(changed)}): what was built "
                "before still counts. If a result can differ, raise the step's revision"
            )
    return found


def main() -> None:
    """Store the source that each revision stands for, and say what that means."""
    now = current()
    before = json.loads(STORED.read_text(encoding="utf-8"))
    for name, difference in differences(now, before).items():
        sys.stdout.write(f"{name}: {difference}\n")
    write_whole(STORED, json.dumps(now, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
