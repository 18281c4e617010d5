"""What every test has. The database, clean for each test, is in plugins/database.py."""

pytest_plugins = ["tests.plugins.database", "tests.plugins.worker"]
