"""No tenant sees, changes or owns what is another's: documents, URLs, and the code that could go around both.

Documents and URLs are found by themselves. A URL with an argument that nobody knows fails until tests/factories.py
says what belongs there.
"""

import ast
from pathlib import Path

import mongoengine
import pytest
from bson import ObjectId
from django.conf import settings
from django.urls import reverse
from mongoengine import BooleanField, ListField, StringField

from saas.access import routes
from saas.mongo.documents import concrete_documents, database
from saas.mongo.fields import new_key
from saas.tenancy import (
    Guarded,
    IdField,
    OrgDocument,
    PlatformDocument,
    TenantDocument,
    Unscoped,
    UserDocument,
    now,
)
from tests.documents import values_for
from tests.factories import ARGUMENTS, OWNED_ARGUMENTS, ROLES, make_world

A, B = new_key(), new_key()


class Memo(OrgDocument):
    """A document of the tests; it shows that new ones are found."""

    title = StringField(required=True)
    tags = ListField(StringField())
    parent_id = IdField()

    meta = {"collection": "test_memos", "indexes": [["organization_id", "-created_at", "-id"]]}


class Letter(UserDocument):
    title = StringField(required=True)

    meta = {"collection": "test_letters", "indexes": [["user_id", "-created_at"]]}


class Poster(PlatformDocument):
    title = StringField(required=True)
    public = BooleanField(default=False)
    organization_id = IdField()
    public_query = {"public": True}

    meta = {"collection": "test_posters"}


#: The product's documents and the three of this module; other tests' own may be loaded beside them or not.
DOCUMENTS = sorted(
    (
        document
        for document in set(concrete_documents())
        if issubclass(document, TenantDocument)
        and (document.__module__ == __name__ or not document.__module__.startswith("tests."))
    ),
    key=lambda document: document.__name__,
)
OWNED = [document for document in DOCUMENTS if {"organization_id", "user_id"} & document._fields.keys()]
BY_NAME = {"ids": lambda document: document.__name__}


def scoped(document, key):
    """The queryset of one tenant, by the narrowest door that the document has."""
    if issubclass(document, UserDocument):
        return document.objects.for_user(key)
    return document.objects.for_org(key)


# -- Every document --------------------------------------------------------------------------------------------------

DOORS = {
    "iterate": list,
    "length": len,
    "truth": bool,
    "all": lambda objects: list(objects.all()),
    "filter": lambda objects: list(objects.filter(id=A)),
    "raw filter": lambda objects: list(objects(__raw__={"_id": ObjectId(A)})),
    "first": lambda objects: objects.first(),
    "get": lambda objects: objects.get(id=A),
    "with_id": lambda objects: objects.with_id(A),
    "index": lambda objects: objects[0],
    "slice": lambda objects: list(objects[:2]),
    "next": next,
    "count": lambda objects: objects.count(),
    "limited count": lambda objects: objects.limit(0).count(),
    "none": lambda objects: objects.none().count(),
    "in_bulk": lambda objects: objects.in_bulk([A]),
    "distinct": lambda objects: objects.distinct("id"),
    "scalar": lambda objects: list(objects.scalar("id")),
    "values_list": lambda objects: list(objects.values_list("id")),
    "as_pymongo": lambda objects: list(objects.as_pymongo()),
    "no_cache": lambda objects: list(objects.no_cache()),
    "only": lambda objects: list(objects.only("id")),
    "explain": lambda objects: objects.explain(),
    "to_json": lambda objects: objects.to_json(json_options=None),
    "aggregate": lambda objects: objects.aggregate([{"$count": "n"}]),
    "sum": lambda objects: objects.sum("id"),
    "average": lambda objects: objects.average("id"),
    "item_frequencies": lambda objects: objects.item_frequencies("id"),
    "map_reduce": lambda objects: objects.map_reduce("f", "f", "inline"),
    "exec_js": lambda objects: objects.exec_js("f"),
    "where": lambda objects: objects.where("true"),
    "using": lambda objects: objects.using("default"),
    "rewind": lambda objects: objects.rewind(),
    "create": lambda objects: objects.create(),
    "insert": lambda objects: objects.insert(objects._document(id=A)),
    "update": lambda objects: objects.update(unset__created_at=1),
    "update_one": lambda objects: objects.update_one(unset__created_at=1),
    "upsert_one": lambda objects: objects.upsert_one(created_at=now()),
    "modify": lambda objects: objects.modify(created_at=now()),
    "delete": lambda objects: objects.delete(),
    "comment": lambda objects: list(objects.comment("hello")),
    "copy": lambda objects: list(objects.clone()),
    "no owner": lambda objects: objects.for_org(None),
    "an empty owner": lambda objects: objects.for_org(""),
    "a malformed owner": lambda objects: objects.for_org("acorn"),
    "no reason": lambda objects: objects.everything(reason=" "),
}


@pytest.mark.parametrize("document", DOCUMENTS, **BY_NAME)
def test_every_door_stays_shut_until_it_is_told_for_whom(document, count_queries):
    with count_queries(at_most=0):
        assert [name for name, door in DOORS.items() if opens(door, document.objects)] == []


def opens(door, objects):
    try:
        door(objects)
    except Unscoped:
        return False
    return True


@pytest.mark.parametrize("document", DOCUMENTS, **BY_NAME)
def test_a_document_says_what_it_is_without_reading(document, count_queries):
    with count_queries(at_most=0):
        assert "not scoped" in repr(document.objects)


@pytest.mark.parametrize("document", OWNED, **BY_NAME)
def test_a_tenant_finds_counts_changes_and_deletes_only_its_own(document):
    mine = scoped(document, A).create(**values_for(document))
    theirs = scoped(document, B).create(**values_for(document))
    here = lambda: scoped(document, A)  # noqa: E731

    assert [each.id for each in here()] == [mine.id]
    assert [str(row["_id"]) for row in here().as_pymongo()] == [mine.id]
    assert list(here().scalar("id")) == list(map(str, here().distinct("id"))) == [mine.id]
    assert here().count() == len(here()) == 1
    assert here().filter(id=theirs.id).first() is here().with_id(theirs.id) is None
    assert list(here()(__raw__={"_id": ObjectId(theirs.id)})) == []
    assert list(here()(__raw__={"$or": [{"_id": ObjectId(theirs.id)}, {"_id": ObjectId(mine.id)}]})) == [mine]
    assert here().in_bulk([mine.id, theirs.id]) == {mine.id: mine}
    assert [str(row["_id"]) for row in here().aggregate([{"$match": {}}])] == [mine.id]
    assert [each.id for each in here().no_cache()] == [mine.id]
    with pytest.raises(document.DoesNotExist):
        here().get(id=theirs.id)
    later = now().replace(year=2032)
    assert here().filter(id=theirs.id).update(created_at=later) == 0
    assert here().filter(id=theirs.id).modify(created_at=later) is None
    assert here().filter(id=theirs.id).delete() == 0
    theirs.reload()
    assert theirs.created_at != later
    assert here().delete() == 1
    theirs.reload()


@pytest.mark.parametrize("document", OWNED, **BY_NAME)
def test_a_filter_cannot_reach_over_the_scope(document):
    theirs = scoped(document, B).create(**values_for(document))
    owner = "user_id" if issubclass(document, UserDocument) else "organization_id"
    stored = document._fields[owner].to_mongo(B)
    assert list(scoped(document, A)(**{owner: B})) == []
    assert list(scoped(document, A)(__raw__={owner: stored})) == []
    assert list(scoped(document, A)(__raw__={"$or": [{owner: stored}, {"_id": ObjectId(theirs.id)}]})) == []


@pytest.mark.parametrize("document", OWNED, **BY_NAME)
def test_ids_are_text_and_a_malformed_one_finds_nothing(document):
    mine = scoped(document, A).create(**values_for(document))
    assert isinstance(mine.id, str)
    assert isinstance(scoped(document, A).first().id, str)
    for nonsense in ("nonsense", "", "0" * 23, "z" * 24, "{'$ne': 1}"):
        with pytest.raises(document.DoesNotExist):
            scoped(document, A).get(id=nonsense)
        assert scoped(document, A).in_bulk([nonsense]) == {}


@pytest.mark.parametrize("document", DOCUMENTS, **BY_NAME)
def test_every_document_stands_on_one_of_the_three_bases(document):
    assert issubclass(document, (OrgDocument, UserDocument, PlatformDocument))
    assert issubclass(document._meta["queryset_class"], Guarded)


@pytest.mark.parametrize("document", DOCUMENTS, **BY_NAME)
def test_no_document_holds_a_reference_field(document):
    references = (mongoengine.ReferenceField, mongoengine.LazyReferenceField, mongoengine.GenericReferenceField)
    assert not [name for name, field in document._fields.items() if isinstance(field, references)]


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each.owner_field()], **BY_NAME)
def test_the_list_of_a_tenant_is_served_by_an_index(document):
    owner = document.owner_field()
    leading = {spec["fields"][0][0] for spec in document._meta["index_specs"]}
    assert owner in leading, f"{document.__name__} needs an index that begins with {owner}."


# -- Writing ---------------------------------------------------------------------------------------------------------


def test_create_fills_in_the_owner():
    assert Memo.objects.for_org(A).create(title="x").organization_id == A
    assert Letter.objects.for_user(A).create(title="x").user_id == A


def test_create_refuses_another_owner():
    with pytest.raises(Unscoped):
        Memo.objects.for_org(A).create(title="x", organization_id=B)


def test_everything_creates_only_with_an_owner():
    assert Memo.objects.everything(reason="test").create(title="x", organization_id=A).organization_id == A
    with pytest.raises(Unscoped):
        Memo.objects.everything(reason="test").create(title="x")


@pytest.mark.parametrize("document", [Memo(title="x"), Letter(title="x")], ids=["organization", "person"])
def test_saving_without_an_owner_is_refused_even_unvalidated(document):
    with pytest.raises(Unscoped):
        document.save(validate=False)


def test_insert_fills_in_the_owner_of_many_in_one_trip(count_queries):
    with count_queries(at_most=1):
        notes = Memo.objects.for_org(A).insert([Memo(title="x"), Memo(title="y")])
    assert {note.organization_id for note in notes} == {A}
    assert [note.title for note in Memo.objects.for_org(A).order_by("title")] == ["x", "y"]
    notes[0].title = "z"
    notes[0].save()
    assert notes[0].reload().title == "z"


def test_insert_refuses_another_owner_and_writes_none_of_them():
    with pytest.raises(Unscoped):
        Memo.objects.for_org(A).insert([Memo(title="x"), Memo(title="y", organization_id=B)])
    assert Memo.objects.everything(reason="test").count() == 0


def test_insert_validates():
    with pytest.raises(mongoengine.ValidationError):
        Memo.objects.for_org(A).insert(Memo())


def test_an_update_cannot_give_a_document_away():
    Memo.objects.for_org(A).create(title="x")
    for change in (
        {"organization_id": B},
        {"set__organization_id": B},
        {"unset__organization_id": 1},
        {"rename__title": "organization_id"},
        {"id": B},
        {"__raw__": {"$set": {"organization_id": ObjectId(B)}}},
        {"__raw__": {"$rename": {"title": "organization_id"}}},
        {"__raw__": [{"$set": {"organization_id": ObjectId(B)}}]},
        {"__raw__": [{"$unset": "organization_id"}]},
        {"__raw__": [{"$replaceWith": {"organization_id": ObjectId(B)}}]},
    ):
        with pytest.raises(Unscoped):
            Memo.objects.for_org(A).update(**change)
        with pytest.raises(Unscoped):
            Memo.objects.everything(reason="test").update(**change)
        with pytest.raises(Unscoped):
            Memo.objects.for_org(A).modify(**change)
    assert Memo.objects.for_org(A).count() == 1


def test_a_document_keeps_its_tenant_for_life():
    note = Memo.objects.for_org(A).create(title="x")
    with pytest.raises(mongoengine.OperationError):
        note.organization_id = B
    note._data["organization_id"] = B
    note.title = "y"
    with pytest.raises(note.DoesNotExist):
        note.save()
    assert Memo.objects.for_org(A).get().title == "x"
    assert Memo.objects.for_org(B).count() == 0


def test_a_new_document_with_the_id_of_another_tenant_replaces_nothing():
    theirs = Memo.objects.for_org(B).create(title="theirs")
    with pytest.raises(mongoengine.NotUniqueError):
        Memo(id=theirs.id, organization_id=A, title="mine").save()
    with pytest.raises(mongoengine.NotUniqueError):
        Memo.objects.for_org(A).create(id=theirs.id, title="mine")
    assert theirs.reload().title == "theirs"


def test_a_new_document_with_a_known_id_does_not_replace_a_sibling():
    first = Memo.objects.for_org(A).create(title="first")
    with pytest.raises(mongoengine.NotUniqueError):
        Memo(id=first.id, organization_id=A, title="second").save()
    assert first.reload().title == "first"


def test_an_upsert_makes_a_whole_document_of_the_tenant():
    note = Memo.objects.for_org(A)(title="x").upsert_one(add_to_set__tags="new")
    assert (note.organization_id, note.title, note.tags) == (A, "x", ["new"])
    assert note.reload().created_at
    assert Memo.objects.for_org(A)(title="x").upsert_one(add_to_set__tags="more") == note
    assert Memo.objects.for_org(B).count() == 0


def test_an_upsert_without_an_owner_is_refused():
    for queryset in (Memo.objects, Memo.objects.everything(reason="test")):
        with pytest.raises(Unscoped):
            queryset.filter(title="x").update(upsert=True, title="y")


def test_a_malformed_id_is_not_stored_by_an_update():
    note = Memo.objects.for_org(A).create(title="x")
    with pytest.raises(mongoengine.ValidationError):
        note.update(parent_id="nonsense")
    note.update(parent_id=B)
    assert note.reload().parent_id == B


def test_a_document_changes_reloads_and_deletes_itself_alone():
    note = Memo.objects.for_org(A).create(title="x")
    sibling = Memo.objects.for_org(A).create(title="sibling")
    note.update(title="y")
    assert note.reload().title == "y"
    assert note.modify(title="z")
    assert note.title == "z"
    note.title = "saved"
    note.save()
    note.delete()
    with pytest.raises(note.DoesNotExist):
        note.reload()
    assert sibling.reload().title == "sibling"


def test_saving_a_deleted_document_does_not_bring_half_of_it_back():
    note = Memo.objects.for_org(A).create(title="x")
    Memo.objects.for_org(A).delete()
    note.title = "y"
    with pytest.raises(note.DoesNotExist):
        note.save()
    assert Memo.objects.for_org(A).count() == 0


def test_a_save_condition_keeps_its_own_error():
    note = Memo.objects.for_org(A).create(title="x")
    note.title = "y"
    with pytest.raises(mongoengine.errors.SaveConditionError):
        note.save(save_condition={"title": "other"})


def test_a_document_loaded_in_part_knows_its_owner_and_its_age():
    note = Memo.objects.for_org(A).create(title="x", tags=["t"])
    part = Memo.objects.for_org(A).only("title").get()
    assert (part.organization_id, part.created_at, part.tags) == (A, note.created_at, [])
    part.title = "y"
    part.save()
    assert note.reload().tags == ["t"]


def test_times_are_aware_and_survive_the_database_unchanged():
    note = Memo.objects.for_org(A).create(title="x")
    assert note.created_at.utcoffset().total_seconds() == 0
    assert note.created_at == note.reload().created_at


# -- Scopes ----------------------------------------------------------------------------------------------------------


def test_a_scope_is_set_once():
    for again in (lambda q: q.for_org(B), lambda q: q.everything(reason="test")):
        with pytest.raises(Unscoped):
            again(Memo.objects.for_org(A))


def test_a_scope_goes_with_filters_in_any_order_and_with_copies():
    note = Memo.objects.for_org(A).create(title="x")
    Memo.objects.for_org(B).create(title="x")
    assert list(Memo.objects(title="x").for_org(A)) == [note]
    assert list(Memo.objects.for_org(A).filter(title="x").order_by("-id").limit(5).clone()) == [note]
    assert list(Memo.objects.for_org(A).no_cache().cache()) == [note]


def test_a_scoped_queryset_is_not_poured_into_an_open_one():
    with pytest.raises(Unscoped):
        Memo.objects.for_org(A)._clone_into(mongoengine.QuerySet(Memo, Memo.objects._collection))


def test_a_person_has_no_organization_door_and_an_organization_no_personal_one():
    with pytest.raises(Unscoped):
        Letter.objects.for_org(A)
    with pytest.raises(Unscoped):
        Memo.objects.for_user(A)


@pytest.mark.parametrize(
    "pipeline",
    [
        [{"$lookup": {"from": "test_notes", "pipeline": [], "as": "all"}}],
        [{"$unionWith": "test_notes"}],
        [{"$facet": {"all": [{"$unionWith": "test_notes"}]}}],
        [{"$graphLookup": {"from": "test_notes"}}],
        [{"$out": "test_notes"}],
        [{"$merge": {"into": "test_notes"}}],
    ],
    ids=str,
)
def test_a_pipeline_stays_in_its_scope(pipeline):
    with pytest.raises(Unscoped):
        Memo.objects.for_org(A).aggregate(pipeline)


def test_everybody_reads_what_is_public_and_nobody_changes_it_there():
    Poster.objects.everything(reason="test").create(title="private", organization_id=B)
    Poster.objects.everything(reason="test").create(title="public", organization_id=B, public=True)
    assert [poster.title for poster in Poster.objects.public()] == ["public"]
    for change in (
        lambda q: q.update(title="y"),
        lambda q: q.modify(title="y"),
        lambda q: q.delete(),
        lambda q: q.create(title="x"),
        lambda q: q.insert(Poster(title="x")),
    ):
        with pytest.raises(Unscoped):
            change(Poster.objects.public())
    with pytest.raises(Unscoped):
        Memo.objects.public()


def test_a_document_of_the_platform_lives_without_an_organization():
    poster = Poster.objects.everything(reason="test").create(title="x")
    poster.title = "y"
    poster.save()
    assert poster.reload().title == "y"
    poster.delete()
    assert Poster.objects.everything(reason="test").count() == 0


def test_the_reason_stands_in_the_query(count_queries):
    with count_queries() as commands:
        list(Memo.objects.everything(reason="nightly purge"))
    assert commands[0].command["comment"] == "nightly purge"


def test_a_document_cannot_bring_its_own_queryset():
    with pytest.raises(TypeError):
        type("Open", (OrgDocument,), {"meta": {"queryset_class": mongoengine.QuerySet}})
    with pytest.raises(TypeError):
        type("Managed", (OrgDocument,), {"objects": mongoengine.queryset.QuerySetManager()})


# -- Every URL -------------------------------------------------------------------------------------------------------

WALKED = sorted(
    (route for route in routes("saas.urls") if route.arguments & OWNED_ARGUMENTS), key=lambda route: route.pattern
)
#: (URL, whether their id is tried under my own organization's address)
VISITS = [(route, False) for route in WALKED] + [
    (route, True)
    for route in WALKED
    if "org_slug" in route.arguments and route.arguments & OWNED_ARGUMENTS != {"org_slug"}
]
METHODS = ("get", "post", "put", "patch", "delete")


def test_every_argument_of_a_url_has_a_line_in_the_factories():
    unknown = {name: route.pattern for route in routes("saas.urls") for name in route.arguments - ARGUMENTS.keys()}
    assert unknown == {}, "Say in tests/factories.py: ARGUMENTS what belongs there."


@pytest.mark.parametrize(
    ("route", "in_my_organization"), VISITS, ids=lambda value: getattr(value, "name", "mine" if value is True else "")
)
def test_the_ids_of_another_tenant_lead_nowhere(route, in_my_organization):
    world = make_world()
    values = {name: ARGUMENTS[name](world.other) for name in route.arguments}
    if in_my_organization:
        values["org_slug"] = world.org.slug
    address, client = reverse(route.name, kwargs=values), world.client("owner")
    client.get("/terms/")  # the first request of a session notes its browser
    before = contents()
    for method in METHODS:
        for headers in ({}, {"HX-Request": "true"}):
            response = getattr(client, method)(address, headers=headers)
            assert response.status_code in (404, 405), f"{method} {address}"
            told = response.content.decode() + str(response.headers)
            assert not [word for word in world.other.words if word not in address and word in told]
    assert contents() == before
    assert client.get(address).status_code == 404 or client.post(address).status_code == 404


@pytest.mark.parametrize("route", WALKED, ids=lambda route: route.name)
def test_my_own_pages_tell_nothing_of_another_tenant(route):
    world = make_world()
    values = {}
    for each in (world.other, world.tenant):  # both have what the page is about
        values = {name: ARGUMENTS[name](each) for name in route.arguments}
    for who in ROLES:
        response = world.client(who).get(reverse(route.name, kwargs=values))
        assert not [word for word in world.other.words if word in response.content.decode()]


#: What a visit leaves of the visitor: when somebody was here last.
TRACES = {"last_login", "last_active_at"}


def contents():
    """Everything in the database but sessions, traces, and the platform's note that a stranger was turned away."""
    here = database()
    rows = {name: list(here[name].find()) for name in here.list_collection_names() if name != "django_session"}
    return {
        name: sorted(
            str({key: value for key, value in row.items() if key not in TRACES}) for row in each if not is_note(row)
        )
        for name, each in rows.items()
    }


def is_note(row):
    return row.get("event") == "access.denied" and row.get("organization_id") is None


# -- The code that could go around -----------------------------------------------------------------------------------

ROOT = Path(settings.BASE_DIR)
ROOMS = ("accounts", "organizations", "billing", "agents", "platform_admin")
#: Where `.everything(reason=…)` may stand, beside platform_admin and files called tasks.py.
SERVICES_OVER_ALL = (
    "accounts/once.py",
    "saas/events/models.py",
    "saas/jobs/models.py",
    "saas/erasure.py",
    "saas/personal_data.py",
    "saas/mailing/models.py",
    "saas/notifications/models.py",
    "saas/webhooks/models.py",
)
RAW = {"_get_collection", "_collection", "_collection_obj", "_get_db"}


def detours(path, source):
    """What in this file goes around the guarded querysets: `path:line: what`."""
    in_room = path.split("/")[0] in ROOMS
    may_open_all = path.startswith("platform_admin/") or path.endswith("/tasks.py") or path in SERVICES_OVER_ALL
    for node in ast.walk(ast.parse(source)):
        line = f"{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and node.attr in RAW and in_room:
            yield f"{line}: .{node.attr}"
        if isinstance(node, ast.Attribute) and node.attr == "everything" and not may_open_all:
            yield f"{line}: .everything"
        if isinstance(node, ast.ImportFrom) and in_room and (node.module or "").startswith("saas.mongo.documents"):
            yield f"{line}: saas.mongo.documents"
        if isinstance(node, ast.ImportFrom) and node.module == "mongoengine" and path != "saas/mongo/documents.py":
            yield from (f"{line}: mongoengine.{n.name}" for n in node.names if n.name.endswith("Document") and in_room)


def test_no_code_goes_around_the_guarded_querysets():
    files = [path for top in ("saas", *ROOMS) for path in (ROOT / top).rglob("*.py")]
    found = [
        detour
        for path in files
        for detour in detours(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        if not str(path.relative_to(ROOT)).startswith(("saas/mongo/", "saas/tenancy.py"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("organizations/services.py", "Memo._get_collection().find()"),
        ("accounts/views.py", "Memo.objects._collection"),
        ("organizations/services.py", "Memo.objects.everything(reason='because')"),
        ("saas/search.py", "Memo.objects.everything(reason='because')"),
        ("agents/tools.py", "from saas.mongo.documents import get_collection"),
        ("billing/models.py", "from mongoengine import Document"),
    ],
)
def test_a_detour_is_found(path, source):
    assert len(list(detours(path, source))) == 1


@pytest.mark.parametrize("path", ["platform_admin/views.py", "organizations/tasks.py", *SERVICES_OVER_ALL])
def test_everything_has_its_places(path):
    assert list(detours(path, "Memo.objects.everything(reason='because')")) == []


def test_every_mongoengine_document_is_one_of_ours():
    ours = [d for d in concrete_documents(mongoengine.Document) if not d.__module__.startswith("tests.")]
    strangers = [d for d in ours if not issubclass(d, TenantDocument)]
    assert strangers == []
