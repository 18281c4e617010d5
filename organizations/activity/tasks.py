"""What goes over the feeds of all organizations."""

from organizations.activity.models import Activity
from saas.data_map import Person
from saas.events.erasure import DELETED

REASON = "a person's account has ended"


def forget_person(person: Person) -> int:
    """The entry of the data map: the person's name goes from all feeds; what happened stays.  Safe to repeat."""
    feed = Activity.objects.everything(reason=REASON)
    did = feed.filter(user_id=person.id, actor_name__ne=DELETED).update(set__actor_name=DELETED)
    known = [person.id, *person.addresses]
    targets = {"$or": [{"resource_id": person.id}, {"target_name": {"$in": known}}], "target_name": {"$ne": None}}
    was_done_to = feed.filter(__raw__=targets).filter(target_name__ne=DELETED).update(set__target_name=DELETED)
    return int(did + was_done_to)
