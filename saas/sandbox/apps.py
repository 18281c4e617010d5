from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "saas.sandbox"
    label = "sandbox"
