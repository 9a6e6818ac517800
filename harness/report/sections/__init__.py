"""The parts of a case's page, in its order.

To add one: a file with a view function, a row in `SECTIONS`, and the template `templates/sections/KEY.html.j2`. A view
holds the words that the template shows; where it is empty, the page has no such part, and no link to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.report.sections.data import data
from harness.report.sections.errors import errors, regressed
from harness.report.sections.extra_sets import extra_sets
from harness.report.sections.metrics import metrics, relative_performance
from harness.report.sections.models import models
from harness.report.sections.operating_point import operating_point
from harness.report.sections.power import power
from harness.report.sections.verdicts import charts, missing, not_passed, passed, skipped
from harness.report.types import Report


@dataclass(frozen=True)
class Section:
    """A row of the `SECTIONS` table: what the template shows, if anything, and the words that link to it, if any do."""

    view: Callable[[Report], Any]
    link: str = ""


SECTIONS: dict[str, Section] = {
    "missing": Section(missing),
    "not_passed": Section(not_passed),
    "metrics": Section(metrics, link="Metrics"),
    "relative_performance": Section(relative_performance),
    "models": Section(models),
    "operating_point": Section(operating_point, link="Threshold"),
    "extra_sets": Section(extra_sets, link="Extra evaluation sets"),
    "power": Section(power, link="Detectable drops"),
    "data": Section(data, link="Data"),
    "charts": Section(charts, link="Charts"),
    "regressed": Section(regressed, link="Since the baseline"),
    "errors": Section(errors, link="Wrong pairs"),
    "skipped": Section(skipped),
    "passed": Section(passed),
}
"""Every part by its key, in the order of the page."""
