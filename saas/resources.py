"""The nouns that the platform services speak of: how an object is found, shown, linked and kept from others' eyes.

A room registers each of its resources once, in `AppConfig.ready()`; from then on the feed and the audit log link to it,
search finds it, notifications open it, and all of them ask the same question before they show it.

    resources.register(Resource("project", label="Project", plural="Projects", icon="folder-kanban", …))
    resources.get("project").url(org.slug, project.id)
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Description:
    """What the platform services keep of one object, as it is now.

    `readers`: ids of the people who may see it besides those whose role sees every object of its kind; None when
    everybody may who holds the permission of its resource.
    """

    id: str
    title: str
    content: str = ""
    tags: tuple[str, ...] = ()
    readers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object.  `name` is the resource of config/events.yaml and config/roles.yaml.

    `permission`: what a member needs to see objects of this kind at all, such as "project.read".
    `url`: (organization's slug, id) -> the address of its page.
    `describe`: (organization's id, ids) -> those that exist, by id; one read.
    `describe_all`: (organization's id) -> every one of the organization, for building an index anew.
    `is_searched`: whether search keeps entries of it.
    `is_person`: whether its ids are those of people, so that it shows their names.
    """

    name: str
    label: str
    plural: str
    icon: str
    permission: str
    url: Callable[[str, str], str]
    describe: Callable[[str, Iterable[str]], dict[str, Description]]
    describe_all: Callable[[str], Iterator[Description]] = lambda _org_id: iter(())
    is_searched: bool = True
    is_person: bool = False


_resources: dict[str, Resource] = {}


def register(resource: Resource) -> Resource:
    """Add a resource.  Raises ImproperlyConfigured when there is another one of its name."""
    if _resources.get(resource.name, resource) != resource:
        raise ImproperlyConfigured(f"There is a resource {resource.name!r} already.")
    _resources[resource.name] = resource
    return resource


def get(name: str) -> Resource | None:
    """The resource of this name, or None for what has no page of its own, such as a sign-in."""
    return _resources.get(name)


def every() -> list[Resource]:
    """All of them, in the order of registration."""
    return list(_resources.values())


def url_of(org: Any, name: str, id_: str | None) -> str:
    """The address of an object's page; "" where it has none.  No read, so the object may be gone."""
    resource = get(name)
    return resource.url(org.slug, id_) if resource and id_ and org is not None else ""
