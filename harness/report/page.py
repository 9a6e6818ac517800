"""The summary on top of pytest-html's report, and the same as a page of its own. The templates only arrange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.report.headline import candidate_words, counts_words, headline
from harness.report.links import figure_id
from harness.report.sections import SECTIONS
from harness.report.sections.errors import worst_regressed
from harness.report.sections.made_by import facts
from harness.report.types import Report
from harness.text import count, in_html

if TYPE_CHECKING:
    from jinja2 import Environment


def summary_html(reports: Sequence[Report]) -> str:
    """Return the HTML on top of pytest-html's report."""
    from harness.report.charts import render

    views = [_case(replace(report, charts=tuple(render(report)))) for report in reports]
    return environment().get_template("summary.html.j2").render(cases=views)


def page_html(reports: Sequence[Report]) -> str:
    """Return the same as a page of its own."""
    from markupsafe import Markup

    summary = Markup(summary_html(reports))  # noqa: S704 - escaped already
    return environment().get_template("page.html.j2").render(summary=summary)


def environment() -> Environment:
    """Return what fills the templates: all text is escaped."""
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
    case, place, found = report.case, quote(report.name, safe=""), headline(report.case)
    figures = {
        key: [
            {"id": figure_id(report.name, chart.name), "chart": chart}
            for chart in report.charts
            if chart.name in section.charts
        ]
        for key, section in SECTIONS.items()
    }
    views = {key: view for key, section in SECTIONS.items() if (view := section.view(report)) or figures[key]}
    return {
        "name": report.name,
        "id": f"case-{place}",
        "description": case.description,
        "candidate": candidate_words(case.candidate) if case.candidate else "",
        "outcome": found.outcome,
        "answer": found.answer,
        "cause": found.cause,
        "detail": found.detail,
        "facts": [
            counts_words(case),
            f"{count(case.pairs, 'evaluation pair')}, {case.negatives:,} negative",
            facts(report),
        ],
        "worst": {} if found.outcome == "pass" else worst_regressed(report),
        "links": [{"id": f"{key}-{place}", "words": words} for key in views if (words := SECTIONS[key].link)],
        "sections": [
            {
                "id": f"{key}-{place}",
                "key": key,
                "template": f"sections/{key}.html.j2",
                "view": view,
                "figures": figures[key],
            }
            for key, view in views.items()
        ],
    }
