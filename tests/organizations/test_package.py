"""Our `organizations` and django-organizations share one package name (see organizations/__init__.py)."""

from pathlib import Path

import organizations

LIBRARY_NAMES = (
    "abstract", "base", "base_admin", "fields", "managers", "signals", "exceptions", "utils", "app_settings",
    "backends",
)  # fmt: skip


def test_our_folder_hides_no_module_of_the_library():
    ours = {path.stem for path in Path(organizations.__file__).parent.iterdir()}
    assert ours.isdisjoint(LIBRARY_NAMES)


def test_the_library_is_found_behind_our_package():
    from organizations.abstract import AbstractOrganization

    from organizations.models import Organization

    assert issubclass(Organization, AbstractOrganization)
