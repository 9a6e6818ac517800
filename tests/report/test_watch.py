"""The page of a watched model: every check, data as text, and charts of whatever was measured."""

import math

from harness.report.watch import as_text, watch_html
from harness.results.watch import History, WatchCheck, WatchValue

from .pages import Page

METRIC = WatchValue("auc_roc", 0.8, 0.7, 0.9, 0.85, 0.02)
DRIFT = WatchValue("drift_auc", 0.7, p_value=0.005)
NONE = WatchValue("drift_mmd", math.nan, reason="too few texts")


def check(day, *values, answer="look", why="drift in <b>texts</b>"):
    return WatchCheck(f"2026-01-{day:02d}T02:17:00+00:00", "lora", answer, why, values)


def test_a_page_shows_each_check_and_charts_of_both_kinds():
    html = watch_html(
        History("dating", [check(1, METRIC, answer="fine"), check(2, DRIFT, NONE), check(3, METRIC, DRIFT)])
    )
    assert "<b>texts" not in html
    assert 4 == html.count("drift in &lt;b&gt;texts&lt;/b&gt;")
    assert 2 == html.count('src="data:image/svg+xml')
    for words in ("Checks, the last first (3 of 3)", "2026-01-02 02:17", "0.700 to 0.900", "answer--inconclusive"):
        assert words in html
    page = Page(html[html.index("<section") : html.index("</section>")] + "</section>")
    assert all(image["alt"] for image in page.all("img"))


def test_a_history_without_labels_says_so():
    html = watch_html(History("dating", [check(1, NONE)]))
    assert "No check had labelled pairs." in html
    assert "No check had enough texts." in html


def test_a_long_history_shows_the_newest():
    html = watch_html(History("dating", [check(1 + day % 28, DRIFT) for day in range(70)]))
    assert "Checks, the last first (60 of 70)" in html


def test_a_check_in_a_terminal_ends_with_its_answer():
    lines = as_text(check(1, METRIC, NONE)).splitlines()
    assert ["AUC-ROC", "0.800", "0.700", "to", "0.900", "0.850", "0.020"] == lines[1].split()
    assert lines[2].endswith("too few texts")
    assert "look: drift in <b>texts</b>" == lines[-1]
