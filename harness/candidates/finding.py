"""What a proof found out."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """The outcome of one proof, and the reason in words; `inconclusive` where more would have to be recorded."""

    outcome: Literal["pass", "fail", "inconclusive"]
    message: str
