"""Every number, list and text put in words, for messages, terminals, Markdown and pages."""

import math
import re
from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
"""For pages and charts: `number(value, minus=MINUS)`."""

LONGEST = 1000
"""Characters of a text that a page shows: what is longer is cut there, and says so."""

_SCREEN = 4_000  # characters of a message
_LONGEST_LINE = 2_000  # characters: a message may hold a text of any length

# Control characters but tab and line ends, marks that turn the direction of what follows, and half characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# What CI takes for a command at the start of a line, in whichever column it stands.
_COMMAND = re.compile(r"^(\s*)(::|##\[)", re.MULTILINE)

_NOT_IN_HTML = (
    {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n\r"}
    | {127: "\u2421"}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)


def number(value: float, unit: str = "", *, minus: str = "-") -> str:
    """Format a value: a count of pairs with at most one decimal, the rest with three.

    Args:
        value: NaN is "undefined".
        unit: The unit of its metric.
        minus: The sign in front of a negative value.

    Example:
        >>> number(-0.2194), number(17.0, "pairs"), number(float("nan"))
        ('-0.219', '17', 'undefined')
    """
    if math.isnan(value):
        return "undefined"
    shown = f"{round(value, 1):g}" if unit == "pairs" else f"{value:.3f}"
    return shown.replace("-", minus)


def signed(value: float, unit: str = "", *, minus: str = "-") -> str:
    """Format a change with its sign; no sign where it is nothing at the shown precision."""
    shown = number(abs(value), unit)
    if math.isnan(value) or not float(shown):
        return shown
    return ("+" if value > 0 else minus) + shown


def percent(value: float, decimals: int = 0, *, minus: str = "-") -> str:
    """Format a ratio in per cent, never with a negative zero.

    Example:
        >>> percent(1.0495, 1), percent(-0.0001)
        ('105.0%', '0%')
    """
    return "undefined" if math.isnan(value) else f"{value:z.{decimals}%}".replace("-", minus)


def scientific(value: float) -> str:
    """Format a positive number with its power of ten, as a recipe writes a learning rate.

    Example:
        >>> scientific(0.00002)
        '2e-5'
    """
    digits, _, exponent = f"{value:.5e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}"


def some(names: Sequence[str], most: int = 3) -> str:
    """Join the first names, with the number of those left out.

    Example:
        >>> some(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(list(names)[:most]) + rest if names else "nothing"


def listed(names: Sequence[str]) -> str:
    """Join all names as in a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def count(amount: int, singular: str, plural: str = "") -> str:
    """Format an amount with its noun.

    Example:
        >>> count(1, "gate"), count(1200, "gate"), count(0, "category", "categories")
        ('1 gate', '1,200 gates', '0 categories')
    """
    return f"{amount:,} {singular if amount == 1 else plural or singular + 's'}"


def sentence(words: str) -> str:
    """End words with a full stop, unless they end a sentence already."""
    return words if words.endswith((".", "?", "!")) else words + "."


def quoted(text: str, longest: int = 60) -> str:
    r"""Quote a text from data for a message: one line, shortened, without what a terminal would obey.

    Example:
        >>> quoted("two\nlines")
        '"two lines"'
    """
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
    return f'"{line}"' if len(line) <= longest else f'"{line[:longest]}\N{HORIZONTAL ELLIPSIS}"'


def visible(text: str) -> str:
    """Replace each character that cannot be seen by its name; line ends stay."""
    return _INVISIBLE.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def one_line(text: str, longest: int = _LONGEST_LINE) -> str:
    r"""Put a text in one line, shortened where it is very long, with a name for whatever cannot be seen.

    Example:
        >>> one_line("two\nlines \x1b[2J")
        'two lines <U+001B>[2J'
    """
    return shortened(" ".join(visible(text).split()), longest)


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Return the lines of a table for a terminal; the columns `right` are numbers."""
    shown = [list(map(one_line, cells)) for cells in (titles, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in shown
    ]


def shortened(text: str, longest: int = _LONGEST_LINE) -> str:
    """Cut a long text, and say how much was left out."""
    rest = len(text) - longest
    return text if rest <= 0 else f"{text[:longest]} ... ({rest:,} characters more)"


def on_a_screen(text: str) -> str:
    r"""Return a message as a terminal or a CI log shows it, and obeys nothing in it; line ends stay.

    The middle of a very long one is cut out: it begins with where something is wrong and ends with what to do.

    Example:
        >>> on_a_screen("wrong key: \x1b[2Ja\n::stop-commands::b")
        'wrong key: <U+001B>[2Ja\n\\::stop-commands::b'
    """
    text = _COMMAND.sub(r"\1\\\2", visible(text))
    if len(text) <= _SCREEN:
        return text
    half = (_SCREEN - 100) // 2
    return f"{text[:half]} ... ({len(text) - 2 * half:,} characters left out) ... {text[-half:]}"


def cut(text: str, longest: int = LONGEST) -> tuple[str, str]:
    """Cut a text to what a page shows, with a remark on what was left out; empty where nothing was."""
    if len(text) <= longest:
        return text, ""
    return text[:longest] + "\N{HORIZONTAL ELLIPSIS}", f"{len(text):,} characters, the first {longest:,} shown"


def in_html(text: str) -> str:
    """Replace the characters that HTML or UTF-8 cannot hold."""
    return text.translate(_NOT_IN_HTML)
