"""The base, the recipes and the versions that the values come from."""

from typing import Any

from harness.report import cells
from harness.report.types import Report
from harness.text import scientific

_SMALL = 0.01  # a learning rate is said with its power of ten


def made_by(report: Report) -> dict[str, Any]:
    """Return a row for each thing that made the values, and one for each key of the recipes."""
    origin, case = report.case.origin, report.case
    base = {
        "base": origin.base_name,
        "base revision": case.base_revision,
        "base sha256": origin.base_digest,
        "evaluation pairs sha256": origin.eval_sha256,
    }
    recipes = {name: _flat(model.recipe) for name, model in report.models.items() if model.recipe}
    keys = dict.fromkeys(key for recipe in recipes.values() for key in recipe)
    return {
        "line": facts(report),
        "rows": [(name, words) for name, words in (base | dict(report.made_by)).items() if words],
        "models": [cells.model(report, name) for name in recipes],
        "recipes": [(key, [recipe.get(key, "") for recipe in recipes.values()]) for key in keys],
    }


def facts(report: Report) -> str:
    """Return base and commit in a few words."""
    origin, made_by = report.case.origin, report.made_by
    revision, (commit, _, dirty) = report.case.base_revision, made_by.get("commit", "").partition("-")
    words = (
        f"base {origin.base_name}" + (f" at {revision[:8]}" if revision else ""),
        f"commit {commit[:8]}{' with changes' if dirty else ''}" if commit else "",
        f"harness {made_by['harness']}" if "harness" in made_by else "",
    )
    return ", ".join(filter(None, words))


def _flat(recipe: dict[str, Any], parent: str = "") -> dict[str, str]:
    """Return each key of a recipe, those of its tables after the table's name, with its value in words."""
    found: dict[str, str] = {}
    for key, value in recipe.items():
        name = f"{parent}{key}".replace("_", " ")
        found |= _flat(value, f"{key} ") if isinstance(value, dict) else {name: _words(value)}
    return found


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, float):
        return scientific(value) if 0 < value < _SMALL else f"{value:g}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
