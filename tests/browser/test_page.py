"""The report in a real browser: complete, silent, self-contained, and usable without a mouse."""

import pytest

from harness.report.charts import CHARTS
from harness.report.errors import pair_outcomes, wrong_pairs

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


def test_hostile_texts_are_shown_as_text(open_report, hostile_report):
    page = open_report().page
    rows = wrong(hostile_report)
    shown = texts(page, 1)
    assert len(rows) == len(shown)
    for row, text in zip(rows, shown, strict=True):
        expected = hostile_report.pairs.text_1[row].replace("\x00", "\u2400").replace("\ud800", "\ufffd")
        assert expected[:1000] in text
        assert ("characters, the first 1,000 shown" in text) == (len(expected) > 1000)
    assert 0 == page.locator("img[src='x'], .harness-report script:not([type])").count()
    ids = page.locator("#results-table .col-testId").all_inner_texts()
    assert any("<img src=x onerror=alert(1)>" in test_id for test_id in ids)


def test_sorting_by_click_and_by_keyboard(open_report, hostile_report):
    page = open_report().page
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
    page = open_report().page
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
    page = open_report().page
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
