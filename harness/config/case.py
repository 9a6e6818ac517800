"""`case.toml` -> a frozen, validated `Case`. Whatever is wrong with it is said before any slow work."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator

from harness.config.fields import Frozen, Problem, refuse
from harness.config.limits import AuditLimits, Gates, LearningRateCheck, RelativeGate, Tolerance
from harness.config.recipe import Recipe
from harness.config.sources import BASE, BaseSpec, DataSpec
from harness.config.validation import validated
from harness.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Case(Frozen):
    """One case file, its defaults filled in.

    Attributes:
        description: A line for reports.
        base: The pre-trained model.
        data: The pair files.
        models: Name, an identifier -> recipe of a model to train.
        gates: Limits of the gates that need no stored baseline.
        audit: The greatest value of each check of the data.
        tolerance: How much worse than stored is still noise.
        learning_rate: A check of an adapter at two learning rates; without the table no rate is checked.
    """

    description: str = ""
    base: BaseSpec
    data: DataSpec
    models: dict[str, Recipe] = Field(min_length=1)
    gates: Gates = Field(default_factory=Gates, validate_default=True)
    audit: AuditLimits = Field(default_factory=dict, validate_default=True)
    tolerance: Tolerance = Field(default_factory=Tolerance)
    learning_rate: LearningRateCheck | None = None
    _path: Path = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Keep the path of the file, which no key of it can state."""
        self._path = _file(context)

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
        """The base, then the trained models in the order of the file."""
        return (BASE, *self.models)

    @property
    def adapter_names(self) -> tuple[str, ...]:
        """The models that are an adapter on the base."""
        return _trained_by(self.models, "lora")

    @property
    def checked_rates(self) -> tuple[float, ...]:
        """The learning rate of full fine-tuning, and ten times it, where the case checks them; else none."""
        if self.learning_rate is None:
            return ()
        reference = self.models[self.learning_rate.reference]
        rate = Decimal(repr(reference.learning_rate))  # as floats, ten times 3e-5 is not 3e-4
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
    def extra_paths(self) -> dict[str, Path]:
        """Name -> extra evaluation set."""
        return {name: self.path.parent / file for name, file in self.data.extra.items()}

    @field_validator("data")
    @classmethod
    def _files(cls, data: DataSpec, info: ValidationInfo) -> DataSpec:
        refuse(_file_problems(data, _file(info.context).parent))
        return data

    @field_validator("models")
    @classmethod
    def _model_names(cls, models: dict[str, Recipe]) -> dict[str, Recipe]:
        refuse(
            Problem((name,), f"not a model name; expected an identifier other than {BASE!r}")
            for name in models
            if name == BASE or not name.isidentifier()
        )
        return models

    @field_validator("gates")
    @classmethod
    def _gates_of_models(cls, gates: Gates, info: ValidationInfo) -> Gates:
        models = info.data.get("models")
        if models is None:  # refused already
            return gates
        refuse(_gate_problems(gates, models))
        if "relative_performance" in gates.model_fields_set:
            return gates
        default = [
            RelativeGate(model=adapter, reference=full)
            for full in _trained_by(models, "full")[:1]
            for adapter in _trained_by(models, "lora")
        ]
        return gates.model_copy(update={"relative_performance": default})

    @field_validator("learning_rate")
    @classmethod
    def _rate_of_models(cls, check: LearningRateCheck | None, info: ValidationInfo) -> LearningRateCheck | None:
        models = info.data.get("models")
        if check is not None and models is not None:
            refuse(
                Problem(
                    (key,),
                    f"expected a model with the strategy {strategy}: "
                    f"{', '.join(_trained_by(models, strategy)) or 'the case has none'}",
                    name,
                )
                for key, name, strategy in (("model", check.model, "lora"), ("reference", check.reference, "full"))
                if name not in _trained_by(models, strategy)
            )
        return check


def read_case(path: Path) -> Case:
    """Read and validate a case file.

    Raises:
        CaseError: One line for each thing that is wrong: the file, the key, what is wrong with it, and what came.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: not TOML: {error}") from None
    return validated(Case, content, where=str(path), context={"path": path.absolute()})


def _file(context: Any) -> Path:
    """Return the path of the case file that is validated."""
    path: Path = context["path"]
    return path


def _trained_by(models: dict[str, Recipe], strategy: str) -> tuple[str, ...]:
    return tuple(name for name, recipe in models.items() if recipe.strategy == strategy)


def _file_problems(data: DataSpec, directory: Path) -> Iterator[Problem]:
    train = directory / data.train
    judged = {("eval",): data.eval} | {("extra", name): file for name, file in data.extra.items()}
    for key, file in {("train",): data.train, **judged}.items():
        path = directory / file
        if not path.is_file():
            yield Problem(key, f"no file {path}")
        elif key in judged and path.resolve() == train.resolve():
            yield Problem(key, "the training file; expected pairs that no model was trained on", file)


def _gate_problems(gates: Gates, models: dict[str, Recipe]) -> Iterator[Problem]:
    known = ", ".join(models)
    for row, gate in enumerate(gates.relative_performance):
        place = ("relative_performance", row)
        if gate.model == gate.reference:
            yield Problem(place, f"{gate.model!r} is held against itself; expected two models")
        for key, name in (("model", gate.model), ("reference", gate.reference)):
            if name not in models:
                yield Problem((*place, key), f"no such model; expected one of {known}", name)
    if gates.memory_mb is not None and set(gates.memory_mb.train) != set(models):
        ceilings = ", ".join(gates.memory_mb.train) or "nothing"
        yield Problem(("memory_mb", "train"), f"ceilings for {ceilings}; expected one for each of {known}")
