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

from saas.webhooks import signing

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


def run(language: str, folder: Path) -> dict[str, bool]:
    """What the snippet says to each case."""
    command, file, harness = LANGUAGES[language]
    if language == "go":
        (folder / file).write_text(snippet(language).replace("package webhooks", "package main"))
        (folder / "main.go").write_text(harness)
    else:
        (folder / file).write_text(snippet(language) + harness)
    given = json.dumps([each for each, _ in cases().values()])
    done = subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, check=False, timeout=300, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases(), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("language", RUNNABLE)
def test_the_verification_takes_what_is_ours_and_nothing_else(language, tmp_path):
    assert run(language, tmp_path) == {name: expected for name, (_, expected) in cases().items()}


def test_there_is_a_verification_in_each_language():
    assert {language for language in LANGUAGES if snippet(language)} == set(LANGUAGES)
    assert "python" in RUNNABLE
