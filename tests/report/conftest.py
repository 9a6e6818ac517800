"""A small synthetic case report: as good as stored, with other pairs, undefined, or with a model less."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import gates
from harness.audit import CHECKS, Audit, Finding
from harness.charts import render
from harness.evaluation import Evaluation, evaluate
from harness.metrics import METRICS, GroupResult, MetricResult
from harness.operating import operate
from harness.pairs import Pair, PairSet
from harness.report import FurtherPairs
from harness.uncertainty import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.operating import OperatingPoint
    from harness.pipeline import ModelRun
    from harness.report import CaseReport, RenderedChart

CATEGORIES = ("values", "interests", "lifestyle")
SIGNALS = {"base": -0.4, "standard": 1.6, "lora": 1.4}
SEEDS = {"base": 4, "standard": 8, "lora": 4}


def synthetic_pairs(count: int = 90) -> PairSet:
    """Every third pair is negative; one category has positive pairs only."""
    pairs = tuple(
        Pair(
            text_1=f"boy: left {index}",
            text_2=f"girl: right {index}",
            label=int(index % 3 > 0),
            category="one_label" if index % 9 == 1 else CATEGORIES[index // 3 % 3],
            subcategory="s",
            pair_type=("dealbreaker", "incompatible")[index // 3 % 2] if index % 3 == 0 else "compatible",
        )
        for index in range(count)
    )
    return PairSet(Path("eval.jsonl"), "e" * 64, pairs)


def synthetic_audit(pairs: PairSet) -> Audit:
    """Nothing is shared, all is even; the examples hold what the data holds."""
    first = pairs.pairs[0]
    examples = (f'eval.jsonl:1: "{first.text_1}"', f"eval.jsonl:1: {first.category}")
    even = {"label_balance": 0.5, "category_balance": 0.4, "length_alone": 0.5}
    return Audit({name: Finding(even.get(name, 0.0), f"none of {len(pairs)}", examples) for name in CHECKS}, ())


@pytest.fixture(scope="session")
def report(synthetic_report: Callable[..., CaseReport]) -> CaseReport:
    """Three models, everything measured, every metric exactly as stored, every gate passed."""
    pairs = synthetic_pairs()
    audit = synthetic_audit(pairs)
    made = synthetic_report("synthetic", pairs, signals=SIGNALS, seeds=SEEDS, stored=SEEDS)
    verdicts = (
        *made.verdicts,
        gates.fits_memory("lora", "train", made.runs["lora"].training["peak_rss_mb"], 1200),
        *(gates.within_limit(name, audit.findings[name], getattr(made.case.audit, name)) for name in CHECKS),
    )
    known, further = (
        synthetic_report(name, synthetic_pairs(count), signals=SIGNALS, seeds=SEEDS, stored=SEEDS)
        for name, count in (("train", 120), ("large", 180))
    )
    return dataclasses.replace(
        made,
        verdicts=verdicts,
        audit=audit,
        operating=operating_points(known.pairs, known.runs, pairs, made.runs),
        more={"large": further_pairs(further.pairs, further.runs)},
    )


def operating_points(
    train: PairSet, known: Mapping[str, ModelRun], pairs: PairSet, runs: Mapping[str, ModelRun]
) -> dict[str, OperatingPoint]:
    """Model -> its operating point, the threshold from the scores of other runs on other pairs."""
    scores = {name: np.array(run.evaluation.scores) for name, run in runs.items()}
    return {name: operate(np.array(known[name].evaluation.scores), train, scores[name], pairs) for name in runs}


def further_pairs(pairs: PairSet, runs: Mapping[str, ModelRun]) -> FurtherPairs:
    """None of them is in the training data."""
    evaluations = {name: run.evaluation for name, run in runs.items()}
    return FurtherPairs(
        pairs, 0, {name: (found, measure(found, pairs, None, ())) for name, found in evaluations.items()}
    )


@pytest.fixture(scope="session")
def charts(report: CaseReport) -> list[RenderedChart]:
    return render(report)


@pytest.fixture(scope="session")
def rewritten(report: CaseReport) -> Callable[..., CaseReport]:
    """The report with changed pairs, and the metrics of the changed pairs."""

    def rewrite(change: Callable[[Pair], Pair]) -> CaseReport:
        pairs = dataclasses.replace(report.pairs, pairs=tuple(map(change, report.pairs)))
        runs = {
            name: dataclasses.replace(run, evaluation=evaluate(run.arrays["eval"], pairs))
            for name, run in report.runs.items()
        }
        return dataclasses.replace(report, pairs=pairs, runs=runs, audit=synthetic_audit(pairs))

    return rewrite


def undefined(run: ModelRun) -> ModelRun:
    """The same run, had the model returned NaN."""
    nan: dict[str, Any] = dict.fromkeys(("mean_positive", "mean_negative", "margin", "cohens_d", "auc_roc"), math.nan)

    def groups(known: Any) -> dict[str, GroupResult]:
        return {name: dataclasses.replace(group, **nan, reason="not finite") for name, group in known.items()}

    evaluation = Evaluation(
        metrics={name: MetricResult(math.nan, "90 of 90 scores are not finite") for name in METRICS},
        categories=groups(run.evaluation.categories),
        pair_types=groups(run.evaluation.pair_types),
        scores=(math.nan,) * len(run.evaluation.scores),
    )
    training = run.training and {**run.training, "curve": [{"epoch": 1, "loss": math.nan, "spearman": None}]}
    return dataclasses.replace(run, evaluation=evaluation, training=training)


@pytest.fixture(scope="session")
def undefined_report(report: CaseReport) -> CaseReport:
    """Whatever can be undefined is."""
    runs = {name: undefined(run) for name, run in report.runs.items()}
    further = report.more["large"]
    evaluation = dataclasses.replace(
        runs["base"].evaluation, scores=(math.nan,) * len(further.pairs), categories={}, pair_types={}
    )
    nothing = (evaluation, measure(evaluation, further.pairs, None, ()))
    return dataclasses.replace(
        report,
        rates={rate: undefined(run) for rate, run in report.rates.items()},
        runs=runs,
        planes={name: plane * np.float32(math.nan) for name, plane in report.planes.items()},
        operating=operating_points(report.pairs, runs, report.pairs, runs),
        more={"large": dataclasses.replace(further, measured=dict.fromkeys(runs, nothing))},
    )


@pytest.fixture(scope="session")
def partly_undefined(report: CaseReport) -> CaseReport:
    """One model returned NaN."""
    lora = undefined(report.runs["lora"])
    rates = {**report.rates, max(report.rates): lora}
    return dataclasses.replace(report, runs={**report.runs, "lora": lora}, rates=rates)


@pytest.fixture(scope="session")
def without_standard(report: CaseReport) -> CaseReport:
    """The training of one model failed."""
    kept = {name: run for name, run in report.runs.items() if name != "standard"}
    verdicts = tuple(verdict for verdict in report.verdicts if verdict.model != "standard")
    return dataclasses.replace(report, runs=kept, verdicts=verdicts, planes={})
