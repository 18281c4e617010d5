"""The Dockerfile's steps, performed in a clean folder without Docker: what they make starts as production."""

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from saas.celery import QUEUES
from saas.embedded.servers import start
from tests.e2e.conftest import ROOT, free_ports

CLEAN = {"HOME": os.environ.get("HOME", "/root"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "SITE_URL": "https://groundwork.example",
    "EMAIL_FROM": "Groundwork <hello@groundwork.example>",
    "EMAIL_URL": "smtp://127.0.0.1:9",
    "TRUSTED_PROXIES": "1",
}


def build_steps() -> list[str]:
    """The commands of the Dockerfile's first stage, but for the one that brings uv, which is here."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    _, first_stage, _ = text.split("\nFROM ")
    steps = [step for step in re.findall(r"^RUN (.+)$", first_stage, re.MULTILINE) if "pip install" not in step]
    assert len(steps) == 2, steps
    return steps


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `COPY . .` copies, on which the steps have been performed."""
    folder = tmp_path_factory.mktemp("image")
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split("\n")
    left_out = tuple((ROOT / ".dockerignore").read_text().split())
    for name in filter(None, listed):
        if name.split("/")[0] not in left_out and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    uv = shutil.which("uv") or str(ROOT / ".venv/bin/uv")
    environment = {**CLEAN, "PATH": f"{Path(uv).parent}:{CLEAN['PATH']}", "UV_PYTHON": sys.executable}
    for step in build_steps():
        done = subprocess.run(
            ["sh", "-c", step], check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{step}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return folder


def test_the_image_serves_production_without_a_development_package(image, tmp_path):
    with start(tmp_path, mongodb_port=0, valkey_port=0) as servers:
        (port,) = free_ports(1)
        environment = {
            **CLEAN,
            **PRODUCTION,
            "PATH": f"{image}/.venv/bin:{CLEAN['PATH']}",
            "MONGODB_URI": servers.mongodb_uri("production"),
            "REDIS_URL": servers.redis_url,
        }
        for command in ("check --deploy --fail-level WARNING", "migrate --verbosity 0", "ensure_indexes"):
            done = subprocess.run(
                ["python", "manage.py", *command.split()],
                check=False,
                cwd=image,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        command = re.search(r"^CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1]
        arguments = [str(port) if part == "8000" else part for part in yaml.safe_load(command)]
        server = subprocess.Popen(arguments, cwd=image, env=environment)
        try:
            assert ask(port, "/healthz") == (200, "ok")
            assert ask(port, "/readyz")[0] == 200
            status, page = ask(port, "/")
            assert status == 200
            style = re.search(r'href="(/static/css/tokens\.[0-9a-f]+\.css)"', page)
            assert style, "the page names its styles by their contents"
            assert ask(port, style[1])[0] == 200
            assert ask(port, "/sandbox/mail/")[0] == 404
            assert ask(port, "/styleguide/")[0] == 404
        finally:
            server.terminate()
            server.wait(timeout=40)


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and text, asked as the proxy in front asks."""
    headers = {"Host": "groundwork.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"nothing answers on port {port}")


def test_compose_runs_each_process_of_the_procfile():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    processes = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ": " in line)
    assert set(processes) <= set(compose)
    for queue, rules in QUEUES.items():
        command = shlex.join(compose[queue]["command"])
        assert f"--queues {queue} --concurrency {rules.concurrency} " in command
