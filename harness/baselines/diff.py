"""What an update changes in a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.text import count

if TYPE_CHECKING:
    from harness.baselines.model import Baseline


def changes(old: Baseline | None, new: Baseline) -> list[str]:
    """List what differs, a line each, for people. Empty where nothing does."""
    if old is None:
        return [f"new: {count(len(new.models), 'model')}, {count(len(new.scores), 'pair')}"]
    before, after = _flat(old), _flat(new)
    lines = [
        f"{key}: {before.get(key, 'not stored')} -> {after.get(key, 'gone')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    moved = sum(a != b for a, b in zip(old.scores, new.scores, strict=False)) + abs(len(old.scores) - len(new.scores))
    return [*lines, f"scores of {moved} of {count(len(new.scores), 'pair')}"] if moved else lines


def _flat(baseline: Baseline) -> dict[str, Any]:
    """Return every stored thing but the scores under one dotted key."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            flat[prefix] = value

    walk("", baseline.model_dump(mode="json", exclude={"scores"}))
    return flat
