"""Check `base`: the candidate was made from the case's base. Opens no model."""

import re
from pathlib import Path
from typing import Any

from harness.models.files import ADAPTER, ADAPTER_CONFIG, files_digest, read_object, tensor_shapes, weight_shapes
from harness.models.record import TrainingRecord
from harness.models.sources import ResolvedBase
from harness.text import some
from harness.verification.candidate import Candidate, CheckResult

_HUB_ID = re.compile(r"([\w.-]+/)?[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_MATRIX = re.compile(r"^base_model\.model\.(.+)\.lora_([AB])\.weight$")
# Left behind by PEFT's layers; and positions, which older files hold and today's models compute themselves.
_NOT_OF_A_BASE = re.compile(r"lora_|\.base_layer\.|^base_model\.|modules_to_save|position_ids$")
_UNSURE = (
    "no digest of the base is recorded beside it, so another base of this shape would go unnoticed here; "
    "record one with harness.training.record_training"
)


def check_base(candidate: Candidate, base: ResolvedBase, record: TrainingRecord | None) -> CheckResult:
    """Check that a candidate was made from this base: by its training's record, else by name, revision and shapes."""
    if record is not None:
        words = f"trained on {record.base_name} with digest {record.base_digest}"
        if record.base_digest != base.digest:
            return CheckResult("fail", f"{words}, but the case's base is {base.name} with digest {base.digest}")
        # Whoever opens the adapter by itself gets the base that it names.
        wrong = _wrong_name(read_object(candidate.path / ADAPTER_CONFIG), base) if candidate.strategy == "lora" else ""
        return CheckResult("fail", f"{words}, but {wrong}") if wrong else CheckResult("pass", words)
    misfits = {"lora": _adapter_misfits, "full": _model_misfits}[candidate.strategy](candidate.path, base)
    if misfits:
        return CheckResult("fail", f"made from another base than {base.name}: other shapes: {some(misfits)}")
    if candidate.strategy == "full":
        return CheckResult("inconclusive", f"of the shape of {base.name}, but {_UNSURE}")
    return _check_named_base(read_object(candidate.path / ADAPTER_CONFIG), base)


def _check_named_base(config: dict[str, Any], base: ResolvedBase) -> CheckResult:
    """Compare the base that an adapter's configuration names."""
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not name:
        return CheckResult("fail", f"{ADAPTER_CONFIG} names no base (base_model_name_or_path); expected {base.name}")
    if Path(name).is_dir():
        digest, _ = files_digest(Path(name))
        if digest == base.digest:
            return CheckResult("pass", f"names {name}, which has the digest of the case's base")
        return CheckResult("fail", f"names {name} with digest {digest}, but the case's base has {base.digest}")
    if wrong := _wrong_name(config, base):
        return CheckResult("fail", wrong)
    at = f" at revision {revision}" if revision else ""
    return CheckResult("inconclusive", f"names the base {name}{at}, and has its shape, but {_UNSURE}")


def _wrong_name(config: dict[str, Any], base: ResolvedBase) -> str:
    """Say how the hub id or commit in an adapter's configuration differs from the base's; empty where it agrees."""
    name, revision = str(config.get("base_model_name_or_path") or ""), str(config.get("revision"))
    # Without its owner, or with a mirror's, a hub id still says which model it is; what begins with a dot is a path.
    is_id = _HUB_ID.fullmatch(name) and not name.startswith(".")
    if is_id and name.rpartition("/")[2] != base.name.rpartition("/")[2]:
        return f"{ADAPTER_CONFIG} names the base {name}, but the case's base is {base.name}"
    # A branch or a tag says nothing about the commit, and a commit may be shortened.
    if base.revision and _COMMIT.fullmatch(revision) and not base.revision.startswith(revision):
        return f"{ADAPTER_CONFIG} names revision {revision}, but the case's base is at {base.revision}"
    return ""


def _adapter_misfits(path: Path, base: ResolvedBase) -> list[str]:
    """List matrices whose long side is not that of the base's weight that they adapt, in either orientation."""
    sides = _base_shapes(base)
    misfits = []
    for name, shape in tensor_shapes(path / ADAPTER).items():
        found = _MATRIX.match(name)
        weight = sides.get(f"{found[1]}.weight") if found else None
        if found and weight and max(shape[1:] if found[2] == "A" else shape[:1]) not in weight:
            misfits.append(f"{name} {list(shape)} on a weight {list(weight)}")
    return misfits


def _model_misfits(path: Path, base: ResolvedBase) -> list[str]:
    """List tensors of another shape than the base's of the same name, and tensors that the base does not have.

    As when transformers opens the file, a name may have the part in front that a head brings (`bert.`). What belongs to
    no part of the base is such a head's own, and what PEFT's layers left behind is no sign of another base either: the
    check `complete` names them.
    """
    expected = _base_shapes(base)
    parts = {name.partition(".")[0] for name in expected}
    misfits = []
    for stored, shape in weight_shapes(path).items():
        name = stored if stored in expected else stored.partition(".")[2]
        if name not in expected:
            known = stored.partition(".")[0] in parts or name.partition(".")[0] in parts
            if known and not _NOT_OF_A_BASE.search(stored):
                misfits.append(f"{stored}, which the base does not have")
        elif expected[name] != shape:
            misfits.append(f"{stored} {list(shape)} for {list(expected[name])}")
    return misfits


def _base_shapes(base: ResolvedBase) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a base, also by its name without the first part.

    Saved with a head, the names begin with a part that those of the opened transformer lack.
    """
    shapes = weight_shapes(base.path)
    return {name.partition(".")[2]: shape for name, shape in shapes.items()} | shapes
