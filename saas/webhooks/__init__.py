"""Outgoing webhooks by the Standard Webhooks: what happened here, told to addresses that customers have chosen.

    trigger_webhook("invoice.sent", {"id": "in_1"}, organization=org)     # a founder's own event
    verify_webhook_signature(request.body, request.headers, secret)       # what a receiver does
    replay(delivery)                                                      # once more, under the same id

The product's own events need none of these: `webhook:` in config/events.yaml is enough.
"""

from saas.webhooks.endpoints import replay
from saas.webhooks.fanout import trigger_webhook
from saas.webhooks.signing import sign, verify_webhook_signature

__all__ = ["replay", "sign", "trigger_webhook", "verify_webhook_signature"]
