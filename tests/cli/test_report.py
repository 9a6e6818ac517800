"""`embedding-harness report`: the page of a run again, from its files."""

from unittest import mock

import pytest

from harness.cli import main
from harness.report import summary_html
from harness.report.charts import CHARTS

from ..synthetic import make_report


@pytest.fixture(autouse=True)
def few_charts():
    with mock.patch.dict(CHARTS, {"roc": CHARTS["roc"]}, clear=True):
        yield


def test_the_page_holds_the_summary_of_the_run_and_the_wrong_pairs_lie_beside(written, tmp_path, capsys):
    results = written("a")
    assert main(["report", str(results)]) == 0
    assert capsys.readouterr().out == f"{results.with_name('summary.html')}\n"
    page = results.with_name("summary.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert summary_html([make_report("dating")]) in page
    elsewhere = tmp_path / "site" / "index.html"
    assert main(["report", str(results), "--html", str(elsewhere)]) == 0
    assert elsewhere.read_text(encoding="utf-8") == page
    assert elsewhere.with_name("errors-dating.csv").read_text(encoding="utf-8").startswith('"text_1","text_2"')


def test_without_its_pairs_it_is_status_2(written, capsys):
    results = written("a")
    results.with_name("pairs-dating.json").unlink()
    assert main(["report", str(results)]) == 2
    assert "pairs-dating.json: cannot be read" in capsys.readouterr().err
    assert not results.with_name("summary.html").exists()


def test_for_a_pull_request_or_a_model_card_no_page_is_drawn(written, tmp_path, capsys):
    results, card, comment = written("a"), tmp_path / "README.md", tmp_path / "comment.md"
    results.with_name("pairs-dating.json").unlink()
    options = ["--markdown", str(comment), "--model-card", str(card), "--model", "lora"]
    assert main(["report", str(results), *options]) == 0
    assert capsys.readouterr().out == f"{comment}\n{card}\n"
    assert comment.read_text(encoding="utf-8").startswith("## Embedding evaluation\n\n- **dating: may ship: yes.**")
    assert "model-index:" in card.read_text(encoding="utf-8")
    assert not results.with_name("summary.html").exists()
