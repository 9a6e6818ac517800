"""Regular expressions of an adapter's configuration: PEFT matches them with every module's name, without a limit."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.models.files import PREFIX
from harness.text import one_line, some

PATTERNS = ("rank_pattern", "alpha_pattern")
"""Keys with a value for each module."""

_LIKE_TARGETS = ("target_modules", "exclude_modules", "feedforward_modules", "layers_pattern")
"""Keys of which a text is a regular expression."""

_LONGEST = 100_000  # characters: a megabyte takes seconds to compile
_SECONDS = 5.0

# In a process of its own, since nothing else ends a match that has begun.
_MATCH = """
import json, re, sys
patterns, names = json.load(sys.stdin)
for pattern in patterns:
    print(json.dumps(pattern), flush=True)
    for tried in map(re.compile, (pattern, rf"(.*\\.)?({pattern})")):
        any(tried.fullmatch(name) for name in names)
"""


def pattern_problems(config: Mapping[str, Any], tensors: Sequence[str]) -> Iterator[str]:
    """Name the regular expressions that are none, and those that do not end on names of an adapter's modules."""
    patterns = [(key, config[key]) for key in _LIKE_TARGETS if isinstance(config.get(key), str)]
    patterns += [("layers_pattern", name) for name in config.get("layers_pattern") or () if isinstance(name, str)]
    patterns += [(key, name) for key in PATTERNS for name in config.get(key) or {}]
    usable = []
    for key, pattern in patterns:
        if len(pattern) > _LONGEST:
            yield f"{key}: {one_line(pattern, 60)}: too long for a pattern; expected at most {_LONGEST:,} characters"
            continue
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            yield f"{key}: {one_line(repr(pattern), 200)} is no regular expression: {error}"
        else:
            usable.append(pattern)
    endless = _endless(usable, sorted({name.removeprefix(PREFIX).partition(".lora_")[0] for name in tensors}))
    if endless:
        key = next(key for key, pattern in patterns if pattern == endless)
        shown = one_line(repr(endless), 200)
        yield f"{key}: {shown}: still not matched with its layers after {_SECONDS:g} s; simplify it"


def idle_patterns(config: Mapping[str, Any], tensors: Sequence[str]) -> Iterator[str]:
    """Name the patterns of LoRA that match none of its layers: whoever wrote them expected an effect."""
    layers = sorted({name.partition(".lora_")[0] for name in tensors if ".lora_" in name})
    for key in PATTERNS:
        for pattern in config.get(key) or {}:
            if not any(re.fullmatch(rf"(.*\.)?({pattern})", layer) for layer in layers):
                yield f"{key}: {pattern!r} matches no adapted layer; expected one such as {some(layers[:1])}"


def _endless(patterns: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the pattern that does not end in time, if there is one. Without a repetition all do."""
    repeating = [pattern for pattern in patterns if re.search(r"[*+{]", pattern)]
    if not repeating:
        return None
    command, given = [sys.executable, "-I", "-S", "-c", _MATCH], json.dumps([repeating, list(names)])
    try:
        subprocess.run(command, input=given, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 (our own code)
    except subprocess.TimeoutExpired as late:
        begun = (late.stdout or b"").decode().splitlines()
        return str(json.loads(begun[-1])) if begun else repeating[0]
    return None
