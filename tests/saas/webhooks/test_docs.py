"""docs/webhooks.md: its verifications are run where their language is on the machine; its facts are the code's."""

import base64
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from saas import outbound
from saas.webhooks import documentation, endpoints, health, models, sending, signing
from tests.saas.webhooks.conftest import add_deliveries, make_endpoint, send_due

PAGE = Path(settings.BASE_DIR, "docs", "webhooks.md")
SECRET, OLD_SECRET, OTHER_SECRET = (signing.new_secret() for _ in range(3))
BODY = '{"type":"project.created","data":{"name":"Façade – 東京"}}'.encode()

#: Language -> its program, the file that it runs, and what is put after the snippet: it reads cases from the standard
#: input and says for each whether it was taken.
PYTHON = """
import json, sys

def attempt(case):
    try:
        verify(base64.b64decode(case["body"]), case["headers"], case["secret"])
    except Exception:
        return False
    return True

print(json.dumps([attempt(case) for case in json.load(sys.stdin)]))
"""
JAVASCRIPT = """
const attempt = (each) => {
  try { verify(Buffer.from(each.body, "base64"), each.headers, each.secret); } catch { return false; }
  return true;
};
console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).map(attempt)));
"""
RUBY = """
require "json"
puts(JSON.parse($stdin.read).map do |each|
  verify(each["body"].unpack1("m"), each["headers"], each["secret"])
  true
rescue StandardError
  false
end.to_json)
"""
GO = """
package main

import ("encoding/json"; "fmt"; "net/http"; "os")

func main() {
	var cases []struct { Body []byte; Headers map[string]string; Secret string }
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil { panic(err) }
	taken := []bool{}
	for _, each := range cases {
		headers := http.Header{}
		for name, value := range each.Headers { headers.Set(name, value) }
		taken = append(taken, Verify(each.Body, headers, each.Secret) == nil)
	}
	answer, _ := json.Marshal(taken)
	fmt.Println(string(answer))
}
"""
PHP = """
$taken = [];
foreach (json_decode(stream_get_contents(STDIN), true) as $case) {
    try { verify(base64_decode($case['body']), $case['headers'], $case['secret']); $taken[] = true; }
    catch (Throwable) { $taken[] = false; }
}
echo json_encode($taken);
"""
LANGUAGES = {
    "python": (["python3", "main.py"], "main.py", PYTHON),
    "javascript": (["node", "main.js"], "main.js", JAVASCRIPT),
    "ruby": (["ruby", "main.rb"], "main.rb", RUBY),
    "go": (["go", "run", "verify.go", "main.go"], "verify.go", GO),
    "php": (["php", "main.php"], "main.php", PHP),
}
RUNNABLE = [name for name, (command, _, _) in LANGUAGES.items() if shutil.which(command[0])]


def snippet(language: str) -> str:
    """The one block of this language that verifies."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if re.search(r"\bverify\(", block, re.IGNORECASE)]
    return block


def case(body: bytes = BODY, *, keys: list[str] | None = None, age: int = 0, **changed: str) -> dict[str, Any]:
    """A message as it is sent; `changed` replaces headers, with "" removes them."""
    at = int(time.time()) - age
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signing.sign("msg_1", at, BODY, keys or [SECRET]),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    kept = {name: value for name, value in headers.items() if value}
    return {"body": base64.b64encode(body).decode(), "headers": kept, "secret": SECRET}


def cases() -> dict[str, tuple[dict[str, Any], bool]]:
    genuine = case()["headers"]["webhook-signature"]
    return {
        "genuine": (case(), True),
        "four minutes old": (case(age=240), True),
        "four minutes ahead": (case(age=-240), True),
        "signed with two secrets": (case(keys=[OTHER_SECRET, SECRET]), True),
        "after others and nonsense": (case(webhook_signature=f"v2,abc v1 v1, nonsense {genuine}"), True),
        "another body": (case(BODY.replace(b"created", b"deleted")), False),
        "another byte at the end": (case(BODY + b"\n"), False),
        "another secret": (case(keys=[OTHER_SECRET]), False),
        "another id": (case(webhook_id="msg_2"), False),
        "another time": (case(webhook_timestamp=str(int(time.time()) - 9)), False),
        "six minutes old": (case(age=360), False),
        "six minutes ahead": (case(age=-360), False),
        "without an id": (case(webhook_id=""), False),
        "without a time": (case(webhook_timestamp=""), False),
        "without a signature": (case(webhook_signature=""), False),
        "a time that is none": (case(webhook_timestamp="now"), False),
        "a version of nobody": (case(webhook_signature=genuine.replace("v1,", "v9,")), False),
        "a short signature": (case(webhook_signature="v1,YWJj"), False),
        "not base64": (case(webhook_signature="v1,§§§"), False),
    }


def run(language: str, folder: Path, given: list[dict[str, Any]]) -> list[bool]:
    """Whether the snippet takes each of these messages."""
    command, file, harness = LANGUAGES[language]
    if language == "go":
        (folder / file).write_text(snippet(language).replace("package webhooks", "package main"))
        (folder / "main.go").write_text(harness)
    else:
        (folder / file).write_text(snippet(language) + harness)
    done = subprocess.run(
        command,
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    taken: list[bool] = json.loads(done.stdout)
    return taken


@pytest.mark.parametrize("language", RUNNABLE)
def test_the_verification_takes_what_is_ours_and_nothing_else(language, tmp_path):
    taken = run(language, tmp_path, [each for each, _ in cases().values()])
    assert dict(zip(cases(), taken, strict=True)) == {name: expected for name, (_, expected) in cases().items()}


@pytest.mark.parametrize("language", RUNNABLE)
def test_the_verification_takes_a_delivery_as_it_came(language, tmp_path, world, receiver):
    endpoint = make_endpoint(world, receiver.url)
    add_deliveries(endpoint, 1)
    send_due()
    (call,) = receiver.came
    came = {"headers": call.headers, "secret": endpoint.plain_secret}
    bodies = (call.body, call.body.replace(b"project", b"payment", 1))
    given = [{**came, "body": base64.b64encode(body).decode()} for body in bodies]
    assert run(language, tmp_path, given) == [True, False]


def test_there_is_a_verification_in_each_language():
    assert {language for language in LANGUAGES if snippet(language)} == set(LANGUAGES)
    assert "python" in RUNNABLE


# -- Facts -------------------------------------------------------------------------------------------------------------


def test_the_events_are_those_of_the_catalogue():
    assert documentation.is_current(), "Run `make docs`."
    assert "| `project.created` | Somebody created a project. | the organization |" in documentation.text()


def test_times_and_sizes_are_those_of_the_code():
    page = " ".join(PAGE.read_text().split())
    pauses = [words_of(seconds) for seconds in sending.SCHEDULE]
    for words in (
        f"repeated** after {', '.join(pauses[:-1])} and {pauses[-1]}, each up to a fifth longer",
        f"in {outbound.TIMEOUT:.0f} seconds",
        f"the first {outbound.LARGEST_ANSWER // 1024} KB",
        f"on port {' or '.join(map(str, outbound.PORTS))}",
        f"up to {sending.LONGEST_WAIT.total_seconds() / 3600:.0f} hours",
        f"For {endpoints.OVERLAP.total_seconds() / 3600:.0f} hours every message carries two signatures",
        f"kept for {models.KEPT_FOR.days} days",
        f"| {', '.join(map(str, sorted(health.BUSY)))} |",
    ):
        assert words in page, words
    assert (sending.JITTER, len(pauses) + 1, sum(sending.SCHEDULE) // 3600) == (0.2, 8, 27)
    assert (health.WARN_AFTER.days, health.DISABLE_AFTER.days) == (3, 5)
    assert "for three days brings a mail" in page
    assert "after five days it is switched off" in page


def words_of(seconds: int) -> str:
    for size, unit in ((3600, "hours"), (60, "minutes"), (1, "seconds")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    raise ValueError(seconds)
