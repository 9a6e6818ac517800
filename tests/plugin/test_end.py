"""The end of a run: its answer is said and written with what is known, whatever became of store, disk and plugins."""

import pytest

AT_THE_END = """
    import pathlib, shutil

    def pytest_runtest_teardown(item, nextitem):
        if nextitem is None:
            {}
"""
CHOICE = ("-k", "metric and spearman or memory")


def test_of_a_store_that_vanished_while_the_run_went_on_what_is_known_is_reported(gated):
    gated.pytester.makeconftest(AT_THE_END.format("shutil.rmtree('.harness')"))
    result = gated.run("--adapter", gated.known, *CHOICE)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["tiny: may ship: *Missing in this report, each with its reason *: operating_point*"])
    assert pytest.ExitCode.OK == result.ret  # all that was judged was measured
    assert {"base", "lora"} == set(gated.results["models"])


def test_no_run_ends_well_beside_a_report_that_blocks(gated):
    gated.pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_logreport(report):
            report.user_properties[:] = [
                (name, str(value).replace('"pass"', '"fail"')) for name, value in report.user_properties
            ]
    """)
    result = gated.run("--adapter", gated.known, *CHOICE)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["tiny: may ship: no. *"])
    assert pytest.ExitCode.TESTS_FAILED == result.ret


def test_a_report_that_cannot_be_written_costs_no_answer(gated):
    gone = "shutil.rmtree('reports'); pathlib.Path('reports').touch()"
    gated.pytester.makeconftest(AT_THE_END.format(gone))
    result = gated.run("--adapter", gated.known, *CHOICE)
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stdout.fnmatch_lines(["*missing in the report*", "*results.json: *rror: *", "tiny: may ship: *"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_without_pytest_html_there_is_no_page_and_all_the_rest(gated):
    result = gated.run("--adapter", gated.known, *CHOICE, "-p", "no:html")
    assert pytest.ExitCode.OK == result.ret
    result.stdout.fnmatch_lines(["tiny: may ship: *"])
    assert "lora" in gated.results["models"]
    assert not gated.reports.joinpath("report.html").exists()


def test_ctrl_c_while_the_report_is_made_leaves_out_what_is_slow_and_costs_no_answer(gated):
    gated.pytester.makeconftest("""
        import harness.run

        collect = harness.run.collect

        def interrupted(*arguments, brief, **options):
            if not brief:
                raise KeyboardInterrupt
            return collect(*arguments, brief=brief, **options)

        harness.run.collect = interrupted
    """)
    result = gated.run("--adapter", gated.known, *CHOICE)
    assert pytest.ExitCode.INTERRUPTED == result.ret
    result.stdout.fnmatch_lines(["tiny: may ship: *"])
    assert {"base", "lora"} == set(gated.results["models"])
    assert "Traceback" not in result.stderr.str()


def test_ctrl_c_while_the_page_is_drawn_costs_the_page_alone(gated):
    gated.pytester.makeconftest("""
        import harness.report

        def interrupted(reports):
            raise KeyboardInterrupt

        harness.report.summary_html = interrupted
    """)
    result = gated.run("--adapter", gated.known, *CHOICE)
    assert pytest.ExitCode.INTERRUPTED == result.ret
    result.stdout.fnmatch_lines(["report: interrupted; `embedding-harness report` makes it *", "tiny: may ship: *"])
    assert {"base", "lora"} == set(gated.results["models"])
    assert "Traceback" not in result.stderr.str()
