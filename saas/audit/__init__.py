"""The audit log: who did what, to what, when, from where, what it was before and is after; sealed into a chain."""
