"""What this room offers in the palette, beside the lines of the sidebar."""

from saas.search.actions import PERSON, Action, register

ACTIONS = (
    Action("New project", "plus", "organizations:project_create", "project.create", words="add create start"),
    Action(
        "Invite a member",
        "user-plus",
        "organizations:invitation_create",
        "organization.manage_members",
        words="add new people colleague person team",
    ),
    Action(
        "Invitations",
        "mail",
        "organizations:invitation_list",
        "organization.manage_members",
        words="pending resend revoke people",
    ),
    Action(
        "Roles and permissions",
        "shield-check",
        "organizations:role_list",
        "organization.read",
        words="rights access who may",
    ),
    Action(
        "Background jobs",
        "hourglass",
        "org_jobs:job_list",
        "organization.read",
        words="exports queue progress tasks",
    ),
    Action(
        "Leave the organization",
        "log-out",
        "organizations:member_leave",
        "organization.read",
        words="quit exit membership",
    ),
    Action(
        "New organization",
        "building",
        "organizations:organization_create",
        scope=PERSON,
        words="create add team company workspace",
    ),
    Action(
        "Your organizations",
        "layers",
        "organizations:organization_list",
        scope=PERSON,
        words="switch all list team",
    ),
)


def register_all() -> None:
    for action in ACTIONS:
        register(action)
