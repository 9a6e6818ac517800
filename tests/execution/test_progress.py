"""Progress in a log file, in a terminal that rewrites its line, and without either."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from harness.execution import progress

EVENTS = [(100.0, 0.0, "starting"), (101.0, 0.1, "step 1/10"), (111.0, 0.5, "step 5/10"), (120.0, 1.0, "step 10/10")]
FIRST, EARLY, *LATER = ("tiny: starting", "tiny: step 1/10", "tiny: step 5/10, 11 s left", "tiny: done in 20.0 s")


@pytest.mark.parametrize(
    ("isatty", "shown"), [(False, [FIRST, *LATER]), (True, [FIRST, EARLY, *LATER]), (None, [])], ids=str
)
def test_a_log_file_gets_a_line_now_and_then_and_a_terminal_more_of_them(monkeypatch, isatty, shown):
    lines = []
    reporter = SimpleNamespace(
        isatty=isatty,
        no_header=False,
        ensure_newline=lambda: None,
        line=lambda _: None,
        write_line=lines.append,
        rewrite=lambda line, **_: lines.append(line),
    )
    capture = SimpleNamespace(global_and_fixture_disabled=nullcontext)
    plugins = {"terminalreporter": None if isatty is None else reporter, "capturemanager": capture}
    terminal = progress.TerminalProgress(SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get)))
    for now, done, note in EVENTS:
        monkeypatch.setattr(progress.time, "monotonic", lambda now=now: now)
        terminal("tiny", done, note)
    assert shown == lines
