from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.core import checks

        from accounts import events  # noqa: F401 - connects the signals
        from accounts.onboarding import configuration

        configuration.load()
        checks.register(configuration.check_names)
