from django.apps import AppConfig


class SaasConfig(AppConfig):
    name = "saas"
    verbose_name = "Platform services"

    def ready(self) -> None:
        from django.urls import register_converter

        from saas import access, checks, hooks
        from saas.celery import app
        from saas.events import catalogue
        from saas.mongo import indexes
        from saas.mongo.converters import OidConverter
        from saas.ratelimit import stores

        app.set_default()
        register_converter(OidConverter, "oid")
        catalogue.load()
        access.register_checks()
        hooks.register_checks()
        checks.register()
        indexes.register(stores.ensure_ttl_index)
