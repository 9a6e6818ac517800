"""Gates on an adapter: it is applied, and merging changes nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.config import BASE
from harness.gates.verdict import Verdict, outcome_of
from harness.metrics import row_cosines

if TYPE_CHECKING:
    from harness.gates.evidence import Evidence
    from harness.gates.verdict import Subject

_NUMERIC_NOISE = 1e-6  # of a cosine distance in fp32

_UNDEFINED = "undefined: an embedding is zero or not a number"


def diverges(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter moves the embeddings of the evaluation texts (`eval`) or of the probe texts (`probes`)."""
    least = run.inputs.case.gates.divergence
    observed, base = (run.embeddings(name)[subject.texts] for name in (subject.model, BASE))
    distance = 1 - float(row_cosines(observed, base).mean())
    passed = distance >= least
    ignored = "the output is the base's: was the adapter applied?"
    failure = _UNDEFINED if math.isnan(distance) else ignored if distance < _NUMERIC_NOISE else "it hardly moved"
    return Verdict(
        outcome=outcome_of(passed),
        observed=distance,
        reference=least,
        message=f"{subject.model} on {subject.texts}: mean cosine distance {distance:.4f} from the base, "
        f"expected at least {least}: {'it moved' if passed else failure}",
    )


def merge_agrees(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter computes the same merged as unmerged: the least cosine of a probe text."""
    least = run.inputs.case.gates.merge_agreement
    embeddings = run.embeddings(subject.model)
    cosine = float(row_cosines(embeddings["probes"], embeddings["unmerged_probes"]).min())
    passed = cosine >= least
    failure = _UNDEFINED if math.isnan(cosine) else "merging changed the model"
    return Verdict(
        outcome=outcome_of(passed),
        observed=cosine,
        reference=least,
        message=f"{subject.model} merged and unmerged: least cosine {cosine:.6f}, expected at least {least}: "
        f"{'the same model' if passed else failure}",
    )
