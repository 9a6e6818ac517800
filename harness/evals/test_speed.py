"""A case from an empty store to its values, beside a plain script. Measured and written down, never asserted."""

import pytest

pytestmark = pytest.mark.speed


def test_seconds_and_memory_beside_the_plain_way(case_run, request, tmp_path, note):
    """Every trained model and the base; the page is `performance-CASE.md` beside the reports."""
    from harness.execution import write_whole
    from harness.plugin.fixtures import session_of
    from harness.run.performance import compare_ways, performance_page

    name = case_run.inputs.case.name
    page = performance_page(name, case_run.ctx.executor.jobs, *compare_ways(case_run, tmp_path))
    path = session_of(request.config).settings.reports / f"performance-{name}.md"
    write_whole(path, page)
    note(str(path), page.splitlines())
