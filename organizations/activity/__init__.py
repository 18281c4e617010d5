"""The activity feed: what has happened in an organization, as sentences, for those who may know of it.

    page = get_activity_feed(org, viewer=request.user, limit=20, cursor=request.GET.get("cursor", ""))
    create_activity(org, actor=user, type="invoice.sent", action="sent the invoice {target}", target=invoice)

It is made from the events (saas/events/) and can be thrown away and made again.
"""

from organizations.activity.feed import get_activity_feed
from organizations.activity.writing import create_activity

__all__ = ["create_activity", "get_activity_feed"]
