"""A small case report from synthetic embeddings: no model, no store."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import gates
from harness.audit import CHECKS, Audit, Finding
from harness.baselines import Baseline, Origin, build_model, build_scores
from harness.case import read_case
from harness.charts import render
from harness.evaluation import Evaluation, evaluate
from harness.metrics import METRICS, GroupResult, MetricResult
from harness.pairs import Pair, PairSet
from harness.pipeline import ModelRun
from harness.report import CaseReport, RenderedChart

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.case import Case

CATEGORIES = ("values", "interests", "lifestyle")
SHARE_OF_SIGNAL = {"base": -0.2, "standard": 0.8, "lora": 0.7}
PEAKS = {"base": 500.0, "standard": 1234.5, "lora": 1033.0}


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


def synthetic_run(name: str, pairs: PairSet) -> ModelRun:
    """Three clusters; in each, the texts of a positive pair point the same way by the model's share of signal."""
    rng = np.random.default_rng(len(name))
    embeddings = rng.normal(scale=0.4, size=(len(pairs.texts), 8)).astype(np.float32)
    first, second = pairs.text_rows.T
    sign = np.where(pairs.labels == 1, 1, -1)[:, None]
    embeddings[second] += 2 * SHARE_OF_SIGNAL[name] * sign * embeddings[first]
    centres = 2 * np.eye(3, dtype=np.float32)[np.arange(len(pairs)) // 30 % 3]
    embeddings = np.hstack([embeddings, np.zeros((len(embeddings), 3), np.float32)])
    embeddings[first, -3:] = embeddings[second, -3:] = centres
    trained = {
        "parameters": {"total": 22_786_944, "trainable": 73_728},
        "precision": "bf16",
        "peak_rss_mb": PEAKS[name],
        "train_seconds": 73.29,
        "curve": [{"epoch": epoch, "loss": 0.4 / epoch, "spearman": 0.1 * epoch} for epoch in (1, 2, 3)],
    }
    return ModelRun(
        name=name,
        evaluation=evaluate(embeddings, pairs),
        embeddings="synthetic",
        arrays={"eval": embeddings},
        training=None if name == "base" else trained,
        encoding={
            "parameters": 22_713_216,
            "weights_mb": 90.9,
            "peak_rss_mb": 612.0,
            "encode_seconds": 1.3,
            "texts": len(pairs.texts),
        },
        inputs={},
    )


def synthetic_rates(case: Case, runs: dict[str, ModelRun]) -> dict[float, ModelRun]:
    """At the rate of full fine-tuning the adapter is the base, at ten times that and at its own it is the adapter."""
    full, tenfold = case.checked_rates
    untrained = dataclasses.replace(runs["lora"], evaluation=runs["base"].evaluation)
    return {full: untrained, tenfold: runs["lora"], case.models["lora"].learning_rate: runs["lora"]}


def synthetic_audit(pairs: PairSet) -> Audit:
    """Nothing is shared, all is even; the examples hold what the data holds."""
    first = pairs.pairs[0]
    examples = (f'eval.jsonl:1: "{first.text_1}"', f"eval.jsonl:1: {first.category}")
    even = {"label_balance": 0.5, "category_balance": 0.4, "length_alone": 0.5}
    return Audit({name: Finding(even.get(name, 0.0), f"none of {len(pairs)}", examples) for name in CHECKS}, ())


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, dating_case_path: Path) -> CaseReport:
    """Three models, everything measured, every metric exactly as stored, every gate passed."""
    directory = tmp_path_factory.mktemp("cases") / "synthetic"
    directory.mkdir()
    shutil.copy(dating_case_path, directory)
    for name in ("train.jsonl", "eval.jsonl"):
        (directory / name).touch()
    case, pairs = read_case(directory / "case.toml"), synthetic_pairs()
    origin = Origin(eval_sha256=pairs.digest, eval_pairs=len(pairs), base_name="m", base_digest="b" * 64)
    runs = {name: synthetic_run(name, pairs) for name in case.model_names}
    seeds = {name: {} if name == "base" else dict.fromkeys((1, 2, 3), run.evaluation) for name, run in runs.items()}
    baseline = Baseline(
        version=1,
        origin=origin,
        models={name: build_model(case, name, run.evaluation, seeds[name], (), {}, {}) for name, run in runs.items()},
        scores=build_scores({name: run.evaluation for name, run in runs.items()}),
    )
    verdicts = [
        gates.no_worse_than_stored(name, metric, run.evaluation.metrics[metric], baseline, origin)
        for name, run in runs.items()
        for metric in METRICS
    ]
    spearman = {name: run.evaluation.metrics["spearman"] for name, run in runs.items()}
    verdicts.append(gates.reaches_share(case.gates.shares[0], spearman["lora"], spearman["standard"]))
    verdicts.append(gates.fits_memory("lora", "train", PEAKS["lora"], 1200))
    check, rates = case.learning_rate, synthetic_rates(case, runs)
    assert check is not None
    judged = zip((gates.stalls, gates.learns), case.checked_rates, strict=True)
    trained = {rate: run.evaluation.metrics["spearman"] for rate, run in rates.items()}
    verdicts += [gate(check, rate, trained[rate], spearman["standard"], spearman["base"]) for gate, rate in judged]
    audit = synthetic_audit(pairs)
    verdicts += [gates.within_limit(name, audit.findings[name], getattr(case.audit, name)) for name in CHECKS]
    rng = np.random.default_rng(1)
    planes = {name: rng.normal(size=(len(pairs), 2)).astype(np.float32) for name in runs}
    return CaseReport(case, case.model_names, pairs, runs, tuple(verdicts), baseline, planes, audit=audit, rates=rates)


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
    return dataclasses.replace(
        report,
        runs={name: undefined(run) for name, run in report.runs.items()},
        rates={rate: undefined(run) for rate, run in report.rates.items()},
        planes={name: plane * np.float32(math.nan) for name, plane in report.planes.items()},
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
