from django.apps import AppConfig


class SaasConfig(AppConfig):
    name = "saas"
    verbose_name = "Platform services"

    def ready(self) -> None:
        from django.urls import register_converter

        from saas import access, hooks
        from saas.celery import app
        from saas.events import catalogue
        from saas.mongo.converters import OidConverter

        app.set_default()
        register_converter(OidConverter, "oid")
        catalogue.load()
        access.register_checks()
        hooks.register_checks()
