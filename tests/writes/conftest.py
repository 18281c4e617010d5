"""What the recipes may ask for."""

import pytest

from tests.accounts.test_social import provider

__all__ = ["provider"]


@pytest.fixture
def sandbox(settings, tmp_path):
    """A folder of its own for the tools of development."""
    settings.DATA_DIR, settings.MAIL_SANDBOX_DIR = tmp_path, tmp_path / "mail"
