import pytest

from saas.audit.verifying import verify_chain
from saas.events.models import events
from saas.mongo.documents import get_collection
from tests.factories import make_world


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def rows():
    """The entries as they stand in the database, where an intruder changes them."""
    return get_collection("events")


@pytest.fixture
def chain(world, dispatch_events, rows):
    """Ten sealed entries of an organization."""
    return make_chain(world, dispatch_events, rows, 10)


def make_chain(world, dispatch_events, rows, count):
    from saas.audit.log import log_action

    for number in range(count):
        log_action(
            "update",
            "project",
            user=world.owner,
            organization=world.org,
            resource_id=f"{number:024x}",
            before={"name": f"Name {number}", "number": number},
            after={"name": f"Name {number + 1}", "number": number + 1},
        )
    dispatch_events()
    return list(rows.find({"organization_id": world.org.pk}).sort("sequence", 1))


def verdict_of(org):
    found = verify_chain(org)
    return (found.kind, found.sequence) if found.kind else ("intact", found.checked)


def entries(name, org=None):
    found = events().filter(event=name)
    return list((found.filter(organization_id=org.pk) if org else found).order_by("created_at"))
