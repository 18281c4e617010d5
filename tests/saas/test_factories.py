from tests.factories import make_world


def test_a_world_is_cheap_and_its_people_are_signed_in(count_queries):
    with count_queries(at_most=12):
        world = make_world()
    assert world.org != world.other.org
    assert world.client("owner") is world.client("owner")
    assert world.client("owner").session["_auth_user_id"] == world.owner.pk
    assert world.person("other.viewer").name == "Birch Viewer"
