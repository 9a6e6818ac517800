"""The files of a small run."""

import pytest

from harness.results import Results, write_results

from ..synthetic import make_report, with_metric


@pytest.fixture
def written(tmp_path):
    """Write a run, with changes to Spearman's correlation of lora; return its `results.json`."""

    def write(name, **changes):
        report = make_report("dating")
        report = with_metric(report, "lora", "spearman", **changes) if changes else report
        path = tmp_path / name / "results.json"
        write_results(path, Results(harness="0", machine="m", cases={"dating": report.case}), {"dating": report.pairs})
        return path

    return write
