"""The shipped dating pairs, and typing errors in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.data import read_pairs

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from harness.data import Pair


@pytest.fixture(scope="session")
def dating(repository: Path) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """The training and the evaluation pairs."""
    train, evaluation = (read_pairs(repository / "fixtures" / "dating" / f"{name}.jsonl") for name in ("train", "eval"))
    return train.pairs, evaluation.pairs


@pytest.fixture(scope="session")
def typed_badly() -> Callable[..., str]:
    """Changes as many letters of a text."""

    def change(text: str, rng: random.Random, *, errors: int) -> str:
        letters = list(text)
        for at in rng.sample([at for at, letter in enumerate(letters) if letter.isalpha()], errors):
            letters[at] = rng.choice("abcdefghijklmnopqrstuvwxyz".replace(letters[at], ""))
        return "".join(letters)

    return change
