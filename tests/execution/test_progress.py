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


def test_of_several_trainings_it_says_which_one_runs_and_how_long_the_rest_takes(monkeypatch):
    reporter, config = MagicMock(isatty=False, no_header=False), MagicMock()
    config.pluginmanager.getplugin = {"terminalreporter": reporter, "capturemanager": MagicMock()}.get
    terminal = progress.TerminalProgress(config)
    terminal.expect(["train a", "train b", "train c"])
    events = [(0.0, "train a", 0.0), (60.0, "train a", 0.5), (120.0, "train a", 1.0), (120.0, "encode a", 0.0)]
    for now, title, done in [*events, (130.0, "train b", 0.0), (250.0, "train b", 1.0), (250.0, "train c", 0.0)]:
        monkeypatch.setattr(progress.time, "monotonic", lambda now=now: now)
        terminal(title, done, "on")
    assert [call.args[0] for call in reporter.write_line.call_args_list] == [
        "train a: on (1 of 3)",
        "train a: on, 60 s left (1 of 3, about 5 min left)",
        "train a: done in 120.0 s (1 of 3, about 4 min left)",
        "encode a: on",
        "train b: on (2 of 3, about 4 min left)",
        "train b: done in 120.0 s (2 of 3, about 2 min left)",
        "train c: on (3 of 3, about 2 min left)",
    ]
