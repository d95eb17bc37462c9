"""Settings: read once, every fault named, no secret ever shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from config.errors import ConfigurationError, SettingsError
from config.settings import (
    FORGE_KEYS,
    SHIPPED,
    AtlassianSignIn,
    JiraAccess,
    OpenIdConnect,
    Secret,
    Settings,
)

TOKEN, WEBHOOK, PASSWORD = "tok-4711", "hook-0815", "db-2342"
PATH_TOKENS = ("p4th-token_" + "0" * 21, "p4th-token_" + "1" * 40)
COMPLETE = {
    "DUELINE_JIRA_URL": "https://acme.atlassian.net/",
    "DUELINE_JIRA_USER": "dueline@acme.example",
    "DUELINE_JIRA_TOKEN": TOKEN,
    "DUELINE_WEBHOOK_SECRET": WEBHOOK,
    "DUELINE_DATABASE_URL": f"postgresql://dueline:{PASSWORD}@db/dueline",
}


def problems(**env: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(env)
    return raised.value.problems


def test_nothing_set_is_enough_to_check_documents() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.config == SHIPPED
    assert (settings.host, settings.port) == ("127.0.0.1", 8090)
    assert settings.database_url.reveal() == "sqlite:///dueline.sqlite3"


def test_everything_set() -> None:
    env = COMPLETE | {
        "DUELINE_CONFIG": "/etc/dueline",
        "DUELINE_HOST": "0.0.0.0",  # noqa: S104 - only read
        "DUELINE_PORT": "80",
        "DUELINE_JIRA_FLAVOUR": "Cloud",
    }
    settings = Settings.from_environment(env)
    assert settings.require_jira() == JiraAccess(
        "https://acme.atlassian.net",
        "dueline@acme.example",
        Secret(TOKEN),
        (Secret(WEBHOOK),),
        "cloud",
    )
    assert settings.config == Path("/etc/dueline")
    assert settings.port == 80


def test_a_webhook_secret_that_is_being_changed() -> None:
    settings = Settings.from_environment({"DUELINE_WEBHOOK_SECRET": "old, new"})
    assert [secret.reveal() for secret in settings.webhook_secrets] == ["old", "new"]


def test_a_path_token_in_place_of_a_secret() -> None:
    env = {name: value for name, value in COMPLETE.items() if name != "DUELINE_WEBHOOK_SECRET"}
    env["DUELINE_WEBHOOK_TOKEN"] = ", ".join(PATH_TOKENS)
    access = Settings.from_environment(env).require_jira()
    assert access.webhook_secrets == ()
    assert [token.reveal() for token in access.webhook_tokens] == list(PATH_TOKENS)
    both = Settings.from_environment(env | COMPLETE).require_jira()
    assert both.webhook_secrets == (Secret(WEBHOOK),)
    assert both.webhook_tokens == access.webhook_tokens


def test_without_any_way_in_both_are_named() -> None:
    env = {name: value for name, value in COMPLETE.items() if name != "DUELINE_WEBHOOK_SECRET"}
    with pytest.raises(SettingsError, match="cannot sign, DUELINE_WEBHOOK_TOKEN instead"):
        Settings.from_environment(env).require_jira()


@pytest.mark.parametrize(
    "token",
    [
        "x" * 31,
        "x" * 31 + "/",
        "x" * 40 + "%",
        "x " * 20,
        "é" * 40,
        "x" * 32 + ",short",
        "x" * 32 + "\0",
    ],
)
def test_a_path_token_that_is_none(token: str) -> None:
    (problem,) = problems(DUELINE_WEBHOOK_TOKEN=token)
    assert problem.startswith("DUELINE_WEBHOOK_TOKEN is too easily guessed or cannot stand in an")
    assert token not in problem


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres", "PostgreSQL"])
def test_each_way_to_write_an_address_of_postgresql(scheme: str) -> None:
    rest = "dueline:p%40ss@db.example:5432/dueline?sslmode=require"
    found = Settings.from_environment({"DUELINE_DATABASE_URL": f"{scheme}://{rest}"})
    assert found.database_url.reveal() == f"postgresql+psycopg://{rest}"
    read = make_url(found.database_url.reveal())
    assert (read.password, read.host, read.port, read.database) == (
        "p@ss", "db.example", 5432, "dueline",
    )  # fmt: skip


def test_postgresql_on_this_machine_needs_no_host() -> None:
    found = Settings.from_environment({"DUELINE_DATABASE_URL": "postgresql:///dueline"})
    assert found.database_url.reveal() == "postgresql+psycopg:///dueline"


@pytest.mark.parametrize(
    "rest",
    [
        "u:s3/cr3t@h/db", "u:s3@cr3t@h/db", "u:s3#cr3t@h/db", "u:s3?cr3t@h/db", "u:12/cr3t@h/db",
        "u:12?cr3t@h/db", "u:12#cr3t@h/db", "u:cr3t@h:port/db", "u:cr3t@h:99999/db",
        "u:cr3t@h:0/db", "u:cr3t@[h/db", "u:cr3t@h", "u:cr3t@h/", "",
    ],
)  # fmt: skip
def test_an_address_that_could_be_read_in_two_ways_is_refused_unseen(rest: str) -> None:
    """What is part of the password here is part of the host elsewhere, and shown in errors."""
    (problem,) = problems(DUELINE_DATABASE_URL=f"postgresql://{rest}")
    assert problem.startswith("DUELINE_DATABASE_URL cannot be read as postgresql://user:password@")
    assert "cr3t" not in problem


@pytest.mark.parametrize("value", ["x", "mysql://u@h/d", "postgresql+asyncpg://u@h/d", "sqlite:"])
def test_what_is_no_database_address_names_both_kinds(value: str) -> None:
    (problem,) = problems(DUELINE_DATABASE_URL=value)
    assert problem == (
        "DUELINE_DATABASE_URL is no database address: write it as sqlite:///dueline.sqlite3 "
        "or as postgresql://user:password@host:5432/dueline"
    )


def test_how_long_and_how_often() -> None:
    settings = Settings()
    assert (settings.inbox_days, settings.reconcile_every) == (30, timedelta(minutes=10))
    settings = Settings.from_environment(
        {"DUELINE_INBOX_DAYS": "1", "DUELINE_RECONCILE_MINUTES": "0"}
    )
    assert (settings.inbox_days, settings.reconcile_every) == (1, None)
    settings = Settings.from_environment({"DUELINE_RECONCILE_MINUTES": "90"})
    assert settings.reconcile_every == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DUELINE_INBOX_DAYS", "0", "is '0': give a number of days from 1 to 36500"),
        ("DUELINE_INBOX_DAYS", "-1", "is '-1': give a number of days"),
        ("DUELINE_INBOX_DAYS", "1.5", "is '1.5': give a number of days"),
        ("DUELINE_INBOX_DAYS", "٣", "is '٣': give a number of days"),
        ("DUELINE_INBOX_DAYS", "9" * 5000, "is '999"),
        ("DUELINE_RECONCILE_MINUTES", "ten", "is 'ten': give a number of minutes from 1 to 10080"),
        ("DUELINE_RECONCILE_MINUTES", "10081", "is '10081': give a number of minutes"),
        ("DUELINE_RECONCILE_MINUTES", "-5", "is '-5': give a number of minutes"),
    ],
)
def test_a_number_that_is_none(name: str, value: str, said: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name} {said}")


def test_serving_names_all_that_it_lacks() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({}).require_jira()
    assert [problem.partition(":")[0] for problem in raised.value.problems] == [
        "DUELINE_JIRA_URL is not set",
        "DUELINE_JIRA_TOKEN is not set",
        "DUELINE_WEBHOOK_SECRET is not set",
    ]


def test_setting_up_can_do_without_a_webhook_secret() -> None:
    env = {name: value for name, value in COMPLETE.items() if name != "DUELINE_WEBHOOK_SECRET"}
    access = Settings.from_environment(env).require_jira(webhook=False)
    assert access.webhook_secrets == ()


def test_cloud_needs_a_user_and_data_center_does_not() -> None:
    env = {name: value for name, value in COMPLETE.items() if name != "DUELINE_JIRA_USER"}
    with pytest.raises(SettingsError, match="DUELINE_JIRA_USER is not set: give the e-mail"):
        Settings.from_environment(env).require_jira()
    env["DUELINE_JIRA_URL"] = "https://jira.acme.example/jira"
    assert Settings.from_environment(env).require_jira().user == ""


CLIENT = {
    "DUELINE_JIRA_URL": "https://acme.atlassian.net",
    "DUELINE_JIRA_CLIENT_ID": "cl13nt",
    "DUELINE_JIRA_CLIENT_SECRET": "cl13nt-s3cr3t",
    "DUELINE_WEBHOOK_SECRET": WEBHOOK,
}


def test_a_client_signs_in_without_user_and_token() -> None:
    access = Settings.from_environment(CLIENT).require_jira()
    assert (access.user, access.token, access.client_id) == ("", None, "cl13nt")
    assert access.client_secret == Secret("cl13nt-s3cr3t")
    assert "cl13nt-s3cr3t" not in repr(access)


@pytest.mark.parametrize("name", ["DUELINE_JIRA_CLIENT_ID", "DUELINE_JIRA_CLIENT_SECRET"])
def test_half_a_client_names_the_other_half(name: str) -> None:
    half = {known: value for known, value in CLIENT.items() if known != name}
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(half).require_jira()
    (problem,) = raised.value.problems
    assert problem.startswith(f"{name} is not set: give the ")


def test_there_is_one_way_to_sign_in() -> None:
    both = CLIENT | {"DUELINE_JIRA_TOKEN": TOKEN}
    with pytest.raises(SettingsError, match="CLIENT_ID are both set: keep one of them"):
        Settings.from_environment(both).require_jira()


def test_where_atlassian_is() -> None:
    access = Settings.from_environment(CLIENT).require_jira()
    assert access.atlassian_gateway == "https://api.atlassian.com"
    assert access.atlassian_auth == "https://auth.atlassian.com"
    elsewhere = {
        "DUELINE_ATLASSIAN_GATEWAY": "http://127.0.0.1:8080/",
        "DUELINE_ATLASSIAN_AUTH": "http://127.0.0.1:8081/auth",
    }
    access = Settings.from_environment(CLIENT | elsewhere).require_jira()
    assert access.atlassian_gateway == "http://127.0.0.1:8080"
    assert access.atlassian_auth == "http://127.0.0.1:8081/auth"


@pytest.mark.parametrize(
    "way_in",
    [
        {"DUELINE_WEBHOOK_TOKEN": PATH_TOKENS[0]},
        {"DUELINE_AUTOMATION_SECRET": PATH_TOKENS[0]},
        {"DUELINE_FORGE_APP": "ari:cloud:ecosystem::app/0000"},
    ],
)
def test_any_way_in_for_events_will_do(way_in: dict[str, str]) -> None:
    env = {name: value for name, value in COMPLETE.items() if name != "DUELINE_WEBHOOK_SECRET"}
    assert Settings.from_environment(env | way_in).require_jira().webhook_secrets == ()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DUELINE_ATLASSIAN_GATEWAY", "api.atlassian.com", "is no address of Atlassian's: leave"),
        ("DUELINE_ATLASSIAN_GATEWAY", f"https://me:{TOKEN}@x", "is no address of Atlassian's"),
        ("DUELINE_ATLASSIAN_AUTH", "https://x/?a=1", "is no address of Atlassian's"),
        ("DUELINE_ATLASSIAN_AUTH", "https://[", "is no address of Atlassian's"),
        ("DUELINE_PUBLIC_URL", "dueline.example.com", "is no address of this service: write it"),
        ("DUELINE_PUBLIC_URL", "https://x/#a", "is no address of this service"),
        ("DUELINE_AUTOMATION_SECRET", "short", "is too easily guessed"),
        ("DUELINE_PORT", "http", "is 'http': give a port number from 1 to 65535"),
        ("DUELINE_PORT", "0", "is '0': give a port number"),
        ("DUELINE_PORT", "65536", "is '65536': give a port number"),
        ("DUELINE_PORT", "٣", "is '٣': give a port number"),
        ("DUELINE_JIRA_URL", "acme.atlassian.net", "is no web address: write it with its scheme"),
        ("DUELINE_JIRA_URL", "ftp://acme", "is no web address"),
        ("DUELINE_JIRA_URL", "https://[", "is no web address"),
        ("DUELINE_JIRA_URL", f"https://me:{TOKEN}@acme", "holds a user or password"),
        ("DUELINE_JIRA_URL", "https://acme/?a=1", "goes on after the path"),
        ("DUELINE_JIRA_FLAVOUR", "server", "is 'server': give cloud or datacenter"),
        ("DUELINE_DATABASE_URL", f"mysql://a:{PASSWORD}@b/c", "is no database address"),
        ("DUELINE_DATABASE_URL", "dueline.sqlite3", "is no database address"),
        ("DUELINE_WEBHOOK_SECRET", f"{WEBHOOK},", "has an empty secret between its commas"),
        ("DUELINE_WEBHOOK_SECRET", " ", "is empty: give its value, or do not set it"),
        ("DUELINE_JIRA_TOKEN", "", "is empty: give its value, or do not set it"),
    ],
)
def test_a_wrong_value(name: str, value: str, said: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name} {said}")


def test_an_empty_plain_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_environment({"DUELINE_PORT": "", "DUELINE_HOST": " "}) == Settings()


def test_every_fault_at_once() -> None:
    found = problems(DUELINE_PORT="x", DUELINE_JIRA_URL="x", DUELINE_JIRA_TOKEN="")
    assert len(found) == 3


# --- secrets in files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "DUELINE_JIRA_TOKEN", "DUELINE_WEBHOOK_SECRET", "DUELINE_WEBHOOK_TOKEN",
        "DUELINE_DATABASE_URL", "DUELINE_JIRA_CLIENT_SECRET", "DUELINE_AUTOMATION_SECRET",
    ],
)  # fmt: skip
def test_a_secret_from_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    random = name in ("DUELINE_WEBHOOK_TOKEN", "DUELINE_AUTOMATION_SECRET")
    value = PATH_TOKENS[0] if random else "sqlite:///x"
    file.write_text(f"{value}\n", encoding="utf-8")
    settings = Settings.from_environment({f"{name}_FILE": str(file)})
    found = {
        "DUELINE_JIRA_TOKEN": settings.jira_token,
        "DUELINE_WEBHOOK_SECRET": next(iter(settings.webhook_secrets), None),
        "DUELINE_WEBHOOK_TOKEN": next(iter(settings.webhook_tokens), None),
        "DUELINE_DATABASE_URL": settings.database_url,
        "DUELINE_JIRA_CLIENT_SECRET": settings.jira_client_secret,
        "DUELINE_AUTOMATION_SECRET": next(iter(settings.automation_secrets), None),
    }
    assert found[name] == Secret(value)


def test_a_secret_and_its_file() -> None:
    found = problems(DUELINE_JIRA_TOKEN=TOKEN, DUELINE_JIRA_TOKEN_FILE="/run/secrets/token")
    assert found == (
        "DUELINE_JIRA_TOKEN and DUELINE_JIRA_TOKEN_FILE are both set: keep one of them",
    )


def test_files_that_hold_no_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff")
    token, webhook, database = problems(
        DUELINE_JIRA_TOKEN_FILE=str(tmp_path / "missing"),
        DUELINE_WEBHOOK_SECRET_FILE=str(tmp_path / "empty"),
        DUELINE_DATABASE_URL_FILE=str(tmp_path / "binary"),
    )
    assert token.startswith(f"DUELINE_JIRA_TOKEN_FILE: {tmp_path}/missing cannot be read (No such")
    assert webhook.startswith(f"DUELINE_WEBHOOK_SECRET_FILE: {tmp_path}/empty is empty: put the")
    assert database.startswith(f"DUELINE_DATABASE_URL_FILE: {tmp_path}/binary is not UTF-8 text")


# --- nothing shows a secret ---------------------------------------------------------------------


def test_neither_settings_nor_access_show_a_secret() -> None:
    settings = Settings.from_environment(
        COMPLETE | {"DUELINE_WEBHOOK_TOKEN": ",".join(PATH_TOKENS)}
    )
    shown = f"{settings!r} {settings} {settings.require_jira()!r} {settings.jira_token}"
    for secret in (TOKEN, WEBHOOK, PASSWORD, *PATH_TOKENS):
        assert secret not in shown


@pytest.mark.parametrize("breakage", ["{}@", "://{}", "https://u:{}@h", "a,{},", "{}\x00"])
def test_no_error_shows_a_secret(breakage: str, tmp_path: Path) -> None:
    value = breakage.format("s3cr3t")
    file = tmp_path / "file"
    file.write_text(value, encoding="utf-8")
    names = (
        "DUELINE_JIRA_TOKEN", "DUELINE_WEBHOOK_SECRET", "DUELINE_WEBHOOK_TOKEN",
        "DUELINE_DATABASE_URL", "DUELINE_JIRA_CLIENT_SECRET", "DUELINE_AUTOMATION_SECRET",
        "DUELINE_CONSOLE_TOKEN", "DUELINE_OIDC_CLIENT_SECRET", "DUELINE_ATLASSIAN_CLIENT_SECRET",
    )  # fmt: skip
    for env in (dict.fromkeys(names, value), {f"{name}_FILE": str(file) for name in names}):
        with pytest.raises(ConfigurationError) as raised:
            Settings.from_environment(env | {"DUELINE_JIRA_URL": value})
        assert "s3cr3t" not in str(raised.value)
        assert "s3cr3t" not in repr(raised.value)


def test_forge_s_keys_are_atlassian_s_unless_another_set_is_named() -> None:
    assert Settings.from_environment(COMPLETE).require_jira().forge_keys == FORGE_KEYS
    named = "http://127.0.0.1:9/jwks.json"
    given = Settings.from_environment(COMPLETE | {"DUELINE_FORGE_KEYS": named})
    assert given.require_jira().forge_keys == named
    for wrong in ("keys", "https://user:s3cr3t@keys.example", "file:///etc/passwd"):
        (problem,) = problems(DUELINE_FORGE_KEYS=wrong)
        assert problem.startswith("DUELINE_FORGE_KEYS is no address of a key set")
        assert "s3cr3t" not in problem


# --- signing in to the console ------------------------------------------------------------------

PUBLIC = {"DUELINE_PUBLIC_URL": "https://dueline.acme.example"}
OIDC = PUBLIC | {
    "DUELINE_OIDC_ISSUER": "https://login.acme.example/realms/acme/",
    "DUELINE_OIDC_CLIENT_ID": "dueline",
    "DUELINE_OIDC_CLIENT_SECRET": "s3cr3t",
}
ATLASSIAN = PUBLIC | {
    "DUELINE_ATLASSIAN_CLIENT_ID": "dueline",
    "DUELINE_ATLASSIAN_CLIENT_SECRET": "s3cr3t",
}


def test_the_ways_to_sign_in_to_the_console() -> None:
    given = {
        "DUELINE_OIDC_ADMINISTRATORS": "Ada@acme.example, sla-admins",
        "DUELINE_ATLASSIAN_ADMINISTRATORS": "712020:Ada",
        "DUELINE_SESSION_HOURS": "1",
    }
    settings = Settings.from_environment(OIDC | ATLASSIAN | given)
    # Its tokens name the issuer letter by letter, a slash at the end included.
    assert settings.oidc == OpenIdConnect(
        "https://login.acme.example/realms/acme/",
        "dueline",
        Secret("s3cr3t"),
        frozenset({"ada@acme.example", "sla-admins"}),
    )
    assert settings.atlassian_sign_in == AtlassianSignIn(
        "dueline", Secret("s3cr3t"), frozenset({"712020:ada"})
    )
    assert settings.session_idle == timedelta(hours=1)
    viewers = Settings.from_environment(OIDC | {"DUELINE_OIDC_VIEWERS": "support"}).oidc
    assert viewers
    assert viewers.viewers == frozenset({"support"})
    assert "s3cr3t" not in repr(settings)


def test_their_secrets_may_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cr3t-of-some-length\n", encoding="utf-8")
    names = ("CONSOLE_TOKEN", "OIDC_CLIENT_SECRET", "ATLASSIAN_CLIENT_SECRET")
    given = {k: v for k, v in (OIDC | ATLASSIAN).items() if not k.endswith("SECRET")}
    settings = Settings.from_environment(
        given | {f"DUELINE_{name}_FILE": str(file) for name in names}
    )
    assert settings.oidc
    assert settings.atlassian_sign_in
    assert {
        settings.console_token,
        settings.oidc.client_secret,
        settings.atlassian_sign_in.client_secret,
    } == {Secret("s3cr3t-of-some-length")}


@pytest.mark.parametrize("way", [OIDC, ATLASSIAN])
def test_a_way_in_needs_all_of_its_settings(way: dict[str, str]) -> None:
    for name in way:
        (problem,) = problems(**{each: value for each, value in way.items() if each != name})
        assert problem.startswith(name)
        assert "not set" in problem
        assert "s3cr3t" not in problem
    for name in ("DUELINE_OIDC_ADMINISTRATORS", "DUELINE_ATLASSIAN_ADMINISTRATORS"):
        (problem,) = problems(**{name: "ada@acme.example"})
        assert "not set: the way to sign in needs each" in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUELINE_OIDC_ISSUER", "http://login.acme.example"),
        ("DUELINE_OIDC_ISSUER", "login.acme.example"),
        ("DUELINE_OIDC_ISSUER", "https://user:s3cr3t@login.acme.example"),
        ("DUELINE_OIDC_ISSUER", "https://login.acme.example/?tenant=s3cr3t"),
        ("DUELINE_OIDC_ISSUER", "http://127.0.0.1.evil.example"),
        ("DUELINE_OIDC_ISSUER", "file:///etc/passwd"),
        ("DUELINE_OIDC_ADMINISTRATORS", "ada@acme.example,"),
        ("DUELINE_OIDC_VIEWERS", ","),
        ("DUELINE_SESSION_HOURS", "0"),
        ("DUELINE_SESSION_HOURS", "169"),
        ("DUELINE_SESSION_HOURS", "1.5"),
        ("DUELINE_CONSOLE_TOKEN", "s3cr3t"),
    ],
)
def test_what_is_wrong_about_them_is_told(name: str, value: str) -> None:
    (problem,) = problems(**(OIDC | {name: value}))
    assert problem.startswith(f"{name} ")
    assert "s3cr3t" not in problem


def test_an_issuer_on_this_machine_may_do_without_https() -> None:
    for issuer in ("http://127.0.0.1:5556/dex", "http://localhost:8080", "http://[::1]:80"):
        settings = Settings.from_environment(OIDC | {"DUELINE_OIDC_ISSUER": issuer})
        assert settings.oidc
        assert settings.oidc.issuer == issuer


def test_whoever_keeps_a_directory_edits_files_unless_told_otherwise() -> None:
    assert Settings.from_environment({}).edits == "console"
    assert Settings.from_environment({"DUELINE_CONFIG": "there"}).edits == "files"
    told = {"DUELINE_CONFIG": "there", "DUELINE_EDITS": "Console"}
    assert Settings.from_environment(told).edits == "console"
    assert Settings.from_environment({"DUELINE_EDITS": "apply"}).edits == "apply"
    with pytest.raises(
        SettingsError, match="DUELINE_EDITS is 'git': give console or files, or apply"
    ):
        Settings.from_environment({"DUELINE_EDITS": "git"})
