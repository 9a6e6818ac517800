"""The summary on top of pytest-html's report, and the same as a page of its own. The templates only arrange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.report.headline import candidate_words, headline
from harness.report.sections import SECTIONS
from harness.report.types import Report
from harness.text import in_html

if TYPE_CHECKING:
    from jinja2 import Environment


def summary_html(reports: Sequence[Report]) -> str:
    """Return the HTML on top of pytest-html's report."""
    from harness.report.charts import render

    views = [_case(replace(report, charts=tuple(render(report)))) for report in reports]
    return _environment().get_template("summary.html.j2").render(cases=views)


def page_html(reports: Sequence[Report]) -> str:
    """Return the same as a page of its own."""
    from markupsafe import Markup

    summary = Markup(summary_html(reports))  # noqa: S704 - escaped already
    return _environment().get_template("page.html.j2").render(summary=summary)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: in_html(value) if type(value) is str else value,
    )


def _case(report: Report) -> dict[str, Any]:
    case, place = report.case, quote(report.name, safe="")
    outcome, sentence = headline(case)
    counts = Counter(verdict.outcome for verdict in case.verdicts)
    views = {key: view for key, section in SECTIONS.items() if (view := section.view(report))}
    return {
        "name": report.name,
        "description": case.description,
        "candidate": candidate_words(case.candidate) if case.candidate else "",
        "pairs": f"{case.pairs:,}",
        "outcome": outcome,
        "headline": sentence,
        "counts": [(word, counts[word]) for word in ("pass", "fail", "inconclusive")],
        "links": [{"id": f"{key}-{place}", "words": words} for key in views if (words := SECTIONS[key].link)],
        "sections": [
            {"id": f"{key}-{place}", "template": f"sections/{key}.html.j2", "view": view} for key, view in views.items()
        ],
    }
