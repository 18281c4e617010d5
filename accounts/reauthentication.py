"""Asking again who somebody is, for the rooms above: see saas/reauthentication.py."""

from saas.reauthentication import confirmed_person

__all__ = ["confirmed_person"]
