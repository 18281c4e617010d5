"""Addresses that mail services report: one that bounces or complains gets no mail until it is allowed again."""
