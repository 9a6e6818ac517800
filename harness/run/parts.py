"""The parts of a case's results, each made by itself."""

from collections.abc import Callable
from typing import TypeVar

from harness.errors import HarnessError

T = TypeVar("T")


class Parts:
    """Makes parts of results. One that fails is in `failed`, with its reason, and costs no other."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    def make(self, name: str, make: Callable[[], T], otherwise: T) -> T:
        """Return what `make` does; where it fails, `otherwise`."""
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the report is worth having
            known = isinstance(error, HarnessError)
            self.failed[name] = str(error) if known else f"{type(error).__name__}: {error}"
            return otherwise
