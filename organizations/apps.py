from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "organizations"

    def ready(self) -> None:
        from organizations import access, onboarding, roles
        from saas import hooks, navigation

        roles.load()
        hooks.membership.register(access.find_membership)
        hooks.can.register(roles.can)
        hooks.onboarding_step.register(onboarding.organization_step)
        navigation.register(
            navigation.Item("Home", "house", "organizations:dashboard", permission="organization.read", rank=0)
        )
