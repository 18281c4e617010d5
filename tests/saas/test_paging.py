"""Lists by cursor: every row once, in order, forwards and backwards, while rows come and go."""

from datetime import timedelta

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organizations.projects.models import Project
from saas.mongo.fields import new_key
from saas.paging import BadCursor, Cursor, page_of
from saas.tenancy import now

ORG, OTHER = new_key(), new_key()
START = now()


def make(*minutes, org=ORG):
    """One project for each number, created that many minutes after the start."""
    someone = new_key()
    return Project.objects.for_org(org).insert(
        [
            Project(
                name=f"P{i}",
                name_key=f"p{m}",
                created_at=at(m),
                updated_at=at(m),
                created_by=someone,
                updated_by=someone,
            )
            for i, m in enumerate(minutes)
        ]
    )


def at(minutes):
    return START + timedelta(minutes=minutes)


def page(cursor="", **options):
    return page_of(Project.objects.for_org(ORG), cursor=cursor, **options)


def walk(**options):
    """The ids of each page, to the end and back."""
    there = [page(**options)]
    while there[-1].next:
        there.append(page(there[-1].next, **options))
    back = [there[-1]]
    while back[-1].previous:
        back.append(page(back[-1].previous, **options))
    return [[row["id"] for row in each.rows] for each in there], [[row["id"] for row in each.rows] for each in back]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.lists(st.integers(0, 3), max_size=14),
    size=st.integers(1, 5),
    order=st.sampled_from(["-created_at", "created_at", "name_key", "-name_key"]),
)
def test_every_row_comes_once_and_in_order_with_any_number_of_ties(minutes, size, order):
    Project.objects.for_org(ORG).delete()
    if minutes:
        make(*minutes)
    field = order.removeprefix("-")
    rows = Project.objects.for_org(ORG).only(field)
    expected = [r.id for r in sorted(rows, key=lambda r: (r[field], r.id), reverse=order.startswith("-"))]
    there, back = walk(order=order, size=size)
    assert [key for ids in there for key in ids] == expected
    assert back == there[::-1], "the way back shows the same pages"
    assert all(len(ids) == size for ids in there[:-1])


def test_a_row_that_comes_or_goes_meanwhile_moves_no_other(count_queries):
    old = [p.id for p in make(*range(9))][::-1]
    first = page(size=3)
    make(100)
    Project.objects.for_org(ORG).filter(pk__in=[old[2], old[3]]).delete()
    second = page(first.next, size=3)
    assert [row["id"] for row in second.rows] == old[4:7]
    with count_queries(at_most=1):
        page(second.next, size=3)


def test_the_way_back_ends_at_a_full_first_page():
    make(*range(6))
    second = page(page(size=3).next, size=3)
    newest = make(50)[0]
    back = page(second.previous, size=3)
    assert len(back.rows) == 3
    first = page(back.previous, size=3)
    assert first.rows[0]["id"] == newest.id
    assert (len(first.rows), first.previous) == (3, "")


def test_a_cursor_behind_the_last_row_leads_to_the_first_page():
    make(*range(4))
    cursor = page(size=2).next
    Project.objects.for_org(ORG).filter(created_at__lt=at(2)).delete()
    assert [row["name"] for row in page(cursor, size=2).rows] == ["P3", "P2"]
    Project.objects.for_org(ORG).delete()
    assert page(cursor, size=2).rows == []


BAD = {
    "nonsense": "nonsense",
    "not ascii": "é",
    "padding alone": "=",
    "a null": "%00",
    "too long": "A" * 5000,
    "no document": "AAAA",
    "half a document": "bm8",
    "another order": str(Cursor("name_key", False, "p1", new_key())),
    "an operator": str(Cursor("-created_at", False, {"$ne": 1}, new_key())),
    "no direction": str(Cursor("-created_at", "yes", START, new_key())),
}


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD)
def test_a_cursor_that_is_none_leads_to_the_first_page(cursor):
    make(0, 1)
    assert [row["name"] for row in page(cursor).rows] == ["P1", "P0"]
    with pytest.raises(BadCursor):
        Cursor.read(cursor, "-created_at")


def test_a_cursor_of_another_tenant_opens_nothing():
    theirs = make(*range(6), org=OTHER)
    mine = make(0)
    stolen = str(Cursor("-created_at", False, theirs[-1].created_at, theirs[-1].id))
    assert [row["id"] for row in page(stolen).rows] == [mine[0].id]


def test_a_row_is_a_plain_dictionary_with_text_for_ids():
    (made,) = make(0)
    (row,) = page(only=("name", "created_by")).rows
    assert row["id"] == made.id
    assert row["created_by"] == made.created_by
    assert row["created_at"] == made.created_at
    assert not [key for key, value in row.items() if isinstance(value, ObjectId)]
    assert "description" not in row


def test_the_links_keep_the_filters_of_the_page(rf):
    make(*range(3))
    request = rf.get("/list/", {"status": "done", "tag": "a b", "cursor": "old"})
    links = page(size=2).links(request)
    assert links["previous_url"] == ""
    assert links["next_url"].startswith("/list/?status=done&tag=a+b&cursor=")
    assert "old" not in links["next_url"]


@pytest.mark.parametrize("order", ["-created_at", "-updated_at", "name_key"])
def test_an_index_gives_each_order_on_every_page(order, no_scans):
    make(*range(50))
    live = Project.objects.for_org(ORG).filter(archived_at=None)
    first = page_of(live, order=order, size=5)
    second = page_of(live, order=order, cursor=first.next, size=5)
    with no_scans(sorted_by_index=True):
        page_of(live, order=order, size=5)
        page_of(live, order=order, cursor=first.next, size=5)
        page_of(live, order=order, cursor=second.previous, size=5)
