"""Input and result of the checks of the data."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from harness.data.audit.near_duplicates import NearDuplicates
from harness.data.pairs import PairSet, fold
from harness.metrics.types import Number
from harness.text import quoted

FoldedPair = tuple[str, str]
"""Both texts of a pair, folded, in an order of their own: whichever came first, the pair is the same."""

MOST_CANDIDATES = 1_000_000_000
"""Number of candidates for near duplicates that are held against a text, of all texts together: some minutes."""

_SEED = 1

EXAMPLES = 3
"""Number of the pairs or texts of a finding that are shown."""


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        value: In the check's unit; NaN where it is undefined.
        words: What was counted, such as "43 of 295 eval pairs".
        examples: The first few, with file:line.
        reason: Why the value is NaN, in words; empty where it is a number.
    """

    value: Number
    words: str = ""
    examples: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class PairFile:
    """The pairs of one file as the checks see them.

    Attributes:
        name: Names the file in what is found.
        pairs: Its pairs.
        prefixes: What stands in front of a text and is none of its words.
        folds: Text -> folded text, one for all texts of both files that are the same to the model; what is not in it is
            folded by itself.
    """

    name: str
    pairs: PairSet
    prefixes: tuple[str, ...] = ()
    folds: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def folded(self) -> Mapping[str, str]:
        """Text -> folded text, without its prefix; one for all texts that are the same to the model."""
        return {text: self.folds.get(text) or fold(text, self.prefixes) for text in self.pairs.texts}

    @cached_property
    def keys(self) -> tuple[FoldedPair, ...]:
        """Each pair, folded, in the order of the file."""
        both = ((self.folded[pair.text_1], self.folded[pair.text_2]) for pair in self.pairs)
        return tuple((min(texts), max(texts)) for texts in both)

    @cached_property
    def places(self) -> Mapping[str, str]:
        """Text -> where it first stands, as file:line."""
        rows = reversed([*enumerate(self.pairs)])  # so that the first place stays
        return {text: self.place(row) for row, pair in rows for text in (pair.text_1, pair.text_2)}

    @cached_property
    def distinct(self) -> Mapping[str, str]:
        """Folded text -> the text that it first was."""
        first: dict[str, str] = {}
        for text, folded in self.folded.items():
            first.setdefault(folded, text)
        return first

    def place(self, row: int) -> str:
        """Place of a pair, as file:line, with its id where it has one."""
        identity = self.pairs.pairs[row].id
        return f"{self.name}:{self.pairs.line(row)}" + (f" ({identity})" if identity else "")

    def shown(self, row: int) -> str:
        """Both texts of a pair, quoted and short."""
        return f"{quoted(self.pairs.pairs[row].text_1)} and {quoted(self.pairs.pairs[row].text_2)}"


@dataclass(frozen=True)
class AuditData:
    """Everything that a check may look at.

    Attributes:
        train: The pairs to train on.
        eval: The pairs to judge by.
        word_pieces: Text of either file -> its word pieces, with the special ones, had the model no maximum length;
            empty where they could not be counted.
        max_length: Word pieces that the model reads; None where it reads all.
        uncounted: Why word pieces could not be counted; else empty.
    """

    train: PairFile
    eval: PairFile
    word_pieces: Mapping[str, int]
    max_length: int | None
    uncounted: str = ""

    @property
    def has_categories(self) -> bool:
        """True if pairs of both files have categories."""
        return all(file.pairs.has_categories for file in self.files)

    @property
    def files(self) -> tuple[PairFile, PairFile]:
        """Both files."""
        return self.train, self.eval

    @cached_property
    def near_duplicates(self) -> Mapping[str, tuple[str, ...]]:
        """Folded text of eval -> the folded texts of train that are nearly, and not quite, the same.

        Of the texts of `searched` alone.
        """
        texts = dict.fromkeys(text for row in self.searched for text in self.eval.keys[row])
        return dict(self._index.of(tuple(texts)))

    @cached_property
    def searched(self) -> Sequence[int]:
        """Rows of the eval pairs whose near duplicates are looked for: all, or a random sample that takes minutes."""
        texts = tuple(self.eval.distinct)
        candidates = dict(zip(texts, self._index.candidates(texts).tolist(), strict=True))
        if sum(candidates.values()) <= MOST_CANDIDATES:
            return range(len(self.eval))
        chosen: list[int] = []
        left = MOST_CANDIDATES
        for row in random.Random(_SEED).sample(range(len(self.eval)), len(self.eval)):
            left -= sum(candidates.pop(text, 0) for text in self.eval.keys[row])  # each text once
            if left < 0 and chosen:
                break
            chosen.append(row)
        return sorted(chosen)

    @cached_property
    def _index(self) -> NearDuplicates:
        return NearDuplicates(tuple(self.train.distinct))

    @cached_property
    def new_texts(self) -> frozenset[str]:
        """Folded texts of the eval pairs that are not in train, nor nearly so: one leak is not told twice."""
        rows = (row for row in range(len(self.eval)) if row not in self.shared and row not in self.near_shared)
        return frozenset(text for row in rows for text in self.eval.keys[row])

    @cached_property
    def shared(self) -> Mapping[int, int]:
        """Row of an eval pair that is in train, with whatever label -> the row where it first is."""
        first = {key: row for row, key in reversed([*enumerate(self.train.keys)])}
        return {row: first[key] for row, key in enumerate(self.eval.keys) if key in first}

    @cached_property
    def near_shared(self) -> Mapping[int, int]:
        """Row of an eval pair that is not in train, but nearly so -> the row of the first such pair there.

        With the same label: a change that turns the label round is not trivial.
        """
        rows: dict[tuple[str, int], dict[str, int]] = {}  # text and label -> the other text -> the first row
        for row, ((one, other), pair) in enumerate(zip(self.train.keys, self.train.pairs, strict=True)):
            rows.setdefault((one, pair.label), {}).setdefault(other, row)
            rows.setdefault((other, pair.label), {}).setdefault(one, row)
        found: dict[int, int] = {}
        for row in self.searched:
            if row in self.shared:
                continue
            (one, other), pair = self.eval.keys[row], self.eval.pairs.pairs[row]
            ones, others = ((text, *self.near_duplicates.get(text, ())) for text in (one, other))
            paired = [known for text in ones if (known := rows.get((text, pair.label)))]
            hits = [known[text] for known in paired for text in others if text in known]
            if hits:
                found[row] = min(hits)
        return found


@dataclass(frozen=True)
class Check:
    """A row of the `CHECKS` table. For every check less is better.

    Attributes:
        title: The name in messages and reports.
        question: What it answers.
        function: Data in, finding out.
        unit: What the value counts.
        limit: The greatest value that passes, where a case does not state another one.
        low: Least limit that a case may state.
        high: Greatest limit that a case may state.
        of_categories: Whether it says something of pairs with categories only.
    """

    title: str
    question: str
    function: Callable[[AuditData], Finding]
    unit: Literal["share", "pairs", "gain in accuracy", "AUC"] = "share"
    limit: float = 0.0
    low: float = 0.0
    high: float = 1.0
    of_categories: bool = False

    def shown(self, value: float) -> str:
        """Format a value: a share in per cent, pairs as a number, the rest with three decimals."""
        if math.isnan(value):
            return "undefined"
        return {"share": f"{value:.2%}", "pairs": f"{value:,.0f}"}.get(self.unit, f"{value:.3f}")
