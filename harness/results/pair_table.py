"""The evaluation pairs of a case, each with its scores."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

from harness.metrics import Number


class PairTable(BaseModel):
    """Each evaluation pair of a case, a list a column, in the order of the file.

    Attributes:
        text_1: First text.
        text_2: Second text.
        label: 1 or 0.
        category: Category.
        subcategory: Subcategory.
        pair_type: Pair type.
        scores: Model -> score of each pair.
        stored_scores: Model -> the baseline's; empty where nothing is comparable.
        projections: Model -> place of each pair in a UMAP plane, a picture; may be empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text_1: tuple[str, ...] = ()
    text_2: tuple[str, ...] = ()
    label: tuple[int, ...] = ()
    category: tuple[str, ...] = ()
    subcategory: tuple[str, ...] = ()
    pair_type: tuple[str, ...] = ()
    scores: dict[str, tuple[Number, ...]] = {}
    stored_scores: dict[str, tuple[Number, ...]] = {}
    projections: dict[str, tuple[tuple[Number, Number], ...]] = {}

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.label)

    @model_validator(mode="after")
    def _one_length(self) -> PairTable:
        columns = (self.text_1, self.text_2, self.category, self.subcategory, self.pair_type)
        by_model = (*self.scores.values(), *self.stored_scores.values(), *self.projections.values())
        if {len(column) for column in (*columns, *by_model)} - {len(self)}:
            raise ValueError(f"a column has another length than the {len(self)} labels")
        return self
