"""A case in both ways, with tiny models: the same stages, each from nothing, and models that learn."""

import pytest

from harness.baselines import comparable
from harness.config import BASE, read_case
from harness.run import CaseRun, prepare
from harness.run.performance import compare_ways, performance_page


@pytest.fixture
def run(tmp_path, write_case, context_at, tiny_content):
    content = tiny_content()
    content["models"] = {"standard": content["models"]["standard"]}
    del content["gates"]
    inputs = prepare(read_case(write_case(tmp_path / "tiny", content)))
    return CaseRun(context_at(tmp_path / "store"), inputs, comparable(None, inputs.origin))


def test_both_ways_begin_with_nothing_take_the_same_stages_and_learn(run, tmp_path):
    run.evaluation(BASE)  # what the case has already is of use to neither
    ours, plain = compare_ways(run, tmp_path / "ways")
    stages = {"train standard", "encode base", "encode standard"}
    assert (stages, stages) == ({*ours.costs}, {*plain.costs})
    for way, name in ((ours, "ours"), (plain, "plain")):
        assert {"model", "embeddings"} <= {path.name for path in (tmp_path / "ways" / name).iterdir()}
        assert all(cost.seconds > 0 and cost.peak_rss_mb for cost in way.costs.values())
        assert way.seconds >= max(cost.seconds for cost in way.costs.values())
    assert ours.spearman[BASE] == pytest.approx(plain.spearman[BASE], abs=1e-3)
    assert all(way.spearman["standard"] > way.spearman[BASE] for way in (ours, plain))
    page = performance_page("tiny", 1, ours, plain)
    assert 4 == sum(line.startswith(("| **all", "| train", "| encode")) for line in page.splitlines())
