"""The writes of organizations: settings, members, invitations, ownership, projects."""

from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from organizations import services
from organizations.links import hash_of
from organizations.models import Invitation, Organization
from organizations.projects.models import Project
from organizations.projects.services import archive_project
from saas.notifications.models import NotificationDefault
from tests.factories import PASSWORD
from tests.writes.recipes import Recorded, Visit, quiet, write


def confirmed(world, who):
    """The person's browser, in which she has just confirmed who she is."""
    client = world.client(who)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


# -- The organization --------------------------------------------------------------------------------------------------


@write("organizations:organization_create")
def organization_create(world):
    def made():
        return Organization.objects.get(name="Hazel Works")

    created = Recorded("organization.created", made, after="name slug", org=made)
    return Visit({"name": "Hazel Works"}, [created], by="outsider", wrong={"name": ""})


def settings_of(org):
    return {name: getattr(org, name) for name in ("name", "slug", "default_role", "locale", "time_zone")}


@write("organizations:settings")
def settings(world):
    changed = Recorded("organization.updated", world.org, changed="name slug")
    return Visit({**settings_of(world.org), "name": "Oak", "slug": "oak"}, [changed], wrong={"name": ""})


def picture():
    file = BytesIO()
    Image.new("RGB", (8, 8), "green").save(file, "PNG")
    return SimpleUploadedFile("logo.png", file.getvalue(), "image/png")


@write("organizations:settings_logo", "a new one")
def settings_logo(world):
    changed = Recorded("organization.updated", world.org, changed="logo_version")
    return Visit({"logo": picture()}, [changed], wrong={"logo": SimpleUploadedFile("logo.png", b"no picture")})


@write("organizations:settings_logo", "none any more")
def settings_logo_removed(world):
    world.client("owner").post(f"/o/{world.org.slug}/settings/logo/", {"logo": picture()})
    return Visit({"change": "remove"}, [Recorded("organization.updated", world.org, changed="logo_version")])


@write("org_notifications:defaults")
def notification_defaults(world):
    def kept():
        return NotificationDefault.objects.for_org(world.org).get()

    changed = Recorded("notification_default.updated", kept, changed="choices")
    return Visit({"projects-email": "off"}, [changed], wrong={"projects-email": "perhaps"})


@write("organizations:organization_delete")
def organization_delete(world):
    asked = Recorded("organization.deletion_requested", world.org, changed="deletes_at")
    client = confirmed(world, "owner")
    return Visit({"confirmation": world.org.name}, [asked], wrong={"confirmation": "yes"}, client=client)


@write("organizations:organization_restore")
def organization_restore(world):
    services.delete_organization(org=world.org, actor=world.owner)
    back = Recorded("organization.restored", world.org, changed="deletes_at", org=world.org)
    return Visit(recorded=[back], refused=("outsider", "admin"))


# -- Members -----------------------------------------------------------------------------------------------------------


@write("organizations:member_role")
def member_role(world):
    changed = Recorded("member.role_changed", world.member, changed="role")
    return Visit({"role": "viewer"}, [changed], wrong={"role": "king"})


@write("organizations:member_role", "of somebody who invited, offered and was the first owner")
def member_role_with_all_that_hangs_on_it(world):
    second = services.change_role(org=world.org, actor=world.owner, membership=world.memberships["admin"], role="owner")
    services.request_transfer(
        org=world.org, actor=world.owner, membership=world.memberships["member"], role_after="admin"
    )
    recorded = [
        Recorded("member.role_changed", world.owner, changed="role"),
        Recorded("member.invitation_revoked", world.invitation, changed="status"),
        Recorded("ownership.cancelled", world.owner, changed="status"),
        Recorded("ownership.passed_on", [world.admin, world.owner], changed="primary_owner"),
    ]
    assert second.role == "owner"
    arguments = {"membership_id": world.memberships["owner"].pk}
    return Visit({"role": "viewer"}, recorded, by="admin", arguments=arguments)


@write("organizations:member_suspend")
def member_suspend(world):
    return Visit(recorded=[Recorded("member.suspended", world.member, changed="suspended_at")])


@write("organizations:member_unsuspend")
def member_unsuspend(world):
    services.suspend_member(org=world.org, actor=world.owner, membership=world.memberships["member"])
    return Visit(recorded=[Recorded("member.unsuspended", world.member, changed="suspended_at")])


@write("organizations:member_remove")
def member_remove(world):
    return Visit(recorded=[Recorded("member.removed", world.member, before="role joined_at")])


@write("organizations:member_leave")
def member_leave(world):
    left = Recorded("member.left", world.member, before="role joined_at")
    return Visit(recorded=[left], by="member", refused=("owner",))


# -- Invitations -------------------------------------------------------------------------------------------------------

ADDRESS = "new.person@example.com"


@write("organizations:invitation_create")
def invitation_create(world):
    invited = Recorded("member.invited", lambda: Invitation.objects.get(invitee_identifier=ADDRESS), after="email role")
    return Visit({"addresses": ADDRESS, "role": "member", "note": ""}, [invited], wrong={"addresses": ""})


@write("organizations:invitation_resend")
def invitation_resend(world):
    return Visit(recorded=[Recorded("member.invitation_resent", world.invitation, changed="expires_at")])


@write("organizations:invitation_revoke")
def invitation_revoke(world):
    return Visit(recorded=[Recorded("member.invitation_revoked", world.invitation, changed="status")])


def invited(world, who="outsider"):
    """The world's invitation, sent to this person; its token."""
    token = "a token of the tests"
    change = {"invitee_identifier": world.person(who).email, "token_hash": hash_of(token)}
    Invitation.objects.filter(pk=world.invitation.pk).update(**change)
    return token


@write("organizations:invitation_accept")
def invitation_accept(world):
    invited(world)
    joined = Recorded("member.joined", world.outsider, after="role", org=world.org)
    return Visit(recorded=[joined], by="outsider", refused=("viewer",))


@write("organizations:invitation_decline")
def invitation_decline(world):
    invited(world)
    declined = Recorded("member.invitation_declined", world.invitation, changed="status", org=world.org)
    return Visit(recorded=[declined], by="outsider", refused=("viewer",))


@write("invitations:invitation_join")
def invitation_join(world):
    arguments = {"token": invited(world)}
    joined = Recorded("member.joined", world.outsider, after="role", org=world.org)
    return Visit(recorded=[joined], by="outsider", refused=("nobody",), arguments=arguments)


@write("invitations:invitation_refuse", "by somebody who is not signed in")
def invitation_refuse(world):
    arguments = {"token": invited(world)}
    declined = Recorded("member.invitation_declined", world.invitation, changed="status", org=world.org)
    return Visit(recorded=[declined], by="nobody", arguments=arguments)


@write("invitations:invitation_refuse", "by the person")
def invitation_refuse_by_the_person(world):
    arguments = {"token": invited(world)}
    declined = Recorded("member.invitation_declined", world.invitation, changed="status", org=world.org)
    return Visit(recorded=[declined], by="outsider", arguments=arguments)


@quiet("invitations:invitation_enter", "it leads to the pages of signing up and in, which record it", "by a visitor")
def invitation_enter(world):
    return Visit(by="nobody", arguments={"token": invited(world)})


@write("invitations:invitation_enter", "with another account", apart="it ends the session and changes nothing else")
def invitation_enter_with_another_account(world):
    out = Recorded("user.logged_out", world.viewer)
    return Visit(recorded=[out], by="viewer", arguments={"token": invited(world)})


# -- Ownership ---------------------------------------------------------------------------------------------------------


@write("organizations:ownership_request")
def ownership_request(world):
    offered = Recorded("ownership.requested", world.admin, after="to role_after expires_at")
    data = {"person": world.admin.pk, "role_after": "member"}
    return Visit(data, [offered], wrong={"person": world.outsider.pk}, client=confirmed(world, "owner"))


def offer(world):
    services.request_transfer(
        org=world.org, actor=world.owner, membership=world.memberships["admin"], role_after="member"
    )


@write("organizations:ownership_accept")
def ownership_accept(world):
    offer(world)
    recorded = [
        Recorded("ownership.accepted", [world.admin, world.owner], changed="primary_owner"),
        Recorded("member.role_changed", world.admin, changed="role"),
        Recorded("member.role_changed", world.owner, changed="role"),
        Recorded("member.invitation_revoked", world.invitation, changed="status"),
    ]
    return Visit(recorded=recorded, by="admin", client=confirmed(world, "admin"), refused=("viewer", "owner"))


@write("organizations:ownership_decline")
def ownership_decline(world):
    offer(world)
    declined = Recorded("ownership.declined", world.owner, changed="status")
    return Visit(recorded=[declined], by="admin", refused=("viewer", "owner"))


@write("organizations:ownership_cancel")
def ownership_cancel(world):
    offer(world)
    return Visit(recorded=[Recorded("ownership.cancelled", world.admin, changed="status")])


# -- Projects ----------------------------------------------------------------------------------------------------------

TYPED = {"name": "Garden", "description": "", "status": "active", "tags": "spring"}
KEPT = "name description status tags"


@write("organizations:project_create")
def project_create(world):
    created = Recorded("project.created", lambda: Project.objects.for_org(world.org).get(name="Garden"), after=KEPT)
    return Visit(TYPED, [created], by="member", wrong={"name": ""})


@write("organizations:project_edit")
def project_edit(world):
    changed = Recorded("project.updated", world.project, changed="name status tags")
    return Visit({**TYPED, "version": world.project.version}, [changed], wrong={"name": ""})


@write("organizations:project_share")
def project_share(world):
    changed = Recorded("project.shared", world.project, changed="visibility shared_with")
    data = {"visibility": "private", "shared_with": [world.viewer.pk], "version": world.project.version}
    return Visit(data, [changed], wrong={"shared_with": [world.outsider.pk]})


@write("organizations:project_archive")
def project_archive(world):
    return Visit(recorded=[Recorded("project.archived", world.project, changed="archived_at")])


@write("organizations:project_restore")
def project_restore(world):
    archive_project(org=world.org, actor=world.owner, project=world.project)
    return Visit(recorded=[Recorded("project.restored", world.project, changed="archived_at")])


@write("organizations:project_delete")
def project_delete(world):
    kept = f"{KEPT} visibility shared_with"
    deleted = Recorded("project.deleted", world.project, before=kept)
    return Visit({"confirmation": world.project.name}, [deleted], wrong={"confirmation": "yes"})
