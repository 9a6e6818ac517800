"""Progress in a log file, in a terminal that rewrites its line, and without either."""

from unittest.mock import MagicMock

import pytest

from harness.execution import progress

EVENTS = [(100.0, 0.0, "starting"), (101.0, 0.1, "step 1/10"), (111.0, 0.5, "step 5/10"), (120.0, 1.0, "step 10/10")]
FIRST, EARLY, *LATER = ("tiny: starting", "tiny: step 1/10", "tiny: step 5/10, 11 s left", "tiny: done in 20.0 s")


@pytest.mark.parametrize(("isatty", "shown"), [(False, [FIRST, *LATER]), (True, [FIRST, EARLY, *LATER])])
def test_a_log_file_gets_a_line_now_and_then_and_a_terminal_more_of_them(monkeypatch, isatty, shown):
    reporter, config = MagicMock(isatty=isatty, no_header=False), MagicMock()
    config.pluginmanager.getplugin = {"terminalreporter": reporter, "capturemanager": MagicMock()}.get
    terminal = progress.TerminalProgress(config)
    for now, done, note in EVENTS:
        monkeypatch.setattr(progress.time, "monotonic", lambda now=now: now)
        terminal("tiny", done, note)
    calls = (reporter.rewrite if isatty else reporter.write_line).call_args_list
    assert shown == [call.args[0] for call in calls]
    config.pluginmanager.getplugin = {}.get
    progress.TerminalProgress(config)("tiny", 0.0, "starting")  # says nothing where there is no terminal
