"""Progress of steps in pytest's terminal: one line that rewrites itself, or in a log file a line now and then."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

_SECONDS_BETWEEN_REWRITES = 0.2
_SECONDS_BETWEEN_LINES = 10.0


@dataclass
class _Running:
    """A step that runs: when it began and was last shown, the part that is done, and its line."""

    started: float
    written: float = -math.inf
    done: float = 0.0
    line: str = ""


class TerminalProgress:
    """A `StepProgress` that writes past pytest's capture. Silent where there is no terminal, as in xdist workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._running: dict[str, _Running] = {}
        self._ahead: frozenset[str] = frozenset()
        self._begun = 0
        self._ended = 0
        self._first: float | None = None

    def expect(self, titles: Iterable[str]) -> None:
        """Count these steps, which are alike: say which of them runs, and how long the rest takes."""
        self._ahead = frozenset(titles)

    def __call__(self, title: str, done: float, note: str) -> None:
        """Show the part done of a step, if the last time is long enough ago."""
        if self._reporter is None:
            return
        now = time.monotonic()
        rewrites = self._reporter.isatty and not self._reporter.no_header
        if title not in self._running:
            self._running[title] = _Running(now)
            if title in self._ahead:
                self._begun += 1
                self._first = now if self._first is None else self._first
        running = self._running[title]
        running.done = done
        pause = _SECONDS_BETWEEN_REWRITES if rewrites else _SECONDS_BETWEEN_LINES
        if done < 1 and now - running.written < pause:
            return
        elapsed, running.written = now - running.started, now
        left = f", {elapsed * (1 - done) / done:.0f} s left" if 0 < done < 1 and elapsed > 1 else ""
        if done >= 1:
            del self._running[title]
            if title in self._ahead:
                self._ended += 1
        whole = self._whole(title, now)
        running.line = f"{title}: {note}{left}{whole}" if done < 1 else f"{title}: done in {elapsed:.1f} s{whole}"
        self._write(running.line, rewrites=rewrites, ends=done >= 1)

    def _whole(self, title: str, now: float) -> str:
        """Return how far the counted steps are, where this is one of several."""
        if title not in self._ahead or len(self._ahead) < 2:
            return ""
        words = f" ({self._begun} of {len(self._ahead)}"
        done = self._ended + sum(running.done for title, running in self._running.items() if title in self._ahead)
        if done > 0 and self._first is not None and now - self._first > 1:
            seconds = (now - self._first) / done * (len(self._ahead) - done)
            words += f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
        return f"{words})"

    def _write(self, line: str, *, rewrites: bool, ends: bool) -> None:
        with self._capture.global_and_fixture_disabled():
            if not rewrites:
                self._reporter.ensure_newline()
                self._reporter.write_line(line)
                return
            if ends:
                self._reporter.rewrite(line, erase=True)
                self._reporter.line("")
            if now := " | ".join(running.line for running in self._running.values()):
                self._reporter.rewrite(now[: get_terminal_size().columns - 1], erase=True)
