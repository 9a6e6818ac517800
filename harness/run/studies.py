"""The entries of results on what a case compares: rates, ranks, strategies, and models with a second stage."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from harness.config import BASE
from harness.errors import HarnessError
from harness.gates import RANKING
from harness.results import (
    LearningRateEntry,
    LearningRatePoint,
    RankEntry,
    RankPoint,
    RerankEntry,
    RetrievalValue,
    StrategyEntry,
)
from harness.run.case_run import CaseRun
from harness.run.learned import teacher_scores
from harness.statistics import Interval, mean_interval


def at_each_rate(run: CaseRun) -> LearningRateEntry | None:
    """Return the checked adapter at each learning rate; None where the case checks none, or none was run."""
    check = run.inputs.case.learning_rate
    if check is None or run.inputs.candidate is not None:
        return None
    models = run.inputs.case.recipes
    own = models[check.model].learning_rate
    points = []
    for rate in sorted({*run.inputs.case.checked_rates, own}):
        with suppress(HarnessError):  # it failed, and a gate says so, or nobody asked for it
            training = run.training(check.model, learning_rate=rate)
            points.append(
                LearningRatePoint(
                    learning_rate=rate,
                    value=run.evaluation(check.model, learning_rate=rate).metrics[check.metric].value,
                    relative=run.relative_performance(check.model, check.reference, check.metric, learning_rate=rate),
                    curve=training.value.curve if training else (),
                )
            )
    if len(points) < 2:  # the model's own rate alone says nothing about the rate
        return None
    return LearningRateEntry(
        model=check.model,
        reference=check.reference,
        metric=check.metric,
        reference_rate=models[check.reference].learning_rate,
        own_rate=own,
        points=tuple(points),
    )


def at_each_rank(run: CaseRun) -> RankEntry | None:
    """Return the compared adapter at each rank; None where the case compares none, or none was run."""
    gate = run.inputs.case.gates.rank
    lora = None if gate is None else run.inputs.case.recipes[gate.model].lora
    if gate is None or lora is None or run.inputs.candidate is not None:
        return None
    points = []
    for rank in sorted({*gate.ranks, lora.rank}):
        changes = {} if rank == lora.rank else run.at(gate.model, rank)
        with suppress(HarnessError):  # it failed, and a gate says so, or nobody asked for it
            trained, evaluation = run.training(gate.model, **changes), run.evaluation(gate.model, **changes)
            intervals = run.intervals(evaluation)
            points.append(
                RankPoint(
                    rank=rank,
                    value=evaluation.metrics[gate.metric].value,
                    interval=known(intervals[gate.metric]),
                    trainable=trained.value.parameters.trainable if trained else 0,
                )
            )
    if len(points) < 2:  # its own alone says nothing about ranks
        return None
    return RankEntry(model=gate.model, metric=gate.metric, own=lora.rank, points=tuple(points))


def compared(run: CaseRun, measured: Sequence[str]) -> dict[str, StrategyEntry]:
    """Return what each measured model finds in the documents; empty where the case has none."""
    if run.inputs.retrieval is None:
        return {}
    found = {model: run.retrieval(model) for model in measured}
    gates = run.inputs.case.gates
    general, widths = gates.forgetting, gates.truncation.widths if gates.truncation else ()
    return {
        model: StrategyEntry(
            metrics={
                metric: RetrievalValue(value=value, interval=known(mean_interval(np.array(result.per_query[metric]))))
                for metric, value in result.metrics.items()
            },
            change=run.retrieval_change(model, RANKING) if BASE in found and model != BASE else None,
            widths={str(width): run.retrieval(model, width=width).metrics[RANKING] for width in widths},
            kept=run.kept(model, general.pairs, general.metric) if general and BASE in found else None,
            **({"keeps_at_least": general.at_least} if general else {}),
        )
        for model, result in found.items()
    }


def reranked(run: CaseRun, measured: Sequence[str]) -> dict[str, RerankEntry]:
    """Return the measured models with the case's second stage; empty where the case has none, or it was not run."""
    spec, entries = run.inputs.case.rerank, {}
    if spec is None:
        return {}
    for model in [name for name in run.inputs.reranked if name in measured]:
        with suppress(HarnessError):  # it failed, and a gate says so, or nobody asked for it
            found, encoded = run.rerank(model), run.encoding(model).value
            scored = teacher_scores(run.ctx, run.inputs, spec.teacher, run.inputs.eval)
            entries[model] = RerankEntry(
                teacher=spec.teacher,
                share=spec.band,
                value=found,
                model_ms=2 * 1000 * encoded.seconds / encoded.texts,
                teacher_ms=1000 * scored.seconds / len(scored.scores),
            )
    return entries


def known(interval: Interval | None) -> Interval | None:
    """Return an interval that has both ends; None for one that says only why it has none."""
    return None if interval is None or np.isnan(interval.low) else interval
