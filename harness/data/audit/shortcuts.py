"""Shortcuts: rules that tell a label without understanding a text. Each is chosen on train and judged on eval."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from harness.data.audit.types import EXAMPLES, AuditData, Finding, PairFile
from harness.metrics.auc_roc import auc_roc
from harness.text import quoted

Values = NDArray[np.float64]

_WORD = re.compile(r"\w+(?:['\N{RIGHT SINGLE QUOTATION MARK}]\w+)*")

_LENGTHS: dict[str, Callable[[Values, Values], Values]] = {
    "length of text_1": lambda first, _: first,
    "length of text_2": lambda _, second: second,
    "length of both texts": lambda first, second: first + second,
    "length of text_1 over that of text_2": lambda first, second: first / second,
    "length of the shorter text over that of the longer": lambda a, b: np.exp(-np.abs(np.log(a) - np.log(b))),
}
"""Scores that are tried, from the characters of both texts without their prefixes."""


def category_alone(data: AuditData) -> Finding:
    """Accuracy on eval of the label that a pair's category mostly has in train, above that of the frequent label."""
    labels = Counter(zip(data.train.pairs.categories, data.train.pairs.labels.tolist(), strict=True))
    frequent = int(data.train.pairs.labels.mean() >= 0.5)
    said = [
        frequent if labels[name, 0] == labels[name, 1] else int(labels[name, 1] > labels[name, 0])
        for name in data.eval.pairs.categories
    ]
    return _gain(data, np.array(said), "the category says the label")


def length_alone(data: AuditData) -> Finding:
    """AUC on eval of the length, or ratio of lengths, that tells the labels of train best, whichever way round."""
    for file in data.files:
        if len(set(file.pairs.labels.tolist())) == 1:  # that alone is for `label_balance` to say
            return Finding(0.5, f"{file.name} has one label only, which no length tells")
    known = {name: _auc(data.train, name) for name in _LENGTHS}
    best = max(known, key=lambda name: abs(known[name] - 0.5))
    value = _auc(data.eval, best)
    # The direction is train's as well: a length that is worse than a guess on eval is no shortcut there.
    here, there = (value, known[best]) if known[best] >= 0.5 else (1 - value, 1 - known[best])
    return Finding(here, f"the {best} tells the labels of {data.train.name} best, with AUC {there:.3f}")


def one_word(data: AuditData) -> Finding:
    """Accuracy on eval of the best rule "a text has this word" of train, above that of the frequent label."""
    labels, count = data.train.pairs.labels, len(data.train)
    positive: Counter[str] = Counter()
    negative: Counter[str] = Counter()
    for found, label in zip(_words(data.train), labels.tolist(), strict=True):
        (positive if label else negative).update(found)
    # Right are the positive pairs with the word and the negative ones without it; or all others, the rule turned round.
    negatives = int((labels == 0).sum())
    right = {word: positive[word] + negatives - negative[word] for word in positive.keys() | negative.keys()}
    if not right:
        return Finding(math.nan, reason=f"no text of {data.train.name} has a word")
    best = min(right, key=lambda word: (-max(right[word], count - right[word]), word))
    says = int(2 * right[best] >= count)
    has = np.array([best in found for found in _words(data.eval)])
    said = np.where(has, says, 1 - says)
    rows = np.flatnonzero(has & (said == data.eval.pairs.labels))[:EXAMPLES]
    examples = tuple(f"{data.eval.place(row)}, label {says}: {data.eval.shown(row)}" for row in rows.tolist())
    share = max(right[best], count - right[best]) / count
    return _gain(data, said, f"{quoted(best)} says {says}, right for {share:.1%} of {data.train.name}", examples)


def _gain(data: AuditData, said: NDArray[np.integer], rule: str, examples: tuple[str, ...] = ()) -> Finding:
    labels = data.eval.pairs.labels
    accuracy = float((said == labels).mean())
    frequent = float(max((labels == 0).mean(), (labels == 1).mean()))
    words = f"{rule}; {accuracy:.1%} of {data.eval.name}, its more frequent label alone {frequent:.1%}"
    return Finding(accuracy - frequent, words, examples)


def _auc(file: PairFile, name: str) -> float:
    lengths = np.array(
        [[max(1, len(file.folded[text])) for text in (pair.text_1, pair.text_2)] for pair in file.pairs], dtype=float
    )
    return auc_roc(_LENGTHS[name](lengths[:, 0], lengths[:, 1]), file.pairs.labels).value


def _words(file: PairFile) -> Iterator[set[str]]:
    """Yield the words of both texts of each pair; all of them at once would take a gigabyte of 500,000 pairs."""
    for pair in file.pairs:
        yield {*_WORD.findall(file.folded[pair.text_1]), *_WORD.findall(file.folded[pair.text_2])}
