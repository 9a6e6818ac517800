"""The losses of a recipe, and the kind of examples that each learns from."""

from typing import NamedTuple


class Loss(NamedTuple):
    """A row of `LOSSES`.

    Attributes:
        class_name: Of the class in `sentence_transformers.sentence_transformer.losses`.
        examples: A key of `harness.data.examples.EXAMPLES`.
    """

    class_name: str
    examples: str


LOSSES: dict[str, Loss] = {
    "cosine_similarity": Loss("CosineSimilarityLoss", "graded"),
    "cosent": Loss("CoSENTLoss", "graded"),
    "angle": Loss("AnglELoss", "graded"),
    "contrastive": Loss("ContrastiveLoss", "labelled"),
    "online_contrastive": Loss("OnlineContrastiveLoss", "labelled"),
    "multiple_negatives_ranking": Loss("MultipleNegativesRankingLoss", "ranking"),
    "cached_multiple_negatives_ranking": Loss("CachedMultipleNegativesRankingLoss", "ranking"),
    "triplet": Loss("TripletLoss", "triplets"),
    "margin_mse": Loss("MarginMSELoss", "margins"),
}
"""Loss in a recipe -> its row."""
