"""Steps on a Ray cluster of two nodes on this machine: the same values as here, whatever becomes of a node."""

import os
import threading
import time
from dataclasses import replace
from functools import partial

import psutil
import pytest

from harness.baselines import comparable
from harness.errors import CheckpointError, ClusterError, StageError, StoreError
from harness.execution import MODEL, Context, Cost, LocalExecutor, Step, Store, file_digest
from harness.execution import ray_executor as driver
from harness.execution.ray_executor import Share, choose_share, on_cluster
from harness.execution.ray_worker import Identity, Reply, misfit
from harness.gates import GATES, subjects
from harness.run import CaseRun, begin_ahead, judge

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:ray.*", "ignore::ResourceWarning")

# Those that need neither a baseline nor bootstrap intervals, which take long and run on no node.
JUDGED = ("audit", "diverges", "loss_falls", "collapse", "merge_agrees", "beats_base", "memory")

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(**NODE)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("shared") / "store"


@pytest.fixture(scope="module")
def executor(cluster, root):
    return on_cluster(cluster.address, root, memory_mb=500, libraries=["torch"])


@pytest.fixture
def told():
    return []


@pytest.fixture
def ctx(executor, root, told):
    context = Context(Store(root), executor, lambda *said: told.append(said))
    yield context
    context.close()


def model_step(name, function, **more):
    return Step(name, run=function, result=list, resource=MODEL, revision=1, **more)


def test_the_share_of_a_step_and_the_steps_in_flight_follow_from_the_nodes():
    node = {"CPU": 8.0, "memory": 10e9}
    assert (Share(1, 2000, 0), 20) == choose_share([node, node], None, 2000, "auto")  # by memory five a node
    assert (Share(4, 2000, 0), 4) == choose_share([node, node], 4, 2000, "cpu")
    assert (Share(8, 2000, 0), 1) == choose_share([node, node], 1, 2000, "cpu")  # no more than one node has
    with_gpu = {**node, "GPU": 2.0}
    assert (Share(1, 500, 1), 4) == choose_share([node, with_gpu], None, 500, "auto")
    assert (Share(1, 500, 0), 64) == choose_share([node, with_gpu] * 2, None, 500, "cpu")
    assert 1024 == choose_share([node] * 100, None, 500, "cpu")[1]
    for nodes, needed in (([node], 11_000), ([], 500)):
        with pytest.raises(ClusterError, match=r"no node has what a model needs \(1 core, .* --jobs N$"):
            choose_share(nodes, None, needed, "cpu")
    assert 3 == choose_share([], 3, 500, "cpu")[1]  # nodes come when they are asked for


def test_a_node_with_another_version_or_source_or_without_a_path_does_not_fit(tmp_path):
    here = Identity.here(["torch"])
    assert "" == misfit(here, [tmp_path])
    for other, words in (
        (replace(here, harness="0.0.1"), "the run 0.0.1: install the same wheel"),
        (replace(here, source="f" * 64), "with another source"),
        (replace(here, libraries={"torch": "1.0"}), "the run 1.0: install the same"),
        (replace(here, libraries={"nosuch": "1.0"}), r"has nosuch \(not installed\), the run 1.0"),
    ):
        with pytest.raises(AssertionError, match=words):
            assert "" == misfit(other)
    assert "expected the run's directories on storage that every node shares" in misfit(here, [tmp_path / "no"])


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "nonsense", "ray://host"])
def test_an_address_that_nobody_answers_at_is_refused_within_seconds(address, tmp_path):
    pytest.importorskip("ray")
    started = time.monotonic()
    with pytest.raises(ClusterError, match=rf"^--ray-address {address}.*expected"):
        on_cluster(address, tmp_path, memory_mb=500)
    assert time.monotonic() - started < 10


def test_a_step_gives_the_same_on_a_node_as_here(ctx, functions, tmp_path, told):
    step, log = model_step("train", functions.train, files=True), str(tmp_path / "log")
    there = ctx.artefact(step, title="train tiny", log=log)
    here = Context(Store(tmp_path / "store"), LocalExecutor(tmp_path / "store")).artefact(step, log=log)
    assert here.digest == there.digest
    assert (b"weights", "1") == (there.file("weights.bin").read_bytes(), there.value[1])
    assert here.cost.peak_rss_mb == pytest.approx(there.cost.peak_rss_mb, rel=0.1)
    assert ("train tiny", 0.0, "waiting for a node") == told[0]
    title, done, note = told[-1]
    assert ("train tiny", 1.0, True) == (title, done, note.startswith("done, on "))
    assert there is ctx.artefact(step, log=log)


def test_errors_and_deaths_are_those_of_a_step_that_runs_here(ctx, functions):
    with pytest.raises(CheckpointError, match=r"^model.bin: not the model$"):
        ctx.run(model_step("refuse", functions.refuse))
    with pytest.raises(StageError, match=r"(?s)^fail: failed in its process\n.*EOFError: at heart.*said before"):
        ctx.run(model_step("fail", functions.fail))
    with pytest.raises(StageError, match=r"(?s)^die: its process was killed by SIGKILL.*run again\n.*line 2$"):
        ctx.run(model_step("die", functions.speak_and_die), lines=3)
    with ctx.serve("double", functions.doubling, 2) as ask:
        assert 4 == ask(2)[1]


def test_a_step_that_loses_its_worker_each_time_is_a_stage_error(ctx, functions, monkeypatch):
    monkeypatch.setattr(driver, "_ATTEMPTS", 1)
    with pytest.raises(StageError, match=r"^lose: its worker was lost 1 times \(The worker died.* run again$"):
        ctx.run(model_step("lose", functions.kill_the_worker))


def test_files_that_are_not_what_the_node_wrote_are_refused(tmp_path):
    own, out = tmp_path / "own", tmp_path / "out"
    own.mkdir()
    out.mkdir()
    (own / "weights.bin").write_bytes(b"half")
    written = {"weights.bin": file_digest(own / "weights.bin")}
    for files in ({"weights.bin": "0" * 64}, {**written, "config.json": "0" * 64}):
        with pytest.raises(
            StoreError, match=r"not what the node wrote there; expected a store on storage that every node"
        ):
            driver._take_over(own, out, Reply([], Cost(0.1), files, (1.0, "done")))
    driver._take_over(own, out, Reply([], Cost(0.1), written, (1.0, "done")))
    assert b"half" == (out / "weights.bin").read_bytes()


@pytest.mark.parametrize("number", [0, 1, 50])
def test_any_number_of_steps_is_queued_and_each_is_made_once(ctx, functions, tmp_path, number):
    log = tmp_path / "log"
    step = Step("queued", run=functions.count, result=int, resource=MODEL, revision=1)
    calls = [partial(ctx.run, step, number=n, log=str(log)) for n in range(number)]
    ctx.ahead(calls)
    assert list(range(number)) == [call() for call in calls]
    assert number == (log.read_text(encoding="utf-8").count("\n") if number else 0)


def test_the_end_of_a_run_cancels_what_runs_and_what_waits(executor, root, functions, gone):
    ctx, pids = Context(Store(root), executor), []
    step = model_step("wait", functions.wait_forever)
    ctx.ahead(partial(ctx.run, step, title=f"wait {n}", seconds=600 + n) for n in range(6))
    given_up = time.monotonic() + 20
    while len(pids) < 2 and time.monotonic() < given_up:
        pids = [int(note.partition(",")[0]) for _, note in ctx._told.values() if note[0].isdigit()]
        time.sleep(0.05)
    ctx.close()
    assert 2 == len(pids)
    assert all(map(gone, pids))
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
    assert not executor._runs
    assert not [path for path in root.glob("building/*") if path.is_dir()]


def node_that_runs(cluster, title):
    """Return the node one of whose workers runs the task."""
    for node in cluster.worker_nodes:
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        if any(f"ray::{title}" in " ".join(process.cmdline()) for process in raylet.children(recursive=True)):
            return node
    raise LookupError(title)


def content(artefact):
    """Return what stands for an artefact: its key, and the sha256 of each file but the result, which has seconds."""
    return artefact and {"key": artefact.key, **artefact.files, "result.json": ""}


@pytest.fixture
def tiny_on_ray(tiny_inputs, root, executor, told):
    ctx = Context(Store(root), executor, lambda *said: told.append(said))
    yield CaseRun(ctx, tiny_inputs, comparable(None, tiny_inputs.origin))
    ctx.close()


def test_a_training_whose_node_is_killed_begins_again_and_ends_right(cluster, tiny_on_ray, tiny_run, told):
    killed = []

    def kill(title, done, note):
        told.append((title, done, note))
        if "epoch" in note and not killed:
            killed.append(node_that_runs(cluster, title))
            cluster.remove_node(killed[0], allow_graceful=False)
            cluster.add_node(**NODE)

    run = replace(tiny_on_ray, ctx=replace(tiny_on_ray.ctx, progress=kill))
    found, alone = run.training("standard", epochs=30), tiny_run.training("standard", epochs=30)
    assert killed
    assert any(note.startswith("begun again: ") for *_, note in told)
    assert alone.digest == found.digest
    assert not [path for path in run.ctx.store.root.glob("building/*") if path.is_dir()]


def test_a_case_has_the_same_digests_and_verdicts_on_a_cluster(tiny_on_ray, tiny_run):
    begin_ahead(tiny_on_ray, ["full"], tiny_on_ray.inputs.models)
    for name in tiny_run.inputs.models:
        assert content(tiny_run.training(name)) == content(tiny_on_ray.training(name)), name
        assert content(tiny_run.encoding(name)) == content(tiny_on_ray.encoding(name)), name
        assert tiny_run.evaluation(name) == tiny_on_ray.evaluation(name)
    here, there = (
        [judge(run, GATES[name], subject) for name in JUDGED for subject in subjects(GATES[name], run.inputs)]
        for run in (tiny_run, tiny_on_ray)
    )
    assert [(found.gate, str(found.subject), found.outcome) for found in here] == [
        (found.gate, str(found.subject), found.outcome) for found in there
    ]
    assert set(JUDGED) == {found.gate for found in there}
