"""What the tests share: a tiny model made here, a case that uses it, and warnings that are errors."""

import contextlib
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is first imported
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # a tiny product split over busy cores waits for the slower: 50 s instead of 0.5 s

# The same examples each time, however busy the machine is.
settings.register_profile("tests", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

NOT_OURS = ("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",)  # peft calling transformers


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            # In front of a test's own filters, which then have the last word.
            item.add_marker(pytest.mark.filterwarnings("error", *NOT_OURS), append=False)


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session")
def dating_case_path():
    return REPOSITORY / "fixtures" / "dating" / "case.toml"


@pytest.fixture(scope="session")
def to_toml():
    return lambda content: "".join(f"{json.dumps(key)} = {toml_value(value)}\n" for key, value in content.items())


def toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value)


# --- the tiny model -------------------------------------------------------------------------------------------------

THINGS = ("dogs", "cats", "tea", "jazz", "chess", "rain", "snow", "bread", "boats", "books", "maps", "mint")
LIKES = ("i love {}", "{} is great", "more {} for me", "{} every day")
DISLIKES = ("i hate {}", "{} is awful", "no {} for me", "never any {}")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *sorted(
        {word for text in (*THINGS, *LIKES, *DISLIKES) for word in text.split() if word.isalpha() and len(word) > 1}
    ),
    *ALPHABET,
    *(f"##{letter}" for letter in ALPHABET),
    *".,:;'",
]


def tiny_rows(*, train):
    """Pairs about one thing: compatible where both texts like it or both dislike it."""
    rows = []
    for index, thing in enumerate(THINGS):
        pairs = [
            *((first, second, 1) for same in (LIKES, DISLIKES) for first, second in itertools.combinations(same, 2)),
            *((first, second, 0) for first, second in itertools.product(LIKES, DISLIKES)),
        ]
        for number, (first, second, label) in enumerate(pairs):
            if (number % 4 == index % 4) != train:
                rows.append(
                    {
                        "text_1": first.format(thing),
                        "text_2": second.format(thing),
                        "label": label,
                        "category": "animals" if index < 2 else "other",
                        "subcategory": thing,
                        "pair_type": "agree" if label else "clash",
                    }
                )
    return rows


@pytest.fixture(scope="session")
def pair_lines():
    return lambda rows: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture(scope="session")
def build_tiny_base():
    """Writes a sentence-transformers directory: BERT with random weights, two layers of 32 dimensions."""

    def build(out, *, seed=0):
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import modules
        from transformers import BertConfig, BertModel, BertTokenizerFast

        scratch = out.with_name(out.name + "-scratch")
        scratch.mkdir(parents=True)
        (scratch / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
        BertTokenizerFast(vocab=str(scratch / "vocab.txt")).save_pretrained(scratch)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            BertModel(
                BertConfig(
                    vocab_size=len(VOCABULARY),
                    hidden_size=32,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    intermediate_size=64,
                    max_position_embeddings=64,
                    initializer_range=0.2,
                )
            ).save_pretrained(scratch)
        transformer = modules.Transformer(str(scratch), max_seq_length=48)
        model = SentenceTransformer(modules=[transformer, modules.Pooling(32), modules.Normalize()], device="cpu")
        model.save_pretrained(str(out), create_model_card=False)
        shutil.rmtree(scratch)
        return out

    return build


@pytest.fixture(scope="session")
def tiny_base_path(tmp_path_factory, build_tiny_base):
    return build_tiny_base(tmp_path_factory.mktemp("tiny") / "base")


# --- a case that uses it --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiny_content(tiny_base_path):
    """A fresh copy of the tiny case's content, to change and to write."""

    def content():
        recipe = {
            "strategy": "full",
            "epochs": 2,
            "batch_size": 16,
            "learning_rate": 3e-3,
            "warmup_steps": 2,
            "seed": 1,
            "precision": "fp32",  # where bf16 is native, another result
        }
        lora = {"rank": 4, "alpha": 8, "dropout": 0.1, "target_modules": ["query", "value"]}
        return {
            "description": "tiny",
            "base": {"name": "tiny", "path": str(tiny_base_path)},
            "data": {"train": "train.jsonl", "eval": "eval.jsonl"},
            "models": {
                "standard": recipe,
                "lora": {**recipe, "strategy": "lora", "learning_rate": 3e-2, "lora": lora},
            },
            "gates": {
                "relative_performance": [
                    {"model": "lora", "reference": "standard", "metric": "spearman", "at_least": 0.5}
                ],
                "category_pairs": 4,
                "seed_spread": 0.5,  # three seeds of a tiny model differ
                "memory_mb": {"encode": 4000, "train": {"standard": 4000, "lora": 4000}},
            },
            # All tiny pairs are made of the same few texts, and most are about neither dogs nor cats.
            "audit": {"shared_texts": 1, "category_balance": 0.9, "length_alone": 0.9},
            "tolerance": {"seeds": 3},
        }

    return content


@pytest.fixture(scope="session")
def write_case(to_toml, pair_lines):
    """Writes a case directory: the case file from its content, and the tiny pairs."""

    def write(directory, content):
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("train", "eval"):
            (directory / f"{name}.jsonl").write_text(pair_lines(tiny_rows(train=name == "train")), encoding="utf-8")
        path = directory / "case.toml"
        path.write_text(to_toml(content), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def tiny_inputs(tmp_path_factory, write_case, tiny_content):
    from harness.config import read_case
    from harness.run import prepare

    return prepare(read_case(write_case(tmp_path_factory.mktemp("case") / "tiny", tiny_content())))


@pytest.fixture(scope="session")
def context_at():
    """A context with the store in a directory, whose models run in processes of their own, as in a real run."""
    from harness.execution import Context, LocalExecutor, Store

    def context(root):
        return Context(Store(root), LocalExecutor(root))

    return context


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_inputs, context_at):
    """The tiny case without a baseline, every model trained and measured."""
    from harness.baselines import comparable
    from harness.run import CaseRun

    ctx = context_at(tmp_path_factory.mktemp("harness") / "store")
    run = CaseRun(ctx, tiny_inputs, comparable(None, tiny_inputs.origin))
    for name in tiny_inputs.models:
        run.evaluation(name)
    return run


# --- models trained in this process ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def train_tiny(tiny_inputs):
    """Trains a model of the tiny case, with changes to its recipe; returns the facts."""

    def train(model, out, *, pairs=tiny_inputs.train, dev=None, progress=lambda *_: None, **changes):
        from harness.training import TRAIN

        recipe = tiny_inputs.case.models[model].changed(**changes)
        out.mkdir(parents=True, exist_ok=True)
        data = {"base": tiny_inputs.base, "train_pairs": pairs, "dev_pairs": dev}
        return TRAIN.run(recipe=recipe, **data, out=out, progress=progress)

    return train


@pytest.fixture(scope="session")
def tiny_trained(tmp_path_factory, train_tiny):
    """Model -> directory of the trained model. Copy before changing."""
    root = tmp_path_factory.mktemp("trained")
    for name in ("standard", "lora"):
        train_tiny(name, root / name)
    return {name: root / name for name in ("standard", "lora")}


@pytest.fixture(scope="session")
def checkpoints(tiny_inputs, tiny_trained):
    """Strategy -> checkpoint of the base and of what was trained from it. Copy before changing."""
    from harness.models import Checkpoint

    base = tiny_inputs.base
    paths = {"base": base.path, "full": tiny_trained["standard"], "lora": tiny_trained["lora"]}
    return {strategy: Checkpoint(strategy, base, path, strategy) for strategy, path in paths.items()}


@pytest.fixture(scope="session")
def edit_json():
    """Sets keys of a JSON file that holds an object; None takes a key away."""

    def edit(path, **changes):
        content = {**json.loads(path.read_text(encoding="utf-8")), **changes}
        kept = {key: value for key, value in content.items() if not (key in changes and value is None)}
        path.write_text(json.dumps(kept), encoding="utf-8")

    return edit


@pytest.fixture(scope="session")
def edit_tensors():
    """Changes the tensors of a safetensors file."""
    from safetensors.numpy import load_file, save_file

    def edit(path, change):
        tensors = dict(load_file(path))
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})

    return edit


# A shell's background job, as CI may be, starts its processes deaf to it.
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


# --- processes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def start_script(tmp_path):
    """Starts Python on a script in a process group of its own; whatever is left of it is killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def start(source, *arguments):
        script = tmp_path / f"script_{len(started)}.py"
        script.write_text(HEARS_CTRL_C + source, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):  # the group outlives its first process
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def gone():
    """Whether a process ends (a zombie has ended) within a minute, which busy cores may need."""

    def runs(pid):
        # A process has closed its files when the last of its threads has ended.
        try:
            stats = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        except (FileNotFoundError, ProcessLookupError):
            return Path(f"/proc/{pid}").exists()
        return any(stat.rpartition(")")[2].split()[0] not in "ZX" for stat in stats)

    def wait(pid, *, seconds=60.0):
        deadline = time.monotonic() + seconds
        while runs(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        return not runs(pid)

    return wait
