"""Progress of steps in pytest's terminal: one line that rewrites itself, or in a log file a line now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

_SECONDS_BETWEEN_REWRITES = 0.2
_SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress:
    """A `StepProgress` that writes past pytest's capture. Silent where there is no terminal, as in xdist workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._title, self._started, self._written = "", 0.0, 0.0
        self._ahead: frozenset[str] = frozenset()
        self._begun = 0
        self._seconds: list[float] = []

    def expect(self, titles: Iterable[str]) -> None:
        """Count these steps, which are alike: say which of them runs, and how long the rest takes."""
        self._ahead = frozenset(titles)

    def __call__(self, title: str, done: float, note: str) -> None:
        """Show the part done of a step, if the last time is long enough ago."""
        if self._reporter is None:
            return
        now = time.monotonic()
        rewrites = self._reporter.isatty and not self._reporter.no_header
        first = title != self._title
        if first:
            self._title, self._started = title, now
            self._begun += title in self._ahead
        elif done < 1 and now - self._written < (_SECONDS_BETWEEN_REWRITES if rewrites else _SECONDS_BETWEEN_LINES):
            return
        self._written = now
        elapsed = now - self._started
        left = f", {elapsed * (1 - done) / done:.0f} s left" if 0 < done < 1 and elapsed > 1 else ""
        if done >= 1 and title in self._ahead:
            self._seconds.append(elapsed)
        whole = self._whole(title, elapsed, done)
        line = f"{title}: {note}{left}{whole}" if done < 1 else f"{title}: done in {elapsed:.1f} s{whole}"
        self._write(line, first=first, rewrites=rewrites, ends=done >= 1)

    def _whole(self, title: str, elapsed: float, done: float) -> str:
        """Return how far the counted steps are, where this is one of several."""
        if title not in self._ahead or len(self._ahead) < 2:
            return ""
        words = f" ({self._begun} of {len(self._ahead)}"
        known = self._seconds or ([elapsed / done] if done > 0 and elapsed > 1 else [])
        if known:
            each, rest = sum(known) / len(known), len(self._ahead) - self._begun
            seconds = rest * each + (max(0.0, each - elapsed) if done < 1 else 0.0)
            words += f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
        return f"{words})"

    def _write(self, line: str, *, first: bool, rewrites: bool, ends: bool) -> None:
        with self._capture.global_and_fixture_disabled():
            if first or not rewrites:
                self._reporter.ensure_newline()
            if rewrites:
                self._reporter.rewrite(line, erase=True)
                if ends:
                    self._reporter.line("")
            else:
                self._reporter.write_line(line)
