"""Values and texts as a page shows them."""

from __future__ import annotations

import math

from harness.gates import number

LONGEST = 1000
"""Characters of a text that a page shows: what is longer is cut there, and says so."""

_CONTROLS = (
    {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n\r"}
    | {127: "\u2421"}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)
"""Characters that HTML or UTF-8 cannot hold -> what stands for them."""


def plain(value: float, unit: str = "") -> str:
    """A value with a real minus sign."""
    return "undefined" if math.isnan(value) else number(value, unit).replace("-", "\N{MINUS SIGN}")


def signed(value: float, unit: str = "") -> str:
    """A change with its sign; no sign where it is nothing at the shown precision."""
    shown = plain(abs(value), unit)
    sign = "" if math.isnan(value) or not float(shown) else "+" if value > 0 else "\N{MINUS SIGN}"
    return sign + shown


def in_html(text: str) -> str:
    """A text without the characters that a page cannot hold."""
    return text.translate(_CONTROLS)


def cut(text: str, longest: int = LONGEST) -> tuple[str, str]:
    """A text no longer than a page can show, and what was left out in words; empty where nothing was."""
    if len(text) <= longest:
        return text, ""
    return text[:longest] + "\N{HORIZONTAL ELLIPSIS}", f"{len(text):,} characters, the first {longest:,} shown"
