"""docs/tutorial.md, followed literally in a copy of the project: each block finds its place, the result is green."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGE = ROOT / "docs" / "tutorial.md"
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".data", ".*_cache", "__pycache__", ".staticfiles")
STEP = re.compile(
    r"^(?:New file `(?P<new>[^`]+)`|In `(?P<file>[^`]+)`, (?P<side>below|above) `(?P<anchor>[^`]+)`)[^\n]*:\n\n"
    r"```\w+\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
#: What the page adds to the nets of the whole product, beside the tests that it brings.
NETS = (
    "tests/organizations/test_customers.py",
    "tests/organizations/test_roles.py",
    "tests/saas/test_data_map.py",
    "tests/test_access.py",
    "tests/test_tenancy.py",
    "tests/writes",
)


def follow(page: str, root: Path) -> list[str]:
    """Do what the page says; answers the files that it made or changed."""
    touched = []
    for step in STEP.finditer(page):
        path = root / (step["new"] or step["file"])
        if step["new"]:
            assert not path.exists(), f"{step['new']} is there already."
            path.parent.mkdir(exist_ok=True)
            path.write_text(step["block"], encoding="utf-8")
        else:
            insert(path, step["anchor"], step["side"], step["block"])
        touched.append(str(path.relative_to(root)))
    return touched


def insert(path: Path, anchor: str, side: str, block: str) -> None:
    """Put the block beside the one line that says the same as the anchor, whatever the spaces."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.split() == anchor.split()]
    assert len(places) == 1, f"{path.name} has {len(places)} lines “{anchor}”."
    at = places[0] + (side == "below")
    path.write_text("".join([*lines[:at], block, *lines[at:]]), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("tutorial") / "groundwork"
    shutil.copytree(ROOT, root, ignore=LEFT_OUT)
    return root, follow(PAGE.read_text(encoding="utf-8"), root)


def run(root, *command):
    """Run a module of Python in the copy, with the databases of this test run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", *command], check=False, cwd=root, env=kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_block_of_the_page_is_a_step():
    page = PAGE.read_text(encoding="utf-8")
    assert len(STEP.findall(page)) == len(re.findall(r"^```(?!sh)\w+$", page, re.MULTILINE))


def test_what_a_newcomer_builds_with_it_is_green(copy):
    root, _ = copy
    chosen = "customer or test_each_role or names_every or every_url or every_argument"
    run(root, "pytest", "-q", "-n0", *NETS, "-k", chosen)


def test_what_a_newcomer_writes_passes_the_linter(copy):
    root, touched = copy
    written = sorted({path for path in touched if path.endswith(".py")})
    run(root, "ruff", "format", "-q", *written)
    run(root, "ruff", "check", *written)
