"""What a model learns from, made of the case's pairs: mined negatives, and a teacher's scores; a second stage."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from harness.analyses import OPERATING_POINT
from harness.baselines import comparable
from harness.config import read_case
from harness.data.examples import positives
from harness.errors import CaseError, CheckpointError
from harness.gates import GATES, Subject, judge, subjects
from harness.run import CaseRun, prepare
from harness.run.learned import learned_pairs, teacher_scores
from harness.run.studies import reranked
from harness.training import MINED, TEACH

MINING = {"loss": "multiple_negatives_ranking", "negatives": 2, "hard_negatives": {"relative_margin": 0.0}}
REPLAY = "sentence1,sentence2,score\nmore tea,tea for me,5\nmore tea,i hate it,1\nall day,every day,4\n"


@pytest.fixture(scope="module")
def content(tiny_content):
    content = tiny_content()
    plain = content["models"]["standard"]
    content["teachers"] = {"cross": {"epochs": 1, "learning_rate": 1e-3, "warmup_steps": 2}}
    content["models"] = {
        "mined": {**plain, **MINING},
        "distilled": {**plain, "teacher": "cross", "matryoshka": [32, 8]},
        "head": {**plain, "strategy": "head"},
        "dora": {**plain, "strategy": "lora", "lora": {"rank": 2, "use_dora": True, "target_modules": ["query"]}},
    }
    content["data"]["dev"] = 0.25
    content["rerank"] = {"teacher": "cross", "models": ["distilled", "head"], "band": 0.3}
    del content["gates"]
    return content


@pytest.fixture(scope="module")
def run(tmp_path_factory, write_case, context_at, content):
    directory = tmp_path_factory.mktemp("strategies")
    (directory / "tiny").mkdir()
    (directory / "tiny" / "replay.csv").write_text(REPLAY, encoding="utf-8")
    data = {**content["data"], "replay": {"path": "replay.csv", "threshold": 3.0}}
    models = {**content["models"], "replayed": {**content["models"]["head"], "strategy": "full", "replay": True}}
    path = write_case(directory / "tiny", {**content, "data": data, "models": models})
    inputs = prepare(read_case(path))
    return CaseRun(context_at(directory / "store"), inputs, comparable(None, inputs.origin))


def test_mined_negatives_are_no_positives_and_lie_in_a_file_to_read(run):
    learned = learned_pairs(run.ctx, run.inputs, "mined", run.inputs.case.recipes["mined"])
    assert (MINED, "negatives") == (learned.path.name, learned.path.parent.parent.name)
    rows = [json.loads(line) for line in learned.path.read_text(encoding="utf-8").splitlines()]
    pairs = {label: [(row["text_1"], row["text_2"]) for row in rows if row["label"] == label] for label in (0, 1)}
    assert pairs[1] == positives(run.inputs.train)
    assert pairs[0]
    assert not {*pairs[0]} & {*pairs[1]}
    assert {text for _, text in pairs[0]} <= {pair.text_2 for pair in run.inputs.train}


@pytest.mark.parametrize("model", ["mined", "distilled", "head", "replayed", "dora"])
def test_each_is_trained_opened_and_recorded_as_trained_on_the_cases_pairs(run, model):
    source = run.source(model)
    assert source.read_record().pairs_digest == run.inputs.train.digest
    assert run.evaluation(model).metrics["spearman"].value > run.evaluation("base").metrics["spearman"].value


def test_replay_pairs_are_learned_beside_the_training_pairs_each_on_its_own_scale(run):
    learned = learned_pairs(run.ctx, run.inputs, "replayed", run.inputs.case.recipes["replayed"])
    known = len(run.inputs.train)
    assert [*run.inputs.train.labels, 1, 0, 0.75] == [*learned.targets]
    assert [pair.text_1 for pair in learned][known:] == ["more tea", "more tea", "all day"]
    assert [*run.inputs.train.labels, 1, 0, 1] == [*learned.labels]


def test_a_teachers_scores_take_the_place_of_the_grades(run):
    learned = learned_pairs(run.ctx, run.inputs, "distilled", run.inputs.case.recipes["distilled"])
    assert teacher_scores(run.ctx, run.inputs, "cross", run.inputs.train).scores == tuple(learned.grades)
    assert [pair.label for pair in learned] == [pair.label for pair in run.inputs.train]
    assert learned.digest != run.inputs.train.digest


def test_a_teacher_whose_head_is_not_restored_is_caught(run, tmp_path):
    from shutil import copytree

    from harness.execution.digests import directory_digests
    from harness.training.teacher import score

    teacher = run.ctx.artefact(
        TEACH,
        recipe=run.inputs.case.teachers["cross"],
        base=run.inputs.base,
        train_pairs=run.inputs.train,
        device="auto",
    )
    copytree(teacher.path, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    [head] = [name for name in weights if name.endswith("classifier.weight")]
    del weights[head]  # transformers draws it at random
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    broken = replace(teacher, path=tmp_path, files=directory_digests(tmp_path))
    with pytest.raises(CheckpointError, match="its head was not saved, or not restored"):
        score(teacher=broken, pairs=run.inputs.eval, progress=lambda *_: None)


def test_a_second_stage_rescores_the_band_and_is_in_the_results(run):
    assert {} == reranked(replace(run, ctx=run.ctx.lookup_only()), ["distilled", "head"])  # nobody asked for it yet
    verdict = judge(run, GATES["rerank"], Subject(model="distilled"))
    found, pairs = run.rerank("distilled"), run.inputs.eval
    assert verdict.observed == found.accuracy.change
    assert ["distilled", "head"] == [subject.model for subject in subjects(GATES["rerank"], run.inputs)]
    second = np.array(teacher_scores(run.ctx, run.inputs, "cross", pairs).scores)
    scores = np.array(run.evaluation("distilled").scores)
    decided = {"after": found.band.decided(scores, second), "before": scores >= found.band.threshold}
    for stage, accepted in decided.items():
        counts = getattr(found, stage)
        assert (accepted & (pairs.labels == 1)).sum() == counts.tp
        assert (accepted & (pairs.labels == 0)).sum() == counts.fp
    assert found.band.threshold == run.analysis(OPERATING_POINT, "distilled").threshold
    done = replace(run, ctx=run.ctx.lookup_only())
    entries = reranked(done, ["distilled"])
    assert {"distilled": found} == {name: entry.value for name, entry in entries.items()}
    entry, encoded = entries["distilled"], run.encoding("distilled").value
    assert entry.model_ms == pytest.approx(2000 * encoded.seconds / encoded.texts)
    assert entry.teacher_ms == pytest.approx(
        1000 * teacher_scores(run.ctx, run.inputs, "cross", pairs).seconds / len(pairs)
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"teacher": "none"}, "rerank.teacher: no such teacher; expected a key of [teachers]: cross; got"),
        ({"models": ["none"]}, "rerank.models: no such model; expected some of mined, distilled, head, dora; got"),
        ({"band": 0}, "rerank.band: "),
        ({"band": 1.5}, "rerank.band: "),
        ({"dev": None}, "rerank: expected pairs to choose the band by in data.dev: a teacher knows the training pairs"),
    ],
)
def test_a_second_stage_without_what_it_needs_is_refused_before_any_work(
    tmp_path, write_case, content, changes, expected
):
    data = {key: value for key, value in content["data"].items() if key not in changes}
    rerank = content["rerank"] | {key: value for key, value in changes.items() if key != "dev"}
    path = write_case(tmp_path / "tiny", {**content, "data": data, "rerank": rerank})
    with pytest.raises(CaseError) as caught:
        read_case(path)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{path}: {expected}")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"teacher": "none"}, "models.mined.teacher: no such teacher; expected a key of [teachers]: cross; got"),
        ({"teacher": "cross", "loss": "triplet"}, "models.mined.teacher: the loss triplet takes no grades"),
        ({"loss": "margin_mse"}, "models.mined.loss: margin_mse: "),
        ({"negatives": 2}, "models.mined.negatives: the loss cosine_similarity learns from pairs"),
        ({"hard_negatives": {}}, "models.mined.hard_negatives: expected how many to take in `negatives`; got 0"),
        (
            {"loss": "margin_mse", "negatives": 1, "hard_negatives": {}},
            "models.mined.hard_negatives: margin_mse needs grades",
        ),
        ({"strategy": "lora", "l2_to_base": 0.1}, "models.mined.l2_to_base: expected the strategy full"),
        (
            {**MINING, "hard_negatives": {"range_min": 9, "range_max": 9}},
            "models.mined.hard_negatives: range_min is 9 and range_max 9; expected the first to be less",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_before_any_work(tmp_path, write_case, content, changes, expected):
    plain = content["models"]["head"] | {"strategy": "full"}
    path = write_case(
        tmp_path / "tiny", {**content, "models": {"mined": {**plain, **changes}}, "rerank": {"teacher": "cross"}}
    )
    with pytest.raises(CaseError) as caught:
        prepare(read_case(path))
    assert f"{path}: {expected}" in str(caught.value)
