"""Hard negatives: second texts that the base finds close to a query that they do not go with, as a file to read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.config.recipe import HardNegatives
from harness.data.examples import positives
from harness.data.pairs import PairSet
from harness.data.sides import NO_SIDES, Sides
from harness.errors import DataError
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.models.checkpoint import Checkpoint
from harness.models.loading import open_checkpoint
from harness.models.sources import ResolvedBase

MINED = "mined.jsonl"
"""The file of the artefact: each query with its positives (label 1) and the negatives that were mined (label 0)."""


@dataclass(frozen=True)
class Mined:
    """Counts of what was mined.

    Attributes:
        queries: Number of queries with a positive.
        without: Those of them that no text is a hard negative of, within the margins.
        negatives: Number of pairs of a query and a negative.
    """

    queries: int
    without: int
    negatives: int


def mine(
    *,
    rule: HardNegatives,
    number: int,
    base: ResolvedBase,
    train_pairs: PairSet,
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    out: Path,
    progress: Progress,
) -> Mined:
    """Mine up to `number` negatives of each query among all second texts, and write them below `out` as `MINED`.

    No text is taken that the pairs call a positive of the query, nor one that the margins of `rule` suspect of it.

    Raises:
        DataError: No pair is positive, or no negative was found.
        CheckpointError: The base is not complete.
    """
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    asked = positives(train_pairs)
    progress(0, f"{len(asked):,} positives")
    corpus = list(dict.fromkeys(pair.text_2 for pair in train_pairs))
    found = mine_hard_negatives(
        Dataset.from_dict(dict(zip(("query", "text"), zip(*asked, strict=True), strict=True))),
        open_checkpoint(Checkpoint.of_base(base), device),
        corpus=corpus,
        range_min=rule.range_min,
        range_max=min(rule.range_max, len(corpus)),
        max_score=rule.max_score,
        relative_margin=rule.relative_margin,
        absolute_margin=rule.absolute_margin,
        num_negatives=number,
        query_prompt=sides.text_1.prompt or None,
        corpus_prompt=sides.text_2.prompt or None,
        output_format="labeled-pair",
        verbose=False,
    )
    negatives = dict.fromkeys((row["query"], row["text"]) for row in found if not row["label"])
    if not negatives:
        raise DataError(
            f"{train_pairs.path}: no hard negatives within the margins of hard_negatives; expected wider ones"
        )
    with (out / MINED).open("w", encoding="utf-8") as file:
        for label, rows in ((1, asked), (0, negatives)):
            for query, text in rows:
                file.write(json.dumps({"text_1": query, "text_2": text, "label": label}, ensure_ascii=False) + "\n")
    queries, mined = {query for query, _ in asked}, {query for query, _ in negatives}
    return Mined(queries=len(queries), without=len(queries - mined), negatives=len(negatives))


_LIBRARIES = ("torch", "sentence-transformers")

MINE = Step("negatives", run=mine, result=Mined, resource=MODEL, files=True, libraries=_LIBRARIES, revision=2)
