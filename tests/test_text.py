"""Texts and numbers in words."""

import math
import pickle

import pytest

from harness.errors import CaseError
from harness.text import cut, in_html, number, one_line, percent, signed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\n b\tc", "a b c"),
        ("\x1b[31mred\x00", "<U+001B>[31mred<U+0000>"),
        ("\u202eright", "<U+202E>right"),
        ("half \ud800", "half <U+D800>"),
        ("\u05e9\u05dc \U0001f468\u200d\U0001f469", "\u05e9\u05dc \U0001f468\u200d\U0001f469"),
        ("x" * 2000, "x" * 2000),
        ("x" * 12_000, "x" * 2000 + " ... (10,000 characters more)"),
    ],
)
def test_one_line_shows_whatever_is_there(text, shown):
    assert one_line(text) == shown
    shown.encode()


def test_no_line_of_an_error_is_a_command_for_ci():
    said = str(CaseError("unknown key a\r\n ::error::b\n##[group]c\n::stop-commands::d"))
    assert not [line for line in said.splitlines() if line.lstrip().startswith(("::", "##["))]


def test_a_page_holds_every_character():
    assert in_html("a\x00\ud800\x7f\n") == "a\u2400\ufffd\u2421\n"
    assert cut("ab", 1) == ("a\u2026", "2 characters, the first 1 shown")


def test_an_error_fits_on_a_screen_with_its_beginning_and_its_end():
    message = str(CaseError("case.toml: " + "x" * 1_000_000 + "; run again"))
    assert len(message) < 4_000
    assert (message.startswith("case.toml: x"), message.endswith("x; run again")) == (True, True)
    assert "characters left out" in message
    assert str(pickle.loads(pickle.dumps(CaseError(message)))) == message  # noqa: S301 - from a stage's process


def test_no_sign_where_nothing_changed_at_the_shown_precision():
    assert [signed(value) for value in (0.0004, -0.0004, 0.0006, math.nan)] == ["0.000", "0.000", "+0.001", "undefined"]
    assert (signed(-2.0, "pairs"), number(math.nan), percent(-0.0001)) == ("-2", "undefined", "0%")
