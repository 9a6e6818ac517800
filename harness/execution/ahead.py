"""Work ahead: what a run will ask for is begun before it does, as many models at a time as there are slots."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import SimpleQueue

from harness.errors import HarnessError

_SECONDS_TO_END = 10.0
_SECONDS_BETWEEN_STOPS = 0.1


class Ahead:
    """Makes calls in threads, in their order. What a call returns or raises is found again by whoever asks for it."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.is_closed = False

    def add(self, calls: Iterable[Callable[[], object]]) -> None:
        """Begin calls as soon as those before them leave a thread free. With one job nothing is begun ahead."""
        if self._jobs < 2 or self.is_closed:
            return
        for call in calls:
            self._calls.put(call)
        while len(self._threads) < self._jobs:
            thread = threading.Thread(target=self._work, name="ahead", daemon=True)
            self._threads.append(thread)
            thread.start()

    @property
    def is_here(self) -> bool:
        """True in a thread that works ahead."""
        return threading.current_thread() in self._threads

    def close(self, stop: Callable[[], None]) -> None:
        """Begin nothing more; `stop` ends what runs. Returns when it has ended, or does not within seconds."""
        self.is_closed = True
        for _ in self._threads:
            self._calls.put(lambda: None)
        given_up = time.monotonic() + _SECONDS_TO_END
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < given_up:
            stop()  # again, for what had been on the point of starting
            for thread in self._threads:
                thread.join(_SECONDS_BETWEEN_STOPS)

    def _work(self) -> None:
        while not self.is_closed:
            call = self._calls.get()
            if not self.is_closed:
                with suppress(HarnessError):  # remembered, and raised where it is asked for
                    call()
