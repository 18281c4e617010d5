"""What the templates promise to every page: fields, messages, error pages, words."""

import re
from datetime import timedelta

import pytest
from django import forms
from django.contrib.messages import constants
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from saas import product
from saas.config_files import ConfigError
from saas.templatetags.interface import initials, moment


class SignUp(forms.Form):
    email = forms.EmailField(
        help_text="We write to it.", widget=forms.EmailInput(attrs={"placeholder": "Email address"})
    )
    password = forms.CharField(widget=forms.PasswordInput)
    nickname = forms.CharField(required=False, widget=forms.TextInput(attrs={"placeholder": "ada"}))
    plan = forms.ChoiceField(choices=[("free", "Free"), ("team", "Team")], widget=forms.RadioSelect)
    agree = forms.BooleanField(label="I agree")
    token = forms.CharField(widget=forms.HiddenInput)


def tag(html: str, name: str) -> str:
    found = re.search(rf'<(input|select|textarea)[^>]*name="{name}"[^>]*>', html)
    assert found, html
    return found.group()


def test_a_field_says_its_label_its_help_and_its_mistake_to_a_screen_reader():
    html = str(SignUp({"email": "ada@"}))
    email = tag(html, "email")
    assert 'aria-invalid="true"' in email
    assert 'aria-describedby="id_email_helptext id_email_error"' in email
    assert 'id="id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert '<label class="field-label" for="id_email">' in html


def test_a_form_keeps_what_was_typed_and_links_to_every_mistake():
    html = str(SignUp({"email": "ada@", "plan": "team"}))
    assert 'value="ada@"' in tag(html, "email")
    assert "data-error-summary" in html
    assert all(f'href="#{target}"' in html for target in ("id_email", "id_password", "id_agree"))


def test_a_mistake_in_a_hidden_field_is_not_lost():
    data = {"email": "a@example.com", "password": "x", "plan": "free", "agree": "on"}
    assert "This field is required." in str(SignUp(data))


def test_a_placeholder_that_repeats_the_label_is_left_out():
    html = str(SignUp())
    assert "placeholder" not in tag(html, "email")
    assert 'placeholder="ada"' in tag(html, "nickname")


def test_a_field_that_may_stay_empty_says_so():
    html = str(SignUp())
    assert html.count("(optional)") == 1


def test_a_password_can_be_shown():
    assert str(SignUp()).count("data-password-toggle") == 1


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("ada@example.com", "A"), ("  Grace  Brewster Hopper ", "GH"), ("", "?"), (None, "?")],
)
def test_an_avatar_shows_at_most_two_letters(name, letters):
    assert initials(name) == letters


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=3, seconds=1), "3 minutes ago"),
        (timedelta(hours=-5, seconds=-5), "in 5 hours"),
    ],
)
def test_a_moment_is_told_in_words_with_the_exact_time_on_hover(ago, words):
    html = moment(timezone.now() - ago)
    assert f">{words}</time>" in html
    assert "title=" in html
    assert "data-relative" in html


def test_no_moment_is_a_word():
    assert moment(None) == "never"


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_an_error_page_needs_nothing_that_is_handed_in(status):
    html = render_to_string(f"{status}.html")
    assert str(status) in html
    assert "<h1>" in html


def test_the_500_page_tells_the_request_and_runs_no_script():
    html = render_to_string("500.html", {"request_id": "0b1f7c1e"})
    assert "0b1f7c1e" in html
    assert "<script" not in html


def test_a_message_is_shown_once_and_said_aloud():
    message = type("Message", (), {"message": "Saved.", "level_tag": "success", "level": constants.SUCCESS})
    html = render_to_string("components/toasts.html", {"messages": [message]})
    assert 'aria-live="polite"' in html
    assert html.count("Saved.") == 1
    assert "toast-success" in html


@pytest.mark.parametrize("path", ["/", "/terms/", "/privacy/", "/styleguide/", "/robots.txt"])
def test_a_public_page_opens_without_an_inline_style_or_script(path):
    response = Client().get(path)
    html = response.content.decode()
    assert response.status_code == 200
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)


def test_the_words_of_the_landing_page_come_from_one_file():
    words = product.product()
    html = Client().get("/").content.decode()
    for text in (words["name"], words["landing"]["title"], words["landing"]["features"][0]["title"]):
        assert Template("{{ text }}").render(Context({"text": text})) in html


def test_a_missing_word_is_named_with_its_line(tmp_path):
    file = tmp_path / "product.yaml"
    file.write_text("name: Acme\ntagline: ''\n")
    with pytest.raises(ConfigError, match=r"product\.yaml:\d+: "):
        product.load_yaml(file, product.SCHEMA)
