"""The audit of an index: a random sample of its vectors, and which model made each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.data.index import Index, Rows
from harness.errors import CheckpointError, DataError
from harness.models import Fingerprint
from harness.run.index_models import IndexModel
from harness.statistics import Interval, share_interval
from harness.verification import Attribution, attribute, fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.execution import Context

SAMPLE, SEED = 500, 1


@dataclass(frozen=True)
class MakerShare:
    """The share of an index that a maker made; the maker is None for rows that no model made which was tried."""

    maker: str | None
    rows: int
    share: float
    interval: Interval


@dataclass(frozen=True)
class IndexAudit:
    """The makers of a sample of an index.

    Attributes:
        model: Name of the model that should have made all of it.
        total: Number of vectors of the index.
        rows: Those that were looked at.
        attribution: The maker of each.
        shares: Of each model that was tried, and last of none of them.
    """

    model: str
    total: int
    rows: Rows
    attribution: Attribution
    shares: tuple[MakerShare, ...]

    @property
    def passed(self) -> bool:
        """True if the model made every row of the sample."""
        return set(self.attribution.makers) == {self.model}


def sample_rows(total: int, size: int = SAMPLE, seed: int = SEED) -> Rows:
    """Draw rows at random, ascending; all where there are no more than that."""
    drawn = np.random.default_rng(seed).choice(total, min(size, total), replace=False)
    return np.sort(drawn).astype(np.int64)


def audit_index(
    ctx: Context,
    index: Index,
    texts: Callable[[Rows], list[str]],
    model: IndexModel,
    known: Sequence[IndexModel] = (),
    *,
    size: int = SAMPLE,
    seed: int = SEED,
    expected: Fingerprint | None = None,
) -> IndexAudit:
    """Encode the texts of a sample of an index again, and say which model made each vector.

    Args:
        ctx: Where the models run.
        index: The vectors.
        texts: Returns the texts of some rows.
        model: The model that should have made all of them.
        known: Other models that may have.
        size: Rows to look at.
        seed: Of the sample.
        expected: The fingerprint that the model must have.

    Raises:
        DataError: The index has vectors that are no embeddings of these models, found before anything is encoded.
        CheckpointError: A model does not open, or the model has another fingerprint.
    """
    rows = sample_rows(len(index), size, seed)
    vectors = index.sample(rows)
    _require_vectors(vectors, rows, (model, *known))
    members = texts(rows)
    embeddings: dict[str, NDArray[np.float32]] = {}
    for each in (model, *known):
        encoded, fingerprint = each.encode(ctx, members)
        if each is model and expected is not None and (wrong := expected.differences(fingerprint)):
            raise CheckpointError(f"{model.name} is not the model of the fingerprint: {'; '.join(wrong)}")
        for made in encoded.values():
            _require_width(vectors, each.name, made.shape[1])
        embeddings |= encoded
    attribution = attribute(vectors, embeddings)
    counts = Counter(attribution.makers)
    shares = tuple(
        MakerShare(
            maker, counts[maker], counts[maker] / len(rows), share_interval(counts[maker], len(rows), len(index))
        )
        for maker in (*embeddings, None)
    )
    return IndexAudit(model.name, len(index), rows, attribution, shares)


def _require_vectors(vectors: NDArray[np.generic], rows: Rows, models: Sequence[IndexModel]) -> None:
    if vectors.dtype.kind == "f" and not (finite := np.isfinite(vectors).all(axis=1)).all():
        broken = rows[~finite]
        raise DataError(
            f"the index holds NaN or infinite values: in {len(broken)} of {len(rows)} sampled vectors, the first in "
            f"row {broken[0]}"
        )
    for each in models:
        if each.width is not None:
            _require_width(vectors, each.name, each.width)


def _require_width(vectors: NDArray[np.generic], name: str, width: int) -> None:
    if not fits(vectors.shape[1], vectors.dtype, width):
        raise DataError(
            f"the index has vectors of width {vectors.shape[1]} ({vectors.dtype}), {name} makes embeddings of width "
            f"{width}: it cannot have made them"
        )
