"""A small case as it is shown: as good as stored, undefined, or with a model less."""

import dataclasses

import pytest

from harness.report.charts import render

from ..synthetic import make_report, with_case


@pytest.fixture(scope="session")
def report():
    """Three models, everything measured, every metric exactly as stored, every gate passed."""
    return make_report()


@pytest.fixture(scope="session")
def charts(report):
    """Every chart of the report: to draw them takes seconds."""
    return render(report)


@pytest.fixture(scope="session")
def many(report):
    """A hundred thousand pairs: the same ones, again and again."""

    def repeated(column):
        return {name: repeated(of) for name, of in column.items()} if isinstance(column, dict) else column * 1112

    columns = {name: repeated(column) for name, column in report.pairs}
    return dataclasses.replace(report, pairs=report.pairs.model_copy(update=columns))


@pytest.fixture(scope="session")
def undefined():
    """Every model returned NaN."""
    return make_report(undefined=("base", "standard", "lora"))


@pytest.fixture(scope="session")
def partly_undefined():
    """One model returned NaN."""
    return make_report(undefined=("lora",))


@pytest.fixture(scope="session")
def without_standard(report):
    """The training of one model failed."""
    models = {name: model for name, model in report.models.items() if name != "standard"}
    verdicts = tuple(verdict for verdict in report.case.verdicts if verdict.subject.model != "standard")
    return with_case(
        report, models=models, verdicts=verdicts, missing={"standard": "out of\n  memory"}, relative_performance=()
    )
