from django.apps import AppConfig


class SaasConfig(AppConfig):
    name = "saas"
    verbose_name = "Platform services"

    def ready(self) -> None:
        from django.urls import register_converter
        from django_structlog.signals import bind_extra_request_metadata

        from saas import access, checks, hooks, logs
        from saas.celery import app
        from saas.events import catalogue, sinks
        from saas.mailing import tracking
        from saas.mongo import indexes
        from saas.mongo.converters import OidConverter
        from saas.notifications import sink as notifications
        from saas.ratelimit import stores
        from saas.search import indexing
        from saas.webhooks import fanout as webhooks
        from saas.webhooks import resources as webhook_resources

        app.set_default()
        bind_extra_request_metadata.connect(logs.bind_address, dispatch_uid="address")
        register_converter(OidConverter, "oid")
        catalogue.load()
        catalogue.check_against_code()
        access.register_checks()
        hooks.register_checks()
        tracking.connect()
        sinks.register(sinks.Sink("notifications", "Notifications", deliver=notifications.deliver))
        sinks.register(sinks.Sink("search", "Search", indexing.follow))
        checks.register()
        indexes.register(stores.ensure_ttl_index)
        sinks.register(sinks.Sink("webhooks", "Webhooks", deliver=webhooks.deliver))
        webhook_resources.register_all()
