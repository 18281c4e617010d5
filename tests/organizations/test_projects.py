"""Projects: what each role does with them, and what the rules of the database keep true."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from organizations import roles
from organizations.access import find_membership
from organizations.models import Membership
from organizations.projects import rules, services
from organizations.projects.models import Project, Status
from saas.events.models import Event
from saas.mongo.fields import new_key
from saas.tenancy import now
from tests.factories import make_world

HTMX = {"HX-Request": "true"}
SIGNED_IN = 3  # round trips before a view begins: the person, the organization, the membership
TYPED = {"name": "Harbor", "description": "Build it.", "status": "active", "tags": "Sea, stone,  sea"}
PEOPLE = ("owner", "admin", "member", "viewer")


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def make(world):
    def make_project(name="Harbor", *, by="owner", **values):
        return services.create_project(org=world.org, actor=world.person(by), name=name, **values)

    return make_project


@pytest.fixture
def address(world):
    def address_of(project=None, page="", **query):
        base = f"/o/{world.org.slug}/projects/"
        return f"{base}{project.pk}/{page}" if project else f"{base}{page}"

    return address_of


def make_private(world, project, *people, by="owner"):
    return services.share_project(
        org=world.org,
        actor=world.person(by),
        project=project,
        version=project.version,
        visibility="private",
        shared_with=[world.person(who).pk for who in people],
    )


def events_of(world, name=None):
    found = Event.objects.for_org(world.org).filter(resource="project").order_by("created_at", "id")
    return [event for event in found if name in (None, event.event)]


def names_on(answer):
    return re.findall(r'class="list-title[^>]*>([^<]+)<', answer.content.decode())


def current(project):
    return Project.objects.for_org(project.organization_id).get(pk=project.pk)


# -- Who may do what ---------------------------------------------------------------------------------------------------

MAY = {  # page: who opens it, who gets its POST through
    "": ("owner admin member viewer", ""),
    "edit/": ("owner admin member", "owner admin member"),
    "share/": ("owner admin", "owner admin"),
    "archive/": ("", "owner admin member"),
    "restore/": ("", "owner admin member"),
    "delete/": ("owner admin", "owner admin"),
}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("page", MAY)
def test_each_role_opens_and_sends_what_it_may(world, make, address, who, page):
    url = address(make(), page)
    opens, sends = (names.split() for names in MAY[page])
    if opens:
        assert world.client(who).get(url).status_code == (200 if who in opens else 403)
    if sends:
        refused = world.client(who).post(url).status_code == 403
        assert refused is (who not in sends)


@pytest.mark.parametrize("who", PEOPLE)
def test_a_page_shows_only_the_buttons_that_work(world, make, address, who):
    project = make()
    page = world.client(who).get(address(project)).content.decode()
    for action, permission in (("edit", "update"), ("share", "share"), ("delete", "delete"), ("archive", "update")):
        shown = address(project, f"{action}/") in page
        assert shown is roles.has_permission(who, "project", permission), action
    may_create = roles.has_permission(who, "project", "create")
    assert ("New project" in world.client(who).get(address()).content.decode()) is may_create
    assert world.client(who).get(address(page="new/")).status_code == (200 if may_create else 403)


@pytest.mark.parametrize("who", ["outsider", "other.owner"])
def test_to_somebody_else_the_organization_does_not_exist(world, make, address, who):
    project = make()
    for url in (address(), address(page="new/"), address(project), address(project, "edit/")):
        assert world.client(who).get(url).status_code == 404


def test_a_project_of_another_tenant_is_nowhere(world, address):
    theirs = world.other.project
    assert world.client("owner").get(address(theirs)).status_code == 404
    assert world.client("owner").post(address(theirs, "archive/")).status_code == 404
    assert current(theirs).archived_at is None
    assert theirs.name not in world.client("owner").get(address()).content.decode()


# -- Creating ----------------------------------------------------------------------------------------------------------


def test_a_member_creates_a_project_and_stands_on_it(world, address):
    answer = world.client("member").post(address(page="new/"), TYPED)
    project = Project.objects.for_org(world.org).get()
    assert (answer.status_code, answer.url) == (303, address(project))
    assert (project.name, project.status, project.tags) == ("Harbor", "active", ["sea", "stone"])
    assert project.created_by == project.updated_by == world.member.pk
    page = world.client("member").get(answer.url).content.decode()
    assert "“Harbor” is created." in page
    (event,) = events_of(world)
    assert (event.event, event.user_id, event.resource_id) == ("project.created", world.member.pk, project.pk)
    assert event.after == {"name": "Harbor", "description": "Build it.", "status": "active", "tags": ["sea", "stone"]}


def test_htmx_is_led_to_the_new_project(world, address):
    answer = world.client("member").post(address(page="new/"), TYPED, headers=HTMX)
    assert answer["HX-Redirect"] == address(Project.objects.for_org(world.org).get())


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"name": "  "}, "This field is required"),
        ({"name": "x" * 81}, "at most 80"),
        ({"status": "burning"}, "Select a valid choice"),
        ({"tags": "a,b,c,d,e,f,g,h,i"}, "These are 9 tags"),
        ({"tags": "x" * 25}, "is too long"),
        ({"description": "x" * 4001}, "at most 4000"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_mistake_is_said_and_what_was_typed_is_kept(world, address, mistake, words, headers):
    answer = world.client("member").post(address(page="new/"), {**TYPED, **mistake}, headers=headers)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert "Build it." in page or "description" in mistake
    assert ("<html" in page) is not bool(headers)
    assert not Project.objects.for_org(world.org)


def test_the_form_sent_twice_makes_one_project(world, address, in_parallel):
    form = world.client("member").get(address(page="new/")).context["form"]
    typed = {**TYPED, "key": form["key"].value()}
    answers = [world.client("member").post(address(page="new/"), typed).url for _ in range(2)]
    assert answers[0] == answers[1]

    key = new_key()
    made = in_parallel(
        lambda: services.create_project(org=world.org, actor=world.member, name="Pier", key=key), times=20
    )
    assert {project.pk for project in made} == {key}
    assert Project.objects.for_org(world.org).count() == len(events_of(world)) == 2


def test_the_form_of_before_makes_another_project_of_other_words(world, address):
    typed = {**TYPED, "key": new_key()}
    world.client("member").post(address(page="new/"), typed)
    world.client("member").post(address(page="new/"), {**typed, "name": "Pier"})
    assert {project.name for project in Project.objects.for_org(world.org)} == {"Harbor", "Pier"}


def test_the_id_of_a_strangers_project_in_the_form_reaches_nothing(world, make, address):
    theirs, colleagues = world.other.project, make("Private plan", by="owner")
    for taken in (theirs, colleagues):
        answer = world.client("member").post(address(page="new/"), {**TYPED, "key": taken.pk})
        assert answer.status_code == 303
        assert taken.pk not in answer.url
        assert current(taken).name == taken.name


def test_no_form_writes_a_field_that_it_does_not_show(world, make, address):
    project = make()
    sent = {
        **TYPED, "version": 1, "organization_id": world.other.org.pk, "created_by": world.viewer.pk, "id": new_key(),
        "visibility": "private", "shared_with": world.viewer.pk, "archived_at": "2020-01-01",
        "created_at": "2020-01-01", "name_key": "zzz", "updated_by": world.viewer.pk, "updated_at": "2020-01-01",
    }  # fmt: skip
    world.client("member").post(address(project, "edit/"), sent)
    world.client("member").post(address(page="new/"), {**sent, "name": "Pier"})
    assert current(project).tags == ["sea", "stone"], "the form itself works"
    for found in Project.objects.for_org(world.org):
        assert (found.visibility, found.shared_with, found.archived_at) == ("organization", [], None)
        assert found.created_by in (world.owner.pk, world.member.pk)
        assert found.updated_by == world.member.pk
        assert found.name_key == found.name.lower()
        assert now() - found.created_at < timedelta(minutes=1)
    assert not Project.objects.for_org(world.other.org)


# -- Changing ----------------------------------------------------------------------------------------------------------


def test_a_change_is_written_with_what_was_before(world, make, address):
    project = make(description="Build it.")
    typed = {**TYPED, "tags": "sea", "version": project.version}
    answer = world.client("member").post(address(project, "edit/"), typed)
    assert (answer.status_code, answer.url) == (303, address(project))
    found = current(project)
    assert (found.status, found.tags, found.version, found.updated_by) == ("active", ["sea"], 2, world.member.pk)
    (event,) = events_of(world, "project.updated")
    assert event.before == {"status": "planned", "tags": []}
    assert event.after == {"status": "active", "tags": ["sea"]}


def test_a_stale_form_is_told_and_keeps_what_was_typed(world, make, address):
    project = make(description="Old words.")
    page = address(project, "edit/")
    services.update_project(
        org=world.org, actor=world.admin, project=project, version=1, name="Harbor", description="Admin's words.",
        status="paused", tags=[],
    )  # fmt: skip
    typed = {"name": "Harbor", "description": "Member's words.", "status": "planned", "tags": "", "version": 1}
    answer = world.client("member").post(page, typed, headers=HTMX)
    told = answer.content.decode()
    assert answer.status_code == 422
    assert f"{world.admin.name} changed this project" in told
    for words in ("Saved now: Admin&#x27;s words.", "Saved now: Paused", "Member&#x27;s words."):
        assert words in told
    assert "Saved now: Harbor" not in told, "only what differs"
    assert current(project).description == "Admin's words."

    version = re.search(r'name="version" value="(\d+)"', told)[1]
    assert world.client("member").post(page, {**typed, "version": version}).status_code == 303
    assert current(project).description == "Member's words."


def test_of_many_changes_to_one_version_one_is_saved(world, make, in_parallel):
    project = make()

    def change(number):
        return services.update_project(
            org=world.org, actor=world.member, project=project, version=1, name=f"Harbor {number}", description="",
            status="planned", tags=[],
        )  # fmt: skip

    results = in_parallel(change, times=50)
    saved = [r for r in results if isinstance(r, Project)]
    assert len(saved) == 1
    assert sum(isinstance(r, services.EditConflict) for r in results) == 49, results
    assert current(project).name == saved[0].name
    assert len(events_of(world, "project.updated")) == 1


def test_the_same_change_sent_twice_is_one(world, make, address):
    project = make()
    typed = {**TYPED, "version": 1}
    assert [world.client("member").post(address(project, "edit/"), typed).status_code for _ in range(2)] == [303, 303]
    assert current(project).version == 2
    assert len(events_of(world, "project.updated")) == 1


def test_a_change_of_nothing_is_no_change(world, make, address):
    project = make(description="One line.\nAnother.")
    form = world.client("member").get(address(project, "edit/")).context["form"]
    typed = {field.name: field.value() for field in form} | {"description": "One line.\r\nAnother."}
    assert world.client("member").post(address(project, "edit/"), typed).status_code == 303
    assert (current(project).version, events_of(world, "project.updated")) == (1, [])


def test_a_deleted_project_is_told_to_who_was_editing_it(world, make):
    project = make()
    services.delete_project(org=world.org, actor=world.owner, project=project)
    with pytest.raises(services.ProjectGone):
        services.archive_project(org=world.org, actor=world.member, project=project)
    services.delete_project(org=world.org, actor=world.owner, project=project)
    assert len(events_of(world, "project.deleted")) == 1


def test_a_failure_halfway_leaves_the_project_as_it_was(world, make, monkeypatch):
    project = make()

    def fail(*args, **kwargs):
        raise RuntimeError("the log is full")

    monkeypatch.setattr("saas.events.record", fail)
    for change in (services.archive_project, services.delete_project):
        with pytest.raises(RuntimeError):
            change(org=world.org, actor=world.owner, project=project)
    assert (current(project).archived_at, current(project).version) == (None, 1)


# -- Archive, restore, delete ------------------------------------------------------------------------------------------


def test_a_member_archives_and_restores_on_the_page_itself(world, make, address):
    project = make()
    client = world.client("member")
    part = client.post(address(project, "archive/"), headers=HTMX)
    assert part.status_code == 200
    assert "Restore" in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "toast" in part["HX-Trigger"]
    assert names_on(client.get(address())) == []
    assert names_on(client.get(address() + "?view=archived")) == ["Harbor"]
    assert address(project, "edit/") not in client.get(address(project)).content.decode()

    answer = client.post(address(project, "restore/"))
    assert (answer.status_code, answer.url) == (303, address(project))
    assert names_on(client.get(address())) == ["Harbor"]
    assert [event.event for event in events_of(world)] == ["project.created", "project.archived", "project.restored"]
    archived, restored = events_of(world)[1:]
    assert archived.before == {"archived_at": None}
    assert restored.before == archived.after


def test_archiving_twice_is_archiving_once(world, make, in_parallel):
    project = make()
    archive = lambda: services.archive_project(org=world.org, actor=world.member, project=project)  # noqa: E731
    results = in_parallel(archive, times=20)
    assert len({r.archived_at for r in results}) == 1
    assert len(events_of(world, "project.archived")) == 1


def test_an_archived_project_stays_as_it_is(world, make, address):
    project = services.archive_project(org=world.org, actor=world.owner, project=make())
    answer = world.client("member").post(address(project, "edit/"), {**TYPED, "version": project.version})
    assert answer.status_code == 422
    assert "This project is archived" in answer.content.decode()
    with pytest.raises(services.ProjectArchived):
        make_private(world, project)


@pytest.mark.parametrize("typed", ["", "harbor", "Harbor!"])
def test_a_project_is_deleted_only_by_its_name(world, make, address, typed):
    project = make()
    answer = world.client("admin").post(address(project, "delete/"), {"confirmation": typed})
    assert answer.status_code == 422
    assert "This is not the name" in answer.content.decode()
    assert current(project)


def test_an_admin_deletes_a_project_for_good(world, make, address):
    project = make(description="Build it.")
    answer = world.client("admin").post(address(project, "delete/"), {"confirmation": " Harbor "})
    assert (answer.status_code, answer.url) == (303, address())
    assert "“Harbor” is deleted." in world.client("admin").get(answer.url).content.decode()
    assert not Project.objects.for_org(world.org)
    (event,) = events_of(world, "project.deleted")
    assert (event.resource_id, event.before["description"]) == (project.pk, "Build it.")
    assert world.client("admin").get(address(project)).status_code == 404


# -- Sharing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "sees"), [("member", True), ("viewer", True), ("admin", True), ("owner", True), ("colleague", False)]
)
def test_a_private_project_is_seen_by_its_creator_its_people_and_admins(world, make, address, who, sees):
    """Made by the member, shared with the viewer."""
    from tests.factories import UserFactory

    colleague = UserFactory(name="Acorn Colleague")
    Membership.objects.create(organization=world.org, user=colleague, role="member")
    world.people["colleague"] = colleague
    project = make_private(world, make("Secret plan", by="member"), "viewer")
    client = Client()
    client.force_login(world.people[who])
    assert (names_on(client.get(address())) == ["Secret plan"]) is sees
    assert client.get(address(project)).status_code == (200 if sees else 404)
    assert (client.post(address(project, "archive/")).status_code == 404) is (not sees)


def test_an_admin_shares_on_the_page(world, make, address):
    project = make(by="member")
    page = world.client("admin").get(address(project, "share/")).content.decode()
    assert world.viewer.name in page
    assert f'value="{world.member.pk}"' not in page, "the creator sees it anyhow"
    typed = {"version": 1, "visibility": "private", "shared_with": [world.viewer.pk]}
    answer = world.client("admin").post(address(project, "share/"), typed)
    assert (answer.status_code, answer.url) == (303, address(project))
    detail = world.client("viewer").get(address(project)).content.decode()
    assert "Only some people" in detail
    assert world.viewer.name in detail
    (event,) = events_of(world, "project.shared")
    assert event.before == {"visibility": "organization", "shared_with": []}
    assert event.after == {"visibility": "private", "shared_with": [world.viewer.pk]}


def test_a_project_is_shared_with_nobody_of_another_tenant(world, make, address):
    project = make()
    stranger = world.other.member.pk
    typed = {"version": 1, "visibility": "private", "shared_with": [stranger]}
    assert world.client("admin").post(address(project, "share/"), typed).status_code == 422
    with pytest.raises(services.NotAMember):
        services.share_project(
            org=world.org, actor=world.admin, project=project, version=1, visibility="private", shared_with=[stranger]
        )
    assert current(project).shared_with == []


def test_opening_a_project_to_all_forgets_the_list(world, make):
    project = make_private(world, make(), "viewer")
    opened = services.share_project(
        org=world.org, actor=world.owner, project=project, version=project.version, visibility="organization",
        shared_with=[world.viewer.pk],
    )  # fmt: skip
    assert opened.shared_with == []


@pytest.mark.parametrize("visibility", ["organization", "private"])
@pytest.mark.parametrize("creator", ["member", "owner"])
@pytest.mark.parametrize("shared", [[], ["member"], ["viewer"]])
def test_the_condition_and_the_query_say_the_same(world, make, visibility, creator, shared):
    project = make(by=creator)
    if visibility == "private":
        project = make_private(world, project, *shared)
    for who in ("member", "viewer"):
        user = world.person(who)
        listed = bool(Project.objects.for_org(world.org).filter(rules.seen_by(user)))
        assert (
            listed is rules.sees_project(user, project) is roles.can(user, "project.read", org=world.org, obj=project)
        )


def test_a_creator_is_known_to_roles_that_ask(world, make):
    project = make(by="member")
    assert rules.created_project(world.member, project)
    assert not rules.created_project(world.admin, project)


# -- The list ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(world, make):
    """Three pages: 45 projects, created a minute apart."""
    statuses = Status.values
    projects = [
        Project(
            name=f"Project {i:02}", name_key=f"project {i:02}", status=statuses[i % 4], tags=["odd"] if i % 2 else [],
            created_by=(world.owner if i % 3 else world.member).pk, updated_by=world.owner.pk,
            created_at=now() - timedelta(minutes=i), updated_at=now() - timedelta(minutes=(i * 7) % 45),
            archived_at=now() if i % 15 == 0 else None,
        )
        for i in range(45)
    ]  # fmt: skip
    return Project.objects.for_org(world.org).insert(projects)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", lambda p: not p.archived_at),
        ("view=mine", lambda p: not p.archived_at and p.created_by == p.member),
        ("view=archived", lambda p: p.archived_at),
        ("status=done", lambda p: not p.archived_at and p.status == "done"),
        ("tag=odd", lambda p: not p.archived_at and p.tags),
        ("q=PROJECT 1", lambda p: not p.archived_at and p.name.startswith("Project 1")),
        ("q=.*", lambda p: False),
        ("status=nonsense&sort=nonsense&view=nonsense", lambda p: not p.archived_at),
        ("tag=odd&status=active&sort=name&view=mine", lambda p: False),
    ],
)
def test_a_filter_shows_what_it_says(world, many, address, query, expected):
    for project in many:
        vars(project)["member"] = world.member.pk
    wanted = [p.name for p in many if expected(p)]
    if query.startswith("tag=odd&"):
        wanted = [p.name for p in many if p.tags and p.status == "active" and p.created_by == world.member.pk]
        wanted = [name for name in wanted if not current(next(p for p in many if p.name == name)).archived_at]
    assert names_on(world.client("member").get(f"{address()}?{query}")) == wanted[:20]


@pytest.mark.parametrize(
    ("sort", "key"),
    [("newest", lambda p: -p.created_at.timestamp()), ("changed", lambda p: -p.updated_at.timestamp()),
     ("name", lambda p: p.name)],
)  # fmt: skip
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_the_pages_of_the_list_follow_the_order(world, many, address, sort, key, headers):
    expected = [p.name for p in sorted((p for p in many if not p.archived_at), key=key)]
    url, shown = f"{address()}?sort={sort}", []
    while url:
        answer = world.client("viewer").get(url, headers=headers)
        assert ("<html" in answer.content.decode()) is not bool(headers)
        shown += names_on(answer)
        url = answer.context["next_url"]
        assert not url or f"sort={sort}" in url
    assert shown == expected


def test_the_list_costs_one_read_and_one_for_the_names(world, many, address, count_queries, no_scans):
    client = world.client("viewer")
    client.get(address())
    with no_scans(), count_queries(at_most=SIGNED_IN + 2):
        client.get(address())
    with no_scans(), count_queries(at_most=SIGNED_IN + 2):
        client.get(address(many[0]))


@pytest.mark.parametrize("who", ["owner", "viewer"])
@pytest.mark.parametrize("query", ["", "sort=changed", "sort=name", "status=done", "tag=odd", "view=mine"])
def test_an_index_gives_the_list_in_its_order(world, many, query, who, no_scans):
    values = dict(part.split("=") for part in query.split("&") if part)
    find_membership(world.org.slug, world.person(who))  # as the page's mark does
    with no_scans(sorted_by_index=not values or "sort" in values):
        page = services.list_projects(org=world.org, actor=world.person(who), **values)
    if page.next:
        with no_scans():
            services.list_projects(org=world.org, actor=world.person(who), cursor=page.next, **values)


@pytest.mark.parametrize("query", ["view=archived", "q=project 1", "q=project&sort=name&status=done"])
def test_no_filter_reads_the_whole_collection(world, many, query, no_scans):
    with no_scans():
        services.list_projects(org=world.org, actor=world.viewer, **dict(part.split("=") for part in query.split("&")))


def test_one_address_has_two_answers_and_caches_know(world, address):
    assert "HX-Request" in world.client("viewer").get(address())["Vary"]


def test_somebody_who_is_gone_has_no_name(world, make, address):
    project = make()
    Project.objects.for_org(world.org).update(set__created_by=new_key())
    assert "Former member" in world.client("viewer").get(address()).content.decode()
    assert "a former member" in world.client("viewer").get(address(project)).content.decode()


@pytest.mark.parametrize(
    ("who", "query", "words"),
    [
        ("member", "", "Create a project"),
        ("viewer", "", "as soon as a colleague creates one"),
        ("viewer", "?view=archived", "Nothing is archived"),
        ("viewer", "?status=done", "No project fits"),
    ],
)
def test_an_empty_list_says_what_next(world, address, who, query, words):
    assert words in world.client(who).get(address() + query).content.decode()


# -- On the dashboard --------------------------------------------------------------------------------------------------


def test_the_dashboard_shows_what_was_changed_last(world, make, address):
    make("First")
    make("Second")
    panel = world.client("viewer").get(address(page="recent/"), headers=HTMX).content.decode()
    assert panel.index("Second") < panel.index("First")
    assert address(page="recent/") in world.client("viewer").get(f"/o/{world.org.slug}/").content.decode()


def test_the_checklist_knows_the_first_project(world, make, count_queries):
    home = f"/o/{world.org.slug}/"
    items = lambda who: {i.title: i.is_done for i in world.client(who).get(home).context["checklist"]}  # noqa: E731
    assert items("member")["Create your first project"] is False
    assert "Create your first project" not in items("viewer"), "only who may"
    make()
    with count_queries(at_most=SIGNED_IN + 1):
        assert items("member")["Create your first project"] is True
