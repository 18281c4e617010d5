"""Who hears of what, and where: the most specific word wins."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saas.events import catalogue
from saas.notifications.choices import AT_ONCE, DIGEST, OFF, Choice, UnknownKind, kind_of, kinds, resolve, usual

KINDS = st.sampled_from(kinds())
LAYER = st.fixed_dictionaries(
    {}, optional={"in_app": st.sampled_from([True, False, None]), "email": st.sampled_from([AT_ONCE, DIGEST, OFF, ""])}
)


@given(kind=KINDS, own=LAYER, organization=LAYER, is_muted=st.booleans())
def test_the_most_specific_word_wins(kind, own, organization, is_muted):
    choice = resolve(kind, own={kind.key: own}, organization={kind.key: organization}, is_muted=is_muted)
    if kind.mandatory:
        assert choice == usual(kind)
    elif is_muted:
        assert choice == Choice(in_app=False, email=OFF)
    else:
        for name in ("in_app", "email"):
            said = [value for value in (own.get(name), organization.get(name)) if value not in (None, "")]
            assert getattr(choice, name) == (said[0] if said else getattr(usual(kind), name))


@given(kind=KINDS, own=LAYER)
def test_what_is_said_of_one_kind_says_nothing_of_another(kind, own):
    others = [each for each in kinds() if each.key != kind.key]
    assert all(resolve(other, own={kind.key: own}) == usual(other) for other in others)


def test_the_catalogue_reads_as_choices():
    kind = kind_of("projects")
    assert usual(replace(kind, email=True)).email == AT_ONCE
    assert usual(replace(kind, email=False)).email == OFF
    assert usual(replace(kind, email="digest")).email == DIGEST


def test_an_unknown_kind_says_where_to_add_it():
    with pytest.raises(UnknownKind, match=r"config/events\.yaml"):
        kind_of("gossip")


NOTICES = [(each.name, each.notify) for each in catalogue.load().events.values() if each.notify]


@pytest.mark.parametrize(("name", "notice"), NOTICES, ids=[name for name, _ in NOTICES])
def test_every_declared_notice_can_be_told(name, notice):
    from django.urls import NoReverseMatch, reverse

    from saas.events.catalogue import NO_LINK

    notice.title.format(actor="Ann", target="Atlas", organization="Acorn")
    notice.many.format(count=3)
    if notice.link in ("", NO_LINK):
        return
    for args in ([], ["acorn"]):
        try:
            assert reverse(notice.link, args=args).startswith("/")
            return
        except NoReverseMatch:
            continue
    pytest.fail(f"{name} links to {notice.link}, which is no page of a person or an organization")
