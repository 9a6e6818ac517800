"""Damage to files, drawn from a seed: to their bytes, or to a value, a key or a row of their JSON."""

import json
import struct

ODD = (
    *(
        None,
        True,
        0,
        -1,
        10**400,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "\0",
        "\ud800",
        "x" * 5_000,
        "\x1b[2J::error::",
    ),
    *([], {}, [[]] * 2_000, {"": ""}, {f"key{number}": number for number in range(500)}),
)
"""Values that someone might find where another one belongs."""

PIECES = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"{" * 5_000,
    b"[" * 5_000,
    b'"',
    b"\n",
    b"9" * 5_000,
    b"NaN",
    b"\\ud800",
    b"=",
    b",",
)
"""Bytes that someone might find in the middle of a file."""


def mutated_bytes(rng, content):
    """Cut, repeat, flip or insert bytes at some places."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(content) + 1)
        end = min(len(content), start + rng.choice((0, 1, 8, 200)))
        piece = rng.choice((*PIECES, bytes(content[start:end]) * 2, rng.randbytes(3)))
        content[start:end] = piece
    return bytes(content)


def mutated_value(rng, value):
    """Return JSON with one value, key or item replaced, dropped or repeated, at any depth."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        rest = {name: inner for name, inner in value.items() if name != key}
        change = rng.random()
        if change < 0.1:
            return rest
        if change < 0.2:
            return {**value, rng.choice(("", "other", "x" * 3_000, "\x1b[0m", "\0")): rng.choice(ODD)}
        return {**value, key: mutated_value(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        change = rng.random()
        if change < 0.2:
            return value[:at] + value[at + 1 :] + value[:1] * rng.randint(0, 2)
        return [*value[:at], mutated_value(rng, value[at]), *value[at + 1 :]]
    return rng.choice(ODD)


def mutated_json(rng, content):
    """Mutate the bytes of a JSON file, or what it says."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, content)
    return json.dumps(mutated_value(rng, json.loads(content))).encode()


def mutated_lines(rng, content):
    """Mutate one of the lines of a JSON Lines file."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, content)
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(mutated_value(rng, json.loads(lines[at]))).encode() + b"\n"
    return b"".join(lines)


def mutated_tensors(rng, content):
    """Mutate the header of a safetensors file, with a length that fits or one that does not."""
    [size] = struct.unpack("<Q", content[:8])
    header = mutated_json(rng, content[8 : 8 + size])
    stated = rng.choice((len(header),) * 4 + (0, 2**63, rng.randrange(10_000)))
    return struct.pack("<Q", stated) + header + content[8 + size :]
