import pytest

from harness.config import Recipe
from harness.errors import CaseError

FULL = Recipe(strategy="full", epochs=2, learning_rate=2e-5)


def test_a_changed_recipe_keeps_the_rest_and_an_adapter_is_merged():
    changed = FULL.changed(seed=7, loss="cosent")
    assert (7, "cosent", 2, 2e-5) == (changed.seed, changed.loss, changed.epochs, changed.learning_rate)
    assert (42, "cosine_similarity") == (FULL.seed, FULL.loss)
    adapter = FULL.changed(strategy="lora", lora={"rank": 4})
    assert (4, 16, None) == (adapter.lora.rank, adapter.lora.alpha, adapter.lora.target_modules)
    again = adapter.changed(lora={"alpha": 32})
    assert (4, 32) == (again.lora.rank, again.lora.alpha)
    assert FULL == FULL.changed() == again.changed(strategy="full", lora=None)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"seed": None}, ["seed: input should be a valid integer; got null"]),
        (
            {"strategy": "lora", "lora": {"rank": 0, "r": 1}, "precision": "fp16"},
            [
                "precision: input should be 'auto', 'bf16' or 'fp32'; got \"fp16\"",
                "lora.rank: input should be greater than or equal to 1; got 0",
                "lora.r: unknown key; expected one of rank, alpha, dropout, target_modules, use_rslora, use_dora",
            ],
        ),
    ],
)
def test_what_a_case_file_could_not_state_is_refused(changes, lines):
    with pytest.raises(CaseError) as caught:
        FULL.changed(**changes)
    assert [f"recipe: {line}" for line in lines] == str(caught.value).splitlines()
