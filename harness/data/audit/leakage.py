"""Leakage from train into eval, and contradictions: a score on pairs that a model has seen says nothing of new ones."""

from collections.abc import Mapping

from harness.data.audit.types import EXAMPLES, AuditData, Finding, FoldedPair
from harness.text import quoted


def shared_pairs(data: AuditData) -> Finding:
    """Share of the eval pairs that are in train, whatever their order, prefix, case, spacing and label."""
    return _pairs(data, data.shared, "in train")


def near_shared_pairs(data: AuditData) -> Finding:
    """Share of the eval pairs that are nearly in train: both texts are in a pair with the same label, or nearly so."""
    return _pairs(data, data.near_shared, "nearly in train", sample=len(data.searched))


def shared_texts(data: AuditData) -> Finding:
    """Share of the distinct eval texts that are in train, those aside that only leaked pairs hold."""
    found = {text: text for text in data.eval.distinct if text in data.train.distinct and text in data.new_texts}
    return _texts(data, found, "in train")


def near_shared_texts(data: AuditData) -> Finding:
    """Share of the distinct eval texts that are only nearly in train, those aside that only leaked pairs hold."""
    found = {
        text: near[0]
        for text, near in data.near_duplicates.items()
        if text not in data.train.distinct and text in data.new_texts
    }
    looked_at = {text for row in data.searched for text in data.eval.keys[row]}
    return _texts(data, found, "nearly in train", sample=len(looked_at))


def contradictions(data: AuditData) -> Finding:
    """Number of pairs with label 1 in one place of a file and label 0 in another; between files they are shared."""
    both, count = [], 0
    for file in data.files:
        labels, first, other = file.pairs.labels.tolist(), dict[FoldedPair, int](), dict[int, int]()
        for row, key in enumerate(file.keys):
            earlier = first.setdefault(key, row)
            if labels[earlier] != labels[row]:
                other.setdefault(earlier, row)
        count += len(first)
        for rows in sorted(other.items()):
            says_0, says_1 = (file.place(row) for row in sorted(rows, key=labels.__getitem__))
            both.append(f"{says_1} says 1, {says_0} says 0: {file.shown(rows[0])}")
    words = f"{len(both):,} of {count:,} different pairs have two labels"
    return Finding(float(len(both)), words, tuple(both[:EXAMPLES]))


def _pairs(data: AuditData, found: Mapping[int, int], where: str, *, sample: int | None = None) -> Finding:
    examples = []
    for row, train_row in list(found.items())[:EXAMPLES]:
        here, there = data.eval.pairs.pairs[row].label, data.train.pairs.pairs[train_row].label
        label = "" if here == there else f", with label {there} instead of {here}"
        examples.append(f"{data.eval.place(row)} = {data.train.place(train_row)}{label}: {data.eval.shown(row)}")
    return _share(len(found), len(data.eval), f"eval pairs are {where}", tuple(examples), sample)


def _texts(data: AuditData, found: Mapping[str, str], where: str, *, sample: int | None = None) -> Finding:
    """Word the finding on eval texts and the texts of train that they stand for; both are folded."""
    examples = []
    for folded, known in list(found.items())[:EXAMPLES]:
        text, other = data.eval.distinct[folded], data.train.distinct[known]
        shown = quoted(text) if folded == known else f"{quoted(text)} and {quoted(other)}"
        examples.append(f"{data.eval.places[text]} = {data.train.places[other]}: {shown}")
    return _share(len(found), len(data.eval.distinct), f"eval texts are {where}", tuple(examples), sample)


def _share(found: int, count: int, words: str, examples: tuple[str, ...], sample: int | None) -> Finding:
    """Word a share; of a random `sample` of the whole, where only that was looked at."""
    if sample is None or sample == count:
        return Finding(found / count, f"{found:,} of {count:,} {words}", examples)
    return Finding(found / sample, f"{found:,} of {sample:,} {words}, a random sample of {count:,}", examples)
