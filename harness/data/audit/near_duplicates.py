"""Near duplicates: texts that differ by a trivial change, found by MinHash in time linear in their number.

Two texts, in one case and without punctuation, are near duplicates when both hold:

- Their sets of character 3-grams have a Jaccard similarity of at least 0.85. A changed character touches three 3-grams,
  so that is one typing error in 40 characters.
- In twenty words, at most one is more or fewer: a word added to a sentence may be "not".
  (So a lost space is no trivial change either: it makes one word of two.)

Candidates come from locality-sensitive hashing, which misses 1 in 20,000 at 0.85 and fewer above. What their sketches
do not rule out is verified exactly, so nothing is found that is not there. What a change means is not known: one letter
can turn it round. Where very many texts are near duplicates of each other, it takes longer than linear time.
"""

import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LIBRARIES = ("datasketch",)
"""The libraries whose version can change what is found."""

_GRAM = 3
_LEAST_SIMILARITY = 0.85
_MOST_MORE_WORDS = 0.05

# A pair of texts is a candidate when all rows of any band agree: 1 - (1 - similarity ** rows) ** bands.
_BANDS, _ROWS = 21, 6
_SEED = 1
# Texts made from one template share half of their 3-grams, and are candidates by the thousand. The share of equal
# entries of two sketches estimates their similarity: 0.15 below is nearly five standard deviations.
_LEAST_ESTIMATE = _LEAST_SIMILARITY - 0.15


def near_duplicates(train: Sequence[str], evaluation: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Map each evaluation text that has near duplicates among the training texts to those, in their order.

    A text is no near duplicate of itself.

    Args:
        train: Distinct texts, folded.
        evaluation: Distinct texts, folded.
    """
    from datasketch import MinHashLSH

    index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
    sketches = _sketches(train)
    for row, sketch in enumerate(sketches):
        index.insert(row, sketch, check_duplication=False)
    entries = np.array([sketch.hashvalues for sketch in sketches])
    found: dict[str, tuple[str, ...]] = {}
    for text, sketch in zip(evaluation, _sketches(evaluation), strict=True):
        candidates = np.array(sorted(index.query(sketch)), dtype=np.int64)
        estimates = (entries[candidates] == sketch.hashvalues).mean(axis=1)
        likely = (train[row] for row in candidates[estimates >= _LEAST_ESTIMATE])
        near = tuple(other for other in likely if other != text and nearly_the_same(text, other))
        if near:
            found[text] = near
    return found


def nearly_the_same(first: str, second: str) -> bool:
    """Return whether two folded texts differ by a trivial change, or not at all.

    Example:
        >>> nearly_the_same("i trust people who only drink black tea", "i trust people who only drink blach tea!")
        True
        >>> nearly_the_same("i trust people who drink black tea", "i don't trust people who drink black tea")
        False
    """
    one, other = _bare(first), _bare(second)
    fewer, more = sorted(text.count(" ") + 1 for text in (one, other))
    if more - fewer > _MOST_MORE_WORDS * more:
        return False
    a, b = _grams(one), _grams(other)
    shared = len(a & b)
    return shared >= _LEAST_SIMILARITY * (len(a) + len(b) - shared)


def _bare(text: str) -> str:
    """The words alone; where there are none, what there is."""
    compatible = unicodedata.normalize("NFKC", text)
    return " ".join(re.findall(r"\w+", re.sub("['\N{RIGHT SINGLE QUOTATION MARK}]", "", compatible))) or text


def _grams(bare: str) -> frozenset[str]:
    """The runs of three characters; a shorter text is its only one."""
    return frozenset(bare[start : start + _GRAM] for start in range(max(1, len(bare) - _GRAM + 1)))


def _sketches(texts: Sequence[str]) -> list[Any]:
    from datasketch import MinHash

    grams = ([gram.encode() for gram in _grams(_bare(text))] for text in texts)
    # CRC-32, since Python's own hash is another in each process.
    return list(MinHash.generator(grams, num_perm=_BANDS * _ROWS, seed=_SEED, hashfunc=zlib.crc32))
