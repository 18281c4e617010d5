"""An admin changes what the organization says about itself; old addresses lead on."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from organizations import pictures, services
from organizations.models import FormerAddress, Organization, OrganizationLogo
from organizations.services import addresses
from saas import access
from saas.events.models import Event
from tests.factories import MembershipFactory, UserFactory, make_world

HTMX = {"HX-Request": "true"}
TYPED = {
    "name": "Acorn Yard",
    "slug": "acorn-yard",
    "locale": "en",
    "time_zone": "Europe/Rome",
    "default_role": "viewer",
}


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def send(world):
    """Sends the settings as they are, with changes; answers the response."""

    def send_settings(who="admin", *, headers=None, **changes):
        org = Organization.objects.get(pk=world.org.pk)
        now = {name: getattr(org, name) for name in TYPED}
        return world.client(who).post(f"/o/{org.slug}/settings/", {**now, **changes}, headers=headers or {})

    return send_settings


def changes_of(world):
    return list(Event.objects.for_org(world.org).filter(event="organization.updated").order_by("id"))


# -- Name, defaults --------------------------------------------------------------------------------------------------


def test_an_admin_changes_everything_at_once(world, send):
    answer = send(**TYPED)
    assert (answer.status_code, answer.url) == (303, "/o/acorn-yard/settings/")
    org = Organization.objects.get(pk=world.org.pk)
    assert {name: getattr(org, name) for name in TYPED} == TYPED
    assert "Saved." in world.client("admin").get(answer.url).content.decode()


def test_what_was_changed_stands_in_the_log_with_before_and_after(world, send):
    send(name="Acorn Yard")
    (event,) = changes_of(world)
    assert (event.before, event.after) == ({"name": "Acorn Works"}, {"name": "Acorn Yard"})
    assert (event.user_id, event.resource_id, event.ip_address) == (world.admin.pk, world.org.pk, "127.0.0.1")


def test_saving_without_a_change_writes_nothing(world, send):
    assert send().status_code == 303
    assert changes_of(world) == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Say"),
        ("name", "x" * 81, "at most 80"),
        ("slug", "not an address", "valid"),
        ("slug", "settings", "reserved"),
        ("slug", "", "required"),
        ("locale", "tlh", "valid choice"),
        ("time_zone", "Mars/Olympus", "valid choice"),
        ("default_role", "owner", "valid choice"),
        ("default_role", "ghost", "valid choice"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_changes(world, send, field, value, words):
    answer = send(**{field: value})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert changes_of(world) == []


def test_htmx_gets_the_form_alone(send):
    answer = send(headers=HTMX, slug="not an address")
    assert answer.status_code == 422
    assert answer.content.decode().strip().startswith("<form")
    assert send(headers=HTMX, slug="fine-address")["HX-Redirect"] == "/o/fine-address/settings/"


@pytest.mark.parametrize("who", ["viewer", "member"])
def test_others_read_that_their_role_does_not_include_it(world, send, who):
    answer = send(who, name="Mine now")
    assert answer.status_code == 403
    assert Organization.objects.get(pk=world.org.pk).name == "Acorn Works"
    with pytest.raises(services.NotAllowed):
        services.update_organization(org=world.org, actor=world.person(who), values={"name": "Mine now"})


def test_every_field_of_the_model_sent_changes_only_those_of_the_form(world, send):
    before = Organization.objects.get(pk=world.org.pk)
    send(is_active="", deletes_at="2020-01-01", created_by=world.admin.pk, logo_version="x", id="0" * 24, users="x")
    after = Organization.objects.get(pk=world.org.pk)
    fields = [field.attname for field in Organization._meta.concrete_fields]
    assert [name for name in fields if getattr(before, name) != getattr(after, name)] == []


def test_an_admin_keeps_a_default_role_that_only_an_owner_may_give(world, send):
    Organization.objects.filter(pk=world.org.pk).update(default_role="owner")
    assert send(name="Acorn Yard").status_code == 303
    with pytest.raises(services.RoleNotManageable):
        services.update_organization(org=world.org, actor=world.admin, values={"default_role": "admin_of_all"})


def test_an_invitation_proposes_the_default_role_to_those_who_may_give_it(world, send):
    send(default_role="viewer")
    address = f"/o/{world.org.slug}/invitations/new/"
    assert world.client("admin").get(address).context["form"]["role"].value() == "viewer"
    Organization.objects.filter(pk=world.org.pk).update(default_role="owner")
    assert world.client("admin").get(address).context["form"]["role"].value() == "member"


# -- Address ---------------------------------------------------------------------------------------------------------


def test_an_old_address_leads_to_the_same_page_under_the_new_one(world, send):
    old = world.org.slug
    send(slug="new-harbor")
    answer = world.client("viewer").get(f"/o/{old}/projects/?view=archived&q=a%20b")
    assert (answer.status_code, answer["Location"]) == (301, "/o/new-harbor/projects/?view=archived&q=a%20b")
    assert answer["Cache-Control"] == "private, no-cache"
    project = world.project
    answer = world.client("viewer").get(f"/o/{old}/projects/{project.pk}/", follow=True)
    assert answer.status_code == 200


def test_a_form_sent_to_the_old_address_stays_sent(world, send):
    old = world.org.slug
    send(slug="new-harbor")
    answer = world.client("member").post(f"/o/{old}/projects/new/", {"name": "Pier"})
    assert (answer.status_code, answer["Location"]) == (308, "/o/new-harbor/projects/new/")


@pytest.mark.parametrize(("who", "status"), [("nobody", 302), ("outsider", 404), ("other.owner", 404), ("staff", 404)])
def test_an_outsider_learns_nothing_from_an_old_address(world, send, who, status):
    old = world.org.slug
    send(slug="new-harbor")
    answer = world.client(who).get(f"/o/{old}/")
    assert answer.status_code == status
    assert "new-harbor" not in answer.content.decode() + str(answer.headers)


def test_two_renames_lead_from_both_to_the_present_one(world, send):
    first = world.org.slug
    send(slug="second")
    send(slug="third")
    for old in (first, "second"):
        assert world.client("viewer").get(f"/o/{old}/")["Location"] == "/o/third/"


def test_after_ninety_days_the_old_address_leads_nowhere_and_is_free(world, send):
    old = world.org.slug
    send(slug="new-harbor")
    FormerAddress.objects.update(expires_at=timezone.now())
    assert world.client("viewer").get(f"/o/{old}/").status_code == 404
    taken = services.create_organization(name="Quick", slug=old, actor=world.outsider)
    assert world.client("outsider").get(f"/o/{old}/").status_code == 200
    assert taken.slug == old
    assert not FormerAddress.objects.exists()


def test_until_then_nobody_else_gets_it(world, send):
    old = world.org.slug
    send(slug="new-harbor")
    kept = FormerAddress.objects.get().expires_at - timezone.now()
    assert timedelta(days=89) < kept <= timedelta(days=90)
    with pytest.raises(services.SlugTaken):
        services.create_organization(name="Quick", slug=old, actor=world.outsider)
    with pytest.raises(services.SlugTaken):
        services.update_organization(org=world.other.org, actor=world.other.owner, values={"slug": old})
    answer = world.client("other.owner").post(
        f"/o/{world.other.org.slug}/settings/", {**TYPED, "name": "Birch", "slug": old}
    )
    assert answer.status_code == 422
    assert "is taken" in answer.content.decode()
    assert services.create_organization(name=old, actor=world.outsider).slug == f"{old}-2"


def test_the_organization_itself_gets_it_back(world, send):
    old = world.org.slug
    send(slug="new-harbor")
    assert send(slug=old).status_code == 303
    assert world.client("viewer").get("/o/new-harbor/")["Location"] == f"/o/{old}/"
    assert [each.slug for each in FormerAddress.objects.all()] == ["new-harbor"]


def test_nobody_occupies_names_without_end(world):
    for number in range(addresses.MOST):
        services.update_organization(org=world.org, actor=world.owner, values={"slug": f"name-{number}"})
    with pytest.raises(services.AddressChangedTooOften, match="within 90 days"):
        services.update_organization(org=world.org, actor=world.owner, values={"slug": "one-more"})


def test_fifty_take_an_address_while_it_is_left(world, in_parallel):
    """Either the organization that leaves it keeps it, or one of those who want it had it before: never two."""
    slug = world.org.slug
    people = [UserFactory() for _ in range(49)]

    def act(number):
        if number == 0:
            return services.update_organization(org=world.org, actor=world.owner, values={"slug": "elsewhere"})
        return services.create_organization(name="Quick", slug=slug, actor=people[number - 1])

    results = in_parallel(act, times=50)
    assert isinstance(results[0], Organization), results[0]
    assert {type(result) for result in results[1:]} == {services.SlugTaken}
    assert FormerAddress.objects.get(slug=slug).organization_id == world.org.pk
    assert not Organization.objects.filter(slug=slug).exists()


def test_fifty_organizations_want_one_free_address(world, in_parallel):
    tenants = [world.tenant, world.other] * 25
    results = in_parallel(
        lambda n: services.update_organization(org=tenants[n].org, actor=tenants[n].owner, values={"slug": "the-one"}),
        times=50,
    )
    winners = {result.pk for result in results if isinstance(result, Organization)}
    assert len(winners) == 1, results
    assert Organization.objects.filter(slug="the-one").count() == 1


# -- Logo ------------------------------------------------------------------------------------------------------------


def picture(kind="PNG", size=(640, 480), mode="RGB", **options):
    file = BytesIO()
    Image.new(mode, size, "teal" if mode == "RGB" else None).save(file, kind, **options)
    return file.getvalue()


def upload(world, data, *, name="logo.png", who="admin", headers=None):
    file = SimpleUploadedFile(name, data, content_type="image/png")
    return world.client(who).post(f"/o/{world.org.slug}/settings/logo/", {"logo": file}, headers=headers or {})


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGBA")],
)
def test_a_picture_becomes_the_logo(world, kind, mode):
    assert upload(world, picture(kind, mode=mode)).status_code == 303
    org = Organization.objects.get(pk=world.org.pk)
    answer = world.client("viewer").get(org.logo_url)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    shown = Image.open(BytesIO(answer.content))
    assert (shown.format, shown.size) == ("WEBP", (256, 192))
    assert org.logo_url in world.client("viewer").get(f"/o/{org.slug}/").content.decode()


def test_a_kept_logo_is_not_sent_again(world, count_queries):
    upload(world, picture())
    org = Organization.objects.get(pk=world.org.pk)
    client = world.client("viewer")
    tag = client.get(org.logo_url)["ETag"]
    with count_queries(at_most=3):
        assert client.get(org.logo_url, headers={"If-None-Match": tag}).status_code == 304


def test_nothing_of_the_file_is_kept_but_the_picture(world):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    upload(world, picture("JPEG", exif=exif) + b"<script>alert(1)</script>")
    stored = OrganizationLogo.objects.for_org(world.org).get().data
    assert b"taken at home" not in stored
    assert b"script" not in stored


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        picture("GIF", mode="P"),
        picture("BMP"),
        picture("TIFF"),
        picture("PNG")[:200],
        picture("PNG", size=(pictures.LARGEST_SIDE + 1, 1)),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"x" * (pictures.LARGEST + 1),
    ],
    ids=["empty", "text", "svg", "gif", "bmp", "tiff", "cut off", "too wide", "damaged", "too large"],
)
def test_what_is_no_picture_of_ours_is_refused(world, data):
    answer = upload(world, data)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not OrganizationLogo.objects.for_org(world.org).count()
    assert Organization.objects.get(pk=world.org.pk).logo_version == ""


def test_a_new_logo_replaces_the_old_one_and_gets_another_address(world):
    upload(world, picture())
    first = Organization.objects.get(pk=world.org.pk).logo_url
    upload(world, picture(size=(300, 300)))
    org = Organization.objects.get(pk=world.org.pk)
    assert org.logo_url != first
    assert OrganizationLogo.objects.for_org(world.org).count() == 1
    assert world.client("viewer").get(first)["Cache-Control"] == "private, no-cache"
    assert [event.after["logo_version"] for event in changes_of(world)] == [first.partition("=")[2], org.logo_version]


def test_the_logo_is_removed(world):
    upload(world, picture())
    address = Organization.objects.get(pk=world.org.pk).logo_url
    world.client("admin").post(f"/o/{world.org.slug}/settings/logo/", {"change": "remove"})
    assert world.client("viewer").get(address).status_code == 404
    assert Organization.objects.get(pk=world.org.pk).logo_url == ""


def test_a_member_sets_no_logo(world):
    assert upload(world, picture(), who="member").status_code == 403
    with pytest.raises(services.NotAllowed):
        services.set_logo(org=world.org, actor=world.member, data=b"x", version="x")


def test_another_tenant_does_not_see_the_logo(world):
    upload(world, picture())
    address = Organization.objects.get(pk=world.org.pk).logo_url
    assert world.client("other.owner").get(address).status_code == 404
    assert world.client("nobody").get(address).status_code == 302


# -- Two windows, and where one was last -----------------------------------------------------------------------------


@pytest.fixture
def both(world):
    """Somebody who works in both organizations."""
    person = UserFactory()
    for tenant in (world.tenant, world.other):
        MembershipFactory(organization=tenant.org, user=person)
    return person


def browser_of(person):
    client = Client()
    client.force_login(person)
    return client


def test_writes_from_two_windows_each_land_in_their_organization(world, both):
    from organizations.projects.models import Project

    windows = browser_of(both)  # two windows of one browser share the session
    elsewhere = browser_of(both)
    for number in range(3):
        for tenant in (world.tenant, world.other):
            for client in (windows, elsewhere):
                page = client.get(f"/o/{tenant.org.slug}/projects/new/").context["form"]
                other = world.other if tenant is world.tenant else world.tenant
                client.get(f"/o/{other.org.slug}/projects/")
                client.post(
                    f"/o/{tenant.org.slug}/projects/new/",
                    {"name": f"{tenant.org.name} {number}", "status": "active", "key": page["key"].value()},
                )
    for tenant in (world.tenant, world.other):
        names = [project.name for project in Project.objects.for_org(tenant.org).filter(created_by=both.pk)]
        assert sorted(names) == sorted(f"{tenant.org.name} {n}" for n in range(3) for _ in range(2))


def test_the_front_door_leads_to_the_organization_that_was_open_last(world, both):
    client = browser_of(both)
    for tenant in (world.tenant, world.other, world.tenant):
        client.get(f"/o/{tenant.org.slug}/")
        answer = client.get("/", follow=True)
        assert answer.redirect_chain[-1][0] == f"/o/{tenant.org.slug}/"


def test_a_new_session_knows_from_the_membership_where_one_was(world, both):
    browser_of(both).get(f"/o/{world.other.org.slug}/")
    answer = browser_of(both).get("/o/last/")
    assert answer.url == f"/o/{world.other.org.slug}/"


def test_somebody_without_an_organization_gets_the_list(world):
    assert world.client("outsider").get("/o/last/").url == "/o/"


def test_the_session_forgets_an_organization_that_one_has_left(world, both):
    client = browser_of(both)
    client.get(f"/o/{world.other.org.slug}/")
    services.leave_organization(org=world.other.org, actor=both)
    assert client.get("/o/last/").url == f"/o/{world.org.slug}/"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Dest": "empty", "HX-Request": "true"}])
def test_a_picture_or_a_part_of_a_page_in_another_window_changes_nothing(world, both, headers):
    client = browser_of(both)
    client.get(f"/o/{world.org.slug}/", headers={"Sec-Fetch-Dest": "document"})
    client.get(f"/o/{world.other.org.slug}/", headers=headers)
    assert client.session[access.LAST_ORG] == world.org.slug


# -- Speed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "settings/", "roles/"])
def test_a_page_costs_at_most_four_round_trips_each_by_an_index(world, page, count_queries, no_scans):
    client = world.client("owner")
    address = f"/o/{world.org.slug}/{page}"
    client.get(address)
    with no_scans(), count_queries(at_most=4):
        assert client.get(address).status_code == 200


def test_an_unknown_address_is_answered_by_indexes(world, no_scans):
    with no_scans():
        assert world.client("owner").get("/o/no-such/").status_code == 404
