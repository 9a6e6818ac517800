"""The pairs that a model had right and another one has wrong."""

from dataclasses import astuple, dataclass
from itertools import compress

from harness.metrics.best_f1 import best_f1
from harness.metrics.checks import require_length
from harness.metrics.tally import Labels, Values


@dataclass(frozen=True)
class RegressedPair:
    """One pair that was right and is wrong now.

    Attributes:
        row: Its row in the given arrays.
        label: 0 or 1.
        now: Score now.
        stored: Score before.
        loss: How much further on the wrong side of its model's threshold the pair is now than it was before, in cosine
            similarity, above 0.
        pair_type: As given.
        category: As given.
    """

    row: int
    label: int
    now: float
    stored: float
    loss: float
    pair_type: str
    category: str


def regressed_pairs(
    now: Values, stored: Values, labels: Labels, pair_types: tuple[str, ...], categories: tuple[str, ...]
) -> tuple[RegressedPair, ...]:
    """List the pairs that were right and are wrong now, each model at its own threshold of the best F1.

    A pair is predicted positive when its score reaches the threshold, and right when that is its label. With `now` and
    `stored` exchanged, the result is the fixed pairs.

    Args:
        now: Similarity of each pair, shape `(n_pairs,)`.
        stored: The same pairs' similarities under the other model.
        labels: 0 or 1, shape `(n_pairs,)`.
        pair_types: Pair type of each pair.
        categories: Category of each pair.

    Returns:
        Worst first. Empty where a threshold is undefined.

    Raises:
        ValueError: If the shapes do not fit.
    """
    require_length("pair_types", pair_types, len(now))
    require_length("categories", categories, len(now))
    best = [best_f1(scores, labels) for scores in (now, stored)]
    if any(result.reason for result in best):
        return ()
    at, stored_at = (result.details["threshold"] for result in best)
    regressed = ((stored >= stored_at) == labels) & ((now >= at) != labels)
    loss = (2 * labels - 1) * ((stored - stored_at) - (now - at))
    columns = (labels.tolist(), now.tolist(), stored.tolist(), loss.tolist(), pair_types, categories)
    pairs = zip(range(len(now)), *columns, strict=True)
    found = [RegressedPair(*pair) for pair in compress(pairs, regressed)]
    # Equal losses in an order of their own, not that of the file.
    return tuple(sorted(found, key=lambda pair: (-pair.loss, *astuple(pair)[1:])))
