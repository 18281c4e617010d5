import sys

from tests.embedded.conftest import Outside, wait_until

SHOW = "import os; print('uses', os.environ['MONGODB_URI'], os.environ['REDIS_URL']); raise SystemExit(7)"
EXEC = (sys.executable, "-m", "saas.embedded", "exec", "--", sys.executable, "-c")


def test_a_command_has_servers_for_as_long_as_it_runs(outside: Outside):
    assert outside.run(*EXEC, SHOW).wait() == 7
    assert f"uses mongodb://localhost:{outside.ports['MONGODB_PORT']}/groundwork?replicaSet=rs0" in outside.text
    assert f"redis://localhost:{outside.ports['VALKEY_PORT']}/0" in outside.text
    outside.leaves_nothing()


def test_a_second_command_uses_the_servers_of_the_first(outside: Outside):
    first = outside.run(*EXEC, "import time; print('first is up'); time.sleep(60)")
    outside.says("first is up")
    servers = len(outside.left())

    assert outside.run(*EXEC, SHOW, MONGODB_PORT="1", VALKEY_PORT="2").wait() == 7

    assert f"localhost:{outside.ports['MONGODB_PORT']}/" in outside.text
    assert len(outside.left()) == servers
    first.terminate()
    wait_until(lambda: first.poll() is not None, "the end of the first")
    outside.leaves_nothing()


def test_nonsense_shows_the_usage(outside: Outside):
    assert outside.run(sys.executable, "-m", "saas.embedded", "exec").wait() == 2
    assert "usage:" in outside.text
