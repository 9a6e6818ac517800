"""Every strategy of a recipe can be trained and opened, and trains the parameters that it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.config import Recipe, read_case
from harness.models import SAVED, Checkpoint, open_checkpoint, resolve_base
from harness.training import STRATEGIES, ParameterCounts
from harness.training.trainer import parameter_counts

if TYPE_CHECKING:
    from pathlib import Path


def test_every_strategy_of_a_recipe_can_be_trained_and_opened() -> None:
    strategies = set(Recipe.model_json_schema()["properties"]["strategy"]["enum"])
    assert strategies == set(STRATEGIES)
    assert strategies | {"base"} == set(SAVED)


def test_the_shipped_adapter_has_73728_trainable_parameters_and_a_file_of_a_third_of_a_megabyte(
    dating_case_path: Path, tmp_path: Path
) -> None:
    case = read_case(dating_case_path)
    opened = open_checkpoint(Checkpoint.of_base(resolve_base(case.base, dating_case_path.parent)))
    assert ParameterCounts(total=22_713_216, trainable=22_713_216) == parameter_counts(opened)
    model = STRATEGIES["lora"](opened, case.models["lora"])
    assert ParameterCounts(total=22_786_944, trainable=73_728) == parameter_counts(model)
    model.save_pretrained(str(tmp_path), create_model_card=False)
    assert 0.3 == pytest.approx((tmp_path / "adapter_model.safetensors").stat().st_size / 1e6, abs=0.02)
