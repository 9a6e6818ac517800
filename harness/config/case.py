"""`case.toml` -> a frozen, validated `Case`. Whatever is wrong with it is said before any slow work."""

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from harness.config.data import DataSpec
from harness.config.fields import Commit, Frozen, Problem, refuse, shown, table
from harness.config.limits import AuditTable, Gates, LearningRateCheck, RelativeGate, Tolerance
from harness.config.models import ModelSpec
from harness.config.recipe import Recipe
from harness.config.rerank import RerankSpec
from harness.config.sweep import SweepSpec
from harness.config.teacher import Teacher
from harness.data import PairSet, PairSource, RetrievalSet, read_pairs, read_retrieval
from harness.errors import CaseError
from harness.execution.reading import read_text
from harness.text import one_line

CASE_FILE = "case.toml"
"""The name of a case's file in its directory."""

_MOST_BYTES = 1024 * 1024

BASE = "base"
"""The name of the untouched pre-trained model among a case's models."""

Run = Literal["full", "gate", "learning_rate", "strategies", "bench", "speed"]
"""A marker of the suite: what one run judges or measures."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BaseSpec(Frozen):
    """The pre-trained model: in a Python package, in a directory, or on the hub at a pinned revision."""

    name: str = ""
    """Hub id. With a package or a path any name, by default that of the package or directory."""
    revision: Commit | None = None
    """Commit of the hub repository: 40 digits, since a branch moves."""
    package: str | None = None
    """Import name of an installed package with `get_model_path()`."""
    path: str | None = None
    """Directory of a sentence-transformers model, relative to the case file."""
    sha256: dict[str, Sha256] = Field(default_factory=dict)
    """File name -> expected digest. Every file named here is verified before it is opened."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("name"):
            return content
        source = content.get("package") or content.get("path")
        return {**content, "name": PurePath(source).name} if isinstance(source, str) else content

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.package and self.path:
            refuse([((), "both package and path are given; expected one of them")])
        if not self.name:
            refuse([((), "no model is named; expected package, path, or name and revision of a hub model")])
        if not self.package and not self.path and not self.revision:
            refuse([((), "a hub model needs a revision (the full 40-digit commit); or give package or path")])
        return self


class Case(Frozen):
    """One case file, its defaults filled in."""

    description: str = ""
    """A line for reports."""
    runs: list[Run] = Field(default=["full", "gate", "learning_rate", "bench", "speed"], min_length=1)
    """The runs that take part in it; one that compares strategies says so: `runs = ["strategies"]`."""
    base: BaseSpec = table()
    """The pre-trained model; required."""
    data: DataSpec = table()
    """The pairs; required."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Name -> prompt of a side, such as query = "query: ", before one of this name that the base declares."""
    teachers: dict[str, Teacher] = Field(default_factory=dict)
    """Name -> cross-encoder that is trained on the pairs: for models that learn from its scores, or to rerank."""
    models: dict[str, ModelSpec] = Field(min_length=1)
    """Name, an identifier -> a model: a recipe to train it by, or where it comes from."""
    gates: Gates = table()
    """Limits of the gates that need no stored baseline."""
    audit: AuditTable = table()
    """The greatest value of each check of the data."""
    tolerance: Tolerance = table()
    """The rule by which being worse than stored is still noise."""
    learning_rate: LearningRateCheck | None = None
    """A check of an adapter at two learning rates; without the table no rate is checked."""
    sweep: SweepSpec | None = None
    """The space in which `embedding-harness sweep` looks for a better recipe; scored on the dev pairs alone."""
    rerank: RerankSpec | None = None
    """A teacher as a second stage behind the models; without the table none is tried."""
    _path: Path = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Keep the path of the file, which no key of it can state."""
        self._path = context["path"]

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "name", self.name
        yield "base", self.base.name
        yield "models", list(self.models)

    @property
    def path(self) -> Path:
        """The case file, absolute."""
        return self._path

    @property
    def name(self) -> str:
        """The name of the file's directory: the case's name in test ids, baselines and reports."""
        return self.path.parent.name

    @property
    def model_names(self) -> tuple[str, ...]:
        """The base, then the other models in the order of the file."""
        return (BASE, *self.models)

    @property
    def recipes(self) -> dict[str, Recipe]:
        """The models that are trained here."""
        return _recipes(self.models)

    @property
    def checked_rates(self) -> tuple[float, ...]:
        """The learning rate of full fine-tuning, and ten times it, where the case checks them; else none."""
        if self.learning_rate is None:
            return ()
        reference = self.recipes[self.learning_rate.reference]
        rate = Decimal(repr(reference.learning_rate))  # as floats, ten times 3e-5 is not 3e-4
        return float(rate), float(10 * rate)

    @property
    def sources(self) -> dict[str, PairSource]:
        """Name -> source of each set of pairs: `train`, `eval`, `dev` unless it is a share, and the extra ones."""
        return self.data.sources(self.path.parent)

    def read_pairs(self, name: str, source: PairSource | None = None) -> PairSet:
        """Read a set of `sources`, or another source as that set is read.

        Raises:
            DataError: It cannot be read, or holds pairs that cannot be used.
        """
        data, columns = self.data, self.data.columns.model_dump(exclude_none=True)
        return read_pairs(
            source or self.sources[name], columns=columns, threshold=data.threshold_of(name), strict=data.strict
        )

    def read_retrieval(self) -> RetrievalSet | None:
        """Read the retrieval set, if the case names one; a DataError where it cannot be used."""
        named = self.data.retrieval
        return None if named is None else read_retrieval(self.path.parent / named)

    @field_validator("prompts")
    @classmethod
    def _prompts_of_sides(cls, prompts: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        data: DataSpec | None = info.data.get("data")
        used = [] if data is None or data.sides is None else [data.sides.text_1, data.sides.text_2]
        wrong = f"no text has this side; expected one that data.sides names: {', '.join(used) or 'it names none'}"
        refuse([((name,), wrong) for name in prompts if data is not None and name not in used])
        return prompts

    @field_validator("models")
    @classmethod
    def _model_names(cls, models: dict[str, ModelSpec], info: ValidationInfo) -> dict[str, ModelSpec]:
        wrong = f"not a model name; expected an identifier other than {BASE!r}"
        problems: list[Problem] = [((name,), wrong) for name in models if name == BASE or not name.isidentifier()]
        data: DataSpec | None = info.data.get("data")
        if data is not None and data.train is None and (recipes := _recipes(models)):
            problems += [((), f"nothing to train {', '.join(recipes)} on; expected the training pairs in data.train")]
        if data is not None and data.replay is None:
            wanted = "expected the pairs to learn from as well in data.replay"
            problems += [((name, "replay"), wanted) for name, recipe in _recipes(models).items() if recipe.replay]
        teachers: dict[str, Teacher] = info.data.get("teachers", {})
        known = ", ".join(teachers) or "the case has none"
        problems += [
            ((name, "teacher"), f"no such teacher; expected a key of [teachers]: {known}; got {shown(recipe.teacher)}")
            for name, recipe in _recipes(models).items()
            if recipe.teacher is not None and recipe.teacher not in teachers
        ]
        refuse(problems)
        return models

    @field_validator("gates")
    @classmethod
    def _gates_of_models(cls, gates: Gates, info: ValidationInfo) -> Gates:
        models: dict[str, ModelSpec] = info.data.get("models", {})
        if not models:  # refused already
            return gates
        problems: list[Problem] = []
        for row, gate in enumerate(gates.relative_performance):
            if gate.model == gate.reference:
                wrong = f"{gate.model!r} is held against itself; expected two models"
                problems.append((("relative_performance", row), wrong))
            for key, name in (("model", gate.model), ("reference", gate.reference)):
                if name not in models:
                    wrong = f"no such model; expected one of {', '.join(models)}; got {shown(name)}"
                    problems.append((("relative_performance", row, key), wrong))
        if gates.truncation is not None and (unknown := [n for n in gates.truncation.models if n not in models]):
            wrong = f"no such model; expected some of {', '.join(models)}; got {shown(unknown)}"
            problems.append((("truncation", "models"), wrong))
        for name, plain in (gates.truncation.plain if gates.truncation else {}).items():
            if gates.truncation is not None and (name not in gates.truncation.models or plain not in models):
                wrong = f"expected one of {', '.join(gates.truncation.models)} and a model of the case"
                problems.append((("truncation", "plain", name), f"{wrong}; got {shown(plain)}"))
        if gates.rank is not None and "strategies" not in info.data.get("runs", ["strategies"]):
            problems.append((("rank",), "judged in the run strategies; expected it among `runs`"))
        if gates.rank is not None and gates.rank.model not in (adapters := _trained_by(models, "lora")):
            wrong = f"expected a model with the strategy lora: {', '.join(adapters) or 'the case has none'}"
            problems.append((("rank", "model"), f"{wrong}; got {shown(gates.rank.model)}"))
        data: DataSpec | None = info.data.get("data")
        if gates.forgetting is not None and data is not None and gates.forgetting.pairs not in data.extra:
            wrong = f"no such set; expected one of data.extra: {', '.join(data.extra) or 'it names none'}"
            problems.append((("forgetting", "pairs"), f"{wrong}; got {shown(gates.forgetting.pairs)}"))
        trained = _recipes(models)
        if gates.memory_mb is not None and set(gates.memory_mb.train) != set(trained):
            ceilings = ", ".join(gates.memory_mb.train) or "nothing"
            wrong = f"ceilings for {ceilings}; expected one for each of {', '.join(trained) or 'no trained model'}"
            problems.append((("memory_mb", "train"), wrong))
        refuse(problems)
        if "relative_performance" in gates.model_fields_set:
            return gates
        full, lora = _trained_by(models, "full"), _trained_by(models, "lora")
        default = [RelativeGate(model=adapter, reference=name) for name in full[:1] for adapter in lora]
        return gates.model_copy(update={"relative_performance": default})

    @field_validator("learning_rate")
    @classmethod
    def _rate_of_models(cls, check: LearningRateCheck | None, info: ValidationInfo) -> LearningRateCheck | None:
        models: dict[str, ModelSpec] = info.data.get("models", {})
        problems: list[Problem] = []
        for key, strategy in (("model", "lora"), ("reference", "full")) if check and models else ():
            name, fitting = getattr(check, key), _trained_by(models, strategy)
            if name not in fitting:
                wanted = f"{strategy}: {', '.join(fitting) or 'the case has none'}"
                problems.append(((key,), f"expected a model with the strategy {wanted}; got {shown(name)}"))
        refuse(problems)
        return check

    @field_validator("sweep")
    @classmethod
    def _sweep_of_models(cls, sweep: SweepSpec | None, info: ValidationInfo) -> SweepSpec | None:
        models: dict[str, ModelSpec] = info.data.get("models", {})
        data: DataSpec | None = info.data.get("data")
        problems: list[Problem] = []
        if sweep is not None and models and sweep.model not in (fitting := _recipes(models)):
            wrong = f"expected a model that is trained here: {', '.join(fitting) or 'the case has none'}"
            problems.append((("model",), f"{wrong}; got {shown(sweep.model)}"))
        if sweep is not None and data is not None and data.dev is None:
            problems.append(((), "expected pairs to choose by in data.dev; evaluation pairs choose nothing"))
        refuse(problems)
        return sweep

    @field_validator("rerank")
    @classmethod
    def _rerank_of_models(cls, spec: RerankSpec | None, info: ValidationInfo) -> RerankSpec | None:
        models: dict[str, ModelSpec] = info.data.get("models", {})
        data: DataSpec | None = info.data.get("data")
        if spec is not None and models and data is not None:
            refuse(spec.problems(models, info.data.get("teachers", {}), has_dev=data.dev is not None))
        return spec


def read_case(path: Path) -> Case:
    """Read and validate a case file, given as itself or as the directory that holds it as `case.toml`.

    Raises:
        CaseError: One line for each thing that is wrong: the file, the key, what is wrong with it, and what came.
    """
    with suppress(OSError):  # of a name that is too long: reading it says so
        path = path / CASE_FILE if path.is_dir() else path
    text = read_text(path, CaseError, most=_MOST_BYTES)
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise CaseError(f"{path}: not TOML: nested too deeply") from None
    except ValueError as error:  # also a number of thousands of digits
        raise CaseError(f"{path}: not TOML: {one_line(str(error))}") from None
    return Case.validated(content, where=str(path), context={"path": _named(path.absolute())})


def _named(path: Path) -> Path:
    """Return a path whose directory has a name: no case is called `..`."""
    return path.parent.resolve() / path.name if ".." in path.parts else path


def _recipes(models: dict[str, ModelSpec]) -> dict[str, Recipe]:
    return {name: model for name, model in models.items() if isinstance(model, Recipe)}


def _trained_by(models: dict[str, ModelSpec], strategy: str) -> tuple[str, ...]:
    return tuple(name for name, recipe in _recipes(models).items() if recipe.strategy == strategy)
