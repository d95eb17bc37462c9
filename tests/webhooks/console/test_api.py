"""The API does what its description says, whatever it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from msgspec.structs import replace
from openapi_schema_validator import OAS31Validator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.settings import Secret
from sla.store import api_tokens
from tests.scenarios.world import HOOK, World, signature, utc, world
from tests.webhooks.console.desk import TOKEN, Desk
from webhooks.console.access.local_token import hash_of
from webhooks.console.apart import Console
from webhooks.console.api import blueprints
from webhooks.console.api.described import ENDPOINTS

list(blueprints())
NAMES = sorted(f"{each.method} {each.path}" for each in ENDPOINTS)
CHANGING = sorted(f"{e.method} {e.path}" for e in ENDPOINTS if e.role == "administrator")
THERE = {
    "key": "BIT-1", "number": 1, "effect": "fields-10000", "contract": "botron",
    "calendar": "botron",
}  # fmt: skip
"""Parameters of paths that name something."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which there is one of everything; the tests may change it."""
    directory = tmp_path_factory.mktemp("api")
    with world(directory, utc("2024-07-10 19:00")) as made:
        made.stop()
        made.settings = replace(made.settings, console_token=Secret(TOKEN), edits="console")
        made.start()
        made.post(HOOK, b"{}", {"X-Hub-Signature": signature(b"{}")})
        made.jira.faults.error(400, method="PUT", path="/issue/10000$", times=10_000)
        made.report("BIT")
        # The first ones are there to be revoked.
        for name in (*map(str, range(100)), "viewer", "administrator"):
            _make_token(made, name)
        desk = Desk(made)
        desk.sign_in()
        desk.post("/drafts", {"title": "Other hours"}, form="/versions")
        yield made


def _make_token(made: World, name: str) -> None:
    role = "administrator" if name == "administrator" else "viewer"
    made.service.database.write(
        lambda c: api_tokens.make(
            c, "default", hash_of(f"{name}-token"), name, role,
            made_by="Ada", owner="oidc:ada", now=made.clock.at, expires_at=None,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def app(filled: World) -> Flask:
    """What answers."""
    return filled.receiver.application


@pytest.fixture(scope="module")
def described(app: Flask) -> Any:
    """The description, as the API itself gives it."""
    return schemathesis.openapi.from_wsgi("/api/openapi.json", app, headers=_as("viewer"))


def _as(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}-token"}


def cases(described: Any, name: str, mode: GenerationMode, most: int) -> list[Any]:
    """Some requests to an answer, the same ones at each run."""
    method, path = name.split()
    found: list[Any] = []

    @settings(
        max_examples=most, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_asked_is_answered_as_described(described: Any, name: str) -> None:
    for case in cases(described, name, GenerationMode.POSITIVE, 4):
        # A date or a name has more rules than a schema can say: 400 with a sentence is right, too.
        case.call_and_validate(
            headers=_as("administrator"), excluded_checks=[positive_data_acceptance]
        )
        if case.path_parameters:
            case.path_parameters = {**case.path_parameters, **_there(case.path_parameters)}
            case.call_and_validate(
                headers=_as("administrator"), excluded_checks=[positive_data_acceptance]
            )
    for case in cases(described, name, GenerationMode.NEGATIVE, 4):
        case.call_and_validate(headers=_as("administrator"))


def _there(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in THERE.items() if name in parameters}


@pytest.mark.parametrize("name", CHANGING)
def test_a_viewers_token_changes_nothing(described: Any, filled: World, name: str) -> None:
    before = filled.service.database.read(_everything)
    for case in cases(described, name, GenerationMode.POSITIVE, 2):
        case.path_parameters = {**case.path_parameters, **_there(case.path_parameters)}
        assert case.call(headers=_as("viewer")).status_code == 403
    assert filled.service.database.read(_everything) == before


def _everything(connection: Any) -> dict[str, int]:
    tables = ("audit", "drafts", "publications", "api_tokens", "inbox")
    return {
        table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()  # noqa: S608
        for table in tables
    }


def test_the_description_is_openapi_and_tells_all(described: Any, app: Flask) -> None:
    described.validate()
    console = app.wsgi_app
    assert isinstance(console, Console)
    raw = described.raw_schema
    assert raw["openapi"] == "3.1.0"
    for schema in raw["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)
    referred = set(re.findall(r"#/components/schemas/([\w.]+)", str(raw)))
    assert referred <= raw["components"]["schemas"].keys()
    operations = [o for methods in raw["paths"].values() for o in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids) == len(ENDPOINTS)
    assert all(o["summary"] and o["description"] for o in operations)
    answered = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in console.pages().url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert answered == {
        (path, method.upper()) for path, methods in raw["paths"].items() for method in methods
    }


def test_members_are_described_by_the_words_beside_them(described: Any) -> None:
    schemas = described.raw_schema["components"]["schemas"]
    assert schemas["Health"]["description"] == "Everything at once."
    assert "What needs a person" in schemas["Health"]["properties"]["needs"]["description"]
    health = described.raw_schema["paths"]["/api/audit"]["get"]
    since = next(each for each in health["parameters"] if each["name"] == "since")
    assert since["description"].startswith("A date, such as 2026-11-20")
    assert (since["in"], since["required"]) == ("query", False)


def test_people_read_the_same_description(outside: Desk) -> None:
    assert outside.get("/api").status_code == 302
    assert outside.get("/api/openapi.json").status_code == 401
    outside.sign_in()
    html, shown = outside.get("/api").text, outside.page("/api")
    document: Any = outside.get("/api/openapi.json").json
    paths = document["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in shown
            assert f'id="{operation["operationId"]}"' in html
    links = set(re.findall(r'href="#([^"]+)"', html)) - {"content"}
    assert links == set(re.findall(r'id="([^"]+)"', html)) & links
