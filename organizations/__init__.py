"""Tenants: organizations, members, roles, invitations.

django-organizations has the same package name and keeps its abstract models in `organizations.abstract`. This line
lets Python look for a module there after it has looked here, so our `models.py` can subclass them. Therefore never
add a module with one of these names to this folder: abstract, base, base_admin, fields, managers, signals,
exceptions, utils, app_settings, backends (tests/organizations/test_package.py guards the list).
"""

from importlib.metadata import distribution

__path__.append(str(distribution("django-organizations").locate_file("organizations")))
