from django.apps import AppConfig


class PlatformAdminConfig(AppConfig):
    name = "platform_admin"

    def ready(self) -> None:
        from saas.search.actions import STAFF, Action, register

        words = "admin staff platform health jobs mail"
        register(Action("Administration", "gauge", "platform_admin:home", "admin.monitor", scope=STAFF, words=words))
