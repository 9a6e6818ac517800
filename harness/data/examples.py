"""Training examples: what a loss learns from, made of the pairs of a case.

A query is a first text. The second texts of its pairs with label 1 are its positives, those with label 0 its negatives:
triplets, and rows of a query with lists of texts, are read as such pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from harness.data.pairs import PairSet
from harness.errors import DataError


@dataclass(frozen=True)
class Examples:
    """Rows of a training set.

    Attributes:
        columns: Name -> text of each row; the first has the side of first texts, all others that of second texts.
        labels: Label of each row; None where the columns say all.
        distinct: Whether no text may stand twice in a batch: others of a batch count as negatives.
    """

    columns: Mapping[str, tuple[str, ...]]
    labels: tuple[float, ...] | None = None
    distinct: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def positives(pairs: PairSet) -> list[tuple[str, str]]:
    """Return each query with each of its positives, query by query in the order of the file.

    Raises:
        DataError: No pair is positive.
    """
    rows = [(query, text) for query, texts in _by_query(pairs, 1).items() for text in texts]
    if not rows:
        raise DataError(f"{pairs.path}: no pair has label 1; expected queries with what goes with them")
    return rows


def graded(pairs: PairSet, _: int = 0) -> Examples:
    """Return two texts and their similarity in [0, 1]: the grades, or the labels."""
    return Examples(_texts(pairs), tuple(pairs.targets.tolist()))


def labelled(pairs: PairSet, _: int = 0) -> Examples:
    """Return two texts and their label."""
    return Examples(_texts(pairs), tuple(float(pair.label) for pair in pairs))


def ranking(pairs: PairSet, negatives: int = 0) -> Examples:
    """Return each query with a positive and a number of its negatives; all else in a batch is a negative as well.

    A query with fewer takes its own in turn; one without any the positive of the next other query, which is what a
    batch would hold against it anyway.

    Raises:
        DataError: No pair is positive, or negatives are asked for and there are none.
    """
    rows = positives(pairs)
    own = _by_query(pairs, 0) if negatives else {}
    if negatives and not any(query in own for query, _ in rows):
        raise DataError(f"{pairs.path}: no query has a pair of each label; expected negatives, or negatives = 0")
    columns = {"anchor": tuple(query for query, _ in rows), "positive": tuple(text for _, text in rows)}
    for place in range(negatives):
        chosen = (
            texts[place % len(texts)] if (texts := own.get(query)) else _next_positive(rows, row)
            for row, (query, _) in enumerate(rows)
        )
        columns[f"negative_{place + 1}"] = tuple(chosen)
    return Examples(columns, distinct=True)


def triplets(pairs: PairSet, negatives: int = 0) -> Examples:
    """Return each query with a positive and a negative: every combination, or so many negatives for each positive.

    Raises:
        DataError: No query has both.
    """
    rows = list(_triplets(pairs, negatives))
    return Examples(_columns(rows))


def margins(pairs: PairSet, negatives: int = 0) -> Examples:
    """Return triplets with the difference of their grades.

    Raises:
        DataError: The pairs have labels alone, or no query has pairs of each label.
    """
    if pairs.grades is None:
        raise DataError(
            f"{pairs.path}: the pairs have labels alone; expected graded ones: a column of a teacher's scores with "
            "data.threshold, or a teacher in the recipe"
        )
    target = {(pair.text_1, pair.text_2): value for pair, value in zip(pairs, pairs.targets.tolist(), strict=True)}
    rows = list(_triplets(pairs, negatives))
    return Examples(_columns(rows), tuple(target[query, good] - target[query, bad] for query, good, bad in rows))


EXAMPLES: Mapping[str, Callable[[PairSet, int], Examples]] = {
    "graded": graded,
    "labelled": labelled,
    "ranking": ranking,
    "triplets": triplets,
    "margins": margins,
}
"""Kind of examples -> function of pairs and the number of negatives for each positive (0: see there)."""


def _texts(pairs: PairSet) -> dict[str, tuple[str, ...]]:
    return {name: tuple(getattr(pair, name) for pair in pairs) for name in ("text_1", "text_2")}


def _by_query(pairs: PairSet, label: int) -> dict[str, list[str]]:
    """Return query -> second texts of its pairs with a label, each once, in the order of the file."""
    found: dict[str, dict[str, None]] = {}
    for pair in pairs:
        if pair.label == label:
            found.setdefault(pair.text_1, {})[pair.text_2] = None
    return {query: list(texts) for query, texts in found.items()}


def _next_positive(rows: list[tuple[str, str]], row: int) -> str:
    query, positive = rows[row]
    later = (rows[(row + step) % len(rows)] for step in range(1, len(rows)))
    return next((text for other, text in later if other != query and text != positive), positive)


def _triplets(pairs: PairSet, negatives: int) -> Iterator[tuple[str, str, str]]:
    wrong, found = _by_query(pairs, 0), False
    for query, texts in _by_query(pairs, 1).items():
        for good in texts:
            for bad in islice(wrong.get(query, ()), negatives or None):
                found = True
                yield query, good, bad
    if not found:
        raise DataError(
            f"{pairs.path}: no query (first text) has a pair of each label; expected triplets, or such pairs"
        )


def _columns(rows: list[tuple[str, str, str]]) -> dict[str, tuple[str, ...]]:
    return dict(zip(("anchor", "positive", "negative"), zip(*rows, strict=True), strict=True))
