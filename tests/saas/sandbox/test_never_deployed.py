"""A deployment cannot load the simulated world, by any way."""

import os
import subprocess
import sys

from saas.checks import check_no_sandbox

DEPLOYED = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "x" * 60,
    "SITE_URL": "https://app.example.com",
    "EMAIL_FROM": "App <hello@example.com>",
    "RESEND_API_KEY": "re_test",
}


def deployed(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a production process would."""
    setup = "import django; django.setup();"
    return subprocess.run(
        [sys.executable, "-c", setup + code],
        env={**os.environ, **DEPLOYED, "DJANGO_SETTINGS_MODULE": "saas.settings"},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_a_deployment_has_no_sandbox_and_cannot_import_it():
    run = deployed(
        "import sys; from django.apps import apps; "
        "assert not apps.is_installed('saas.sandbox');"
        "from saas.access import routes; names = [r.name for r in routes()];"
        "assert names and not [n for n in names if n.startswith('sandbox')];"
        "assert not [m for m in sys.modules if m.startswith('saas.sandbox')];"
        "print('nothing there', flush=True);"
        "import saas.sandbox.views"
    )
    assert "nothing there" in run.stdout, run.stderr
    assert "ImproperlyConfigured: saas.sandbox is for development and tests" in run.stderr


def test_the_check_names_it(settings):
    assert check_no_sandbox() == []
    settings.IS_DEPLOYED = True
    (problem,) = check_no_sandbox()
    assert problem.id == "saas.E020"
