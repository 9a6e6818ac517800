"""A case from an empty store to its values: as the harness does it, and as a script of one's own would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from harness.analyses import EVALUATE
from harness.config import BASE
from harness.execution import Context, Cost, LocalExecutor, Store
from harness.models import ENCODERS, Checkpoint, Embeddings
from harness.run.case_run import CaseRun
from harness.run.environment import libraries, machine
from harness.run.plan import begin_ahead
from harness.training import TRAIN


@dataclass(frozen=True)
class Way:
    """One way of coming to a case's values.

    Attributes:
        seconds: Wall time of all of it.
        costs: Stage such as `train lora` -> cost of its process.
        spearman: Model -> value.
    """

    seconds: float
    costs: dict[str, Cost]
    spearman: dict[str, float]


def compare_ways(run: CaseRun, directory: Path) -> tuple[Way, Way]:
    """Train, encode and evaluate every model that is trained here, and the base, in both ways, each with a new store.

    The plain way is a script with the SentenceTransformerTrainer and its defaults (fp32, AdamW that is not fused), the
    same recipes and texts, one model after the other with all cores. Charts and statistics are in neither.
    """
    return _ours(run, directory / "ours"), _plain(run, directory / "plain")


def _ours(run: CaseRun, root: Path) -> Way:
    fresh = replace(run, ctx=Context(Store(root), run.ctx.executor, run.ctx.progress), _once={})
    models = [BASE, *run.inputs.case.recipes]
    started = time.perf_counter()
    begin_ahead(fresh, {"full"}, models)
    spearman = {model: fresh.evaluation(model).metrics["spearman"].value for model in models}
    seconds = time.perf_counter() - started
    costs = {f"train {model}": fresh.cost(model, "train") for model in run.inputs.case.recipes}
    return Way(seconds, costs | {f"encode {model}": fresh.cost(model, "encode") for model in models}, spearman)


def _plain(run: CaseRun, root: Path) -> Way:
    ctx, inputs = Context(Store(root), LocalExecutor(root), run.ctx.progress), run.inputs
    costs: dict[str, Cost] = {}
    spearman = {}
    started = time.perf_counter()
    for model in (BASE, *inputs.case.recipes):
        source = Checkpoint.of_base(inputs.base)
        if model != BASE:
            trained = ctx.artefact(
                TRAIN,
                title=f"train {model} plainly",
                recipe=inputs.case.recipes[model].changed(precision="fp32", optimizer="adamw_torch"),
                base=inputs.base,
                train_pairs=inputs.train,
                dev_pairs=None,
                sides=inputs.sides,
                fast=False,
            )
            costs[f"train {model}"] = trained.cost
            source = Checkpoint.of_trained(inputs.trained[model], inputs.base, trained)
        encoded = ctx.artefact(
            ENCODERS[Checkpoint],
            title=f"encode {model} plainly",
            source=source,
            texts={name: inputs.sides.texts(pairs) for name, pairs in inputs.pair_sets.items()},
            sides=inputs.sides,
        )
        costs[f"encode {model}"] = encoded.cost
        evaluation = ctx.run(
            EVALUATE,
            embeddings=Embeddings(encoded),
            texts="eval",
            pairs=inputs.eval,
            sides=inputs.sides,
            without=(),
        )
        spearman[model] = evaluation.metrics["spearman"].value
    return Way(time.perf_counter() - started, costs, spearman)


def performance_page(case: str, jobs: int, ours: Way, plain: Way) -> str:
    """Write both ways as a Markdown page."""
    versions = ", ".join(f"{name} {version}" for name, version in libraries().items())
    return "\n".join(
        (
            f"# Performance of the case {case}",
            "",
            f"Measured on {date.today():%Y-%m-%d}: {machine()}; {versions}.",
            "",
            "The plain way is a script of one's own: the SentenceTransformerTrainer with its defaults (fp32, AdamW",
            "that is not fused, padded batches) and `encode`, one model after the other with all cores.",
            f"The harness has {jobs} in memory at a time. Both",
            "have the same recipes and texts, begin with nothing, and end with the metrics; charts are in neither.",
            "",
            "| stage | plain | harness | ratio | peak memory plain | harness | ratio |",
            "|---|---|---|---|---|---|---|",
            *_rows(ours, plain),
            "",
            "| model | Spearman plain | harness |",
            "|---|---|---|",
            *(f"| {model} | {plain.spearman[model]:.3f} | {value:.3f} |" for model, value in ours.spearman.items()),
            "",
        )
    )


def _rows(ours: Way, plain: Way) -> Iterator[str]:
    whole = f"{plain.seconds:.0f} s | {ours.seconds:.0f} s | {ours.seconds / plain.seconds:.2f}"
    yield f"| **all, from an empty store** | {whole} | | | |"
    for stage, cost in ours.costs.items():
        other = plain.costs[stage]
        seconds = _compared(other, cost, lambda one: one.seconds, "s")
        yield f"| {stage} | {seconds} | {_compared(other, cost, lambda one: one.peak_rss_mb or 0.0, 'MB')} |"


def _compared(plain: Cost, ours: Cost, value: Callable[[Cost], float], unit: str) -> str:
    before, now = value(plain), value(ours)
    ratio = f"{now / before:.2f}" if before else ""
    return f"{before:.0f} {unit} | {now:.0f} {unit} | {ratio}"
