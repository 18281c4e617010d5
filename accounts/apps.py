from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.core import checks

        from accounts import events, limits, palette  # noqa: F401 - events connects the signals
        from accounts.onboarding import configuration
        from saas import data_map
        from saas.ratelimit import limit_routes

        configuration.load()
        checks.register(configuration.check_names)
        checks.register(data_map.check_file)
        limit_routes(limits.LIMITS)
        palette.register_all()
