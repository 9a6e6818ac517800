"""Progress in a log file, in a terminal that rewrites its line, and without either."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.execution import progress

if TYPE_CHECKING:
    import pytest


class Reporter:
    def __init__(self, *, isatty: bool) -> None:
        self.isatty, self.no_header, self.lines = isatty, False, []

    def ensure_newline(self) -> None: ...

    def write_line(self, line: str) -> None:
        self.lines.append(line)

    def rewrite(self, line: str, **_: Any) -> None:
        self.lines.append(line)

    def line(self, line: str) -> None: ...


def shown(monkeypatch: pytest.MonkeyPatch, reporter: Reporter | None, events: list[tuple[float, float, str]]) -> None:
    """Play events of time, part done and note."""
    capture = SimpleNamespace(global_and_fixture_disabled=nullcontext)
    plugins = {"terminalreporter": reporter, "capturemanager": capture}
    terminal = progress.TerminalProgress(SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get)))
    for now, done, note in events:
        monkeypatch.setattr(progress.time, "monotonic", lambda now=now: now)
        terminal("train tiny-lora", done, note)


EVENTS = [(100.0, 0.0, "starting"), (101.0, 0.1, "step 1/10"), (111.0, 0.5, "step 5/10"), (120.0, 1.0, "step 10/10")]


def test_a_log_file_gets_a_line_now_and_then_with_the_seconds_left(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = Reporter(isatty=False)
    shown(monkeypatch, reporter, EVENTS)
    assert [
        "train tiny-lora: starting",
        "train tiny-lora: step 5/10, 11 s left",
        "train tiny-lora: done in 20.0 s",
    ] == reporter.lines


def test_a_terminal_is_rewritten_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = Reporter(isatty=True)
    shown(monkeypatch, reporter, EVENTS)
    assert 4 == len(reporter.lines)


def test_without_a_terminal_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    shown(monkeypatch, None, EVENTS)
