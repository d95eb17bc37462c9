"""Secrets are planted, everything goes wrong, and all that was written is searched for them."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.conftest import free_port

USER = "planted.us3r@acme.example"
TOKEN = "planted-t0ken/+="
SECRETS = ("planted-0ld-secret", "planted-n3w-secret")
PATH_TOKENS = ("planted-p4th-token_" + "0" * 20, "planted-p4th-token_" + "1" * 20)
PASSWORD = "planted-p4ssword"
CONSOLE_TOKEN = "planted-c0nsole-token_" + "0" * 20
CLIENT_SECRETS = ("planted-0idc-secret/+=", "planted-atlass1an-secret/+=")
PLANTED = (USER, TOKEN, *SECRETS, *PATH_TOKENS, PASSWORD, CONSOLE_TOKEN, *CLIENT_SECRETS)
BASIC = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
FORMS = sorted({form for each in PLANTED for form in (each, quote(each, safe=""))} | {BASIC})
CUSTOMER_S = "words-of-a-customer"
PATIENCE = 60.0
# Somebody who looks for a fault asks every library for all that it can tell.
ALOUD = "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stderr)\n"
ECHO = f"<html>401 for {{}} {CUSTOMER_S}</html>"


class NoJira(BaseHTTPRequestHandler):
    """Answers with an error that repeats what it was sent, as proxies do at their worst."""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        told = f"{self.headers.get('Authorization')} {self.rfile.read(size)!r} {TOKEN} {CUSTOMER_S}"
        status = int(self.server.status)  # type: ignore[attr-defined]
        page = ECHO.format(told) if status == 200 else json.dumps({"errorMessages": [told]})
        self.send_response(status)
        self.send_header("Content-Length", str(len(page.encode())))
        self.end_headers()
        self.wfile.write(page.encode())

    do_POST = do_GET  # noqa: N815 - the base class asks for this name
    do_PUT = do_GET  # noqa: N815 - and this

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def no_jira(status: int) -> Iterator[str]:
    """A server that is no Jira; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), NoJira)
    server.status = status  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def environment(directory: Path, **more: str) -> dict[str, str]:
    """The settings with every secret, and libraries that are asked for all they can tell."""
    (directory / "sitecustomize.py").write_text(ALOUD, encoding="utf-8")
    others = {name: each for name, each in os.environ.items() if not name.startswith("DUELINE_")}
    paths = [str(directory), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    return others | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "DUELINE_JIRA_USER": USER,
        "DUELINE_JIRA_TOKEN": TOKEN,
        "DUELINE_JIRA_FLAVOUR": "cloud",
        "DUELINE_WEBHOOK_SECRET": ",".join(SECRETS),
        "DUELINE_WEBHOOK_TOKEN": ",".join(PATH_TOKENS),
        "DUELINE_CONSOLE_TOKEN": CONSOLE_TOKEN,
        "DUELINE_PUBLIC_URL": "http://127.0.0.1:9",
        "DUELINE_ATLASSIAN_AUTH": "http://127.0.0.1:9",
        "DUELINE_OIDC_ISSUER": "http://127.0.0.1:9",
        "DUELINE_OIDC_CLIENT_ID": "dueline",
        "DUELINE_OIDC_CLIENT_SECRET": CLIENT_SECRETS[0],
        "DUELINE_ATLASSIAN_CLIENT_ID": "dueline",
        "DUELINE_ATLASSIAN_CLIENT_SECRET": CLIENT_SECRETS[1],
        "DUELINE_DATABASE_URL": f"sqlite:///{directory / 'dueline.sqlite3'}",
        "DUELINE_LOG": "text",
    } | more  # fmt: skip


def told(environment: dict[str, str], *words: str) -> str:
    """What a command prints; it may fail as it likes."""
    command = [sys.executable, "-m", "webhooks.cli", *words]
    done = subprocess.run(  # noqa: S603 - our own
        command, env=environment, capture_output=True, timeout=3 * PATIENCE, check=False
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def shown(text: str | bytes) -> list[str]:
    """The planted secrets that a text shows."""
    written = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    return [form for form in FORMS if form.encode() in written]


def eventually_up(url: str, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        assert process.poll() is None
        try:
            requests.get(f"{url}/healthz", timeout=5)
        except requests.ConnectionError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError("it does not answer")


def provoke(url: str) -> Iterator[requests.Response]:
    """Whatever a stranger, a wrong Jira and a right one send, and every page there is."""
    body = b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "BIT-1"}}'
    hooks = f"{url}/webhooks/jira"
    for secret in (*SECRETS, "another"):
        signed = f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"
        yield requests.post(hooks, data=body, headers={"X-Hub-Signature": signed}, timeout=9)
    for token in (*PATH_TOKENS, PATH_TOKENS[0][:-1]):
        for path in (f"token/{token}", f"token/{token}/", f"/token/{token}", token):
            yield requests.post(f"{hooks}/{path}", data=body, timeout=9, allow_redirects=False)
            yield requests.get(f"{hooks}/{path}", timeout=9, allow_redirects=False)
    for page in ("readyz", "healthz", "nowhere", "webhooks/jira", "sign-in", "sign-in/oidc"):
        yield requests.get(f"{url}/{page}", timeout=9)
    yield from provoke_the_console(url)


def provoke_the_console(url: str) -> Iterator[requests.Response]:
    """Whoever signs in, rightly and wrongly, by each way there is."""
    bearer = {"Authorization": f"Bearer {CONSOLE_TOKEN}"}
    yield requests.get(f"{url}/api/audit", headers=bearer, timeout=9)
    yield requests.post(f"{url}/sign-in", data={"token": CONSOLE_TOKEN}, timeout=9)
    with requests.Session() as browser:
        form = browser.get(f"{url}/sign-in", timeout=9)
        mark = re.findall(r'name="csrf_token" value="([^"]+)"', form.text)
        for token in (CONSOLE_TOKEN[:-1], CONSOLE_TOKEN):
            data = {"token": token, "csrf_token": "".join(mark), "next": "/audit"}
            yield browser.post(f"{url}/sign-in", data=data, timeout=9)
        there = browser.get(f"{url}/sign-in/atlassian", timeout=9, allow_redirects=False)
        yield there
        state = "".join(re.findall(r"state=([^&]+)", there.headers.get("Location", "")))
        query = {"state": state, "code": "x"}
        yield browser.get(f"{url}/sign-in/atlassian/callback", params=query, timeout=20)


@pytest.mark.one_database("postgresql")
@pytest.mark.skipif(sys.platform != "linux", reason="the service's child goes with it there alone")
@pytest.mark.parametrize("status", [0, 200, 401, 500])
def test_a_service_that_everything_goes_wrong_for_tells_no_secret(
    tmp_path: Path, status: int
) -> None:
    """Jira is down (0), a page, refusing or broken; the database goes away under the service."""
    port = free_port()
    log = tmp_path / "log"
    with no_jira(status or 500) as somewhere:
        jira = somewhere if status else "http://127.0.0.1:9"
        told_so = environment(
            tmp_path,
            DUELINE_JIRA_URL=jira,
            DUELINE_ATLASSIAN_AUTH=jira,
            DUELINE_OIDC_ISSUER=jira,
            DUELINE_PORT=str(port),
        )
        command = [sys.executable, "-m", "webhooks.cli", "serve"]
        with (
            log.open("wb") as out,
            subprocess.Popen(command, env=told_so, stdout=out, stderr=out) as process,  # noqa: S603
        ):
            try:
                url = f"http://127.0.0.1:{port}"
                eventually_up(url, process)
                answers = list(provoke(url))
                database = tmp_path / "dueline.sqlite3"
                stored = b"".join(each.read_bytes() for each in tmp_path.glob("dueline.sqlite3*"))
                # Now the database is broken under it.
                database.write_bytes(b"no database" * 1000)
                answers += provoke(url)
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)
            finally:
                process.kill()
    written = log.read_text(encoding="utf-8", errors="replace")
    assert len(stored) > 10_000
    assert "jira cannot be used" in written
    assert "deliveries are taken without signature" in written
    assert {answer.status_code for answer in answers} >= {202, 401, 404, 503}
    assert 500 not in {answer.status_code for answer in answers}
    pages = "".join(f"{answer.text} {answer.headers}" for answer in answers)
    assert (shown(written), shown(stored), shown(pages)) == ([], [], [])


@pytest.mark.one_database("postgresql")
@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("setup", "--webhook-url", f"https://x/webhooks/jira/token/{'y' * 32}"), {}),
        (("setup",), {"DUELINE_JIRA_URL": f"https://{USER}:{TOKEN}@jira.example"}),
        (("setup",), {"DUELINE_JIRA_URL": f"//{TOKEN}"}),
        (("serve",), {"DUELINE_WEBHOOK_TOKEN": f"{PATH_TOKENS[0]}%"}),
        (("serve",), {"DUELINE_WEBHOOK_SECRET": f"{SECRETS[0]},"}),
        (("setup",), {"DUELINE_JIRA_TOKEN": f"{TOKEN}\u20ac"}),
        (("serve",), {"DUELINE_CONFIG": "/nowhere"}),
        (("serve",), {"DUELINE_DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:9/d"}),
        (("serve",), {"DUELINE_DATABASE_URL": f"postgresql://u:{PASSWORD}@{PASSWORD}@h/d"}),
        (("serve",), {"DUELINE_DATABASE_URL": f"mysql://u:{PASSWORD}@127.0.0.1:9/d"}),
        (("inbox",), {"DUELINE_DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:9/d"}),
        (("report",), {"DUELINE_DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:x/d"}),
        (("explain", "BIT-1"), {"DUELINE_DATABASE_URL": f"sqlite://u:{PASSWORD}@h/no/where"}),
    ],
)  # fmt: skip
def test_no_command_tells_a_secret(
    tmp_path: Path, words: tuple[str, ...], more: dict[str, str]
) -> None:
    with no_jira(401) as jira:
        settings = {"DUELINE_JIRA_URL": jira, "DUELINE_PORT": str(free_port())} | more
        written = told(environment(tmp_path, **settings), *words)
    assert written.strip()
    assert shown(written) == []


LOCALS = """
import logging, sys
jira, user, token, customer, secret_of_hook = sys.argv[1:]
from webhooks.logs import set_up_logs
set_up_logs()
logging.getLogger().setLevel(logging.DEBUG)
import structlog
from connector.client import ApiToken, connect
from connector.errors import JiraError
def lane(secret):
    kept = [secret, {"token": secret}]
    raise RuntimeError("a lane crashed")
try:
    lane(token)
except RuntimeError:
    structlog.get_logger().exception("lane failed")
client = connect(jira, ApiToken(user, token), flavour="cloud")
for call in (
    client.fields,
    lambda: client.add_comment("X-1", customer, key="k", internal=False, role=None),
    lambda: client.register_webhook("n", "https://x/hook", (), secret_of_hook, None),
):
    try:
        call()
    except JiraError as error:
        structlog.get_logger().exception("call failed")
"""


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("status", [200, 401, 503])
def test_no_log_shows_what_the_code_held(tmp_path: Path, form: str, status: int) -> None:
    """Neither a traceback its local variables, nor a library what it sends and is answered."""
    with no_jira(status) as jira:
        done = subprocess.run(  # noqa: S603 - our own
            # Since 3.13 a traceback shows the lines of such code, which must not hold them.
            [sys.executable, "-c", LOCALS, jira, USER, TOKEN, CUSTOMER_S, SECRETS[0]],
            env=environment(tmp_path, DUELINE_LOG=form),
            capture_output=True,
            timeout=3 * PATIENCE,
            check=False,
        )
    written = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, written
    assert written.count("Traceback") >= 4
    assert "a lane crashed" in written
    assert shown(written) == []
