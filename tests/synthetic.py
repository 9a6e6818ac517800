"""A case report from synthetic embeddings: no model, no store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness import gates
from harness.baselines import Baseline, Origin, build_model, build_scores
from harness.evaluation import evaluate
from harness.metrics import METRICS
from harness.pipeline import ModelRun
from harness.report import CaseReport
from harness.uncertainty import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.case import Case
    from harness.pairs import PairSet
    from harness.uncertainty import Uncertainty

PEAK_MB = {"standard": 1234.5, "lora": 1033.0}


def make_report(
    case: Case, pairs: PairSet, *, signals: Mapping[str, float], seeds: Mapping[str, int], stored: Mapping[str, int]
) -> CaseReport:
    """Every model measured, and every metric held against a baseline.

    Args:
        case: The case.
        pairs: Its evaluation pairs.
        signals: Model -> how far the texts of a positive pair point the same way, and those of a negative one do not.
        seeds: Model -> seed of its embeddings.
        stored: Model -> seed of the embeddings that the baseline was made from.
    """
    runs = {name: _run(name, pairs, signals[name], seeds[name]) for name in case.model_names}
    before = {name: _run(name, pairs, signals[name], stored[name]).evaluation for name in runs}
    origin = Origin(eval_sha256=pairs.digest, eval_pairs=len(pairs), base_name="m", base_digest="b" * 64)
    trainings = {name: {} if name == "base" else dict.fromkeys((1, 2, 3), before[name]) for name in runs}
    models = {name: build_model(case, name, before[name], trainings[name], (), {}, {}) for name in runs}
    baseline = Baseline(version=1, origin=origin, models=models, scores=build_scores(before))
    verdicts = [
        gates.no_worse_than_stored(name, metric, run.evaluation.metrics[metric], baseline, origin)
        for name, run in runs.items()
        for metric in METRICS
    ]
    spearman = {name: run.evaluation.metrics["spearman"] for name, run in runs.items()}
    verdicts.append(gates.reaches_share(case.gates.shares[0], spearman["lora"], spearman["standard"]))
    check, rates = case.learning_rate, _rates(case, runs)
    assert check is not None
    for gate, rate in zip((gates.stalls, gates.learns), case.checked_rates, strict=True):
        observed = rates[rate].evaluation.metrics["spearman"]
        verdicts.append(gate(check, rate, observed, spearman["standard"], spearman["base"]))
    rng = np.random.default_rng(1)
    planes = {name: rng.normal(size=(len(pairs), 2)).astype(np.float32) for name in runs}
    return CaseReport(
        case=case,
        models=case.model_names,
        pairs=pairs,
        runs=runs,
        verdicts=tuple(verdicts),
        baseline=baseline,
        planes=planes,
        uncertainty=_uncertainty(runs, pairs, baseline),
        rates=rates,
    )


def stored_as(report: CaseReport, score: Callable[[int, str, float], float]) -> CaseReport:
    """The report with other stored scores, and what changed since those.

    Args:
        report: A report with a baseline.
        score: From the row of a pair, the name of a model, and the stored score to another one.
    """
    assert report.baseline is not None
    scores = [
        {model: score(row, model, stored) for model, stored in models.items()}
        for row, models in enumerate(report.baseline.scores)
    ]
    baseline = report.baseline.model_copy(update={"scores": scores})
    return replace(report, baseline=baseline, uncertainty=_uncertainty(report.runs, report.pairs, baseline))


def _uncertainty(runs: Mapping[str, ModelRun], pairs: PairSet, baseline: Baseline) -> dict[str, Uncertainty]:
    return {
        name: measure(run.evaluation, pairs, np.array([row[name] for row in baseline.scores]), ())
        for name, run in runs.items()
    }


def _rates(case: Case, runs: Mapping[str, ModelRun]) -> dict[float, ModelRun]:
    """At the rate of full fine-tuning the adapter is the base still, at ten times that and at its own the adapter."""
    full, tenfold = case.checked_rates
    untrained = replace(runs["lora"], evaluation=runs["base"].evaluation)
    return {full: untrained, tenfold: runs["lora"], case.models["lora"].learning_rate: runs["lora"]}


def _run(name: str, pairs: PairSet, signal: float, seed: int) -> ModelRun:
    """Clusters of about thirty pairs; in each, a pair's texts point the same way, or not, as its label says."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(scale=0.4, size=(len(pairs.texts), 8)).astype(np.float32)
    first, second = pairs.text_rows.T
    embeddings[second] += signal * np.where(pairs.labels == 1, 1, -1)[:, None] * embeddings[first]
    clusters = len(pairs) // 30
    centres = 2 * np.eye(clusters, dtype=np.float32)[np.arange(len(pairs)) * clusters // len(pairs)]
    embeddings = np.hstack([embeddings, np.zeros((len(embeddings), clusters), np.float32)])
    embeddings[first, -clusters:] = embeddings[second, -clusters:] = centres
    trained = {
        "parameters": {"total": 22_786_944, "trainable": 73_728},
        "precision": "bf16",
        "peak_rss_mb": PEAK_MB.get(name),
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
