"""The files of a small run."""

import pytest

from harness.results import write_results

from ..synthetic import make_report, results_of, with_metric


@pytest.fixture
def written(tmp_path):
    """Write a run, with changes to Spearman's correlation of lora; return its `results.json`."""

    def write(name, **changes):
        report = make_report("dating")
        report = with_metric(report, "lora", "spearman", **changes) if changes else report
        path = tmp_path / name / "results.json"
        write_results(path, results_of(report), {"dating": report.pairs})
        return path

    return write
