import base64
import re

import jinja2
import pytest

from stroke_ctp.reporting.figures.flowchart import draw_flowchart
from stroke_ctp.reporting.html import _cell, _prose, embedded, render
from stroke_ctp.reporting.number_text import estimate_parts, estimate_text
from stroke_ctp.statistics.interval_estimates import Estimate


def test_a_figure_is_carried_within_the_page_and_described():
    image = embedded(draw_flowchart({"patients": 2, "included": 2, "excluded": {}}), 'two "patients" <both>')
    data = re.search(r'src="data:image/png;base64,([^"]+)"', image)
    assert data
    assert base64.b64decode(data[1]).startswith(b"\x89PNG")
    assert 'alt="two &#34;patients&#34; &lt;both&gt;"' in image


def test_the_base_page_refers_to_nothing_outside_itself():
    page = render("base.html", {})
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,", "#main"]
    assert "default-src 'none'" in page, "a browser would fetch what the page asks for"
    assert "url(" not in page
    assert "@import" not in page


def test_a_value_that_a_template_needs_and_does_not_get_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'page' is undefined"):
        render("report.html", {})


def test_a_number_and_its_interval_are_not_broken_within():
    expected = '<span class="nowrap">0.72</span> <span class="nowrap">(0.65 to 0.79)</span>'
    auc = Estimate(0.72, 0.65, 0.79)
    assert _cell(estimate_parts(auc)) == expected
    assert "nowrap" not in _prose(f"ROC-AUC {estimate_text(auc)}")
    assert _cell(("a <b> (c)",)) == "a &lt;b&gt; (c)"


def test_what_is_typed_is_set_apart_and_everything_is_escaped():
    assert _prose("run `report name=<a>` & see") == "run <code>report name=&lt;a&gt;</code> &amp; see"
    assert _cell(("run `x`",)) == "run <code>x</code>"
