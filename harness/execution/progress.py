"""Progress of steps in pytest's terminal: one line that rewrites itself, or in a log file a line now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_SECONDS_BETWEEN_REWRITES = 0.2
_SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress:
    """A `StepProgress` that writes past pytest's capture. Silent where there is no terminal, as in xdist workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._title, self._started, self._written = "", 0.0, 0.0

    def __call__(self, title: str, done: float, note: str) -> None:
        """Show the part done of a step, if the last time is long enough ago."""
        if self._reporter is None:
            return
        now = time.monotonic()
        rewrites = self._reporter.isatty and not self._reporter.no_header
        first = title != self._title
        if first:
            self._title, self._started = title, now
        elif done < 1 and now - self._written < (_SECONDS_BETWEEN_REWRITES if rewrites else _SECONDS_BETWEEN_LINES):
            return
        self._written = now
        elapsed = now - self._started
        left = f", {elapsed * (1 - done) / done:.0f} s left" if 0 < done < 1 and elapsed > 1 else ""
        line = f"{title}: {note}{left}" if done < 1 else f"{title}: done in {elapsed:.1f} s"
        with self._capture.global_and_fixture_disabled():
            if first or not rewrites:
                self._reporter.ensure_newline()
            if rewrites:
                self._reporter.rewrite(line, erase=True)
                if done >= 1:
                    self._reporter.line("")
            else:
                self._reporter.write_line(line)
