"""A case as it is shown, from synthetic scores: no model, no store, no run."""

import dataclasses
import math

import numpy as np

from harness.analyses import ModelPower
from harness.analyses.operating_point import QUANTITIES, Estimate, OperatingPoint
from harness.baselines import Origin
from harness.data.audit import CHECKS, Finding
from harness.execution import Cost
from harness.gates import Subject, Verdict
from harness.metrics import METRICS, ScoredPairs, evaluate
from harness.models import EncodingFacts
from harness.report import Report
from harness.results import (
    AuditEntry,
    CaseResults,
    CheckEntry,
    ExtraMetric,
    ExtraSet,
    LearningRateEntry,
    LearningRatePoint,
    MetricEntry,
    ModelEntry,
    PairTable,
    RelativeEntry,
)
from harness.statistics import Interval, RelativePerformance, regressed_pairs
from harness.training import EpochPoint, ParameterCounts, TrainingFacts

STRATEGIES = {"base": "base", "standard": "full", "lora": "lora"}
SIGNALS = {"base": -0.2, "standard": 0.5, "lora": 0.4}
"""Model -> how much higher its positive pairs score than its negative ones."""

ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=90, base_name="m", base_digest="b" * 64)
CURVE = tuple(EpochPoint(epoch, 0.4 / epoch, 0.1 * epoch) for epoch in (1, 2, 3))


def plain(row):
    """A pair; one category has positive pairs only."""
    return {
        "text_1": f"boy: left {row}",
        "text_2": f"girl: right {row}",
        "category": "one_label" if row % 9 == 1 else ("values", "interests", "lifestyle")[row // 3 % 3],
        "pair_type": ("dealbreaker", "incompatible")[row // 3 % 2] if row % 3 == 0 else "compatible",
    }


def make_report(name="synthetic", *, count=90, pair=plain, moved=(), undefined=(), names=("base", "standard", "lora")):
    """Make a case with three models, every third pair negative, every verdict a pass.

    `pair` makes the texts, category and pair type of a row. The stored score of the rows `moved` was as good as it can
    be; all others are as stored. The models `undefined` returned NaN. `names`: base, fully trained model and adapter.
    """
    labels = np.array([int(row % 3 > 0) for row in range(count)], dtype=np.int8)
    rows = [pair(row) for row in range(count)]
    scores, stored = {}, {}
    for seed, (model, signal) in enumerate(zip(names, SIGNALS.values(), strict=True)):
        noise = np.random.default_rng(seed).normal(scale=0.15, size=count)
        scores[model] = np.full(count, math.nan) if model in undefined else np.tanh(signal * (labels - 0.5) + noise)
        stored[model] = scores[model].copy()
        stored[model][list(moved)] = 2 * labels[list(moved)] - 1.0
    table = PairTable(
        **{key: tuple(row[key] for row in rows) for key in rows[0]},
        label=tuple(labels.tolist()),
        subcategory=("s",) * count,
        scores={model: tuple(values.tolist()) for model, values in scores.items()},
        stored_scores={model: tuple(values.tolist()) for model, values in stored.items()},
        projections={model: _plane(seed, count, model in undefined) for seed, model in enumerate(names)},
    )
    base, reference, lora = names
    models = {
        model: _model(strategy, labels, scores[model], stored[model], table)
        for model, strategy in zip(names, STRATEGIES.values(), strict=True)
    }
    relative = [
        RelativeEntry(
            model=lora,
            reference=reference,
            metric=metric,
            value=_relative(*(models[name].metrics[metric].value for name in (lora, reference, base))),
            at_least=0.9 if metric == "spearman" else None,
            outcome="pass" if metric == "spearman" else None,
        )
        for metric in METRICS
    ]
    points = tuple(
        LearningRatePoint(
            learning_rate=rate, value=models[model].metrics["spearman"].value, relative=relative[0].value, curve=CURVE
        )
        for rate, model in ((2e-5, base), (2e-4, lora), (1e-3, lora))
    )
    verdicts = (verdict("metric", metric=metric, model=model) for model in names for metric in METRICS)
    case = CaseResults(
        description="made up",
        model_names=names,
        origin=ORIGIN,
        pairs=count,
        negatives=int((labels == 0).sum()),
        pair_table=f"pairs-{name}.json",
        models=models,
        expected=len(METRICS) * 3 + 2,
        verdicts=(
            *verdicts,
            verdict("relative_performance", model=lora, reference=reference, metric="spearman"),
            verdict("memory", model=lora, stage="train"),
        ),
        relative_performance=tuple(relative),
        audit=_audit(rows[0]),
        extra_sets={"large": _extra_set(models)},
        learning_rate=LearningRateEntry(
            model=lora, reference=reference, metric="spearman", reference_rate=2e-5, own_rate=1e-3, points=points
        ),
    )
    return Report(name, case, table)


def verdict(gate, outcome="pass", message="", **about):
    """Make a verdict; `about` are fields of its subject, or of itself."""
    fields = {field.name for field in dataclasses.fields(Subject)}
    subject = Subject(**{key: value for key, value in about.items() if key in fields})
    rest = {key: value for key, value in about.items() if key not in fields}
    words = message or f"{subject}: {gate}"
    return Verdict(gate=gate, subject=subject, outcome=outcome, observed=0.5, reference=0.5, message=words, **rest)


def with_case(report, **changes):
    """Return the report with changes to its case."""
    return dataclasses.replace(report, case=report.case.model_copy(update=changes))


def with_model(report, model, **changes):
    """Return the report with changes to a model."""
    return with_case(report, models={**report.models, model: report.models[model].model_copy(update=changes)})


def with_metric(report, model, metric, **changes):
    """Return the report with changes to a metric of a model."""
    metrics = report.models[model].metrics
    return with_model(report, model, metrics={**metrics, metric: metrics[metric].model_copy(update=changes)})


def _model(strategy, labels, scores, stored, table):
    means = np.stack([np.arange(len(scores)) * 3 // len(scores) * 10, np.nan_to_num(scores)], axis=1)
    evaluation = evaluate(ScoredPairs(scores, labels, means, table.category, table.pair_type))
    kinds = labels, table.pair_type, table.category
    trained = TrainingFacts(ParameterCounts(22_786_944, 73_728), "bf16", "cpu", 372, 73.29, CURVE)
    return ModelEntry(
        strategy=strategy,
        metrics={
            name: MetricEntry(
                value=result.value,
                reason=result.reason,
                details={key: value for key, value in result.details.items() if key != "cluster_labels"},
                interval=None if math.isnan(result.value) else Interval(result.value - 0.05, result.value + 0.05),
                stored=0.5 if math.isnan(result.value) else result.value,
                tolerance=0.04,
                outcome="pass",
            )
            for name, result in evaluation.metrics.items()
        },
        categories=dict(evaluation.categories),
        pair_types=dict(evaluation.pair_types),
        regressed=regressed_pairs(scores, stored, *kinds),
        fixed=tuple(pair.row for pair in regressed_pairs(stored, scores, *kinds)),
        analyses={"operating_point": _operating_point(math.nan if math.isnan(scores[0]) else 0.41)}
        | ({} if strategy == "base" else {"power": ModelPower(0.0174, 0.0009, {"": {"spearman": 0.0621}}, {"": {}})}),
        training=None if strategy == "base" else trained,
        encoding=EncodingFacts(22_713_216, 90.9, 1.3, 2 * len(scores), "cpu", {}),
        costs={"encode": Cost(2.0, 612.0)} | ({} if strategy == "base" else {"train": Cost(80.0, 1033.0)}),
    )


def _operating_point(threshold):
    """F1 0.84 and 42 false positives at 0.41; 0.86 and 37 at 0.38."""
    values = dict.fromkeys(QUANTITIES, Estimate(0.7, 0.6, 0.8))
    values |= {"f1": Estimate(0.84, 0.8, 0.88), "false_positives": Estimate(42.0, 36.0, 50.0)}
    apparent = {**dict.fromkeys([*QUANTITIES][:-2], 0.7), "f1": 0.86, "false_positives": 37.0}
    if math.isnan(threshold):
        values = dict.fromkeys(QUANTITIES, Estimate(math.nan, math.nan, math.nan, "90 of 90 scores are not finite"))
        apparent = dict.fromkeys(apparent, math.nan)
    no_skill = {"average_precision": 2 / 3, "brier": 2 / 9}
    return OperatingPoint(threshold, False, values, threshold - 0.03, False, apparent, no_skill)


def _relative(model, reference, base):
    return RelativePerformance(
        model=model,
        reference=reference,
        base=base,
        ratio=model / reference if reference > 0 else math.nan,
        interval=Interval(0.9, 1.1),
        reason="" if reference > 0 else "standard is not above 0: it did not learn",
        gap_recovered=(model - base) / (reference - base) if reference != base else math.nan,
        gap_interval=Interval(0.85, 1.05),
    )


def _audit(pair):
    """Nothing is found; the examples hold what the data holds."""
    finding = Finding(0.0, "none of 90", (f'eval.jsonl:1: "{pair["text_1"]}"', f"eval.jsonl:1: {pair['category']}"))
    checks = {name: CheckEntry(finding=finding, limit=check.limit, outcome="pass") for name, check in CHECKS.items()}
    return AuditEntry(checks=checks, leaked=0)


def _extra_set(models):
    """Twice the pairs, and intervals of half the width."""

    def half(entry):
        interval = entry.interval and Interval(entry.value - 0.025, entry.value + 0.025)
        return ExtraMetric(value=entry.value, reason=entry.reason, interval=interval)

    values = {name: {key: half(entry) for key, entry in model.metrics.items()} for name, model in models.items()}
    return ExtraSet(pairs=180, negatives=60, in_train=0, models=values)


def _plane(seed, count, undefined):
    plane = np.random.default_rng(seed).normal(size=(count, 2)) * (math.nan if undefined else 1)
    return tuple((x, y) for x, y in plane.tolist())
