"""The pages of projects.  Each finds what the member may see, asks one service, and answers a page or a part of it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations import roles
from organizations.people import members_of, people_by_id
from organizations.projects import forms, services
from organizations.projects.models import Project
from saas.access import Refused, org_view
from saas.errors import Problem
from saas.htmx import form_again, page_or_part, redirect, toast
from saas.http import OrgRequest, get_or_404
from saas.mongo.fields import new_key

LIST_PAGE = "organizations/project_list.html"
DETAIL_PAGE = "organizations/project_detail.html"
FORM_PAGE = "organizations/project_form.html"
SHARE_PAGE = "organizations/project_share.html"
DELETE_PAGE = "organizations/project_delete.html"
RECENT = 5

show_and_send = require_http_methods(["GET", "HEAD", "POST"])


@org_view("project.read")
@require_safe
def project_list(request: OrgRequest) -> HttpResponse:
    filters = forms.ProjectFilterForm(request.GET)
    values = filters.values()
    page = services.list_projects(org=request.org, actor=request.user, cursor=request.GET.get("cursor", ""), **values)
    context = {
        "projects": with_creators(request, page.rows),
        "filters": filters,
        "chosen": values,
        "is_filtered": bool(values["status"] or values["tag"] or values["q"]),
        "tabs": view_tabs(request, values["view"]),
        "may_create": roles.can(request.user, "project.create", org=request.org),
        **page.links(request),
    }
    return page_or_part(request, LIST_PAGE, context, partial="list")


@org_view("project.read")
@require_safe
def project_recent(request: OrgRequest) -> HttpResponse:
    """The panel of the dashboard, fetched after the page."""
    page = services.list_projects(org=request.org, actor=request.user, sort="changed", size=RECENT)
    context = {"projects": page.rows, "may_create": roles.can(request.user, "project.create", org=request.org)}
    return render(request, "organizations/project_recent.html", context)


@org_view("project.create")
@show_and_send
def project_create(request: OrgRequest) -> HttpResponse:
    form = forms.NewProjectForm(posted(request), initial={"key": new_key()})
    if form.is_valid():
        project = services.create_project(org=request.org, actor=request.user, request=request, **form.cleaned_data)
        return toast(to_project(request, project), f"“{project.name}” is created.", request=request)
    return form_page(request, FORM_PAGE, {"form": form, "breadcrumbs": trail(request, "New project")})


@org_view("project.read")
@require_safe
def project_detail(request: OrgRequest, project_id: str) -> HttpResponse:
    project = find_project(request, project_id, "project.read")
    return render(request, DETAIL_PAGE, detail_context(request, project))


@org_view("project.update")
@show_and_send
def project_edit(request: OrgRequest, project_id: str) -> HttpResponse:
    project = find_project(request, project_id, "project.update")
    form = forms.EditProjectForm(posted(request), initial=forms.EditProjectForm.initial_of(project))
    if form.is_valid():
        try:
            services.update_project(
                org=request.org, actor=request.user, project=project, request=request, **form.cleaned_data
            )
            return toast(to_project(request, project), "Your changes are saved.", request=request)
        except services.EditConflict as conflict:
            form.show_conflict(conflict.current, who_changed(request, conflict.current))
        except Problem as problem:
            form.add_error(None, str(problem))
    context = {"form": form, "project": project, "breadcrumbs": trail(request, "Edit", project)}
    return form_page(request, FORM_PAGE, context)


@org_view("project.share")
@show_and_send
def project_share(request: OrgRequest, project_id: str) -> HttpResponse:
    project = find_project(request, project_id, "project.share")
    people = [user for user in members_of(request.org) if user.pk != project.created_by]
    initial = {"version": project.version, "visibility": project.visibility, "shared_with": list(project.shared_with)}
    form = forms.ShareForm(posted(request), initial=initial, people=people)
    if form.is_valid():
        try:
            services.share_project(
                org=request.org, actor=request.user, project=project, request=request, **form.cleaned_data
            )
            return toast(to_project(request, project), "It is saved who sees this project.", request=request)
        except Problem as problem:
            form.add_error(None, str(problem))
    trail_here = trail(request, "Share", project)
    context = {"form": form, "project": project, "all_seeing": all_seeing(), "breadcrumbs": trail_here}
    return form_page(request, SHARE_PAGE, context)


@org_view("project.update")
@require_POST
def project_archive(request: OrgRequest, project_id: str) -> HttpResponse:
    project = find_project(request, project_id, "project.update")
    project = services.archive_project(org=request.org, actor=request.user, project=project, request=request)
    return detail_again(request, project, "The project is archived. You can restore it at any time.")


@org_view("project.update")
@require_POST
def project_restore(request: OrgRequest, project_id: str) -> HttpResponse:
    project = find_project(request, project_id, "project.update")
    project = services.restore_project(org=request.org, actor=request.user, project=project, request=request)
    return detail_again(request, project, "The project is back in the lists.")


@org_view("project.delete")
@show_and_send
def project_delete(request: OrgRequest, project_id: str) -> HttpResponse:
    project = find_project(request, project_id, "project.delete")
    form = forms.DeleteForm(posted(request), name=project.name)
    if form.is_valid():
        services.delete_project(org=request.org, actor=request.user, project=project, request=request)
        answer = redirect(request, "organizations:project_list", request.org.slug)
        return toast(answer, f"“{project.name}” is deleted.", request=request)
    context = {"form": form, "project": project, "breadcrumbs": trail(request, "Delete", project)}
    return form_page(request, DELETE_PAGE, context)


# -- What the views share ----------------------------------------------------------------------------------------------


def find_project(request: OrgRequest, project_id: str, permission: str) -> Project:
    """The project, if this member may do that with it.

    Raises Http404 for one that the member may not see, Refused for one that may be seen and no more.
    """
    project: Project = get_or_404(services.visible_projects(org=request.org, actor=request.user), pk=project_id)
    if not roles.can(request.user, permission, org=request.org, obj=project):
        raise Refused(permission, org=request.org, obj=project)
    return project


def posted(request: OrgRequest) -> Any:
    """What was sent, or None when a form is opened."""
    return request.POST if request.method == "POST" else None


def form_page(request: OrgRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """The page of a form: as it is opened, or again with its mistakes."""
    if context["form"].errors:
        return form_again(request, page, context, partial="form")
    return render(request, page, context)


def detail_context(request: OrgRequest, project: Project) -> dict[str, Any]:
    people = people_by_id([project.created_by, project.updated_by, *project.shared_with], known=request.user)
    return {
        "project": project,
        "creator": people.get(project.created_by),
        "editor": people.get(project.updated_by),
        "shared_with": [people[key] for key in project.shared_with if key in people],
        "all_seeing": all_seeing(),
        "may": {
            action: roles.can(request.user, f"project.{action}", org=request.org, obj=project)
            for action in ("update", "share", "delete")
        },
        "breadcrumbs": trail(request, project.name),
    }


def detail_again(request: OrgRequest, project: Project, words: str) -> HttpResponse:
    """The detail page after a change that was made on it."""
    if not request.htmx:  # type: ignore[attr-defined]
        return toast(to_project(request, project), words, request=request)
    response = page_or_part(request, DETAIL_PAGE, detail_context(request, project), partial="project")
    return toast(response, words, request=request)


def to_project(request: OrgRequest, project: Project) -> HttpResponse:
    return redirect(request, "organizations:project_detail", request.org.slug, project.id)


def who_changed(request: OrgRequest, project: Project) -> str:
    if project.updated_by == request.user.pk:
        return "You, in another window,"
    editor = people_by_id([project.updated_by]).get(project.updated_by)
    return editor.display_name if editor else "Somebody"


def all_seeing() -> str:
    """The roles whose people see private projects too, in words: "Admin or Owner"."""
    titles = [role.title for role in roles.organization_roles() if None in role.grants.get("project.read", ())]
    return " or ".join(titles)


def with_creators(request: OrgRequest, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `creator`, a user or None for somebody who is gone.  At most one read."""
    people = people_by_id((row["created_by"] for row in rows), known=request.user)
    return [{**row, "creator": people.get(row["created_by"])} for row in rows]


def view_tabs(request: OrgRequest, current: str) -> list[dict[str, Any]]:
    address = reverse("organizations:project_list", args=[request.org.slug])
    return [
        {"label": label, "url": address if name == "all" else f"{address}?view={name}", "active": name == current}
        for name, label in forms.VIEWS.items()
    ]


def trail(request: OrgRequest, label: str, project: Project | None = None) -> list[dict[str, str]]:
    """The breadcrumbs: the list, perhaps a project, and the page itself."""
    slug = request.org.slug
    steps = [{"label": "Projects", "url": reverse("organizations:project_list", args=[slug])}]
    if project is not None:
        address = reverse("organizations:project_detail", args=[slug, project.id])
        steps.append({"label": project.name, "url": address})
    return [*steps, {"label": label, "url": ""}]
