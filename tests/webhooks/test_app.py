"""What the application answers beside the receiver, and what becomes of odd deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from config.loader import load
from config.settings import SHIPPED, Settings
from sla.engine.engine import Engine
from sla.known_sites import remember_installation, remember_site
from sla.lanes import drain
from sla.store import inbox, issues
from tests.sla.example import NINE, OWN
from tests.sla.store.conftest import new_database
from tests.waiting import PATIENCE
from tests.webhooks.conftest import SECRETS, TOKENS, signature
from webhooks.app import RECEIVERS_PATHS, create_app
from webhooks.publishing import InForce
from webhooks.receive import LARGEST_BODY
from webhooks.service import DEFAULT_SITE, Service

TOKEN = "planted-t0ken"
_configuration = lru_cache(load)


class Clock:
    """Nine o'clock, always."""

    def now(self) -> Any:
        return NINE

    def real_time(self, at: Any) -> Any:
        return at


def serving(directory: Path, *, refused: str | None = None, **more: str) -> Service:
    """A service that has no Jira: nobody answers at that address."""
    settings = Settings.from_environment({
        "DUELINE_JIRA_URL": "http://127.0.0.1:9",
        "DUELINE_JIRA_USER": "dueline@example.com",
        "DUELINE_JIRA_TOKEN": TOKEN,
        "DUELINE_WEBHOOK_SECRET": ",".join(SECRETS),
        "DUELINE_DATABASE_URL": f"sqlite:///{directory / 'dueline.sqlite3'}",
        **more,
    })  # fmt: skip
    return Service(settings, InForce(_configuration(SHIPPED), refused), Clock())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """One that reached Jira at an earlier start."""
    database = new_database(tmp_path)
    remember_installation(database, DEFAULT_SITE, NINE)
    remember_site(database, DEFAULT_SITE, OWN.id, {})
    database.close()
    made = serving(tmp_path)
    yield made
    made.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(service).test_client()


def post(client: FlaskClient, body: bytes) -> int:
    headers = {"X-Hub-Signature": signature(body)}
    return client.post("/webhooks/jira", data=body, headers=headers).status_code


CREATED = "2024-07-10T13:00:00.000+0000"


@pytest.mark.parametrize(
    ("body", "state", "why"),
    [
        (b"", "not_understood", "The body is not JSON."),
        (b"{", "not_understood", "The body is not JSON."),
        (b"\xff\xfe", "not_understood", "The body is not JSON."),
        (b"[" * 100_000, "not_understood", "The body is nested too deeply."),
        (b"[]", "not_understood", "The body is not a JSON object."),
        (b"null", "not_understood", "The body is not a JSON object."),
        (b"{}", "not_understood", "It names no issue by its id."),
        (b'{"webhookEvent": "jira:issue_created"}', "not_understood",
         "It names no issue by its id."),
        (b'{"webhookEvent": "jira:issue_created", "issue": "ACME-1"}', "not_understood",
         "It names no issue by its id."),
        (b'{"issue": {"id": "", "key": ""}}', "not_understood", "It names no issue by its id."),
        (b'{"webhookEvent": "sprint_started"}', "done", None),
    ],
)  # fmt: skip
def test_an_odd_delivery_is_taken_in_and_set_aside(
    service: Service, client: FlaskClient, body: bytes, state: str, why: str | None
) -> None:
    assert post(client, body) == 202
    drain(service.engine)
    assert service.database.read(inbox.tally) == {state: 1}
    set_aside = service.database.read(lambda c: inbox.set_aside(c, 10))
    assert [each[3] for each in set_aside] == ([] if why is None else [why])


@pytest.mark.parametrize(
    ("body", "looks"),
    [
        (b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "BOT-1"}}', True),
        (b'{"webhookEvent": "something_else", "issue": {"id": "1", "fields": null}}', True),
        (b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "fields": {"a": 1}}}', True),
        (b'{"issue": {"id": 1, "key": "BOT-1"}}', True),
        # Of a project that no rule speaks of.
        (b'{"issue": {"id": 1, "key": "ACME-1"}}', False),
    ],
)
def test_what_is_named_and_not_told_is_to_be_read(
    service: Service, client: FlaskClient, body: bytes, looks: bool
) -> None:
    assert post(client, body) == 202
    drain(service.engine)
    assert service.database.read(inbox.tally) == {"done": 1}
    assert service.database.read(lambda c: issues.to_be_read(c, DEFAULT_SITE)) == looks


def test_a_delivery_that_is_understood_is_done(service: Service, client: FlaskClient) -> None:
    fields = {"project": {"key": "BOT"}, "created": CREATED, "reporter": {"accountId": "c"}}
    payload = {
        "webhookEvent": "jira:issue_created", "timestamp": 1720616400000,
        "issue": {"id": "10000", "key": "BOT-1", "fields": fields},
    }  # fmt: skip
    assert post(client, json.dumps(payload).encode()) == 202
    drain(service.engine)
    assert service.health()["inbox"] == {}
    assert service.database.read(inbox.tally) == {"done": 1}


def test_health_says_that_the_process_answers(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readiness_says_what_waits_and_what_is_wrong(service: Service, client: FlaskClient) -> None:
    post(client, b"{}")
    client.post("/webhooks/jira", data=b"{}")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "troubles": {"jira": "not reached yet"},
        "holds": {},
        "inbox": {"new": 1},
        "sayings": {},
        "counters": {"signature_refused": 1},
        "policy_version": service.configuration.policy.version,
    }


def test_before_jira_was_ever_reached_it_is_not_ready(tmp_path: Path) -> None:
    service = serving(tmp_path)
    client = create_app(service).test_client()
    try:
        assert client.get("/readyz").status_code == 503
        # Deliveries are kept all the same, and wait.
        assert post(client, b"{}") == 202
        drain(service.engine)
        assert service.health()["inbox"] == {"new": 1}
    finally:
        service.close()


def test_a_configuration_that_was_refused_is_told(tmp_path: Path) -> None:
    service = serving(tmp_path, refused="projects.yaml:3:5: projects.BIT: is wrong")
    try:
        troubles = service.health()["troubles"]
        assert isinstance(troubles, dict)
        assert troubles["configuration"] == "projects.yaml:3:5: projects.BIT: is wrong"
    finally:
        service.close()


def test_the_console_takes_no_path_of_the_receiver(client: FlaskClient) -> None:
    rules = client.application.url_map.iter_rules()
    own = {rule.rule.split("/", 2)[1] for rule in rules} - {"static"}
    assert own | {"healthz", "readyz"} <= RECEIVERS_PATHS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/webhooks/jira", 405),
        ("POST", "/webhooks/jira/nowhere", 404),
        ("GET", "/webhooks/nowhere", 404),
        ("POST", "/healthz", 405),
    ],
)
def test_errors_are_a_sentence_of_text(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.content_type == "text/plain; charset=utf-8"
    assert "<" not in answer.text
    assert ("Allow" in answer.headers) == (status == 405)


def test_what_jira_may_send_fits_and_no_more(client: FlaskClient) -> None:
    assert client.application.config["MAX_CONTENT_LENGTH"] == LARGEST_BODY
    client.application.config["MAX_CONTENT_LENGTH"] = 1000
    assert post(client, b"x" * 1001) == 413


def test_no_answer_holds_a_secret(service: Service, client: FlaskClient) -> None:
    service.keep_contact()
    answers = [
        client.get(path).text
        for path in ("/healthz", "/readyz", "/nowhere", "/webhooks/jira", f"/{TOKEN[:3]}")
    ]
    answers.append(client.post("/webhooks/jira", data=b"{}").text)
    answers.append(repr(service.access))
    assert not [text for text in answers for secret in (*SECRETS, TOKEN) if secret in text]


# --- deliveries without signature ---------------------------------------------------------------


@pytest.fixture
def open_service(tmp_path: Path) -> Iterator[Service]:
    """One for a Jira that cannot sign."""
    made = serving(tmp_path, DUELINE_WEBHOOK_TOKEN=",".join(TOKENS))
    yield made
    made.close()


def test_only_where_unsigned_ones_may_come_are_an_app_s_webhooks_kept_alive(
    open_service: Service, service: Service
) -> None:
    assert "webhooks" in open_service.beside
    assert "webhooks" not in service.beside


def test_an_open_door_is_told_loudly(open_service: Service) -> None:
    with capture_logs() as logs:
        client = create_app(open_service).test_client()
    (line,) = logs
    assert (line["log_level"], line["event"]) == (
        "warning", "deliveries are taken without signature",
    )  # fmt: skip
    health = client.get("/readyz").text
    assert "deliveries are taken without signature from whoever knows the address" in health
    for token in TOKENS:
        assert client.post(f"/webhooks/jira/token/{token}", data=b"{}").status_code == 202
        assert token not in health + repr(logs) + repr(open_service.access)
    assert post(client, b"{}") == 202


def test_a_closed_door_is_as_a_page_that_is_not_there(
    service: Service, client: FlaskClient
) -> None:
    assert "without signature" not in client.get("/readyz").text
    answer = client.post(f"/webhooks/jira/token/{TOKENS[0]}", data=b"{}")
    assert (answer.status_code, answer.text) == (404, client.post("/webhooks/nowhere").text)
    # No detour tells the address again, and Jira would not follow it.
    assert client.post(f"/webhooks//jira/token/{TOKENS[0]}", data=b"{}").status_code == 404
    assert TOKENS[0] not in answer.text


# --- faults of ours -----------------------------------------------------------------------------


def test_a_fault_of_ours_is_503_and_its_log_names_no_path(
    open_service: Service, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    client = create_app(open_service).test_client()

    def fail(*_: object) -> None:
        raise RuntimeError("something nobody thought of")

    monkeypatch.setattr("webhooks.receive.delivery_id", fail)
    monkeypatch.setattr(open_service, "health", fail)
    with capture_logs() as logs:
        answers = [
            client.post(f"/webhooks/jira/token/{TOKENS[0]}", data=b"{}"),
            client.get("/readyz"),
        ]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.headers["Retry-After"] for answer in answers} == {"30"}
    assert [line["event"] for line in logs] == ["request failed"] * 2
    written = "".join([*capfd.readouterr(), repr(logs), *(answer.text for answer in answers)])
    assert TOKENS[0] not in written
    assert "Traceback" not in "".join(answer.text for answer in answers)


def test_readiness_counts_refusals_that_the_database_does_not_know_yet(
    service: Service, client: FlaskClient
) -> None:
    for _ in range(30):
        client.post("/webhooks/jira", data=b"{}")
    assert service.database.read(inbox.counted) == {"signature_refused": 1}
    health = client.get("/readyz").json
    assert health
    assert health["counters"] == {"signature_refused": 30}


def test_deliveries_that_were_handled_are_forgotten_after_their_days(
    service: Service,
) -> None:
    def keep(delivery: str, days_ago: int) -> None:
        received_at = NINE - timedelta(days=days_ago)
        service.database.write(
            lambda c: inbox.keep(c, "default", delivery, b"not JSON", received_at)
        )

    for number in range(3):
        keep(f"old {number}", 31)
    service.database.write(lambda c: inbox.handled(c, 1, "failed", "why", None))
    for number in (2, 3):
        service.database.write(lambda c, n=number: inbox.handled(c, n, "done", None, None))  # type: ignore[misc]
    keep("young", 29)
    service.trim_inbox()
    assert service.database.read(inbox.tally) == {"failed": 1, "new": 1}


def test_what_several_threads_ask_for_first_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, goes_on = Event(), Event()

    def slowly(*given: Any) -> Engine:
        began.set()
        assert goes_on.wait(PATIENCE)
        return Engine(*given)

    service = serving(tmp_path)
    monkeypatch.setattr("sla.engine.engine.Engine", slowly)
    # Python's own, which later versions do not have.
    monkeypatch.setattr(Service.__dict__["engine"], "lock", nullcontext(), raising=False)
    with closing(service), ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(lambda: service.engine)]
        assert began.wait(PATIENCE)
        asked.append(threads.submit(lambda: service.engine))
        assert not service.making.acquire(blocking=False)
        goes_on.set()
        assert {id(each.result()) for each in asked} == {id(service.engine)}
