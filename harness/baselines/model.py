"""`baselines/<case>/baseline.json`: the stored values of a case, read and written."""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.config import Case
from harness.errors import BaselineError
from harness.execution.reading import read_json
from harness.execution.store import write_whole
from harness.metrics import METRICS, Metric
from harness.text import count, quoted

DECIMALS = 6
"""Decimals of the stored values and scores."""

CATEGORY_METRICS = tuple(name for name, metric in METRICS.items() if metric.by_category)
"""Metrics of each category that are stored and compared."""

UPDATE = "embedding-harness run --update-baselines"
"""The command that stores a new baseline, for messages."""


_RESTORE = "Restore it from version control"
ToleranceSource = Literal["seeds", "bootstrap", "case"]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class StoredValue(_Stored):
    """A value, the noise around it, and the trainings that the noise was estimated from.

    Attributes:
        value: As measured.
        tolerance: How much worse is noise, in the metric's unit.
        direction: Whether a higher or a lower value is better.
        seeds: Training seed -> value of that training; empty for a model that is not trained here.
    """

    value: float
    tolerance: float = Field(ge=0)
    direction: Literal["higher", "lower"]
    seeds: dict[str, float]

    @property
    def limit(self) -> float:
        """The greatest deterioration that is noise: the tolerance, and the rounding of what is stored."""
        return self.tolerance + 10.0**-DECIMALS

    def deterioration(self, value: float) -> float:
        """Return how much worse than stored a value is; negative where it is better."""
        return self.value - value if self.direction == "higher" else value - self.value


class Comparison(NamedTuple):
    """A stored value that a gate compares. `category` is empty for all pairs."""

    category: str
    metric: str
    value: StoredValue


class StoredModel(_Stored):
    """One model.

    Attributes:
        tolerance_from: Source of the tolerances: `seeds` are trainings with other seeds; `bootstrap` are the pairs
            alone, of a model that is not trained here; `case` states those of the base.
        metrics: Key of `METRICS` -> value over all pairs.
        categories: Category -> its metrics.
        settings: What the model does to a text besides its weights: tokenizer, length, pooling, prompts.
        provenance: Versions, digests, recipe and machine that the values came from.
    """

    tolerance_from: ToleranceSource = "seeds"
    metrics: dict[str, StoredValue]
    categories: dict[str, dict[str, StoredValue]]
    settings: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any]

    @property
    def compared(self) -> tuple[Comparison, ...]:
        """Every value that is compared, those over all pairs first; the metrics in the order of reports."""
        return tuple(
            Comparison(category, metric, values[metric])
            for category, values in {"": self.metrics, **self.categories}.items()
            for metric in (CATEGORY_METRICS if category else METRICS)
            if metric in values
        )

    def value(self, metric: str, category: str = "") -> StoredValue | None:
        """Return a value, over all pairs or those of a category; None where it is not stored."""
        values = self.categories.get(category, {}) if category else self.metrics
        return values.get(metric)


class Origin(_Stored):
    """Evaluation pairs and base model: values are comparable where they share both."""

    eval_sha256: str
    eval_pairs: int
    base_name: str
    base_digest: str


class Baseline(_Stored):
    """One baseline file.

    Attributes:
        undefined: Metric that a good model need not have on these pairs, such as the purity of clusters where few pairs
            form any -> why one has none. Nothing of it is stored.
        scores: A row a pair, in the order of the evaluation file: model -> score.
    """

    version: Literal[1]
    origin: Origin
    models: dict[str, StoredModel]
    undefined: dict[str, str] = Field(default_factory=dict)
    scores: list[dict[str, float]]


def baseline_path(root: Path, case: Case) -> Path:
    """Return where a case's baseline is stored below the directory of all baselines."""
    return root / case.name / "baseline.json"


def read_baseline(path: Path) -> Baseline | None:
    """Read a baseline; None where there is none.

    Raises:
        BaselineError: The file is not a baseline.
    """
    if not path.exists():
        return None
    try:
        baseline = Baseline.model_validate(read_json(path, BaselineError))
    except BaselineError as error:
        raise BaselineError(f"{error}. {_RESTORE}") from None
    except ValidationError as error:
        problem = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'the file'}: {found['msg']}" for found in error.errors()[:5]
        )
    else:
        problem = _contradiction(baseline)
    if problem:
        raise BaselineError(f"{path}: not a baseline: {problem}. {_RESTORE}")
    return baseline


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline in one rename: sorted, a line a number and a line a pair, so that a diff reads well."""
    content = baseline.model_dump(mode="json")
    rows = ",\n".join("    " + json.dumps(row, sort_keys=True) for row in content.pop("scores"))
    head = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(path, f'{head[:-2]},\n  "scores": [\n{rows}\n  ]\n}}\n')


def changes(old: Baseline | None, new: Baseline) -> list[str]:
    """List what an update changes, a line each, for people. Empty where nothing differs."""
    if old is None:
        return [f"new: {count(len(new.models), 'model')}, {count(len(new.scores), 'pair')}"]
    before, after = (_flat(found.model_dump(mode="json", exclude={"scores"})) for found in (old, new))
    lines = [
        f"{key}: {before.get(key, 'not stored')} -> {after.get(key, 'gone')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    moved = sum(a != b for a, b in zip(old.scores, new.scores, strict=False)) + abs(len(old.scores) - len(new.scores))
    return [*lines, f"scores of {moved} of {count(len(new.scores), 'pair')}"] if moved else lines


def _contradiction(baseline: Baseline) -> str:
    """Return what would disarm a gate in a well-formed baseline; empty where nothing does."""
    if len(baseline.scores) != baseline.origin.eval_pairs:
        return f"scores: {len(baseline.scores)} rows for {baseline.origin.eval_pairs} pairs"
    for number, row in enumerate(baseline.scores, start=1):
        if row.keys() != baseline.models.keys():
            wrong = sorted(row.keys() ^ baseline.models.keys())
            return f"scores: row {number} has too much or lacks {', '.join(wrong)}; expected a score of each model"
        if any(abs(score) > 1 + 10.0**-DECIMALS for score in row.values()):
            return f"scores: row {number} holds {row}, expected cosines, -1 to 1"
    if wrong := sorted(name for name in baseline.undefined if name not in METRICS or METRICS[name].terms is None):
        return f"undefined: {quoted(wrong[0])}, expected a metric of clusters"
    for model, stored in baseline.models.items():
        if both := sorted(baseline.undefined.keys() & stored.metrics):
            return f"{model} {both[0]}: a value is stored of what is said to be undefined"
        for values in (stored.metrics, *stored.categories.values()):
            for metric, value in values.items():
                if metric in METRICS and (words := _out_of_place(METRICS[metric], value)):
                    return f"{model} {metric}: {words}"
    return ""


def _out_of_place(metric: Metric, value: StoredValue) -> str:
    """Return why a value cannot be one of a metric; empty where it can."""
    if value.direction != metric.direction:
        return f"direction {value.direction}, expected {metric.direction}"
    wrong = [one for one in (value.value, *value.seeds.values()) if not metric.low <= one <= metric.high]
    return f"the value is {wrong[0]:g}, expected {metric.low:g} to {metric.high:g}" if wrong else ""


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested dictionaries under dotted keys; an empty one is a leaf."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {prefix + key: value}
    return flat
