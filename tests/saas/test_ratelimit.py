"""The limiter on both stores.  Time passes by moving the counters back on the server, so nothing sleeps."""

import json
import time
from collections import Counter
from uuid import uuid4

import http_sf
import pymongo
import pytest
from django.db import connections
from django.test import Client
from redis import Redis

from saas.db import atomic
from saas.mongo.indexes import ensure_indexes
from saas.ratelimit import HitInTransaction, LimiterAway, RateLimited, Rule, clear, hit, stores, with_rate_limit
from saas.ratelimit.stores import COLLECTION
from saas.ratelimit.windows import Window
from tests.factories import make_world

pytestmark = pytest.mark.urls("tests.saas.ratelimit_urls")

NOWHERE = "localhost:9"  # nothing listens there


@pytest.fixture(params=["mongodb", "valkey"])
def storage(request, settings):
    settings.RATELIMIT_STORAGE = request.param
    return request.param


@pytest.fixture
def name():
    """A counter of this test's own: Valkey is not emptied between tests."""
    return f"test-{uuid4().hex}"


@pytest.fixture
def wait(name, settings):
    """Let so many seconds pass for the counter `name`."""
    return lambda seconds: move_back(name, seconds, settings)


def move_back(name, seconds, settings):
    if settings.RATELIMIT_STORAGE == "mongodb":
        moved = {"$subtract": ["$expireAt", round(seconds * 1000)]}
        connections["default"].database[COLLECTION].update_many({}, [{"$set": {"expireAt": moved}}])
        return
    server = Redis.from_url(settings.REDIS_URL)
    for key in server.scan_iter(f"ratelimit:*{name}*", count=1000):
        left = server.pttl(key) - round(seconds * 1000)
        server.pexpire(key, left) if left > 0 else server.delete(key)


def accepted(limit, name, times, *, key="somebody", cost=1):
    """How many of so many hits get through."""
    return sum(is_accepted(limit, name, key=key, cost=cost) for _ in range(times))


def is_accepted(limit, name, *, key="somebody", cost=1):
    try:
        hit(limit, name=name, key=key, cost=cost)
    except RateLimited:
        return False
    return True


def refusal(limit, name, *, cost=1):
    with pytest.raises(RateLimited) as caught:
        hit(limit, name=name, key="somebody", cost=cost)
    return caught.value


def browser(address="203.0.113.7", **headers):
    return Client(REMOTE_ADDR=address, headers=headers, raise_request_exception=False)


# -- Counting ------------------------------------------------------------------------------------------------------


def test_twenty_of_fifty_at_one_moment_pass(storage, name, in_parallel):
    results = in_parallel(lambda: is_accepted("20/minute", name), times=50)
    assert Counter(results) == {True: 20, False: 30}
    assert not is_accepted("20/minute", name)


def test_nobody_within_the_limit_is_refused_for_being_early(storage, name, in_parallel):
    """A counter that many meet at once while it is new."""
    for number in range(5):
        results = in_parallel(lambda number=number: is_accepted("20/minute", f"{name}{number}"), times=20)
        assert results == [True] * 20


def test_a_spent_limit_recovers_bit_by_bit(storage, name, wait):
    assert accepted("10/minute", name, 12) == 10
    wait(60 + 24.5)  # a good half of the window that was full still counts
    assert accepted("10/minute", name, 12) == 5


@pytest.mark.parametrize("windows", [2.05, 3.5, 40])
def test_a_counter_that_expired_long_ago_counts_like_a_new_one(storage, name, wait, windows):
    """MongoDB removes it up to a minute late."""
    assert accepted("5/minute", name, 6) == 5
    wait(windows * 60)
    assert accepted("5/minute", name, 12) == 5


def test_no_double_burst_at_the_edge_of_two_windows(storage, name, wait):
    hit("20/minute", name=name, key="somebody")
    wait(49)
    assert accepted("20/minute", name, 30) == 19
    wait(12)
    assert accepted("20/minute", name, 30) <= 2


def test_a_limit_of_one_recovers(storage, name, wait):
    for _ in range(3):
        assert accepted("1/minute", name, 3) == 1
        wait(60.5)


def test_refused_hits_do_not_lengthen_the_wait(storage, name, wait):
    assert accepted("3/minute", name, 3) == 3
    for _ in range(5):
        wait(10)
        assert accepted("3/minute", name, 10) == 0
    assert refusal("3/minute", name).window.retry_after <= 10
    wait(10.5)
    assert accepted("3/minute", name, 1) == 1


@pytest.mark.parametrize(
    ("before", "pause", "now", "cost"),
    [(10, 0, 0, 1), (10, 84.5, 5, 1), (4, 70, 8, 1), (10, 0, 0, 4), (7, 75, 3, 5), (10, 61, 0, 10)],
)
def test_retry_after_is_neither_too_early_nor_too_late(storage, name, wait, before, pause, now, cost):
    assert accepted("10/minute", name, before) == before
    wait(pause)
    accepted("10/minute", name, now)
    seconds = refusal("10/minute", name, cost=cost).window.retry_after
    assert seconds >= 1
    if seconds > 2:
        wait(seconds - 2)
        assert not is_accepted("10/minute", name, cost=cost), "too late"
    wait(min(seconds, 2))
    assert is_accepted("10/minute", name, cost=cost), "too early"


def test_a_hit_may_cost_several_and_takes_all_or_nothing(storage, name):
    assert hit("10/minute", name=name, key="somebody", cost=7).remaining == 3
    assert refusal("10/minute", name, cost=4).window.remaining == 3
    assert hit("10/minute", name=name, key="somebody", cost=3).remaining == 0
    with pytest.raises(ValueError, match="cannot be within"):
        hit("10/minute", name=name, key="somebody", cost=11)


def test_counters_of_other_keys_and_names_are_apart(storage, name):
    assert accepted("1/minute", name, 2, key="anna") == 1
    assert accepted("1/minute", name, 2, key="ben") == 1
    assert accepted("1/minute", f"{name}-other", 2, key="anna") == 1


def test_a_counter_can_be_set_back(storage, name):
    assert accepted("3/minute", name, 5) == 3
    clear("3/minute", name=name, key="somebody")
    assert accepted("3/minute", name, 5) == 3


def test_a_hit_in_a_transaction_is_an_error(storage, name):
    with pytest.raises(HitInTransaction, match=name), atomic():
        hit("1/minute", name=name, key="somebody")
    assert accepted("1/minute", name, 2) == 1, "and it was not counted"


def test_a_hit_is_one_round_trip_by_an_index(name, count_queries, no_scans):
    hit("5/minute", name=name, key="somebody")
    with no_scans(), count_queries(at_most=1):
        hit("5/minute", name=name, key="somebody")


def test_mongodb_forgets_counters_by_itself(name):
    ensure_indexes()
    indexes = connections["default"].database[COLLECTION].index_information()
    assert indexes["expireAt_1"]["expireAfterSeconds"] == 0
    hit("5/minute", name=name, key="somebody")
    (counter,) = connections["default"].database[COLLECTION].find({"_id": {"$regex": name}})
    assert counter["expireAt"].timestamp() == pytest.approx(counter["hitAt"].timestamp() + 120, abs=0.01)


def test_a_store_that_is_collected_leaves_the_database_connected(name):
    store = stores.MongoStore()
    assert store.storage is connections["default"].connection
    store.__del__()
    assert hit("5/minute", name=name, key="somebody").remaining == 4


def test_the_wait_is_told_in_words():
    def words(left):
        return str(RateLimited(Window(5, 86400, 1, False, 0, 5, left), "any"))

    assert words(1.0).endswith("in 1 second.")
    assert words(60).endswith("in 60 seconds.")
    assert words(61).endswith("in 2 minutes.")
    assert words(80000).endswith("in 23 hours.")


# -- Headers ----------------------------------------------------------------------------------------------------------


def test_every_answer_says_how_the_limit_stands(storage, settings):
    client = browser(f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1")
    for remaining in (1, 0, 0):
        before = time.time()
        answer = client.get("/plain/")
        assert answer["X-RateLimit-Limit"] == "2"
        assert answer["X-RateLimit-Remaining"] == str(remaining)
        assert before < int(answer["X-RateLimit-Reset"]) <= time.time() + 61
        (policy,) = http_sf.parse(answer["RateLimit-Policy"].encode(), tltype="list")
        assert policy == ("plain", {"q": 2, "w": 60})
        ((item, values),) = http_sf.parse(answer["RateLimit"].encode(), tltype="list")
        assert (item, values["r"]) == ("plain", remaining)
        assert 1 <= values["t"] <= 60
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60


@pytest.mark.parametrize(("path", "status"), [("/missing/", 404), ("/forbidden/", 403), ("/broken/", 500)])
def test_errors_of_a_limited_route_have_the_headers_too(path, status):
    answer = browser().get(path)
    assert (answer.status_code, answer["X-RateLimit-Remaining"]) == (status, "1")


def test_a_route_without_a_limit_has_no_headers():
    assert "X-RateLimit-Limit" not in browser().get("/robots.txt")
    assert "RateLimit" not in browser().get("/accounts/login/"), "only what is sent counts there"


def test_two_limits_are_both_told_and_the_tighter_one_alone():
    client = browser()
    answer = client.get("/twice/?who=anna")
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("2", "1")
    policies = http_sf.parse(answer["RateLimit-Policy"].encode(), tltype="list")
    assert policies == [("outer", {"q": 5, "w": 60}), ("inner", {"q": 2, "w": 3600})]
    assert [client.get("/twice/?who=anna").status_code for _ in range(2)] == [200, 429]
    assert client.get("/twice/?who=ben").status_code == 200
    answer = client.get("/twice/")  # nobody: the inner limit does not count
    assert (answer.status_code, answer["X-RateLimit-Remaining"]) == (200, "0")
    assert client.get("/twice/").status_code == 429


# -- Whom it counts -----------------------------------------------------------------------------------------------


def test_ipv6_counts_by_its_64():
    assert [browser(f"2001:db8:1:2::{n}").get("/plain/").status_code for n in range(1, 4)] == [200, 200, 429]
    assert browser("2001:db8:1:3::1").get("/plain/").status_code == 200


def test_a_forged_forwarded_header_buys_nothing():
    answers = [browser(X_Forwarded_For=f"198.51.100.{n}").get("/plain/").status_code for n in range(3)]
    assert answers == [200, 200, 429]


def test_behind_a_trusted_proxy_the_right_end_of_the_header_counts(settings):
    settings.TRUSTED_PROXIES = 1
    answers = [browser(X_Forwarded_For=f"1.2.3.{n}, 198.51.100.9").get("/plain/").status_code for n in range(3)]
    assert answers == [200, 200, 429], "what the client wrote itself is not believed"
    assert browser(X_Forwarded_For="198.51.100.10").get("/plain/").status_code == 200


def test_a_person_counts_as_one_wherever_they_are():
    world = make_world()
    member = world.client("member")
    answers = [member.get("/plain/", REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(3)]
    assert answers == [200, 200, 429]
    assert world.client("viewer").get("/plain/").status_code == 200


def test_members_share_the_limit_of_their_organization():
    world = make_world()
    path = f"/o/{world.org.slug}/team/"
    answers = [world.client(role).get(path).status_code for role in ("member", "viewer", "owner")]
    assert answers == [200, 200, 429]
    assert world.client("other.member").get(f"/o/{world.other.org.slug}/team/").status_code == 200
    assert world.client("outsider").get(path).status_code == 404, "who may not enter is not told of limits"


def test_an_api_key_comes_before_the_user(rf):
    class Key:
        def __init__(self, pk):
            self.pk = pk

    @with_rate_limit("1/minute")
    def view(request):
        from django.http import HttpResponse

        return HttpResponse()

    def ask(pk):
        request = rf.get("/")
        request.api_key = Key(pk)
        return view(request)

    assert [ask(1).status_code, ask(2).status_code] == [200, 200]
    refused = ask(1)
    assert refused["Content-Type"] == "application/problem+json", "a key is used by a program"
    assert refused["X-RateLimit-Remaining"] == "0"


def test_routes_of_a_class_share_a_counter_of_their_methods():
    client = browser()
    answers = [client.post(f"/export/{which}/").status_code for which in ("one", "two", "one")]
    assert answers == [200, 200, 429]
    assert client.get("/export/one/").status_code == 200


def test_a_limit_may_depend_on_the_request():
    client = browser()
    assert [client.get("/by-plan/?limit=1/hour").status_code for _ in range(2)] == [200, 429]
    assert [client.get("/by-plan/?limit=2/hour").status_code for _ in range(3)] == [200, 200, 429]


def test_a_class_based_view_can_be_limited():
    client = browser()
    assert [client.get("/class/").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"limit": "often"}, "couldn't parse"),
        ({"by": "moon"}, "by='moon' is none of"),
        ({"on_store_down": "ajar"}, "open or closed"),
    ],
)
def test_a_mistake_in_a_rule_is_found_at_the_start(rule, complaint):
    with pytest.raises(ValueError, match=complaint):
        Rule(**{"limit": "1/minute", "name": "any", **rule})


# -- Refusals ----------------------------------------------------------------------------------------------------------


def test_a_person_gets_a_page_with_the_wait():
    client = browser()
    client.get("/plain/"), client.get("/plain/")
    answer = client.get("/plain/")
    assert answer.status_code == 429
    assert answer["Content-Type"].startswith("text/html")
    assert f"Please try again in {answer['Retry-After']} seconds." in answer.content.decode()


def test_htmx_gets_a_toast_with_a_countdown_and_swaps_nothing():
    client = browser(HX_Request="true")
    client.get("/plain/"), client.get("/plain/")
    answer = client.get("/plain/")
    assert (answer.status_code, answer["HX-Reswap"], answer.content) == (429, "none", b"")
    toast = json.loads(answer["HX-Trigger"])["toast"]
    assert (toast["level"], str(toast["seconds"])) == ("warning", answer["Retry-After"])
    assert "Please try again in" in toast["text"]


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json, text/html;q=0.5"])
def test_a_program_gets_a_problem(accept):
    client = browser(Accept=accept)
    client.get("/plain/"), client.get("/plain/")
    answer = client.get("/plain/")
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    body = answer.json()
    assert (body["status"], body["violated-policies"]) == (429, ["plain"])
    assert body["type"].endswith("#quota-exceeded")
    assert str(body["retry_after"]) == answer["Retry-After"]
    assert "X-RateLimit-Reset" in answer


def test_a_hit_in_a_service_becomes_the_same_answer(name):
    client = browser()
    assert client.get(f"/in-service/?key={name}").status_code == 200
    answer = client.get(f"/in-service/?key={name}")
    assert (answer.status_code, answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == (429, "1", "0")
    assert int(answer["Retry-After"]) >= 1
    assert browser().get("/in-transaction/").status_code == 500, "a mistake of ours, and loud"


# -- The store is away ------------------------------------------------------------------------------------------------


@pytest.fixture
def away(storage, settings, monkeypatch):
    """The store's server does not answer: real clients, and an address where nothing listens."""
    settings.REDIS_URL = f"redis://{NOWHERE}/0"
    client = pymongo.MongoClient(f"mongodb://{NOWHERE}/", serverSelectionTimeoutMS=50, connectTimeoutMS=50)
    if storage == "mongodb":
        monkeypatch.setattr(stores, "database", lambda: client["nowhere"])
    yield storage
    client.close()


def test_an_open_route_stays_open(away):
    answers = [browser().get("/plain/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "X-RateLimit-Limit" not in answers[0], "what is not known is not told"


def test_a_closed_route_says_that_a_part_is_away(away):
    answer = browser().get("/closed/")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) >= 1
    part = {"mongodb": "the database", "valkey": "the cache"}[away]
    assert f"We cannot reach {part} right now." in answer.content.decode()
    problem = browser(Accept="application/json").get("/closed/")
    assert (problem.status_code, problem["Content-Type"]) == (503, "application/problem+json")
    assert part in problem.json()["detail"]


def test_code_chooses_between_open_and_closed(away, name):
    assert hit("1/minute", name=name, key="somebody") is None
    with pytest.raises(LimiterAway):
        hit("1/minute", name=name, key="somebody", on_store_down="closed")
    clear("1/minute", name=name, key="somebody")  # logs, no more
    assert browser().get(f"/in-service/?key={name}").status_code == 503


def test_the_log_says_that_the_store_is_away(away, name, caplog):
    hit("1/minute", name=name, key="somebody")
    assert "rate_limit_store_away" in caplog.text
