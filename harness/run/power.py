"""The power of the gates of several cases, from what is stored alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.analyses import POWER, ModelPower
from harness.baselines import StoredModel
from harness.errors import BaselineError
from harness.run.session import open_session
from harness.run.settings import Settings


@dataclass(frozen=True)
class CasePower:
    """One case: model -> the power of the gates on it, None where it is not known, and its stored values."""

    case: str
    powers: Mapping[str, ModelPower | None]
    stored: Mapping[str, StoredModel]


def power_of_cases(settings: Settings) -> Iterator[CasePower]:
    """Simulate how small a deterioration the gates detect; opens no model.

    Raises:
        HarnessError: A case is not what it should be, or nothing comparable is stored for it.
    """
    session = open_session(settings, lambda *_: None)
    for name, inputs in session.cases.items():
        run = session.run(name)
        powers: dict[str, ModelPower | None] = {}
        stored: dict[str, StoredModel] = {}
        for model in inputs.trained:
            power, values = run.analysis(POWER, model), run.stored.model(model)
            if values is None or (power is None and values.tolerance_from != "bootstrap"):
                reason = "; ".join(run.stored.problems) or f"nothing is stored for model {model}, or for the base"
                raise BaselineError(f"{name}: not comparable: {reason}")
            powers[model], stored[model] = power, values
        yield CasePower(name, powers, stored)
