"""Charts: what they show, to whom, and that the page's policy needs no exception for them."""

import re

import pytest
from django.template.loader import render_to_string

from saas import charts

DAYS = ["Mon", "Tue", "Wed"]
RUNS = {"Succeeded": [90, 1200, 240.5], "Failed": [5, None, 30]}


@pytest.fixture(params=[charts.line, charts.bar])
def chart(request):
    return request.param("Runs per day", DAYS, RUNS)


def page(chart, **more):
    return render_to_string("components/chart.html", {"chart": chart, **more})


def test_a_chart_carries_no_script_and_no_style(chart):
    html = page(chart)
    assert html.count("<svg") == 2
    assert not re.search(r"<script|<style|style=|javascript|pygal\.org", html)
    assert "id=" not in html


def test_a_chart_says_what_it_shows(chart):
    for drawing in (chart.wide, chart.narrow):
        assert 'role="img"' in drawing
        assert 'aria-label="Runs per day, Mon to Wed. Succeeded: 90 to 1,200. Failed: 5 to 30."' in drawing


def test_every_value_says_itself(chart):
    for said in ("Mon: 90", "Tue: 1,200", "Wed: 240.5", "Wed: 30"):
        assert f"<title>{said}</title>" in chart.wide


def test_the_numbers_stand_in_a_table(chart):
    html = page(chart)
    assert [re.sub(r"\s+", "", cell) for cell in re.findall(r'<td class="number">(.*?)</td>', html)] == [
        "90",
        "5",
        "1,200",
        "–",
        "240.5",
        "30",
    ]
    assert '<th scope="row">Tue</th>' in html


def test_words_write_the_unit():
    chart = charts.bar("Spent", ["May"], {"Spent": [12]}, words=lambda value: f"${value:,.2f}")
    assert chart.rows == [("May", ["$12.00"])]
    assert "<title>May: $12.00</title>" in chart.wide
    assert ">$10.00</text>" in chart.wide


def test_a_name_cannot_become_markup():
    evil = "</svg><script>alert(1)</script>"
    html = page(charts.line(evil, [evil], {evil: [1], "b": [2]}))
    assert "<script" not in html


@pytest.mark.parametrize("values", [[], [None, None]])
def test_nothing_to_show_says_so(values):
    chart = charts.line("Runs", ["Mon", "Tue"][: len(values)], {"Runs": values})
    assert chart.is_empty
    html = page(chart, empty="No run yet.")
    assert "No run yet." in html
    assert "<svg" not in html


@pytest.mark.parametrize("values", [[0, 0], [-3, 4], [0.0001, 0.0002], [10**9, 1]])
def test_any_size_can_be_drawn(values):
    for draw in (charts.line, charts.bar):
        assert "<svg" in draw("Any", ["a", "b"], {"Any": values}).wide


def test_a_narrow_place_shows_fewer_labels():
    days = [f"{day} Nov" for day in range(1, 31)]
    chart = charts.line("Runs", days, {"Runs": list(range(30))})
    assert len(re.findall(r"\d Nov</text>", chart.narrow)) < len(re.findall(r"\d Nov</text>", chart.wide)) <= 12
