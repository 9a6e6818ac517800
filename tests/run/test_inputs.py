"""A case with everything that it names read and verified, before any model is touched."""

import dataclasses
import shutil

import pytest

from harness.config import read_case
from harness.errors import CaseError, DataError
from harness.run import prepare


def test_the_compared_categories_have_enough_pairs_of_both_labels(tiny_inputs):
    for enough, names in {4: ("animals", "other"), 6: ("animals", "other"), 7: ("other",), 31: ()}.items():
        gates = tiny_inputs.case.gates.model_copy(update={"category_pairs": enough})
        case = tiny_inputs.case.model_copy(update={"gates": gates})
        assert dataclasses.replace(tiny_inputs, case=case).compared_categories == names


def test_files_with_one_name_are_told_apart_by_their_directories(tiny_inputs, tmp_path):
    assert tiny_inputs.file_names == ("train.jsonl", "eval.jsonl")
    train, evaluation = (
        dataclasses.replace(tiny_inputs.train, path=tmp_path / name / "pairs.jsonl") for name in ("train", "eval")
    )
    inputs = dataclasses.replace(tiny_inputs, train=train, eval=evaluation)
    assert inputs.file_names == ("train/pairs.jsonl", "eval/pairs.jsonl")


@pytest.mark.parametrize(("warmup", "fits"), [(31, True), (32, False)])
def test_a_warm_up_as_long_as_the_training_is_refused(write_case, tiny_content, tmp_path, warmup, *, fits):
    content = tiny_content()
    content["models"]["standard"]["warmup_steps"] = warmup
    case = read_case(write_case(tmp_path / "tiny", content))
    if fits:
        prepare(case)
        return
    with pytest.raises(CaseError) as caught:
        prepare(case)
    assert str(caught.value) == (
        f"{case.path}: models.standard.warmup_steps: got {warmup}, expected fewer than the 32 steps of the training: "
        "the learning rate would never reach its peak"
    )


@pytest.mark.parametrize("name", ["train", "eval"])
def test_a_bad_row_is_named(write_case, tiny_content, tmp_path, name):
    case = read_case(write_case(tmp_path / "tiny", tiny_content()))
    with (tmp_path / "tiny" / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match=rf"{name}\.jsonl:\d+: no columns of a pair"):
        prepare(case)


def test_a_plain_transformer_is_said_to_be_pooled_by_default(write_case, tiny_content, tiny_base_path, tmp_path):
    copy = shutil.copytree(tiny_base_path, tmp_path / "plain")
    (copy / "modules.json").unlink()
    content = tiny_content()
    content["base"]["path"] = str(copy)
    with pytest.warns(UserWarning, match=r"base tiny: no modules\.json in .*: a plain transformers model"):
        prepare(read_case(write_case(tmp_path / "tiny", content)))


def test_a_target_that_the_base_does_not_have_is_named(write_case, tiny_content, tmp_path):
    content = tiny_content()
    content["models"]["lora"]["lora"]["target_modules"] = ["query", "wings"]
    with pytest.raises(
        CaseError,
        match=r"models\.lora\.lora\.target_modules: got wings, expected 'all-linear', or modules of the ",
    ):
        prepare(read_case(write_case(tmp_path / "tiny", content)))


def test_dev_pairs_are_a_file_or_a_part_of_train_and_never_evaluation_pairs(
    write_case, tiny_content, tiny_inputs, tmp_path, pair_lines
):
    def prepared(dev):
        content = tiny_content()
        content["data"]["dev"] = dev
        return prepare(read_case(write_case(tmp_path / "tiny", content)))

    part = prepared(0.25)
    assert set(part.train) | set(part.dev) == set(tiny_inputs.train)
    assert not set(part.train.texts) & set(part.dev.texts)
    write_case(tmp_path / "tiny", tiny_content())
    own = {"text_1": "more tea for me", "text_2": "never any rain", "label": 0}
    (tmp_path / "tiny" / "dev.jsonl").write_text(pair_lines([own]), encoding="utf-8")
    whole = prepared("dev.jsonl")
    assert (whole.train.digest, 1) == (tiny_inputs.train.digest, len(whole.dev))
    shared = tiny_inputs.eval.pairs[0]
    known = {"text_1": shared.text_2, "text_2": shared.text_1.upper(), "label": 1}
    (tmp_path / "tiny" / "dev.jsonl").write_text(pair_lines([own, known]), encoding="utf-8")
    with pytest.raises(DataError, match=r"dev.jsonl: 1 of the dev pairs are evaluation pairs; expected pairs"):
        prepared("dev.jsonl")


GENERAL = [
    ("a dog runs", "the dog is running", 5.0),
    ("a dog runs", "a cat eats", 1.0),
    ("rain falls", "it rains", 4.0),
]


@pytest.fixture
def replaying(write_case, tiny_content, tmp_path, pair_lines):
    """Prepares the tiny case with general pairs to learn from, and others that judge what was forgotten."""

    def prepared(replay=GENERAL, probe=GENERAL[:1], **recipe):
        content = tiny_content()
        graded = {"threshold": 3.0}
        content["data"] |= {
            "replay": {"path": "replay.jsonl", **graded},
            "extra": {"general": {"path": "probe.jsonl", **graded}},
        }
        content["gates"]["forgetting"] = {"pairs": "general"}
        content["models"]["standard"] |= {"replay": True, **recipe}
        path = write_case(tmp_path / "tiny", content)
        for name, rows in (("replay", replay), ("probe", probe)):
            lines = pair_lines([dict(zip(("sentence1", "sentence2", "score"), row, strict=True)) for row in rows])
            (path.parent / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        return prepare(read_case(path))

    return prepared


def test_replay_pairs_count_in_the_steps_of_a_training(replaying):
    other = [("snow", "it snows", 5.0), ("snow", "it is hot", 0.0)]
    replaying(replay=GENERAL * 6, probe=other, warmup_steps=33)  # 31 is the most without them
    with pytest.raises(CaseError, match=r"standard\.warmup_steps: got 34, expected fewer than the 34 steps"):
        replaying(replay=GENERAL * 6, probe=other, warmup_steps=34)


def test_replay_pairs_judge_nothing(replaying, tiny_inputs):
    with pytest.raises(
        DataError, match=r"replay\.jsonl: 1 of the replay pairs are those of gates\.forgetting; expected"
    ):
        replaying()
    shared = tiny_inputs.eval.pairs[0]
    with pytest.raises(
        DataError, match=r"replay\.jsonl: 1 of the replay pairs are evaluation pairs; expected pairs that"
    ):
        replaying(replay=[*GENERAL, (shared.text_2, shared.text_1, 2.0)])


def test_a_recipe_with_replay_needs_pairs_for_it(write_case, tiny_content, tmp_path):
    content = tiny_content()
    content["models"]["lora"]["replay"] = True
    with pytest.raises(
        CaseError, match=r"models\.lora\.replay: expected the pairs to learn from as well in data\.replay"
    ):
        read_case(write_case(tmp_path / "tiny", content))
    content["data"]["replay"] = "train.jsonl"
    with pytest.raises(CaseError, match=r"data\.replay: that of train as well; expected pairs that are apart"):
        read_case(write_case(tmp_path / "tiny", content))
