"""Migrations of libraries, whose own speak of integer keys. `manage.py makemigrations <label>` after an upgrade."""
