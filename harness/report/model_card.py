"""The results of one model as the `model-index` in the metadata of its model card."""

from pathlib import Path
from typing import Any

from harness.config import BASE
from harness.errors import HarnessError
from harness.metrics import METRICS
from harness.results import Results
from harness.text import listed, one_line

_TASK = "sentence-similarity"
_EXPECTED = "expected the README.md of a model"


def write_model_card(path: Path, results: Results, model: str | None = None) -> None:
    """Put a model's values into a model card: those of these cases are replaced, all else in the file stays.

    Undefined values are left out. The file is made where it is missing. Nothing is asked of the hub.

    Args:
        path: The `README.md` in the directory of the model.
        results: The results of a run.
        model: The model; by default the gated one, or the only one that is trained.

    Raises:
        HarnessError: The model is not named or not measured, or the file is no model card.
    """
    try:
        from huggingface_hub.repocard import metadata_load, metadata_save
        from yaml import YAMLError
    except ModuleNotFoundError as error:
        install = 'pip install "pytest-embedding-harness[train]"'
        raise HarnessError(f"a model card needs {error.name}, which is not installed: {install}") from None
    try:
        metadata = (metadata_load(path) if path.exists() else None) or {}
        metadata["model-index"] = _with_results(metadata.get("model-index"), results, _chosen(results, model), path)
        metadata_save(path, metadata)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror or error}; {_EXPECTED}") from None
    except (ValueError, YAMLError) as error:
        raise HarnessError(f"{path}: {one_line(str(error))}; {_EXPECTED}") from None


def _chosen(results: Results, model: str | None) -> str:
    candidates = {case.candidate.model for case in results.cases.values() if case.candidate is not None}
    measured = dict.fromkeys(name for case in results.cases.values() for name in case.models if name != BASE)
    found = [model] if model is not None else [*(candidates or measured)]
    if len(found) != 1 or found[0] not in {*measured, BASE}:
        came = "nothing" if model is None else model
        raise HarnessError(f"--model: got {came}, expected one of the measured models: {listed([*measured]) or 'none'}")
    return found[0]


def _with_results(index: Any, results: Results, model: str, path: Path) -> list[dict[str, Any]]:
    """Return a model index with the values of a model, instead of older ones of the same cases."""
    from huggingface_hub.repocard_data import EvalResult, eval_results_to_model_index

    try:
        first, *others = index or [{"name": path.absolute().parent.name, "results": []}]
        name, known = first["name"], list(first["results"])
        kept = [entry for entry in known if _case_of(entry) not in results.cases]
    except (KeyError, TypeError, ValueError):
        raise ValueError("model-index is not as the hub has it: a list of name and results") from None
    values = [
        EvalResult(
            task_type=_TASK,
            task_name="Sentence Similarity",
            dataset_type=case_name,
            dataset_name=case_name,
            dataset_split="eval",
            dataset_revision=case.origin.eval_sha256,
            metric_type=metric,
            metric_name=METRICS[metric].title,
            metric_value=entry.value,
        )
        for case_name, case in results.cases.items()
        if model in case.models
        for metric, entry in case.models[model].metrics.items()
        if entry.value == entry.value
    ]
    [new] = eval_results_to_model_index(str(name), values)
    return [{**first, "results": [*kept, *new["results"]]}, *others]


def _case_of(entry: Any) -> str:
    """Return the case that a result of the index is of; empty where it is another's."""
    return str(entry["dataset"]["type"]) if entry["task"]["type"] == _TASK else ""
