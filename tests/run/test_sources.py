"""A case whose models were all made elsewhere: found, measured, judged and stored like those that are trained here."""

import dataclasses
import json
import math
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.analyses import POWER
from harness.baselines import comparable, read_baseline
from harness.config import read_case
from harness.data import Side, Sides
from harness.errors import BaselineError, CaseError, EncoderError
from harness.gates import GATES, NotJudgedError, Subject, judge, subjects
from harness.metrics import METRICS
from harness.run import CaseRun, collect, prepare, update_baseline

# Both texts of a pair are turned the same way where they like a thing, the other way where they do not.
MODULE = """
import numpy as np

DISLIKES = ("hate", "awful", "no ", "never")

class Opinions:
    def encode(self, texts, *, side):
        rows = [[-1.0 if any(word in text for word in DISLIKES) else 1.0, len(text) / 100] for text in texts]
        return np.array(rows, dtype=np.float32)

def build():
    return Opinions()
"""


class Handler(BaseHTTPRequestHandler):
    """An endpoint that encodes as the module does."""

    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        found = [
            [-1.0 if any(word in text for word in ("hate", "awful", "no ", "never")) else 1.0, len(text) / 90]
            for text in texts
        ]
        rows = [{"index": place, "embedding": embedding} for place, embedding in enumerate(found)]
        body = json.dumps({"data": rows}).encode()
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.requests = 0
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def directory(tmp_path_factory, tiny_trained):
    """The parent of a case, with a whole model and an adapter beside it, as another training saved them: no record."""
    root = tmp_path_factory.mktemp("elsewhere")
    for name, path in tiny_trained.items():
        shutil.copytree(path, root / name, ignore=shutil.ignore_patterns("training.*"))
    (root / "our_opinions.py").write_text(MODULE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def write(directory, write_case, tiny_content, server):
    """Writes the case in a directory of its own, with changes to its models; without one that is None."""

    def to_file(name="tiny", sides=None, **models):
        content = tiny_content()
        content["data"] |= {"sides": sides} if sides else {}
        url = f"http://127.0.0.1:{server.server_port}/v1/embeddings"
        elsewhere = {
            "whole": {"path": "../standard"},
            "adapter": {"path": "../lora"},
            "ours": {"encoder": "our_opinions:build"},
            "theirs": {"endpoint": {"url": url, "model": "m", "retries": 0}},
        }
        content["models"] = {key: model for key, model in {**elsewhere, **models}.items() if model is not None}
        relative = {"model": "adapter", "reference": "theirs", "at_least": 0.1}
        content["gates"] |= {
            "relative_performance": [relative] if {"adapter", "theirs"} <= content["models"].keys() else [],
            "memory_mb": {"train": {}, "encode": 4000},
            "beats_base": ["spearman"],
        }
        path = write_case(directory / name, content)
        shutil.copy(directory / "our_opinions.py", path.parent)
        return path

    return to_file


@pytest.fixture(scope="module")
def run(write, context_at, tmp_path_factory):
    inputs = prepare(read_case(write()))
    ctx = context_at(tmp_path_factory.mktemp("harness") / "store")
    return CaseRun(ctx, inputs, comparable(None, inputs.origin))


def verdicts(run):
    return {
        (name, str(subject)): judge(run, gate, subject)
        for name, gate in GATES.items()
        if "full" in gate.runs
        for subject in subjects(gate, run.inputs)
    }


@pytest.fixture(scope="module")
def stored(run, tmp_path_factory):
    """The run again, with its own baseline."""
    path = tmp_path_factory.mktemp("baselines") / "baseline.json"
    assert ["new: 5 models, 84 pairs"] == update_baseline(run, path, None)
    return dataclasses.replace(run, stored=comparable(read_baseline(path), run.inputs.origin), _once={})


def test_all_are_measured_and_judged_as_what_they_are(stored):
    found = verdicts(stored)
    assert {"pass"} == {verdict.outcome for verdict in found.values()}
    about = {gate: {name.partition("-")[0] for key, name in found if key == gate} for gate, _ in found}
    everything, elsewhere = {"base", "whole", "adapter", "ours", "theirs"}, {"whole", "adapter", "ours", "theirs"}
    assert everything == about["metric"] == about["category"]
    assert elsewhere == about["beats_base"]
    assert everything - {"theirs"} == about["memory"]
    assert {"adapter"} == about["base"] == about["exact_merge"] == about["diverges"] == about["merge_agrees"]
    assert {"whole", "adapter"} == about["files"] == about["complete"] == about["load_paths"] == about["settings"]
    assert not {"record", "training_data", "learns"} & set(about)
    assert ("memory", "whole-train") not in found
    assert " (bootstrap): no worse" in found["metric", "whole-spearman"].message
    assert "(bootstrap)" not in found["metric", "base-spearman"].message


def test_a_tolerance_is_the_worse_end_of_the_interval_and_at_least_the_floor_and_says_so(stored):
    case = stored.inputs.case
    for name in case.models:
        model = stored.stored.model(name)
        assert ("bootstrap", {}) == (model.tolerance_from, model.metrics["spearman"].seeds)
        for metric, row in METRICS.items():
            value, interval = model.metrics[metric], stored.uncertainty(name).intervals[metric]
            sign = 1 if row.direction == "higher" else -1
            worst = interval.low if row.direction == "higher" else interval.high
            noise = 0 if math.isnan(worst) else sign * (value.value - worst)
            assert value.tolerance == pytest.approx(max(case.tolerance.floor[metric], noise), abs=2e-6)
        assert stored.analysis(POWER, name) is None
    assert "case" == stored.stored.model("base").tolerance_from
    # Too few pairs for an interval of their own: those of all pairs say how far a value moves.
    few, all_of_them = (stored.stored.value("whole", "margin", category) for category in ("animals", ""))
    assert few.tolerance == all_of_them.tolerance > case.tolerance.floor["margin"]


def test_where_a_value_comes_from_is_stored(stored, server):
    origins = {name: stored.stored.model(name).provenance["source"] for name in stored.inputs.case.models}
    assert ("standard", "lora") == tuple(origins[name]["path"] for name in ("whole", "adapter"))
    assert ("our_opinions:build", "") == (origins["ours"]["encoder"], origins["ours"]["revision"])
    url = f"http://127.0.0.1:{server.server_port}/v1/embeddings"
    assert {"endpoint": url, "model": "m", "dimensions": None} == origins["theirs"]
    assert "source" not in stored.stored.model("base").provenance
    assert {"width": 2} == stored.stored.model("theirs").settings


def test_results_say_what_each_is_and_hold_no_training(stored):
    results, _ = collect(stored, [], kinds=frozenset({"full"}))
    models = results.models
    strategies = {"base": "base", "whole": "full", "adapter": "lora", "ours": "encoder", "theirs": "endpoint"}
    assert strategies == {name: model.strategy for name, model in models.items()}
    assert {None} == {model.training for model in models.values()}
    assert (None, None) == (models["theirs"].encoding.parameters, models["ours"].encoding.weights_mb)
    assert {"case", "bootstrap"} == {model.tolerance_from for model in models.values()}


def test_embeddings_of_an_endpoint_are_asked_for_once(stored, server, context_at):
    before = server.requests
    assert before > 0
    again = dataclasses.replace(stored, ctx=context_at(stored.ctx.store.root), _once={})
    assert again.evaluation("theirs") == stored.evaluation("theirs")
    assert before == server.requests


def test_a_worse_encoder_fails_and_says_whose_tolerance_it_is(stored, write):
    path = write("worse")
    module = path.parent / "our_opinions.py"
    module.write_text(MODULE.replace("-1.0 if", "len(text) % 7 if"), encoding="utf-8")
    inputs = dataclasses.replace(prepare(read_case(path)), eval=stored.inputs.eval)
    worse = dataclasses.replace(stored, inputs=inputs, _once={})
    verdict = judge(worse, GATES["metric"], Subject(model="ours", metric="spearman"))
    assert "fail" == verdict.outcome
    assert " (bootstrap): worse by " in verdict.message


def test_an_error_of_the_encoder_comes_with_its_place_and_its_log(stored, write):
    path = write("broken")
    module = path.parent / "our_opinions.py"
    module.write_text(MODULE.replace("rows = ", "rows = texts[10_000] or "), encoding="utf-8")
    run = dataclasses.replace(stored, inputs=prepare(read_case(path)), _once={})
    with pytest.raises(EncoderError) as caught:
        run.evaluation("ours")
    line, *log = str(caught.value).splitlines()
    assert f"encoder our_opinions:build: {module}:8: IndexError: list index out of range" == line
    assert ("--- its last output ---", "IndexError: list index out of range") == (log[0], log[-1])


def test_an_adapter_of_another_base_fails_for_that_and_nothing_is_measured_or_stored(
    stored, write, directory, edit_json, tmp_path
):
    shutil.copytree(directory / "lora", directory / "foreign")
    edit_json(directory / "foreign" / "adapter_config.json", base_model_name_or_path="their/model")
    inputs = prepare(read_case(write("foreign_case", adapter={"path": "../foreign"})))
    run = dataclasses.replace(stored, inputs=inputs, _once={})
    words = "adapter_config.json names the base their/model, but the case's base is tiny"
    assert words in judge(run, GATES["base"], Subject(model="adapter")).message
    with pytest.raises(NotJudgedError, match="the gate base fails for adapter"):
        judge(run, GATES["metric"], Subject(model="adapter", metric="spearman"))
    with pytest.raises(BaselineError) as caught:
        update_baseline(run, tmp_path / "baseline.json", None)
    assert str(caught.value).count("\n") == 1
    assert words in str(caught.value)


ENDPOINT = {"url": "http://localhost:1/v1/embeddings", "model": "m"}
NOWHERE = {
    "whole": ({"path": "../no_such"}, "no_such: nothing there; expected the directory of a PEFT adapter or of a sent"),
    "adapter": ({"path": "case.toml"}, "case.toml: a file; expected the directory of a PEFT adapter or of a sentence"),
    "ours": (
        {"path": "."},
        "no model in it (found: case.toml, eval.jsonl, our_opinions.py and 1 more); expected a PEFT",
    ),
    "theirs": ({"endpoint": {**ENDPOINT, "key_env": "NO_SUCH_KEY"}}, "variable NO_SUCH_KEY (key_env) is not set"),
    "module": ({"encoder": "our_nothing:build"}, "no module our_nothing; expected a Python file in "),
    "function": (
        {"encoder": "our_opinions:other"},
        "our_opinions.py: no other in it; expected a function that returns",
    ),
    "named": ({"encoder": "opinions"}, "opinions: no plugin has an encoder of this name; expected module:function"),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_what_is_not_there_is_said_before_anything_is_read(write, name):
    model, words = NOWHERE[name]
    path = write("nowhere", **dict.fromkeys(("whole", "adapter", "ours", "theirs")), **{f"x_{name}": model})
    (path.parent / "train.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        prepare(read_case(path))
    line = str(caught.value)
    assert line.startswith(f"{path}: models.x_{name}")
    assert words in line
    assert "\n" not in line


def test_the_name_of_an_encoder_is_asked_of_the_plugins(write):
    case = read_case(write("named", ours={"encoder": "opinions", "revision": "7"}))
    found = prepare(case, named_encoders={"opinions": "our_opinions:build"}.get).sources["ours"]
    assert ("our_opinions:build", "7") == (found.function, found.revision)
    with pytest.raises(CaseError, match=r"opinions: a plugin says 'build'; expected module:function"):
        prepare(case, named_encoders=lambda _: "build")


def test_each_model_has_the_prompts_of_its_own(write, directory, edit_json):
    shutil.copytree(directory / "standard", directory / "prompted")
    prompts = {"query": "ask: ", "document": "passage: "}
    edit_json(directory / "prompted" / "config_sentence_transformers.json", prompts=prompts)
    whole = {"path": "../prompted"}
    with pytest.raises(CaseError, match=r"models\.whole declares prompts, and the case uses none of them: query = "):
        prepare(read_case(write("prompted_case", whole=whole)))
    inputs = prepare(read_case(write("prompted_case", sides={"text_1": "query", "text_2": "none"}, whole=whole)))
    assert Sides(Side("query", "ask: "), Side()) == inputs.sides_of("whole")
    for name in ("base", "adapter", "ours", "theirs"):
        assert Sides(Side("query"), Side()) == inputs.sides_of(name)
