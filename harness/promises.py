"""What the suite promises about a case, gate by gate, and the ones that must hold before a baseline is stored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness import gates
from harness.audit import CHECKS
from harness.baselines import (
    CATEGORY_METRICS,
    baseline_path,
    changes,
    read_baseline,
    stored_scores,
    write_baseline,
)
from harness.calibration import measure_baseline
from harness.case import BASE
from harness.checkpoints import read_record
from harness.errors import BaselineError, CheckpointError
from harness.latency import BATCHES, measure_in_turns
from harness.metrics import METRICS, MetricResult
from harness.statistics import ratio_interval
from harness.uncertainty import reached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.case import LearningRateCheck, ShareGate
    from harness.checkpoints import TrainingRecord
    from harness.examination import Examination
    from harness.gates import Verdict
    from harness.inputs import Inputs
    from harness.pairs import Pair
    from harness.pipeline import CaseRun
    from harness.statistics import Flip, Share


_SHOWN_PAIRS = 3  # in a message
_SHOWN_CHARACTERS = 60  # of a text in a message

PARAMETERS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "model": lambda inputs: {name: name for name in inputs.models},
    "trained": lambda inputs: {name: name for name in inputs.trained},
    "adapter": lambda inputs: {name: name for name in inputs.adapters},
    "proof": lambda inputs: {name: name for name in _proofs_of(inputs)},
    "check": lambda _: {name: name for name in CHECKS},
    "metric": lambda _: {name: name for name in METRICS},
    "gain": lambda inputs: {name: name for name in inputs.case.gates.beats_base},
    "category": lambda inputs: {
        f"{category}-{metric}": (category, metric)
        for category in inputs.compared_categories
        for metric in CATEGORY_METRICS
    },
    "share": lambda inputs: {
        f"{gate.model}-of-{gate.of}-{gate.metric}": gate
        for gate in inputs.case.gates.shares
        if gate.model in inputs.trained
    },
    "rate_check": lambda inputs: (
        {f"{check.model}-{check.metric}": check}
        if (check := inputs.case.learning_rate) and inputs.candidate is None
        else {}
    ),
    "texts": lambda _: {name: name for name in ("eval", "probes")},
    "stage": lambda inputs: {
        f"{model}-{stage}": (model, stage)
        for model in inputs.models
        for stage in (("encode",) if model == BASE or inputs.candidate else ("train", "encode"))
    },
    "batch": lambda _: {str(batch): batch for batch in BATCHES},
}
"""What a promise is about: the parameter that a test names -> part of the test's id -> value."""


def data_is_sound(run: CaseRun, check: str) -> Verdict:
    """What a check finds in the pairs is within the case's limit."""
    return gates.within_limit(check, run.audit().findings[check], getattr(run.case.audit, check))


def metric_holds(run: CaseRun, model: str, metric: str) -> Verdict:
    """A metric of a model is no worse than stored."""
    return _no_worse(run, model, metric, run.model(model).evaluation.metrics[metric])


def category_holds(run: CaseRun, model: str, category: str, metric: str) -> Verdict:
    """A metric of a model on one category is no worse than stored."""
    group = run.model(model).evaluation.categories[category]
    return _no_worse(run, model, metric, MetricResult(getattr(group, metric), group.reason), category)


def baseline_is_comparable(run: CaseRun) -> Verdict:
    """The stored baseline was made from this case's data, base, models and metrics."""
    now = run.case.model_names, METRICS, run.inputs.compared_categories
    return gates.comparable(run.inputs.origin, run.baseline, *now)


def reaches_share(run: CaseRun, share: ShareGate) -> Verdict:
    """A model reaches its share of another; of the other's stored value, where this run does not measure it."""
    evaluation = run.model(share.model).evaluation
    measured = share.of in run.inputs.models
    if measured:
        of = run.model(share.of).evaluation.metrics[share.metric]
        scores: Sequence[float] | None = run.model(share.of).evaluation.scores
    else:
        stored = gates.stored_value(run.baseline, run.inputs.origin, share.of, share.metric)
        of = MetricResult(math.nan, stored) if isinstance(stored, str) else MetricResult(stored.value, "")
        scores = stored_scores(run.baseline, run.inputs.origin, share.of)
    sure = None if scores is None else _share(run, share.metric, evaluation.scores, scores)
    return gates.reaches_share(share, evaluation.metrics[share.metric], of, stored=not measured, sure=sure)


def beats_base(run: CaseRun, model: str, metric: str) -> Verdict:
    """A trained model is better than the base."""
    observed, base = (run.model(name).evaluation.metrics[metric] for name in (model, BASE))
    return gates.beats_base(model, metric, observed, base)


def stalls(run: CaseRun, check: LearningRateCheck) -> Verdict:
    """An adapter hardly learns at the learning rate of full fine-tuning."""
    return _judged_at(run, check, run.case.checked_rates[0], gates.stalls)


def learns(run: CaseRun, check: LearningRateCheck) -> Verdict:
    """An adapter learns at ten times the learning rate of full fine-tuning."""
    return _judged_at(run, check, run.case.checked_rates[1], gates.learns)


def diverges(run: CaseRun, adapter: str, texts: str) -> Verdict:
    """An adapter moves the embeddings of the evaluation pairs' texts (`eval`) or of the probe texts (`probes`)."""
    observed, base = (run.model(name).arrays[texts] for name in (adapter, BASE))
    return gates.diverges(adapter, texts, observed, base, run.case.gates.divergence)


def merge_agrees(run: CaseRun, adapter: str) -> Verdict:
    """An adapter computes the same merged as unmerged."""
    arrays = run.model(adapter).arrays
    return gates.merge_agrees(adapter, arrays["probes"], arrays["unmerged_probes"], run.case.gates.merge_agreement)


def fits_memory(run: CaseRun, model: str, stage: str) -> Verdict:
    """The `train` or `encode` stage of a model stays below its ceiling."""
    ceilings = run.case.gates.memory_mb
    facts, ceiling = (
        (run.model(model).encoding, ceilings.encode)
        if stage == "encode"
        else (run.model(model).training or {}, ceilings.train[model])
    )
    return gates.fits_memory(model, stage, facts["peak_rss_mb"], ceiling)


def encodes_as_fast(run: CaseRun, adapter: str) -> dict[int, Verdict]:
    """A merged adapter encodes about as fast as the base: texts in a call -> verdict."""
    return {
        batch: gates.no_slower(adapter, batch, *ratio_interval(*seconds), run.case.gates.latency_ratio)
        for batch, seconds in measure_in_turns(run, (adapter, BASE)).items()
    }


def proof_holds(run: CaseRun, proof: str) -> Verdict:
    """A candidate is what it says, by one of the proofs that its strategy has."""
    examination, candidate = run.examination(), run.inputs.candidate
    assert candidate is not None  # noqa: S101 - or it could not have been examined
    model, findings = candidate.model, examination.findings
    if proof != "files" and findings["files"].outcome == "fail":
        return gates.proven(proof, model, "fail", "not judged: its files are refused (see the proof `files`)")
    if proof in findings and proof != "files" and isinstance(_record(run), str):
        # They compare with the record, or open the model, which does.
        return gates.proven(proof, model, "inconclusive", gates.UNREAD)
    if proof in findings:
        return gates.proven(proof, model, *findings[proof])
    return _OPENED[proof](run, examination, model)


def hard_verdicts(run: CaseRun) -> list[Verdict]:
    """Every promise about the models that a baseline holds, as far as it needs no stored one.

    The learning-rate check is not among them: it judges two models that never ship and are not stored.
    """
    case = run.case
    return [
        *(data_is_sound(run, check) for check in CHECKS),
        *(reaches_share(run, share) for share in case.gates.shares),
        *(beats_base(run, model, metric) for model in case.models for metric in case.gates.beats_base),
        *(diverges(run, adapter, texts) for adapter in run.inputs.adapters for texts in ("eval", "probes")),
        *(merge_agrees(run, adapter) for adapter in run.inputs.adapters),
        *(fits_memory(run, model, stage) for model, stage in PARAMETERS["stage"](run.inputs).values()),
    ]


def expected_gates(inputs: Inputs) -> int:
    """How many verdicts a whole run of a case has."""
    size = {name: len(values(inputs)) for name, values in PARAMETERS.items()}
    compared = 1 + size["model"] * (size["metric"] + size["category"])
    return (
        compared
        + size["check"]
        + size["share"]
        + size["trained"] * size["gain"]
        + size["adapter"] * (size["texts"] + 1)
        + 2 * size["rate_check"]
        + size["stage"]
        + size["proof"]
    )


def update_baseline(run: CaseRun, root: Path, seeds: int | None) -> list[str]:
    """Stores what this run measures as the case's baseline, in one rename. Returns what changed, a line each.

    Args:
        run: The case's run.
        root: The directory of all baselines; only the case's own file is touched.
        seeds: Trainings for the tolerances; by default as many as the case says.

    Raises:
        BaselineError: A hard promise is broken, or a value undefined: such a run is no reference. The file stays.
    """
    path = baseline_path(root, run.case)
    broken = [verdict.message for verdict in hard_verdicts(run) if verdict.verdict != "pass"]
    if broken:
        raise BaselineError(
            f"{path}: not updated, hard gates of case {run.case.name} failed:\n  " + "\n  ".join(broken)
        )
    old = read_baseline(path)
    new = measure_baseline(run, seeds or run.case.tolerance.seeds)
    changed = changes(old, new)
    if changed:
        write_baseline(path, new)
    return changed


def _judged_at(run: CaseRun, check: LearningRateCheck, rate: float, judge: Callable[..., Verdict]) -> Verdict:
    """A gate on the share of full fine-tuning's gain that an adapter recovers at a learning rate."""
    observed = run.model(check.model, learning_rate=rate).evaluation
    of, base = (run.model(name).evaluation for name in (check.of, BASE))
    sure = _share(run, check.metric, observed.scores, of.scores)
    values = (evaluation.metrics[check.metric] for evaluation in (observed, of, base))
    return judge(check, rate, *values, sure=sure)


def _share(run: CaseRun, metric: str, scores: Sequence[float], of: Sequence[float]) -> Share:
    """What the scores of a model reach of another one's, with intervals over the evaluation pairs."""
    return reached(scores, of, run.model(BASE).evaluation.scores, run.inputs.eval, metric)


def _no_worse(run: CaseRun, model: str, metric: str, observed: MetricResult, category: str = "") -> Verdict:
    """A value is no worse than stored; where it is, the worst pairs that the stored model had right are named."""
    sure = run.uncertainty(model)
    lost = [flip for flip in sure.lost if category in ("", flip.category)]
    return gates.no_worse_than_stored(
        model,
        metric,
        observed,
        run.baseline,
        run.inputs.origin,
        category=category,
        change=sure.changes.get(f"{category}/{metric}" if category else metric),
        flipped=[_in_words(run.inputs.eval.pairs[flip.row], flip) for flip in lost[:_SHOWN_PAIRS]],
        more=len(lost[_SHOWN_PAIRS:]),
    )


def _in_words(pair: Pair, flip: Flip) -> str:
    return (
        f"{_short(pair.text_1)} and {_short(pair.text_2)} "
        f"({flip.pair_type}, label {flip.label}, score {flip.stored:.2f} -> {flip.now:.2f})"
    )


def _short(text: str) -> str:
    """A text in quotes and in one line, cut where it is long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")


def _proofs_of(inputs: Inputs) -> tuple[str, ...]:
    """The proofs on this run's candidate; a whole model has no B x A."""
    if inputs.candidate is None:
        return ()
    return tuple(proof for proof in gates.PROOFS if proof != "weights" or inputs.candidate.strategy == "lora")


def _ways(run: CaseRun, examination: Examination, model: str) -> Verdict:
    return gates.ways_agree(model, examination.embeddings, examination.errors, run.model(BASE).arrays["probes"])


def _settings(run: CaseRun, examination: Examination, model: str) -> Verdict:
    return gates.same_settings(
        model, examination.settings, gates.stored_settings(run.baseline, run.inputs.origin, model)
    )


def _trained(run: CaseRun, examination: Examination, model: str) -> Verdict:
    probes = next((first for first, _ in examination.embeddings.values()), None)
    return gates.reproduces(model, _record(run), probes)


def _data(run: CaseRun, _: Examination, model: str) -> Verdict:
    return gates.knows_data(model, _record(run), run.inputs.train.digest, run.inputs.eval.fingerprints)


_OPENED = {"ways": _ways, "settings": _settings, "trained": _trained, "data": _data}
"""The proofs that need more than the candidate's files."""


def _record(run: CaseRun) -> TrainingRecord | str | None:
    """What the candidate's training recorded, or why that cannot be read."""
    try:
        return None if run.inputs.candidate is None else read_record(run.inputs.candidate.path)
    except CheckpointError as error:
        return str(error)
