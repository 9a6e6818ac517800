"""The report in a real browser: complete, silent, self-contained, and usable without a mouse."""

from unittest import mock

import pytest

from harness.report import page_html
from harness.report.charts import CHARTS
from harness.report.errors import pair_outcomes, wrong_pairs

from ..synthetic import make_report, plain, with_case

WIDTHS = (390, 1440)


def wrong(report):
    return wrong_pairs(report, pair_outcomes(report))


def texts(page, column, *, selector="[data-errors] tbody tr:visible"):
    return page.locator(f"{selector} > :nth-child({column})").all_inner_texts()


def sort_button(page, name):
    return page.locator("[data-errors] thead").get_by_role("button", name=name)


def header_state(page, column):
    return page.locator(f"[data-errors] thead th:nth-child({column})").get_attribute("aria-sort")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("scheme", "colours"),
    [("light", ["rgb(255, 255, 255)", "rgb(31, 35, 40)"]), ("dark", ["rgb(13, 17, 23)", "rgb(230, 237, 243)"])],
)
def test_page_is_complete_and_silent(open_report, report_path, width, scheme, colours):
    opened = open_report(width=width, color_scheme=scheme)
    page = opened.page
    style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    assert colours == page.locator(".harness-report").evaluate(style)
    page.locator("#tests > summary").click()
    page.locator("#show_all_details").click()
    pictures = page.locator(".harness-report img")
    assert len(CHARTS) == pictures.count()
    assert all(pictures.evaluate_all("images => images.map(i => i.complete && i.naturalWidth > 0)"))
    assert [] == opened.errors
    assert [report_path.as_uri()] == [url for url in opened.requests if not url.startswith("data:")]


@pytest.mark.parametrize("width", WIDTHS)
def test_page_never_scrolls_sideways(open_report, width):
    page = open_report(width=width).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert width == page.evaluate("document.documentElement.scrollWidth")
    assert 0 == page.locator("[data-errors] .text").evaluate_all(
        "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth + 1).length"
    )


def test_the_first_screen_has_the_answer_the_metrics_and_the_score_distributions(open_report):
    page = open_report().page
    for part in (".case__headline", ".metrics", "#chart-hostile-score_distributions img"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] <= 900, part
    assert page.evaluate("document.documentElement.scrollHeight") < 6000
    closed = page.locator("details.fold").evaluate_all("folds => folds.filter(f => !f.open).map(f => f.innerText)")
    assert any("F1 0.840, optimism +0.020" in line for line in closed), "a fold says its result"


def test_links_and_names_unfold_what_they_lead_to(open_report):
    page = open_report(width=390).page
    page.get_by_role("link", name="Data audit").click()
    assert page.locator("#data-hostile").evaluate("e => e.open")
    assert page.locator("#data-hostile table").first.is_visible()


@pytest.fixture(scope="module")
def show(browser):
    """Opens a page of a report made up; closes it at the end."""
    context = browser.new_context(viewport={"width": 390, "height": 900})

    def show_it(report):
        page = context.new_page()
        page.set_content(page_html([report]))
        return page

    yield show_it
    context.close()


REPORTS = {
    "one model": lambda: make_report(names=("base",)),
    "eight models": lambda: make_report(
        names=("base", "standard", *(f"lora_rank_{2**at}_all_linear" for at in range(6)))
    ),
    "no categories": lambda: make_report(pair=lambda row: plain(row) | {"category": "", "pair_type": ""}, moved=(0, 3)),
    "NaN": lambda: make_report(undefined=("base", "standard", "lora")),
    "error": lambda: with_case(make_report(), models={}, verdicts=(), audit=None, error="no disk " * 100),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_a_phone_never_scrolls_sideways_whatever_a_run_leaves(show, kind):
    with mock.patch.dict(CHARTS, {name: CHARTS[name] for name in ("score_distributions", "change")}, clear=True):
        page = show(REPORTS[kind]())
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_hostile_texts_are_shown_as_text(open_report, hostile_report):
    page = open_report(at="errors-hostile").page
    rows = wrong(hostile_report)
    shown = texts(page, 1)
    assert len(rows) == len(shown)
    for row, text in zip(rows, shown, strict=True):
        expected = hostile_report.pairs.text_1[row].replace("\x00", "\u2400").replace("\ud800", "\ufffd")
        assert expected[:1000] in text
        assert ("characters, the first 1,000 shown" in text) == (len(expected) > 1000)
    assert 0 == page.locator("img[src='x'], .harness-report script:not([type])").count()
    ids = page.locator("#results-table .col-testId").all_text_contents()
    assert any("<img src=x onerror=alert(1)>" in test_id for test_id in ids)


def test_sorting_by_click_and_by_keyboard(open_report, hostile_report):
    page = open_report(at="errors-hostile").page
    scores = hostile_report.pairs.scores["lora"]
    expected = sorted(scores[row] for row in wrong(hostile_report))

    def shown():
        cells = page.locator("[data-errors] tbody tr:visible > :nth-child(8)")
        return cells.evaluate_all("cells => cells.map(c => Number(c.dataset.value))")

    assert "none" == header_state(page, 8)
    sort_button(page, "lora").click()
    assert "ascending" == header_state(page, 8)
    assert pytest.approx(expected, abs=1e-6) == shown()
    for key, state, order in (("Enter", "descending", expected[::-1]), ("Space", "ascending", expected)):
        sort_button(page, "lora").press(key)
        assert state == header_state(page, 8)
        assert pytest.approx(order, abs=1e-6) == shown()
    sort_button(page, "Text 1").press("Enter")
    assert ("none", "ascending") == (header_state(page, 8), header_state(page, 1))


def test_filters_by_text_model_and_pair_type(open_report, hostile_report):
    page = open_report(at="errors-hostile").page
    rows = len(wrong(hostile_report))
    count = page.locator("[data-errors] output")
    assert f"{rows} of {rows} rows" == count.inner_text()

    page.get_by_label("Text in the row").fill("EMOJI")
    assert texts(page, 1)
    assert all("emoji" in first + second for first, second in zip(texts(page, 1), texts(page, 2), strict=True))
    assert f"{len(texts(page, 1))} of {rows} rows" == count.inner_text()
    page.get_by_label("Text in the row").fill("")

    page.get_by_label("Wrong under").select_option("lora")
    assert texts(page, 8)
    assert all("false" in cell for cell in texts(page, 8))
    page.get_by_label("Wrong under").select_option("")

    evil = '"><img src=x onerror=alert(1)>'
    page.locator("[data-errors] select[name=type]").select_option(evil)
    assert {evil} == set(texts(page, 4))
    page.get_by_label("Text in the row").fill("no such text")
    assert f"0 of {rows} rows" == count.inner_text()


def test_keyboard_reaches_the_filter_and_shows_where_it_is(open_report):
    page = open_report(at="errors-hostile").page
    page.get_by_label("Text in the row").focus()
    page.keyboard.press("Tab")
    assert "model" == page.evaluate("document.activeElement.name")
    assert "solid" == page.evaluate("getComputedStyle(document.activeElement).outlineStyle")


def test_points_are_read_by_mouse_and_by_keyboard(open_report, hostile_report):
    page = open_report().page
    figure = page.locator("#chart-hostile-umap")
    output, slider, canvas = figure.locator("output"), figure.get_by_label("Step through"), figure.locator(".canvas")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert "line 2" in output.inner_text()
    assert hostile_report.pairs.text_1[1][:20] in output.inner_text()
    rings = canvas.locator(".ring:visible")
    assert 3 == rings.count()

    page.keyboard.press("End")
    assert f"line {len(hostile_report.pairs)}" in output.inner_text()
    at = rings.nth(1).bounding_box()
    page.keyboard.press("Home")
    assert "line 1\n" in output.inner_text() + "\n"
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    words = ", ".join(f"{name} {hostile_report.pairs.scores[name][-1]:.3f}" for name in hostile_report.models)
    assert words.replace("-", "\N{MINUS SIGN}") in output.inner_text()


def test_failed_test_has_its_message_and_its_chart(open_report):
    page = open_report().page
    assert page.locator("#tests > summary").inner_text().endswith("2 Failed, 1 Passed")
    assert not page.locator("#results-table").is_visible()
    page.locator("#tests > summary").click()
    page.locator("#show_all_details").click()
    assert any("onerror=alert(1)> is worse" in log for log in page.locator("#results-table .log").all_inner_texts())
    page.locator("#results-table").get_by_role("link", name="Chart: roc").first.click()
    assert page.url.endswith("#chart-hostile-roc")
    assert page.locator("#chart-hostile-roc").evaluate("e => e.matches(':target')")


def test_readable_without_javascript(open_report, hostile_report):
    page = open_report(java_script_enabled=False).page
    assert len(wrong(hostile_report)) == page.locator("[data-errors] tbody tr").count()
    assert not page.locator("[data-errors] form").is_visible()
    assert not page.locator(".points").first.is_visible()
    assert page.locator("#chart-hostile-roc img").is_visible()


def test_paper_shows_no_controls_and_cuts_no_table(open_report):
    page = open_report(width=720).page
    page.emulate_media(media="print")
    assert page.get_by_text("All of them, with the whole texts").is_visible(), "what is folded is printed"
    assert not page.locator("[data-errors] form").is_visible()
    assert page.locator(".on-paper").is_visible()
    boxes = "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth + 1).length"
    assert 0 == page.locator(".harness-report .scroll:has(.pairs)").evaluate_all(boxes)


def test_everything_operable_has_a_name(open_report):
    page = open_report().page
    unnamed = """elements => elements.filter(e => !(e.labels && e.labels.length) && !e.textContent.trim()
        && !e.getAttribute("aria-label")).map(e => e.outerHTML)"""
    operable = page.locator(".harness-report :is(a, button, input, select, summary, [tabindex='0'])")
    assert [] == operable.evaluate_all(unnamed)
    assert all(page.locator(".harness-report img").evaluate_all("images => images.map(i => i.alt.length > 20)"))
