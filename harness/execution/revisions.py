"""Revisions of the steps that are too expensive to run again at every edit.

The key of such a step holds its revision, not its source. `revisions.json` keeps the source that each revision stands
for; a test fails where the source changed and the revision did not. If a result can differ, raise the step's revision.
Then, and also if none can, store the source as it is now: `python -m harness.execution.revisions`.
"""

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.execution.digests import source_modules
from harness.execution.store import write_whole

STEPS = (
    ("harness.training", "TRAIN"),
    ("harness.training", "MINE"),
    ("harness.training", "TEACH"),
    ("harness.training", "SCORE"),
    ("harness.models", "ENCODE_ENDPOINT"),
    ("harness.analyses.projection", "PROJECT"),
)
"""Module and name of the steps with a revision; imported when asked for, since they are above this module."""

STORED = Path(__file__).with_name("revisions.json")


def current() -> dict[str, Any]:
    """Return step -> its `revision` and the source that it stands for now: `modules`, module -> part of its digest."""
    found = {}
    for module, name in STEPS:
        step = getattr(import_module(module), name)
        modules = {source: digest[:12] for source, digest in source_modules(step.run).items()}
        found[step.name] = {"revision": step.revision, "modules": modules}
    return found


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
    for name, difference in differences(now, json.loads(STORED.read_text(encoding="utf-8"))).items():
        sys.stdout.write(f"{name}: {difference}\n")
    write_whole(STORED, json.dumps(now, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
