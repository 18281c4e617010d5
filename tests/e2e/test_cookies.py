"""A visitor answers the question about analytics, with and without JavaScript, and thinks better of it."""

import pytest
from playwright.sync_api import expect

from tests.e2e.test_organizations import look


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["", "without JavaScript"])
def test_a_visitor_declines_and_later_accepts(visitor, options):
    page = visitor(**options)
    page.goto("/")
    question = page.get_by_role("region", name="May we count")
    expect(question).to_be_visible()
    answers = [question.get_by_role("button", name=name).bounding_box() for name in ("Accept", "Decline")]
    assert all(answers)
    assert {(box["width"], box["height"]) for box in answers if box} == {(answers[0]["width"], answers[0]["height"])}
    page.get_by_role("link", name="Create an account").first.scroll_into_view_if_needed()  # nothing is blocked
    expect(page.get_by_role("link", name="Create an account").first).to_be_visible()
    question.get_by_role("button", name="Decline").click()
    expect(page).to_have_url("/")
    expect(question).to_have_count(0)

    page.get_by_role("link", name="Cookies", exact=True).click()
    expect(page.get_by_text("Your answer: declined.")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Your answer: accepted.")).to_be_visible()


def test_the_question_and_the_page_are_for_everybody(visitor):
    page = visitor()
    for path in ("/", "/cookies/"):
        page.goto(path)
        look(page)
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto("/terms/")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    question = page.get_by_role("region", name="May we count").bounding_box()
    foot = page.get_by_role("contentinfo").bounding_box()
    assert question
    assert foot
    assert foot["y"] + foot["height"] <= question["y"] + 1  # at the end it covers nothing
