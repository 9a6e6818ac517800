"""`case.toml` -> a frozen, validated `Case`. Whatever is wrong with it is said before any slow work."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.errors import CaseError
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE = "base"
"""The name of the untouched pre-trained model among a case's models."""

LOSSES = {
    "cosine_similarity": "CosineSimilarityLoss",
    "contrastive": "ContrastiveLoss",
    "online_contrastive": "OnlineContrastiveLoss",
    "cosent": "CoSENTLoss",
    "angle": "AnglELoss",
}
"""Loss in a recipe -> class in `sentence_transformers.sentence_transformer.losses` that takes two texts and a label."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _one_of(known: Iterable[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"expected one of {', '.join(known)}")
        return value

    return AfterValidator(check)


MetricName = Annotated[str, _one_of(METRICS)]
Megabytes = Annotated[float, Field(gt=0)]


class Frozen(BaseModel):
    """Strict, frozen, and without unknown keys: a typing error in a case must not go by silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class BaseSpec(Frozen):
    """The pre-trained model: in a Python package, in a directory, or on the hub at a pinned revision.

    Attributes:
        name: Hub id, or any name where `path` is given.
        revision: Commit of the hub repository.
        package: Import name of an installed package with `get_model_path()`.
        path: Directory, relative to the case file.
        sha256: File name -> expected digest. Every file named here is verified before it is opened.
    """

    name: str = Field(min_length=1)
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    package: str | None = None
    path: str | None = None
    sha256: dict[str, Sha256] = {}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.package and self.path:
            raise ValueError("both package and path are given; expected one of them")
        if not self.package and not self.path and not self.revision:
            raise ValueError("a hub model needs a revision (the full 40-digit commit); or give package or path")
        return self


class DataSpec(Frozen):
    """Pair files, relative to the case file.

    Attributes:
        train: The pairs to train on.
        eval: The pairs to judge by.
        more: Name -> further pairs to measure by, beside `eval`; shown with their intervals, and not gated.
        prefixes: What stands in front of texts and says nothing, such as "boy: ": the audit takes it away.
    """

    train: str
    eval: str
    more: dict[str, str] = {}
    prefixes: list[Annotated[str, Field(pattern=r"\S")]] = []


class LoraSpec(Frozen):
    """A LoRA adapter's shape. With `use_rslora` the update is scaled by alpha / sqrt(rank), else by alpha / rank."""

    rank: int = Field(ge=1)
    alpha: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    target_modules: list[str] = Field(min_length=1)
    use_rslora: bool = False


class Recipe(Frozen):
    """How a model is trained.

    Attributes:
        strategy: `full` trains every weight, `lora` an adapter.
        loss: A key of `LOSSES`.
        epochs: Passes over the training pairs.
        batch_size: Pairs a step.
        learning_rate: Peak of the linear schedule.
        warmup_steps: Steps up to the peak.
        seed: Order of the data, dropout and the adapter's first weights.
        precision: `auto` is bf16 autocast where the device has it in hardware, else fp32.
        optimizer: A name of `transformers.training_args.OptimizerNames`.
        lora: The adapter; given exactly when the strategy is `lora`.
    """

    strategy: Literal["full", "lora"]
    loss: Annotated[str, _one_of(LOSSES)] = "cosine_similarity"
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    seed: int = Field(ge=0, lt=2**32)
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    optimizer: Literal["adamw_torch_fused", "adamw_torch"] = "adamw_torch_fused"
    lora: LoraSpec | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.strategy == "lora") != (self.lora is not None):
            raise ValueError(
                "strategy lora needs a lora table (rank, alpha, dropout, target_modules)"
                if self.lora is None
                else f"a lora table is given, but the strategy is {self.strategy!r}"
            )
        return self


class ShareGate(Frozen):
    """`model` must reach `share` of what `of` reaches in `metric`."""

    model: str
    of: str
    metric: MetricName = "spearman"
    share: float = Field(gt=0, le=1)


class MemoryGate(Frozen):
    """Ceilings on the peak resident memory of each stage, in MB (10^6 bytes)."""

    train: dict[str, Megabytes]
    encode: Megabytes


class Gates(Frozen):
    """The limits of the gates that need no stored baseline, and the size a category needs to be compared.

    Attributes:
        beats_base: Metrics in which every trained model must be better than the base.
        divergence: Least mean cosine distance between an adapter's embeddings and the base's.
        merge_agreement: Least cosine between the merged and the unmerged adapter's embeddings of the probe texts.
        category_pairs: Least number of pairs of each label for a category to be compared with its baseline.
        latency_ratio: Greatest encode time of a merged adapter over the base's.
        shares: Models held against another model.
        memory_mb: Ceilings of the stages.
    """

    beats_base: list[MetricName] = Field(min_length=1)
    divergence: float = Field(gt=0, lt=2)
    merge_agreement: float = Field(gt=0, le=1)
    category_pairs: int = Field(ge=2)
    latency_ratio: float = Field(gt=0)
    shares: list[ShareGate]
    memory_mb: MemoryGate


Share = Annotated[float, Field(ge=0, le=1)]


class LearningRateCheck(Frozen):
    """An adapter stalls at the learning rate of full fine-tuning, and learns at ten times that rate.

    Attributes:
        model: An adapter. It is trained at both rates, with all else as its recipe says.
        of: A fully trained model: its learning rate is the one to stall at, its gain over the base the measure.
        metric: What the gain is measured in; higher is better.
        stalls_at_most: At the learning rate of `of`: the greatest share of its gain that `model` recovers.
        learns_at_least: At ten times that rate: the least.
    """

    model: str
    of: str
    metric: Annotated[str, _one_of([name for name, metric in METRICS.items() if metric.direction == "higher"])]
    stalls_at_most: Share
    learns_at_least: Share

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.stalls_at_most >= self.learns_at_least:
            raise ValueError(
                f"stalls_at_most is {self.stalls_at_most} and learns_at_least {self.learns_at_least}; "
                "expected the first to be less"
            )
        return self


class AuditLimits(Frozen):
    """The greatest value that each check of the data may have; what a check counts is in `harness.audit.CHECKS`.

    Attributes:
        shared_pairs: Share of the eval pairs that are in train.
        near_shared_pairs: Share of the eval pairs that are nearly in train.
        shared_texts: Share of the eval texts that are in train.
        near_shared_texts: Share of the eval texts that are nearly in train.
        duplicates: Share of the pairs of a file that repeat an earlier one.
        contradictions: Number of pairs with two labels.
        label_balance: Share of the more frequent label in a file.
        category_balance: Share of the most frequent category in a file.
        category_alone: Accuracy of the category's label in train, above that of the more frequent label.
        length_alone: AUC of the length that tells the labels of train best.
        one_word: Accuracy of the word that tells the labels of train best, above that of the more frequent label.
        empty_texts: Share of the texts of a file that say nothing.
        truncated_texts: Share of the texts of a file that are longer than the model reads.
    """

    shared_pairs: Share
    near_shared_pairs: Share
    shared_texts: Share
    near_shared_texts: Share
    duplicates: Share
    contradictions: int = Field(ge=0)
    label_balance: float = Field(ge=0.5, le=1)
    category_balance: Share
    category_alone: float = Field(ge=0, le=0.5)
    length_alone: float = Field(ge=0.5, le=1)
    one_word: float = Field(ge=0, le=0.5)
    empty_texts: Share
    truncated_texts: Share


class Tolerance(Frozen):
    """How much worse than stored is still noise.

    A trained model's tolerances come from the spread over `seeds` trainings, so that an equally good training passes
    all comparisons of the model with the probability `confidence` (see `retraining_tolerance`); at least `floor`.
    The base is not trained: its tolerance is `base`, the numeric noise between machines.
    """

    seeds: int = Field(ge=3)
    confidence: float = Field(ge=0.5, lt=1)
    floor: dict[MetricName, Annotated[float, Field(ge=0)]]
    base: dict[MetricName, Annotated[float, Field(ge=0)]]

    @field_validator("floor", "base")
    @classmethod
    def _every_metric(cls, value: dict[str, float]) -> dict[str, float]:
        missing = [name for name in METRICS if name not in value]
        if missing:
            raise ValueError(f"no tolerance for {', '.join(missing)}; expected one for each metric")
        return value


class Case(Frozen):
    """One case file. `name` is its directory's name. Without a `learning_rate` table, no rate is checked."""

    path: Path
    description: str
    base: BaseSpec
    data: DataSpec
    models: dict[str, Recipe] = Field(min_length=1)
    gates: Gates
    audit: AuditLimits
    tolerance: Tolerance
    learning_rate: LearningRateCheck | None = None

    @property
    def name(self) -> str:
        """The case's name in test ids, baselines and reports."""
        return self.path.parent.name

    @property
    def model_names(self) -> tuple[str, ...]:
        """The base, then the trained models in the order of the file."""
        return (BASE, *self.models)

    @property
    def adapter_names(self) -> tuple[str, ...]:
        """The models that are an adapter on the base."""
        return tuple(name for name, recipe in self.models.items() if recipe.strategy == "lora")

    @property
    def checked_rates(self) -> tuple[float, ...]:
        """The learning rate of full fine-tuning, and ten times it, where the case checks them; else none."""
        if self.learning_rate is None:
            return ()
        rate = Decimal(repr(self.models[self.learning_rate.of].learning_rate))  # as floats, ten times 3e-5 is not 3e-4
        return float(rate), float(10 * rate)

    @property
    def train_path(self) -> Path:
        """The training pairs."""
        return self.path.parent / self.data.train

    @property
    def eval_path(self) -> Path:
        """The evaluation pairs."""
        return self.path.parent / self.data.eval

    @property
    def more_paths(self) -> dict[str, Path]:
        """The further evaluation pairs by name."""
        return {name: self.path.parent / file for name, file in self.data.more.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in self.models:
            if name == BASE or not name.isidentifier():
                raise ValueError(f"models.{name}: not a model name; expected an identifier other than {BASE!r}")
        for share in self.gates.shares:
            if share.model == share.of:
                raise ValueError(f"gates.shares: {share.model!r} is held against itself; expected two models")
            for name in (share.model, share.of):
                if name not in self.models:
                    raise ValueError(f"gates.shares: no model {name!r}; expected one of {', '.join(self.models)}")
        if self.learning_rate is not None:
            self._check_learning_rate(self.learning_rate)
        for name in self.data.more:
            if not name.isidentifier() or name in ("train", "eval"):
                raise ValueError(f"data.more.{name}: not a name; expected an identifier other than train and eval")
        if set(self.gates.memory_mb.train) != set(self.models):
            raise ValueError(
                f"gates.memory_mb.train: ceilings for {', '.join(self.gates.memory_mb.train) or 'nothing'}; "
                f"expected one for each of {', '.join(self.models)}"
            )
        return self

    def _check_learning_rate(self, check: LearningRateCheck) -> None:
        for key, name, strategy in (("model", check.model, "lora"), ("of", check.of, "full")):
            fitting = [known for known, recipe in self.models.items() if recipe.strategy == strategy]
            if name not in fitting:
                raise ValueError(
                    f"learning_rate.{key}: got {name!r}, expected a model with the strategy {strategy}: "
                    f"{', '.join(fitting) or 'the case has none'}"
                )


def read_case(path: Path) -> Case:
    """Reads and validates a case file.

    Raises:
        CaseError: One line for each thing that is wrong: the file, the key, what is wrong with it, and what came.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: not TOML: {error}") from None
    if "path" in content:
        raise CaseError(f"{path}: path: unknown key")
    try:
        case = Case.model_validate({**content, "path": path.absolute()})
    except ValidationError as error:
        raise CaseError("\n".join(f"{path}: {_sentence(problem)}" for problem in error.errors())) from None
    judged = {"data.eval": case.eval_path} | {f"data.more.{name}": file for name, file in case.more_paths.items()}
    for key, file in judged.items():
        if case.train_path.resolve() == file.resolve():
            raise CaseError(f"{path}: {key}: the training file; expected pairs that no model was trained on")
    files = {"data.train": case.train_path, **judged}
    missing = [f"{path}: {key}: no file {file}" for key, file in files.items() if not file.is_file()]
    if missing:
        raise CaseError("\n".join(missing))
    return case


def _sentence(problem: Any) -> str:
    """One pydantic problem as `key: what is wrong; got what came`."""
    key = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; expected one of {', '.join(_known_keys(problem['loc'][:-1]))}"
        case "missing":
            return f"{key}: missing"
        case "value_error":
            message = str(problem["ctx"]["error"])
            came = problem["input"]
            shown = "" if isinstance(came, dict | BaseModel) else f"; got {json.dumps(came, default=str)}"
            return f"{key}: {message}{shown}" if key else f"{message}{shown}"
        case _:
            message = problem["msg"][0].lower() + problem["msg"][1:]
            return f"{key}: {message}; got {json.dumps(problem['input'], default=str)}"


def _known_keys(location: tuple[str | int, ...]) -> list[str]:
    """The keys that the table at `location` may have."""
    properties = Case.model_json_schema()
    node: dict[str, Any] = properties
    for part in location:
        node = node["properties"].get(part, node) if "properties" in node else node.get("additionalProperties", node)
        node = node.get("items", node) if isinstance(part, int) else node
        options = [node, *node.get("anyOf", [])]
        reference = next((option["$ref"] for option in options if "$ref" in option), None)
        if reference:
            node = properties["$defs"][reference.rsplit("/", 1)[-1]]
    return [key for key in node.get("properties", {}) if key != "path" or location]
