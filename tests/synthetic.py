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
from harness.metrics.retrieval import RETRIEVAL_METRICS
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
    RankEntry,
    RankPoint,
    RelativeEntry,
    RerankEntry,
    Results,
    RetrievalValue,
    StrategyEntry,
)
from harness.statistics import Interval, RelativePerformance, RetrievalChange, regressed_pairs
from harness.statistics.rerank import choose_band, rerank
from harness.training import EpochPoint, ParameterCounts, TrainingFacts

SIGNALS = (-0.2, 0.5, 0.4, 0.37, 0.34, 0.31, 0.28, 0.25)
"""How much higher the positive pairs of each model score than its negative ones: base, full fine-tuning, adapters."""

ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=90, base_name="m", base_digest="b" * 64)
MADE_BY = {"commit": "d" * 40, "harness": "0.1", "torch": "2.13.0", "machine": "2 x CPU"}
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
    """Make a case with a model a name, every third pair negative, every verdict a pass.

    `pair` makes the texts, category and pair type of a row. The stored score of the rows `moved` was as good as it can
    be; all others are as stored. The models `undefined` returned NaN. `names`: base, fully trained model, adapters.
    """
    labels = np.array([int(row % 3 > 0) for row in range(count)], dtype=np.int8)
    rows = [pair(row) for row in range(count)]
    scores, stored = {}, {}
    for seed, model in enumerate(names):
        noise = np.random.default_rng(seed).normal(scale=0.15, size=count)
        signal = SIGNALS[seed] * (labels - 0.5)
        scores[model] = np.full(count, math.nan) if model in undefined else np.tanh(signal + noise)
        stored[model] = scores[model].copy()
        stored[model][list(moved)] = 2 * labels[list(moved)] - 1.0
    return report_of(name, rows, labels, scores, stored)


def report_of(name, rows, labels, scores, stored):
    """Make a case from the scores of each model, now and stored: base, fully trained model, adapters."""
    names, count = tuple(scores), len(labels)
    table = PairTable(
        **{key: tuple(row[key] for row in rows) for key in rows[0]},
        label=tuple(labels.tolist()),
        subcategory=("s",) * count,
        scores={model: tuple(values.tolist()) for model, values in scores.items()},
        stored_scores={model: tuple(values.tolist()) for model, values in stored.items()},
        projections={model: _plane(seed, scores[model]) for seed, model in enumerate(names)},
    )
    strategies = ("base", "full", *("lora",) * count)
    models = {
        model: _model(strategy, labels, scores[model], stored[model], table)
        for model, strategy in zip(names, strategies, strict=False)
    }
    relative = [
        RelativeEntry(
            model=adapter,
            reference=names[1],
            metric=metric,
            value=_relative(*(models[name].metrics[metric].value for name in (adapter, names[1], names[0]))),
            at_least=0.9 if metric == "spearman" else None,
            outcome="pass" if metric == "spearman" else None,
        )
        for adapter in names[2:]
        for metric in METRICS
    ]
    verdicts = (
        *(verdict("metric", metric=metric, model=model) for model in names for metric in METRICS),
        *(
            verdict("relative_performance", model=entry.model, reference=entry.reference, metric=entry.metric)
            for entry in relative
            if entry.outcome
        ),
        *(verdict("memory", model=adapter, stage="train") for adapter in names[2:3]),
    )
    case = CaseResults(
        description="made up",
        model_names=names,
        origin=ORIGIN,
        base_revision="c" * 40,
        pairs=count,
        negatives=int((labels == 0).sum()),
        pair_table=f"pairs-{name}.json",
        models=models,
        expected=len(verdicts),
        verdicts=verdicts,
        relative_performance=tuple(relative),
        audit=_audit(rows[0]),
        extra_sets={"large": _extra_set(models)},
        learning_rate=_learning_rate(models, relative[0]) if relative else None,
        strategies={model: _strategy(entry.metrics["spearman"].value) for model, entry in models.items()},
        rank=_ranks(names[2], models[names[2]].metrics["cohens_d"].value) if relative else None,
        rerank={model: _rerank(labels, scores[model], table) for model in names[1:]},
    )
    return Report(name, case, table, MADE_BY)


def results_of(report):
    """Return the results of a run of this one case."""
    made_by, libraries = dict(report.made_by), {"torch": report.made_by["torch"]}
    made_by.pop("torch")
    return Results(**made_by, libraries=libraries, cases={report.name: report.case})


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
    recipe = {
        "strategy": strategy,
        "epochs": 4,
        "learning_rate": 2e-5,
        "lora": {"rank": 8, "target_modules": ["q", "v"]},
    }
    trained = TrainingFacts(ParameterCounts(22_786_944, 73_728), "bf16", True, 2, "cpu", 372, 73.29, CURVE)
    return ModelEntry(
        strategy=strategy,
        recipe={} if strategy == "base" else recipe,
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


def _strategy(value):
    """A model's retrieval, about as good as its Spearman correlation."""
    of = RetrievalValue(value=value, interval=None if math.isnan(value) else Interval(value - 0.05, value + 0.05))
    change = RetrievalChange(0.1, Interval(0.05, 0.15), (1,), (2, 3))
    return StrategyEntry(metrics=dict.fromkeys(RETRIEVAL_METRICS, of), change=change, widths={"128": value})


def _rerank(labels, scores, table):
    """A model with a second stage that knows the labels, and a band that was chosen on the same pairs."""
    texts, second = np.arange(2 * len(labels)).reshape(-1, 2), labels.astype(np.float64)
    found = rerank(choose_band(scores, second, labels, 0.2), scores, second, labels, texts, table.pair_type)
    return RerankEntry(teacher="cross", share=0.2, value=found, model_ms=1.5, teacher_ms=20.0)


def _ranks(model, value):
    """The adapter at two ranks."""
    interval = None if math.isnan(value) else Interval(value - 0.1, value + 0.1)
    own = RankPoint(rank=8, value=value, interval=interval, trainable=73_728)
    higher = RankPoint(rank=32, value=2.5, interval=Interval(2.4, 2.6), trainable=294_912)
    return RankEntry(model=model, metric="cohens_d", own=8, points=(own, higher))


def _learning_rate(models, relative):
    """The adapter at the rate of full fine-tuning, ten times it, and its own."""
    base, lora = (models[name].metrics["spearman"].value for name in ("base", relative.model))
    points = tuple(
        LearningRatePoint(learning_rate=rate, value=value, relative=relative.value, curve=CURVE)
        for rate, value in ((2e-5, base), (2e-4, lora), (1e-3, lora))
    )
    return LearningRateEntry(
        model=relative.model,
        reference=relative.reference,
        metric="spearman",
        reference_rate=2e-5,
        own_rate=1e-3,
        points=points,
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


def _plane(seed, scores):
    plane = np.random.default_rng(seed).normal(size=(len(scores), 2)) * np.where(np.isnan(scores), math.nan, 1)[:, None]
    return tuple((x, y) for x, y in plane.tolist())
