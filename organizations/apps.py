from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "organizations"

    def ready(self) -> None:
        from organizations import (
            access,
            audience,
            departure,
            joining,  # noqa: F401 - hears of sign-ins
            links,
            onboarding,
            palette,
            resources,
            roles,
        )
        from organizations.activity import sink as activity
        from organizations.projects import rules  # noqa: F401 - its conditions stand in config/roles.yaml
        from saas import hooks, navigation
        from saas.events import sinks

        roles.load()
        hooks.membership.register(access.find_membership)
        hooks.can.register(roles.can)
        hooks.explain.register(roles.explain)
        hooks.search_filter.register(audience.search_filter)
        hooks.audience.register(audience.audience)
        hooks.organizations_of.register(audience.organizations_of)
        hooks.organizations.register(audience.organizations_by_id)
        hooks.organization_named.register(audience.organization_named)
        hooks.members_named.register(audience.members_named)
        resources.register_all()
        palette.register_all()
        sinks.register(sinks.Sink("activity", "Activity feed", activity.deliver))
        hooks.address_proof.register(links.proves_address)
        hooks.deletion_blocker.register(departure.organizations_owned_alone)
        hooks.onboarding_step.register(onboarding.organization_step)
        navigation.register(
            navigation.Item(
                "Home", "house", "organizations:dashboard", permission="organization.read", rank=0, is_leaf=True
            )
        )
        navigation.register(
            navigation.Item(
                "Projects", "folder-kanban", "organizations:project_list", permission="project.read", rank=10
            )
        )
        navigation.register(
            navigation.Item(
                "Activity", "activity", "organizations:activity_list", permission="organization.read", rank=5
            )
        )
        navigation.register(
            navigation.Item(
                "Members",
                "users",
                "organizations:member_list",
                permission="organization.read",
                rank=80,
                also=("organizations:invitation_list", "organizations:role_list", "organizations:ownership"),
            )
        )
        navigation.register(
            navigation.Item("Webhooks", "webhook", "webhooks:webhook_list", permission="webhook.read", rank=87)
        )
        navigation.register(
            navigation.Item("Audit log", "scroll-text", "audit:entry_list", permission="auditLog.read", rank=85)
        )
        navigation.register(
            navigation.Item("Settings", "settings", "organizations:settings", permission="organization.update", rank=90)
        )
