"""Conditions on one project, named by `when:` in config/roles.yaml and asked by `can(…, obj=project)`."""

from typing import Any

from mongoengine import Q
from rules.rulesets import add_rule

from organizations.projects.models import Project, Visibility


def sees_project(user: Any, project: Project) -> bool:
    """Everyone sees a project of the organization; a private one is for its creator and whom it is shared with."""
    is_open = project.visibility == Visibility.ORGANIZATION
    return is_open or project.created_by == user.pk or user.pk in project.shared_with


def seen_by(user: Any) -> Q:
    """The same condition for a list."""
    return Q(visibility=Visibility.ORGANIZATION.value) | Q(created_by=user.pk) | Q(shared_with=user.pk)


def created_project(user: Any, project: Project) -> bool:
    return bool(project.created_by == user.pk)


add_rule("sees_project", sees_project)
add_rule("created_project", created_project)
