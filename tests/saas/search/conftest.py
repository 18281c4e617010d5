import pytest

from saas.search import index_document
from tests.factories import make_world


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def put(world):
    """Adds an entry to the organization's index by hand; answers its id."""
    made = iter(range(10_000))

    def put(title, *, org=None, resource="note", permission="organization.read", **more):
        resource_id = more.pop("resource_id", None) or f"n{next(made)}"
        index_document(
            organization=org or world.org,
            resource=resource,
            resource_id=resource_id,
            title=title,
            permission=permission,
            **more,
        )
        return resource_id

    return put
