"""Near duplicates: texts that differ by a trivial change, all of them, in a time about linear in their number.

Two texts, in one case and without punctuation, are near duplicates when both hold:

- Their sets of character 3-grams have a Jaccard similarity of at least 0.85. A changed character touches three 3-grams,
  so that is one typing error in 40 characters.
- In twenty words, at most one is more or fewer: a word added to a sentence may be "not".
  (So a lost space is no trivial change either: it makes one word of two.)

What a change means is not known: one letter can turn it round.

Of two sets that are so similar, the few rarest members of one cannot all be missing in the other: an index of those
finds every candidate, and few others, also among texts made from one template, which share most of their 3-grams. The
method is the prefix filter of R. Bayardo, Y. Ma, R. Srikant, "Scaling up all pairs similarity search", WWW 2007.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GRAM = 3
_LEAST_SIMILARITY = 0.85
_MOST_DIFFERING = (1 - _LEAST_SIMILARITY) / (1 + _LEAST_SIMILARITY) + 1e-9  # of the grams of both texts
_MOST_MORE_WORDS = 0.05
_CHUNK = 20_000  # texts at once: some hundred megabytes
_CODE = 21  # bits of a character
_ROUNDING = 1e-9
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # Knuth's, for hashing: 2 ** 64 over the golden ratio

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt64 = NDArray[np.uint64]


@dataclass(frozen=True)
class _Grams:
    """The 3-grams of texts, one text's after the other's.

    Attributes:
        values: The grams of each text, distinct, shape `(n,)`.
        starts: Where each text's begin, and the end, shape `(n_texts + 1,)`.
    """

    values: Int64
    starts: Int64

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Grams":
        """Cut bare texts into runs of three characters; a shorter text is its only one."""
        padded = [text.ljust(_GRAM, "\0") for text in texts]
        codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
        lengths = np.array([len(text) for text in padded], dtype=np.int64)
        owners = np.repeat(np.arange(len(texts)), lengths)
        inside = np.arange(len(codes)) < np.cumsum(lengths)[owners] - (_GRAM - 1)
        at = np.flatnonzero(inside)
        values, owners = (codes[at] << 2 * _CODE) | (codes[at + 1] << _CODE) | codes[at + 2], owners[at]
        return cls.sorted(values, owners, len(texts), distinct=True)

    @classmethod
    def sorted(cls, values: Int64, owners: Int64, texts: int, *, distinct: bool = False) -> "_Grams":
        """Bring the grams of each text into ascending order."""
        order = np.lexsort((values, owners))
        values, owners = values[order], owners[order]
        if distinct and len(values):
            new = np.append(True, (np.diff(values) != 0) | (np.diff(owners) != 0))
            values, owners = values[new], owners[new]
        return cls(values, np.append(0, np.cumsum(np.bincount(owners, minlength=texts))))

    @property
    def signatures(self) -> UInt64:
        """Parity of the grams that hash to each of 128 bits, shape `(n_texts, 2)`.

        A gram that only one of two texts has changes one bit: they differ in at most as many bits as grams.
        """
        bits = (self.values.astype(np.uint64) * _MULTIPLIER) >> np.uint64(64 - 7)
        ones = np.uint64(1) << (bits % np.uint64(64))
        halves = [np.where(bits // np.uint64(64) == half, ones, np.uint64(0)) for half in (0, 1)]
        return np.stack([np.bitwise_xor.reduceat(half, self.starts[:-1]) for half in halves], axis=1)

    @property
    def owners(self) -> Int64:
        """Row of the text that each gram belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @property
    def is_prefix(self) -> NDArray[np.bool_]:
        """Mark the first grams of each text, one of which a text as similar as asked for must have among its first."""
        sizes = np.diff(self.starts)
        needed = np.ceil(_LEAST_SIMILARITY * sizes - _ROUNDING).astype(np.int64)  # of them, in a text as similar
        prefixes = sizes - needed + 1
        return np.arange(len(self.values)) - np.repeat(self.starts[:-1], sizes) < np.repeat(prefixes, sizes)


class NearDuplicates:
    """The texts to be found, indexed."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Index distinct texts, folded."""
        self._texts = texts
        self._bare = [bare(text) for text in texts]
        chunks = [_Grams.of(part) for part in _chunks(self._bare)]
        self._signatures = np.concatenate([chunk.signatures for chunk in chunks])
        self._known, frequency = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for chunk in chunks:
            known = np.union1d(self._known, chunk.values)
            counts = np.zeros(len(known), np.int64)
            counts[np.searchsorted(known, self._known)] += frequency
            values, occurrences = np.unique(chunk.values, return_counts=True)
            counts[np.searchsorted(known, values)] += occurrences
            self._known, frequency = known, counts
        self._rank = np.empty(len(frequency), np.int64)  # the rarest first; any order does, as long as it is one
        self._rank[np.argsort(frequency, kind="stable")] = np.arange(len(frequency))
        members, sizes, firsts, rows = [], [], [], []
        for number in range(len(chunks)):
            ranked = self._ranked(chunks.pop(0))  # which lets go of its memory
            first = ranked.is_prefix
            members.append(ranked.values.astype(np.int32))
            sizes.append(np.diff(ranked.starts))
            firsts.append(ranked.values[first].astype(np.int32))
            rows.append((ranked.owners[first] + number * _CHUNK).astype(np.int32))
        self._members: Int32 = np.concatenate(members)
        self._sizes: Int64 = np.concatenate(sizes)
        self._starts = np.append(0, np.cumsum(self._sizes))
        first = np.concatenate(firsts)
        self._rows: Int32 = np.concatenate(rows)[np.argsort(first, kind="stable")]
        self._ends = np.append(0, np.cumsum(np.bincount(first, minlength=len(self._known))))

    def candidates(self, texts: Sequence[str]) -> Int64:
        """Number of candidates that each text will be held against, those met several times counted so: its work."""
        found = []
        for chunk in _chunks(texts):
            ranked = self._ranked(_Grams.of(list(map(bare, chunk))))
            use = ranked.is_prefix & (ranked.values >= 0)
            listed = self._ends[ranked.values[use] + 1] - self._ends[ranked.values[use]]
            found.append(np.bincount(ranked.owners[use], weights=listed, minlength=len(chunk)).astype(np.int64))
        return np.concatenate(found)

    def of(self, texts: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each text, distinct and folded, that has near duplicates in the index, with those, in their order.

        A text is no near duplicate of itself.
        """
        marked = np.zeros(len(self._known), dtype=bool)
        for chunk in _chunks(texts):
            words = list(map(bare, chunk))
            grams = _Grams.of(words)
            ranked = self._ranked(grams)
            first, signatures = ranked.is_prefix, grams.signatures
            for number, text in enumerate(chunk):
                whole = slice(*ranked.starts[number : number + 2])
                members = ranked.values[whole]
                rare = members[first[whole] & (members >= 0)]
                rows = self._similar(rare, members, signatures[number], marked)
                as_long = (self._texts[row] for row in rows if _as_long(words[number], self._bare[row]))
                if near := tuple(other for other in as_long if other != text):
                    yield text, near

    def _similar(self, rare: Int64, members: Int64, signature: UInt64, marked: NDArray[np.bool_]) -> list[int]:
        """Return the rows of the texts whose 3-grams are similar enough, ascending."""
        if not len(rare):
            return []
        rows = np.concatenate([self._rows[self._ends[gram] : self._ends[gram + 1]] for gram in rare])
        size, sizes = len(members), self._sizes[rows]
        # Of both, at most this share is in one alone, where the intersection has the least share of the union.
        differing = np.bitwise_count(self._signatures[rows] ^ signature).sum(axis=1, dtype=np.int64)
        fits = (differing <= _MOST_DIFFERING * (size + sizes)) & (sizes >= _LEAST_SIMILARITY * size)
        rows = np.unique(rows[fits])
        if not len(rows):
            return []
        sizes = self._sizes[rows]
        known = members[members >= 0]
        marked[known] = True
        begins = np.append(0, np.cumsum(sizes)[:-1])
        places = np.repeat(self._starts[rows] - begins, sizes) + np.arange(sizes.sum())
        shared = np.add.reduceat(marked[self._members[places]], begins, dtype=np.int64)
        marked[known] = False
        found: list[int] = rows[shared >= _LEAST_SIMILARITY * (size + sizes - shared)].tolist()
        return found

    def _ranked(self, grams: _Grams) -> _Grams:
        """Number grams by their frequency in the index, the rarest first; -1 for those that it does not know."""
        places = np.searchsorted(self._known, grams.values)
        places[places == len(self._known)] = 0
        known = self._known[places] == grams.values if len(self._known) else np.zeros(len(places), dtype=bool)
        ranks = np.full(len(places), -1, np.int64)
        ranks[known] = self._rank[places[known]]
        return _Grams.sorted(ranks, grams.owners, len(grams.starts) - 1)


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split texts, into one part at least."""
    for start in range(0, max(1, len(texts)), _CHUNK):
        yield texts[start : start + _CHUNK]


def _as_long(one: str, other: str) -> bool:
    fewer, more = sorted(text.count(" ") + 1 for text in (one, other))
    return more - fewer <= _MOST_MORE_WORDS * more


def bare(text: str) -> str:
    """Return the words of a text alone; where there are none, what there is.

    Example:
        >>> bare("don't -- drink  tea!")
        'dont drink tea'
    """
    compatible = unicodedata.normalize("NFKC", text)
    return " ".join(re.findall(r"\w+", re.sub("['\N{RIGHT SINGLE QUOTATION MARK}]", "", compatible))) or text
