"""Similarities that people judged, read from an installed package: general language, for what a model may forget."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, require


@dataclass(frozen=True)
class JudgedSet:
    """A set of the package `gensim`, by its key in `JUDGED`."""

    name: str

    def __str__(self) -> str:
        """Return the name in messages."""
        return f"gensim:{self.name}"

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield line and cells of each pair: `text_1`, `text_2`, and the mean judgement as `label`.

        Raises:
            DataError: The package is not installed, or has no such files.
        """
        require("probes", "gensim")
        origin = importlib.util.find_spec("gensim")
        directory = Path(str(origin and origin.origin)).parent / "test" / "test_data"
        try:
            for line, (first, second, judged) in JUDGED[self.name](directory):
                yield line, {"text_1": first, "text_2": second, "label": float(judged)}
        except (OSError, ValueError, IndexError) as error:
            raise DataError(f"{self}: not as gensim 4 carries it: {error}") from None


def _words(name: str, directory: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    for line, text in enumerate((directory / name).read_text(encoding="utf-8").splitlines(), start=1):
        if text.strip() and not text.startswith("#"):
            first, second, judged = text.split("\t")
            yield line, (first, second, judged)


def _documents(directory: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    texts = (directory / "lee.cor").read_text(encoding="latin-1").splitlines()
    table = (directory / "similarities0-1.txt").read_text(encoding="utf-8").splitlines()
    rows = [row.split() for row in table if row.strip()]
    pairs = ((row, column) for row in range(len(texts)) for column in range(row + 1, len(texts)))
    for line, (row, column) in enumerate(pairs, start=1):
        yield line, (texts[row], texts[column], rows[row][column])


JUDGED: Mapping[str, Callable[[Path], Iterator[tuple[int, tuple[str, str, str]]]]] = {
    "wordsim353": lambda directory: _words("wordsim353.tsv", directory),
    "simlex999": lambda directory: _words("simlex999.txt", directory),
    "lee": _documents,
}
"""Relatedness of words, 0 to 10 (Finkelstein et al. 2001); similarity of words, 0 to 10 (Hill et al. 2015); similarity
of 50 short news texts, 0 to 1 (Lee, Pincombe and Welsh 2005)."""
