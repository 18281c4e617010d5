"""Search among the entries of many organizations: what `make bench ARGS=search` proves with 100,000 of them."""

from tests.bench import search as bench


def test_fifty_organizations_do_not_know_of_each_other(world):
    told = []
    told_of = {"told": lambda *line: told.append(line), "runs": 2}
    bench.prove(world.org, world.member, organizations=50, entries=5_000, **told_of)
    assert len(told) == 1 + len(bench.QUERIES)
    used = bench.stages(world.org, world.member)
    assert "COLLSCAN" not in used
    assert {each for each in used if each.startswith("index:")} == {"index:organization_id"}
