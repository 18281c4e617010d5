"""Other windows of the person hear of each change, and no window hears of nothing."""

import json

import pytest
import redis
from django.conf import settings

from organizations.projects.services import create_project
from saas import live, notifications
from saas.notifications import create_notification
from saas.tenancy import now
from tests.factories import make_world


@pytest.fixture
def heard():
    """`heard(user)` subscribes, and then answers the names of the events that came since the last call."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=30)
    channels = {}

    def names(user):
        channel = live.user_channel(user.pk)
        if channel not in channels:
            channels[channel] = client.pubsub()
            channels[channel].subscribe(channel)
            assert next(channels[channel].listen())["type"] == "subscribe"
        live.publish(channel, "over")  # whatever came before it comes before it
        found = []
        for message in channels[channel].listen():
            name = json.loads(message["data"])["event"]
            if name == "over":
                return found
            found.append(name)
        raise AssertionError("the connection has ended")

    yield names
    for each in channels.values():
        each.close()
    client.close()


def test_each_change_is_heard(heard):
    ada = make_world().member
    heard(ada)
    made = create_notification(user=ada, title="Hello")
    assert heard(ada) == ["notification"]
    for act in (notifications.mark_read, notifications.mark_unread, notifications.archive, notifications.unarchive):
        act(made)
        assert heard(ada) == ["notification"], act
    notifications.mark_unread(made)
    heard(ada)
    notifications.mark_all_read(ada, until=now())
    assert heard(ada) == ["notification"]
    notifications.mark_all_read(ada, until=now())
    notifications.mark_seen(ada, until=now())
    assert heard(ada) == []


def test_those_who_are_told_hear_it_and_nobody_else(heard, dispatch_events):
    world = make_world()
    people = {role: world.person(role) for role in ("owner", "member", "viewer", "other.member")}
    for person in people.values():
        heard(person)
    create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    assert [role for role, person in people.items() if "notification" in heard(person)] == ["member", "viewer"]
