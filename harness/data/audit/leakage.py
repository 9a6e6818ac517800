"""Leakage from train into eval, and contradictions: a score on pairs that a model has seen says nothing of new ones."""

from collections.abc import Mapping

from harness.data.audit.types import EXAMPLES, AuditData, Finding, FoldedPair
from harness.text import quoted


def shared_pairs(data: AuditData) -> Finding:
    """Share of the eval pairs that are in train, whatever their order, prefix, case, spacing and label."""
    return _pairs(data, data.shared, "in train")


def near_shared_pairs(data: AuditData) -> Finding:
    """Share of the eval pairs that are nearly in train: both texts are in a pair with the same label, or nearly so."""
    return _pairs(data, data.near_shared, "nearly in train")


def shared_texts(data: AuditData) -> Finding:
    """Share of the distinct eval texts that are in train."""
    return _texts(data, {text: text for text in data.eval.distinct if text in data.train.distinct}, "in train")


def near_shared_texts(data: AuditData) -> Finding:
    """Share of the distinct eval texts that are not in train, but nearly so."""
    found = {text: near[0] for text, near in data.near_duplicates.items() if text not in data.train.distinct}
    return _texts(data, found, "nearly in train")


def contradictions(data: AuditData) -> Finding:
    """Number of pairs that have label 1 in one place and label 0 in another, in either file or between them."""
    places: dict[FoldedPair, dict[int, str]] = {}
    texts: dict[FoldedPair, str] = {}
    for file in data.files:
        for row, (key, pair) in enumerate(zip(file.keys, file.pairs, strict=True)):
            places.setdefault(key, {}).setdefault(pair.label, file.place(row))
            texts.setdefault(key, file.shown(row))
    both = [key for key, found in places.items() if len(found) == 2]
    examples = tuple(f"{places[key][1]} says 1, {places[key][0]} says 0: {texts[key]}" for key in both[:EXAMPLES])
    return Finding(float(len(both)), f"{len(both):,} of {len(places):,} different pairs have two labels", examples)


def _pairs(data: AuditData, found: Mapping[int, int], where: str) -> Finding:
    examples = []
    for row, train_row in list(found.items())[:EXAMPLES]:
        here, there = data.eval.pairs.pairs[row].label, data.train.pairs.pairs[train_row].label
        label = "" if here == there else f", with label {there} instead of {here}"
        examples.append(f"{data.eval.place(row)} = {data.train.place(train_row)}{label}: {data.eval.shown(row)}")
    count = len(data.eval)
    return Finding(len(found) / count, f"{len(found):,} of {count:,} eval pairs are {where}", tuple(examples))


def _texts(data: AuditData, found: Mapping[str, str], where: str) -> Finding:
    """Word the finding on eval texts and the texts of train that they stand for; both are folded."""
    examples = []
    for folded, known in list(found.items())[:EXAMPLES]:
        text, other = data.eval.distinct[folded], data.train.distinct[known]
        shown = quoted(text) if folded == known else f"{quoted(text)} and {quoted(other)}"
        examples.append(f"{data.eval.places[text]} = {data.train.places[other]}: {shown}")
    count = len(data.eval.distinct)
    return Finding(len(found) / count, f"{len(found):,} of {count:,} eval texts are {where}", tuple(examples))
