"""What the suite promises about a case, gate by gate, and the ones that must hold before a baseline is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import gates
from harness.baselines import CATEGORY_METRICS, baseline_path, changes, read_baseline, write_baseline
from harness.case import BASE
from harness.errors import BaselineError
from harness.latency import BATCHES, measure_in_turns
from harness.metrics import METRICS, MetricResult
from harness.pipeline import Inputs, measure_baseline
from harness.statistics import ratio_interval

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.case import ShareGate
    from harness.gates import Verdict
    from harness.pipeline import CaseRun


PARAMETERS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "model": lambda inputs: {name: name for name in inputs.case.model_names},
    "trained": lambda inputs: {name: name for name in inputs.case.models},
    "adapter": lambda inputs: {name: name for name in inputs.case.adapter_names},
    "metric": lambda _: {name: name for name in METRICS},
    "gain": lambda inputs: {name: name for name in inputs.case.gates.beats_base},
    "category": lambda inputs: {
        f"{category}-{metric}": (category, metric)
        for category in inputs.compared_categories
        for metric in CATEGORY_METRICS
    },
    "share": lambda inputs: {f"{gate.model}-of-{gate.of}-{gate.metric}": gate for gate in inputs.case.gates.shares},
    "texts": lambda _: {name: name for name in ("texts", "probes")},
    "stage": lambda inputs: {
        f"{model}-{stage}": (model, stage)
        for model in inputs.case.model_names
        for stage in (("encode",) if model == BASE else ("train", "encode"))
    },
    "batch": lambda _: {str(batch): batch for batch in BATCHES},
}
"""What a promise is about: the parameter that a test names -> part of the test's id -> value."""


def metric_holds(run: CaseRun, model: str, metric: str) -> Verdict:
    """A metric of a model is no worse than stored."""
    observed = run.model(model).evaluation.metrics[metric]
    return gates.no_worse_than_stored(model, metric, observed, run.baseline, run.inputs.origin)


def category_holds(run: CaseRun, model: str, category: str, metric: str) -> Verdict:
    """A metric of a model on one category is no worse than stored."""
    group = run.model(model).evaluation.categories[category]
    observed = MetricResult(getattr(group, metric), group.reason)
    return gates.no_worse_than_stored(model, metric, observed, run.baseline, run.inputs.origin, category=category)


def baseline_is_comparable(run: CaseRun) -> Verdict:
    """The stored baseline was made from this case's data, base, models and metrics."""
    now = run.case.model_names, METRICS, run.inputs.compared_categories
    return gates.comparable(run.inputs.origin, run.baseline, *now)


def reaches_share(run: CaseRun, share: ShareGate) -> Verdict:
    """A model reaches its share of another."""
    observed, of = (run.model(name).evaluation.metrics[share.metric] for name in (share.model, share.of))
    return gates.reaches_share(share, observed, of)


def beats_base(run: CaseRun, model: str, metric: str) -> Verdict:
    """A trained model is better than the base."""
    observed, base = (run.model(name).evaluation.metrics[metric] for name in (model, BASE))
    return gates.beats_base(model, metric, observed, base)


def diverges(run: CaseRun, adapter: str, texts: str) -> Verdict:
    """An adapter moves the embeddings of the known pairs' texts (`texts`) or of the probe texts (`probes`)."""
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


def hard_verdicts(run: CaseRun) -> list[Verdict]:
    """Every promise that needs no stored baseline."""
    case = run.case
    return [
        *(reaches_share(run, share) for share in case.gates.shares),
        *(beats_base(run, model, metric) for model in case.models for metric in case.gates.beats_base),
        *(diverges(run, adapter, texts) for adapter in case.adapter_names for texts in ("texts", "probes")),
        *(merge_agrees(run, adapter) for adapter in case.adapter_names),
        *(fits_memory(run, model, stage) for model, stage in PARAMETERS["stage"](run.inputs).values()),
    ]


def expected_gates(inputs: Inputs) -> int:
    """How many verdicts a whole full run of a case has."""
    size = {name: len(values(inputs)) for name, values in PARAMETERS.items()}
    compared = 1 + size["model"] * (size["metric"] + size["category"])
    return (
        compared
        + size["share"]
        + size["trained"] * size["gain"]
        + size["adapter"] * (size["texts"] + 1)
        + size["stage"]
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
