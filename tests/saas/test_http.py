import pytest
from django.http import Http404
from django.test import RequestFactory
from mongoengine import StringField

from organizations.models import Organization
from saas.http import address_bucket, client_ip, get_or_404, safe_next
from saas.mongo.fields import new_key
from saas.tenancy import OrgDocument, Unscoped
from tests.factories import OrganizationFactory

NONSENSE = ["nonsense", "", "1", "z" * 24, "../../etc/passwd", "{'$ne': None}", None]


class Page(OrgDocument):
    title = StringField()

    meta = {"collection": "test_pages"}


# -- get_or_404 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("things", [Organization, Organization.objects, Organization.objects.all()], ids=str)
def test_a_model_is_found_by_class_manager_and_queryset(things):
    org = OrganizationFactory()
    assert get_or_404(things, pk=org.pk) == org
    with pytest.raises(Http404):
        get_or_404(things, pk=new_key())


def test_a_document_is_found_in_its_scope_alone():
    page = Page.objects.for_org(new_key()).create(title="x")
    assert get_or_404(Page.objects.for_org(page.organization_id), pk=page.id) == page
    with pytest.raises(Http404):
        get_or_404(Page.objects.for_org(new_key()), pk=page.id)
    with pytest.raises(Unscoped):
        get_or_404(Page, pk=page.id)


@pytest.mark.parametrize("key", NONSENSE)
def test_nonsense_is_not_found(key):
    for things in (Organization, Page.objects.for_org(new_key())):
        with pytest.raises(Http404):
            get_or_404(things, pk=key)


# -- safe_next -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/o/acorn/", "/o/acorn/"),
        ("/o/acorn/?page=2&q=a%20b", "/o/acorn/?page=2&q=a%20b"),
        ("http://testserver/o/", "/o/"),
        ("http://testserver", "/"),
        ("", "/home/"),
        ("https://evil.example/", "/home/"),
        ("//evil.example/", "/home/"),
        ("///evil.example/", "/home/"),
        ("/\\evil.example/", "/home/"),
        ("\\\\evil.example/", "/home/"),
        ("http:evil.example", "/home/"),
        ("http:///evil.example", "/home/"),
        ("javascript:alert(1)", "/home/"),
        ("data:text/html,x", "/home/"),
        ("http://testserver@evil.example/", "/home/"),
        ("http://testserver.evil.example/", "/home/"),
        ("http://testserver//evil.example/", "/home/"),
        (" //evil.example", "/home/"),
        ("\t//evil.example", "/home/"),
        ("\x00/x", "/home/"),
        ("relative/path", "/home/"),
    ],
)
def test_next_leads_to_this_site_or_home(wanted, path):
    assert safe_next(RequestFactory().get("/", {"next": wanted}), default="/home/") == path
    assert safe_next(RequestFactory().post("/", {"next": wanted}), default="/home/") == path


def test_next_does_not_leave_https():
    assert safe_next(RequestFactory().get("/", {"next": "http://testserver/x"}, secure=True)) == ""


# -- client_ip -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "10.0.0.9"),
        (0, "1.1.1.1", "10.0.0.9"),
        (1, None, "10.0.0.9"),
        (1, "1.1.1.1", "1.1.1.1"),
        (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        (2, "6.6.6.6, 1.1.1.1, 10.0.0.8", "1.1.1.1"),
        (2, "1.1.1.1", "1.1.1.1"),
        (1, "6.6.6.6, nonsense", "10.0.0.9"),
        (1, "", "10.0.0.9"),
        (1, "::ffff:1.1.1.1", "1.1.1.1"),
        (1, "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_a_client_cannot_choose_its_address(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert client_ip(RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.9")) == address


def test_an_unknown_address_is_empty():
    assert client_ip(RequestFactory().get("/", REMOTE_ADDR="")) == ""


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_household_is_one_bucket(address, bucket):
    assert address_bucket(address) == bucket
