"""The table of gates. `evals/`, expected counts, hard gates, the order of causes and the docs follow from its rows.

To add a gate: write a function from `Evidence` and `Subject` to a `Verdict` in the file of its family, and a row here.
"""

import itertools
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from harness.gates import failures, limits, regression, strategies, training, verification
from harness.gates.parameters import PARAMETERS
from harness.gates.types import Evidence, Gate, Inputs, NotJudgedError, Subject, Verdict


def subjects(gate: Gate, inputs: Inputs) -> tuple[Subject, ...]:
    """Return what a gate is judged for in a run."""
    combinations = itertools.product(*(PARAMETERS[name](inputs) for name in gate.over))
    return tuple(Subject(**{field: value for part in parts for field, value in part.items()}) for parts in combinations)


def runs_of(gate: Gate, inputs: Inputs) -> tuple[str, ...]:
    """Return the runs in which a gate is judged for a case."""
    return tuple(run for run in gate.runs if run in inputs.case.runs)


def chosen(inputs: Inputs, kinds: Collection[str]) -> list[Gate]:
    """Return the gates that runs of these kinds judge for a case."""
    return [gate for gate in GATES.values() if not set(kinds).isdisjoint(runs_of(gate, inputs))]


def expected(inputs: Inputs, kinds: Collection[str]) -> int:
    """Return how many verdicts a whole run of these kinds has."""
    return sum(len(subjects(gate, inputs)) for gate in chosen(inputs, kinds))


def judge(run: Evidence, gate: Gate, subject: Subject) -> Verdict:
    """Judge a gate for one subject.

    Raises:
        NotJudgedError: Another gate fails, and this one says nothing without it.
        HarnessError: A step that it needs failed.
    """
    for need in gate.needs:
        for other in subjects(GATES[need], run.inputs):
            if other.model == subject.model and judge(run, GATES[need], other).outcome == "fail":
                raise NotJudgedError(need, f"the gate {need} fails for {other}")
    return replace(gate.judge(run, subject), gate=gate.name, subject=subject)


_Measured = partial(Gate, needs=("files", "base", "complete", "record"))
"""A gate on values of a model: a candidate that fails these is not opened, or is not the model that it claims to be."""

_OfCandidate = partial(Gate, over=("candidate",), needs=("files",), hard=True)
"""A gate on what a candidate, or a model that the case names by its directory, claims to be."""

_ROWS = (
    _OfCandidate(
        name="files",
        title="Safe files",
        question="Are the candidate's files in the expected format, and can nothing in them run code?",
        action="Export the model again as safetensors and JSON, and give `--adapter` or `--full-model` that directory.",
        judge=verification.check_passes("files"),
        needs=(),
    ),
    _OfCandidate(
        name="base",
        title="Base of the case",
        question="Was the candidate made from the case's base?",
        action="Train it on the base that the case names, or gate it by the case of its own base. Inconclusive: record "
        "the training with `harness.training.record_training`.",
        over=("candidate_of_base",),
        judge=verification.check_passes("base"),
    ),
    _OfCandidate(
        name="complete",
        title="Complete weights",
        question="Is every tensor of the candidate loaded, and none left out or made up at random?",
        action="Look at the tensors that the message names. A model that was saved while PEFT had wrapped it holds "
        "them under other names: save the adapter with `PeftModel.save_pretrained`, or the merged model.",
        judge=verification.check_passes("complete"),
    ),
    _OfCandidate(
        name="exact_merge",
        title="Exact merge",
        question="Is the merged adapter the base plus scaling x B x A, as computed in float64 from the files?",
        action="Compare rank, alpha and `use_rslora` of `adapter_config.json` with what it was trained with. "
        "Inconclusive: only PEFT knows the formula of its method; record the training with "
        "`harness.training.record_training`.",
        over=("candidate_adapter",),
        judge=verification.check_passes("exact_merge"),
    ),
    _OfCandidate(
        name="load_paths",
        title="Load paths",
        question="Does every load path give the same model, in two processes?",
        action="Do not ship it: whoever uses the named load path gets another model. The message says which weights or "
        "settings differ.",
        judge=verification.load_paths_agree,
    ),
    _OfCandidate(
        name="settings",
        title="Settings",
        question="Are tokenizer, length, pooling, normalisation and prompts those of the stored model?",
        action="Restore the setting that the message names; after an intended change, update the baseline.",
        judge=verification.settings_are_stored_ones,
        hard=False,
    ),
    _OfCandidate(
        name="record",
        title="Training record",
        question="Does the candidate give the probe embeddings that its training recorded?",
        action="Ship the directory that the training wrote, with both files of its record. Inconclusive: record the "
        "training with `harness.training.record_training`.",
        over=("recorded_candidate",),
        judge=verification.record_is_reproduced,
    ),
    _OfCandidate(
        name="training_data",
        title="Training data",
        question="Was the candidate trained on the case's pairs, and on none that it is evaluated on?",
        action="Train it again without the evaluation pairs: no value of it means anything before.",
        over=("recorded_candidate",),
        judge=verification.training_data_is_apart,
    ),
    Gate(
        name="audit",
        title="Data audit",
        question="Can the pairs be trusted to say how good a model is?",
        action="Correct the pairs that the message names, then update the baseline; or state another limit in "
        "`[audit]`, with its reason, or let it warn only: `[audit] warn`.",
        over=("check",),
        judge=limits.data_is_sound,
        hard=True,
        runs=("full", "gate", "strategies"),
    ),
    _Measured(
        name="diverges",
        title="Divergence from the base",
        question="Does the adapter move the embeddings, or was it ignored?",
        action="A distance of 0 is an adapter that was never applied: look at how it is loaded. A small one is a "
        "training that did not learn: look at its loss and learning rate.",
        over=("adapter", "texts"),
        judge=limits.diverges,
        hard=True,
        chart="score_distributions",
    ),
    Gate(
        name="loss_falls",
        title="Training loss",
        question="Did the training learn at all, without diverging?",
        action="Not a number: lower the learning rate, or train in fp32. It does not fall: raise the rate, and look at "
        "the labels, and at how many of the weights are trained.",
        over=("trained_here",),
        judge=failures.loss_falls,
        hard=True,
        chart="training_curves",
        runs=("full", "strategies"),
    ),
    _Measured(
        name="collapse",
        title="Collapse",
        question="Does the model still tell texts apart, or has each nearly the same embedding?",
        action="Lower the learning rate; look for a loss that similar embeddings alone can make small, and for data "
        "without negatives.",
        over=("trained",),
        judge=failures.not_collapsed,
        hard=True,
        chart="score_distributions",
        runs=("full", "gate", "strategies"),
    ),
    Gate(
        name="overtraining",
        title="Trained too long",
        question="Is the model as good on the dev pairs at its end as it was at its best?",
        action="Train for as many epochs as the message says, at a lower rate, or on more pairs.",
        over=("trained_with_dev",),
        judge=failures.not_trained_too_long,
        chart="training_curves",
        runs=("full", "strategies"),
    ),
    Gate(
        name="stability",
        title="Stable over seeds",
        question="Do the trainings with other seeds that the tolerances come from give about the same model?",
        action="Lower the learning rate, warm up longer or train on more pairs, then update the baseline: tolerances "
        "from such trainings stop nothing. Inconclusive: store it with more seeds.",
        over=("trained_here",),
        judge=failures.stable_over_seeds,
        runs=("full",),
    ),
    _Measured(
        name="merge_agrees",
        title="Merged as unmerged",
        question="Does the merged adapter compute what it computes beside the base?",
        action="Look at the adapter's configuration, at its precision, and at the version of peft.",
        over=("adapter",),
        judge=limits.merge_agrees,
        hard=True,
    ),
    Gate(
        name="baseline",
        title="Comparable baseline",
        question="Was the stored baseline made from these pairs, this base, these models and these metrics?",
        action="Restore what was changed; after an intended change, store a new one: "
        "`pytest evals/ -m full --update-baselines`.",
        judge=regression.baseline_is_comparable,
        chart="change",
    ),
    _Measured(
        name="relative_performance",
        title="Relative performance",
        question="Does the model reach the case's part of its reference, such as LoRA 90 % of full fine-tuning?",
        action="Train longer or at another learning rate, with a higher rank, or ship the reference.",
        over=("relative_performance",),
        judge=training.performance_is_reached,
        hard=True,
    ),
    _Measured(
        name="truncation",
        title="Truncated embeddings",
        question="Does a model keep its quality where its embeddings are cut to fewer dimensions?",
        action="Serve it at a greater width, or train it with `matryoshka` in its recipe.",
        over=("truncation",),
        judge=training.quality_is_kept,
        hard=True,
    ),
    _Measured(
        name="retrieval",
        title="Retrieval",
        question="Does the model find relevant documents better than the base?",
        action="Look at the queries that lost their first hit, and at the training: a loss that ranks, hard negatives, "
        "its rate.",
        over=("searched",),
        judge=failures.retrieval_is_better,
        hard=True,
        chart="retrieval",
    ),
    Gate(
        name="strategies",
        title="A strategy that is worth it",
        question="Is one of the compared strategies better than the base, without forgetting too much?",
        action="Look at the table of strategies: at what forgot too much, at losses that rank, and at the rates.",
        over=("compared",),
        judge=strategies.one_is_worth_it,
        chart="retrieval",
        runs=("strategies",),
    ),
    Gate(
        name="rank",
        title="Rank of the adapter",
        question="Is the adapter as good as at a higher rank, or does its rank hold it back?",
        action="Raise the rank to the one that the message names; no higher rank is better: look at the learning rate.",
        over=("rank",),
        judge=failures.rank_suffices,
        chart="rank",
        runs=("strategies",),
    ),
    Gate(
        name="rerank",
        title="Second stage",
        question="Are the decisions no worse where a cross-encoder rescores the uncertain pairs?",
        action="Do not put it behind this model. Look at the pairs that it made wrong; train the teacher longer, or on "
        "harder pairs.",
        over=("reranked",),
        judge=strategies.rerank_is_no_worse,
        runs=("full", "strategies"),
    ),
    Gate(
        name="forgetting",
        title="Catastrophic forgetting",
        question="Does the model still know what the base knew of other texts?",
        action="Train at a lower rate or for fewer epochs, mix in general pairs with `replay`, or hold the weights to "
        "those of the base with `l2_to_base`.",
        over=("general",),
        judge=failures.general_knowledge_is_kept,
        hard=True,
        runs=("full",),
    ),
    Gate(
        name="matryoshka",
        title="Better than a plain model that is cut",
        question="Is a model that was trained to be cut better there than the same without?",
        action="Serve the plain one, or train the other longer or at another rate: its loss is a sum over the widths.",
        over=("matryoshka",),
        judge=training.beats_plain,
        runs=("full",),
    ),
    _Measured(
        name="beats_base",
        title="Better than the base",
        question="Did training make the model better than the base?",
        action="Look at the loss, the learning rate and the labels. An adapter may have been ignored: see `diverges`.",
        over=("trained", "gain"),
        judge=training.beats_base,
        hard=True,
    ),
    _Measured(
        name="metric",
        title="Metric",
        question="Is a metric of a model no worse than stored, and the base's what it was?",
        action="Look at the pairs that are wrong now. A moved base is another environment: compare library versions. "
        "After an intended change, update the baseline.",
        over=("model", "metric"),
        judge=regression.metric_holds,
    ),
    _Measured(
        name="category",
        title="Metric of a category",
        question="Is a metric of a model no worse than stored on the pairs of one category?",
        action="Look at the category's pairs that are wrong now, and at what the training data says about it.",
        over=("model", "category", "category_metric"),
        judge=regression.metric_holds,
        chart="category_heatmap",
    ),
    _Measured(
        name="memory",
        title="Peak memory",
        question="Does a stage of a model stay below its memory ceiling?",
        action="Look for a larger batch, a longer text or another library version; else raise the ceiling in "
        "`[gates.memory_mb]`.",
        over=("stage",),
        judge=limits.fits_memory,
        hard=True,
        runs=("full", "gate", "strategies"),
    ),
    Gate(
        name="latency",
        title="Encode latency",
        question="Does a merged adapter encode about as fast as the base?",
        action="Check that it is merged. Inconclusive: measure again on a quiet machine.",
        over=("adapter", "batch"),
        judge=limits.no_slower,
        runs=("bench",),
    ),
    Gate(
        name="stalls",
        title="Stalls at the rate of full fine-tuning",
        question="Does the adapter hardly learn at the learning rate of full fine-tuning?",
        action="That rate is enough for it: compare both at the same rate, or drop the `[learning_rate]` table.",
        over=("learning_rate",),
        judge=partial(training.gap_at_rate, ten_times=False),
        chart="learning_rate",
        runs=("learning_rate",),
    ),
    Gate(
        name="learns",
        title="Learns at ten times that rate",
        question="Does the adapter learn at ten times the learning rate of full fine-tuning?",
        action="Something else than the rate holds it back: look at its rank, its target modules and the data.",
        over=("learning_rate",),
        judge=partial(training.gap_at_rate, ten_times=True),
        chart="learning_rate",
        runs=("learning_rate",),
    ),
)

GATES: dict[str, Gate] = {row.name: row for row in _ROWS}
"""Every gate by its key, causes before their consequences: a headline names the first that fails."""
