"""A case's run -> its part of `results.json`. A model that failed is missing, and never costs the others' report."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from harness.analyses import ANALYSES
from harness.baselines import ToleranceSource, cannot_fail
from harness.config import BASE
from harness.errors import BaselineError, HarnessError, NotBuiltError
from harness.execution import Step
from harness.gates import GATES, Outcome, Skipped, Subject, Verdict, expected
from harness.metrics import METRICS
from harness.results import (
    AuditEntry,
    CandidateEntry,
    CaseResults,
    CheckEntry,
    ExtraMetric,
    ExtraSet,
    MetricEntry,
    ModelEntry,
    PairTable,
    RelativeEntry,
    pair_table_name,
)
from harness.run.case_run import CaseRun
from harness.run.pair_table import Planes, pair_table, projections
from harness.run.parts import Parts
from harness.run.studies import at_each_rank, at_each_rate, compared, known, reranked

Outcomes = Mapping[tuple[str, Subject], Outcome]


def collect(
    run: CaseRun,
    verdicts: Sequence[Verdict],
    skipped: Sequence[Skipped] = (),
    *,
    kinds: frozenset[str],
    strict: bool = False,
    failures: Mapping[str, str] | None = None,
    updated: bool = False,
    brief: bool = False,
) -> tuple[CaseResults, PairTable]:
    """Bring together everything that is known about a case at the end of its run.

    No model is trained, opened or encoded for it: what is not in the store failed, or nobody asked for it.

    Args:
        run: The case's run.
        verdicts: Of the gates that ran, in any order.
        skipped: The gates that were not judged.
        kinds: The kinds of gates that were chosen, such as `full`.
        strict: Whether an inconclusive verdict fails its test.
        failures: Model -> why it cannot be measured, as far as another process saw it; under "" why the case could not
            be run at all.
        updated: Whether this run stored the case's baseline.
        brief: Whether to leave out what takes seconds and no gate needs, as after Ctrl-C.
    """
    done = dataclasses.replace(run, ctx=run.ctx.lookup_only())
    missing = dict(failures or {})
    error = missing.pop("", "")
    parts = Parts()
    places = {gate: place for place, gate in enumerate(GATES)}
    ordered = sorted(verdicts, key=lambda verdict: (places[verdict.gate], str(verdict.subject)))
    outcomes = {(verdict.gate, verdict.subject): verdict.outcome for verdict in ordered}
    inputs, case = run.inputs, run.inputs.case
    models = {}
    for model in inputs.models:
        try:
            models[model] = _model(done, model, outcomes, parts, brief=brief)
        except NotBuiltError:  # nobody asked for it, or another process tells why
            if any(verdict.subject.model == model and not GATES[verdict.gate].verifies for verdict in ordered):
                missing[model] = "it was measured, and what was measured is no longer in the store"
        except HarnessError as reason:
            missing[model] = str(reason)
        except Exception as reason:  # noqa: BLE001 - whatever it is, the other models' report is worth having
            missing[model] = f"{type(reason).__name__}: {reason}"
    measured = tuple(models)
    drawn = not (brief or inputs.candidate) and measured  # it takes longer than all of a gate run
    planes: Planes = parts.make("projection", lambda: projections(done, measured), {}) if drawn else {}
    results = CaseResults(
        description=case.description,
        model_names=case.model_names,
        origin=inputs.origin,
        base_revision=inputs.base.revision or "",
        pairs=len(inputs.eval),
        negatives=int(np.count_nonzero(inputs.eval.labels == 0)),
        pair_table=pair_table_name(case.name),
        models=models,
        missing=missing,
        error=error,
        incomparable=_incomparable(run),
        cannot_fail=tuple(_cannot_fail(run, measured)),
        failed_parts=parts.failed,
        updated=updated,
        expected=expected(inputs, kinds),
        strict=strict,
        verdicts=tuple(ordered),
        skipped=tuple(skipped),
        relative_performance=parts.make(
            "relative performance", lambda: _relative_performance(done, measured, outcomes), ()
        ),
        audit=parts.make("audit", lambda: _audit(done, outcomes), None),
        extra_sets={} if brief else parts.make("extra sets", lambda: _extra_sets(done, measured), {}),
        learning_rate=parts.make("learning rate", lambda: at_each_rate(done), None),
        strategies={} if brief else parts.make("strategies", lambda: compared(done, measured), {}),
        rank=parts.make("rank", lambda: at_each_rank(done), None),
        rerank=parts.make("rerank", lambda: reranked(done, measured), {}),
        candidate=_candidate(run),
    )
    return results, pair_table(done, measured, planes)


def _incomparable(run: CaseRun) -> str:
    if set(run.inputs.case.runs).isdisjoint(GATES["baseline"].runs):
        return "the runs of this case are held against none"
    return "; ".join(run.stored.problems)


def _model(run: CaseRun, model: str, outcomes: Outcomes, parts: Parts, *, brief: bool) -> ModelEntry:
    evaluation, uncertainty = run.evaluation(model), run.uncertainty(model)
    training, encoding = run.training(model), run.encoding(model)
    leaked = _leaked(run)
    without = run.evaluation(model, without=leaked).metrics if leaked and not brief else {}
    return ModelEntry(
        strategy=run.inputs.trained.get(model, BASE),
        tolerance_from=_tolerance_from(run, model),
        recipe=run.inputs.case.recipes[model].model_dump(mode="json", exclude_none=True) if training else {},
        metrics={metric: _metric(run, model, metric, outcomes) for metric in METRICS},
        categories=dict(evaluation.categories),
        pair_types=dict(evaluation.pair_types),
        regressed=uncertainty.regressed,
        fixed=uncertainty.fixed,
        without_leakage={metric: result.value for metric, result in without.items()},
        analyses={} if brief else _analyses(run, model, parts),
        training=training.value if training else None,
        encoding=encoding.value,
        costs={stage: found.cost for stage, found in (("train", training), ("encode", encoding)) if found},
    )


def _tolerance_from(run: CaseRun, model: str) -> ToleranceSource:
    if model == BASE:
        return "case"
    stored = run.stored.model(model)
    return stored.tolerance_from if stored else "bootstrap" if model in run.inputs.sources else "seeds"


def _analyses(run: CaseRun, model: str, parts: Parts) -> dict[str, Any]:
    def analysis(step: Step[Any]) -> Any:
        with suppress(BaselineError):  # what is stored does not allow it, as of the base, which has no trainings
            return run.analysis(step, model)
        return None

    found = {step.name: parts.make(f"{step.name} of {model}", partial(analysis, step), None) for step in ANALYSES}
    return {name: value for name, value in found.items() if value is not None}


def _metric(run: CaseRun, model: str, metric: str, outcomes: Outcomes) -> MetricEntry:
    result, stored = run.evaluation(model).metrics[metric], run.stored.value(model, metric)
    tolerance = run.inputs.case.tolerance
    least = tolerance.base if model == BASE else tolerance.floor
    return MetricEntry(
        value=result.value,
        reason=result.reason,
        # An item a pair is in the pair table.
        details={key: value for key, value in result.details.items() if key != "cluster_labels"},
        interval=known(run.uncertainty(model).intervals.get(metric)),
        stored=stored.value if stored else None,
        tolerance=stored.tolerance if stored else least[metric],
        change=run.change(model, metric),
        outcome=outcomes.get(("metric", Subject(model=model, metric=metric))),
    )


def _relative_performance(run: CaseRun, measured: Sequence[str], outcomes: Outcomes) -> tuple[RelativeEntry, ...]:
    """Every metric of each two models that a gate compares: one metric hides the others."""
    gates = run.inputs.case.gates.relative_performance
    compared = dict.fromkeys((gate.model, gate.reference) for gate in gates)
    entries = []
    for model, reference in compared:
        known = reference in measured or run.stored.model(reference) is not None
        if not ({model, BASE} <= set(measured) and known):
            continue
        for metric in METRICS:
            subject = Subject(model=model, reference=reference, metric=metric)
            entries.append(
                RelativeEntry(
                    model=model,
                    reference=reference,
                    metric=metric,
                    value=run.relative_performance(model, reference, metric),
                    at_least=next(
                        (g.at_least for g in gates if (g.model, g.reference, g.metric) == (model, reference, metric)),
                        None,
                    ),
                    outcome=outcomes.get(("relative_performance", subject)),
                )
            )
    return tuple(entries)


def _leaked(run: CaseRun) -> tuple[int, ...]:
    """Return the rows of the evaluation pairs that are in train; none where the audit failed."""
    try:
        return run.audit().leaked
    except HarnessError:
        return ()


def _audit(run: CaseRun, outcomes: Outcomes) -> AuditEntry | None:
    try:
        audit = run.audit()
    except HarnessError:
        return None
    checks = {
        check: CheckEntry(
            finding=finding,
            limit=run.inputs.case.audit[check],
            outcome=outcomes.get(("audit", Subject(check=check))),
        )
        for check, finding in audit.findings.items()
    }
    return AuditEntry(checks=checks, leaked=len(audit.leaked))


def _extra_sets(run: CaseRun, measured: Sequence[str]) -> dict[str, ExtraSet]:
    return {
        name: ExtraSet(
            pairs=len(pairs),
            negatives=int(np.count_nonzero(pairs.labels == 0)),
            in_train=None if run.inputs.train is None else pairs.shared_with(run.inputs.train),
            models={model: _extra_metrics(run, model, name) for model in measured},
        )
        for name, pairs in run.inputs.extra.items()
    }


def _extra_metrics(run: CaseRun, model: str, name: str) -> dict[str, ExtraMetric]:
    results, intervals = run.evaluation(model, pairs=name).metrics, run.uncertainty(model, pairs=name).intervals
    return {
        metric: ExtraMetric(
            value=result.value, reason=result.reason or intervals[metric].reason, interval=known(intervals[metric])
        )
        for metric, result in results.items()
    }


def _cannot_fail(run: CaseRun, measured: Sequence[str]) -> Iterator[str]:
    for model in measured:
        stored = run.stored.model(model)
        if stored is not None and model != BASE:  # which may not move either way
            for category, metric, _ in cannot_fail(stored, run.inputs.eval):
                yield " ".join(filter(None, (model, category, METRICS[metric].title)))
            yield from (f"{model} {METRICS[metric].title}" for metric in run.stored.undefined)


def _candidate(run: CaseRun) -> CandidateEntry | None:
    found = run.inputs.candidate
    if found is None:
        return None
    return CandidateEntry(model=found.model, strategy=found.strategy, path=str(found.path), sha256=found.sha256)
