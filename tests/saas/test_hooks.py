import pytest
from django.core.exceptions import ImproperlyConfigured

from saas import hooks
from saas.hooks import Hook, Hooks, check_hooks_are_filled


def test_a_hook_asks_its_provider():
    hook = Hook("greeting")
    hook.register(lambda name, *, loud: f"{name}{'!' * loud}")
    assert hook("Ann", loud=2) == "Ann!!"


def test_an_empty_hook_says_who_is_missing():
    with pytest.raises(ImproperlyConfigured, match=r"hooks\.greeting"):
        Hook("greeting")()


def test_a_hook_has_one_provider():
    hook = Hook("greeting")
    provider = hook.register(lambda: "one")
    assert hook.register(provider) is provider
    with pytest.raises(ImproperlyConfigured, match="already"):
        hook.register(lambda: "two")


def test_hooks_keep_their_order_and_nothing_twice():
    hook = Hooks("steps")
    first, second = (lambda: 1), (lambda: 2)
    for provider in (first, second, first):
        hook.register(provider)
    assert list(hook) == [first, second]


def test_the_rooms_fill_every_hook():
    assert check_hooks_are_filled() == []


@pytest.mark.parametrize("name", ["membership", "can"])
def test_the_start_is_refused_with_an_empty_hook(name, monkeypatch):
    monkeypatch.setattr(getattr(hooks, name), "provider", None)
    (error,) = check_hooks_are_filled()
    assert (error.id, error.msg) == ("saas.E001", f"Nobody provides hooks.{name}.")
