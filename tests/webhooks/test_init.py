"""From nothing to the first deadline: what `dueline init` asks, writes, makes, and leaves alone."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from config.loader import load
from config.settings import Flavour
from config.site_schema import FieldNames
from connector.client import ApiToken, BearerToken, connect
from connector.setup import EVENTS, ROLES
from connector.simulator import AGENT, CUSTOMER, DUELINE, Rule, Simulator, running
from connector.survey import RIGHTS
from connector.translate import translate
from tests.conftest import free_port
from tests.sla.example import NINE
from tests.waiting import PATIENCE, eventually
from webhooks import cli
from webhooks.initiating import trial
from webhooks.initiating.in_jira import TYPES
from webhooks.initiating.trial import try_delivery
from webhooks.round_trip import EVENT

TOKEN = {"cloud": "simulator", "datacenter": "simulator-dueline"}
ANSWERS = ("--project", "BOT=botron", "--project", "HLP=standard", "--holidays", "US")
FIELDS = 8
FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")
ELSEWHERE: dict[str, str] = {}
"""Where Atlassian's own servers are, in tests that need them."""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty directory, and no settings but the test's own."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("DUELINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    # A command leaves what it read from dueline.env to its children.
    for name in [name for name in os.environ if name not in before]:
        del os.environ[name]


@pytest.fixture(params=["cloud", "datacenter"])
def jira(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    yield from serving(Simulator(now=lambda: NINE, flavour=request.param))


@pytest.fixture
def cloud() -> Iterator[Simulator]:
    yield from serving(Simulator(now=lambda: NINE))


def serving(sim: Simulator) -> Iterator[Simulator]:
    with running(sim):
        yield sim


@pytest.fixture
def port() -> int:
    return free_port()


def run(*arguments: str, given: str | None = None) -> Result:
    for name in [name for name in os.environ if name.startswith("DUELINE_")]:
        del os.environ[name]
    return CliRunner().invoke(cli.main, ["init", *arguments], input=given, env=ELSEWHERE)


def access(sim: Simulator) -> list[str]:
    """The options that say where Jira is, and who Dueline is there."""
    Path("token").write_text(TOKEN[sim.flavour] + "\n", encoding="utf-8")
    user = ["--user", DUELINE if sim.cloud else ""]
    return ["--url", sim.base_url, *user, "--token-file", "token"]


def unasked(sim: Simulator, port: int, *more: str) -> Result:
    public = ["--public-url", f"http://127.0.0.1:{port}", "--port", str(port)]
    return run("--yes", *access(sim), *ANSWERS, *public, *more)


def succeeded(result: Result) -> str:
    assert result.exit_code == 0, result.output
    assert result.exception is None
    return result.stdout


def left_to_others(result: Result) -> str:
    """Done, but for what an administrator has to do."""
    assert result.exit_code == 3, result.output
    assert "Next:" in result.stdout
    return result.stdout


def failed(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.stderr


def writes(sim: Simulator) -> list[str]:
    return [f"{each.method} {each.path}" for each in sim.requests if each.method != "GET"]


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


# --- with every answer given ----------------------------------------------------------------------


def test_it_writes_the_files_and_makes_fields_and_webhook(jira: Simulator, port: int) -> None:
    before = len(jira.site.fields)
    said = succeeded(unasked(jira, port))
    assert len(jira.site.fields) == before + FIELDS
    [hook] = jira.webhooks.values()
    assert hook.url == f"http://127.0.0.1:{port}/webhooks/jira"
    assert set(hook.events) == set(EVENTS[jira.flavour])
    secret = Path("secrets/webhook-secret").read_text(encoding="utf-8").strip()
    assert hook.secret == secret
    assert Path("secrets/jira-token").read_text(encoding="utf-8").strip() == TOKEN[jira.flavour]
    assert [mode(f"secrets/{name}") for name in ("jira-token", "webhook-secret")] == [0o600] * 2
    assert (mode("secrets"), mode("dueline.env")) == (0o700, 0o600)
    configuration = load(Path("site"))
    assert set(configuration.policy.projects) == {"BOT", "HLP"}
    assert f"A signed delivery to {hook.url} arrived" in said
    assert "dueline serve" in said
    assert secret not in said
    assert f"{TOKEN[jira.flavour]}\n" not in said


def test_run_again_it_changes_nothing(jira: Simulator, port: int) -> None:
    succeeded(unasked(jira, port))
    texts = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    fields, hooks = len(jira.site.fields), dict(jira.webhooks)
    # Its earlier answers are those of the settings that it wrote.
    said = succeeded(run("--yes"))
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == texts
    assert (len(jira.site.fields), jira.webhooks) == (fields, hooks)
    assert "site/projects.yaml is there already, with BOT: botron, HLP: standard" in said
    assert "there already" in said


def test_what_people_edited_is_left_alone_unless_told(cloud: Simulator, port: int) -> None:
    succeeded(unasked(cloud, port))
    edited = (
        "# mine\nprojects: {BOT: {contracts: [{contract: botron}], severities: [{severity: All}]}}"
    )
    Path("site/projects.yaml").write_text(edited, encoding="utf-8")
    mine = "# mine\ncomments: { internal: false }\n"
    Path("site/site.yaml").write_text(mine, encoding="utf-8")
    with Path("dueline.env").open("a", encoding="utf-8") as settings:
        settings.write("DUELINE_LOG=text\n")
    said = succeeded(run("--yes", "--project", "HLP=standard", "--holidays", "none"))
    assert "need --overwrite" in said
    assert Path("site/projects.yaml").read_text(encoding="utf-8") == edited
    assert Path("site/site.yaml").read_text(encoding="utf-8") == mine
    assert "DUELINE_LOG=text" in Path("dueline.env").read_text(encoding="utf-8")
    succeeded(run("--yes", "--overwrite", "--project", "HLP=standard", "--holidays", "none"))
    assert set(load(Path("site")).policy.projects) == {"HLP"}
    assert "DUELINE_LOG=text" in Path("dueline.env").read_text(encoding="utf-8")
    assert load(Path("site")).site.comments.internal


def test_a_broken_file_of_ones_own_is_said_and_nothing_is_done(cloud: Simulator, port: int) -> None:
    Path("site").mkdir()
    Path("site/projects.yaml").write_text("projects: {BOT: {contracts: []}}", encoding="utf-8")
    said = failed(unasked(cloud, port))
    assert "site/projects.yaml:1:" in said
    assert "--overwrite" in said
    assert writes(cloud) == []
    assert not Path("dueline.env").exists()


def test_a_lost_secret_is_made_anew_in_jira_too(jira: Simulator, port: int) -> None:
    succeeded(unasked(jira, port))
    Path("secrets/webhook-secret").unlink()
    succeeded(run("--yes"))
    [hook] = jira.webhooks.values()
    assert hook.secret == Path("secrets/webhook-secret").read_text(encoding="utf-8").strip()


def test_a_webhook_that_was_there_before_gets_our_secret(jira: Simulator, port: int) -> None:
    succeeded(unasked(jira, port, "--no-setup"))
    Path("secrets").chmod(0o755)
    hook_url, token = f"http://127.0.0.1:{port}/webhooks/jira", TOKEN[jira.flavour]
    client = connect(jira.base_url, ApiToken(DUELINE, token) if jira.cloud else BearerToken(token))
    client.register_webhook("Dueline", hook_url, EVENTS[jira.flavour], "planted-other", None)
    said = succeeded(unasked(jira, port))
    [hook] = jira.webhooks.values()
    assert hook.secret == Path("secrets/webhook-secret").read_text(encoding="utf-8").strip()
    assert f"webhook to {hook_url}: signed anew" in said
    assert mode("secrets") == 0o700


def test_only_the_files(cloud: Simulator, port: int) -> None:
    said = succeeded(unasked(cloud, port, "--no-setup"))
    assert writes(cloud) == []
    assert "as --no-setup says" in said
    assert Path("site/projects.yaml").exists()


def test_without_a_webhook(cloud: Simulator) -> None:
    said = succeeded(run("--yes", *access(cloud), *ANSWERS, "--no-webhook"))
    assert cloud.webhooks == {}
    assert "docs/rights.md" in said
    assert "Test delivery" not in said


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("--url", "--url is missing"),
        ("--user", "--user is missing"),
        ("--token-file", "--token-file is missing"),
        ("--project", "--project is missing"),
        ("--holidays", "--holidays is missing"),
        ("--public-url", "--public-url (or --no-webhook) is missing"),
    ],
)
def test_a_missing_answer_is_named_by_its_option(
    cloud: Simulator, left_out: str, named: str
) -> None:
    options = [
        *access(cloud), "--project", "HLP=standard", "--holidays", "US",
        "--public-url", "http://127.0.0.1:9",
    ]  # fmt: skip
    place = options.index(left_out)
    assert named in failed(run("--yes", *options[:place], *options[place + 2 :]))
    assert writes(cloud) == []
    assert not Path("dueline.env").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--project", "HELP=standard"], "did you mean `HLP`?"),
        (["--project", "HLP=standart"], "did you mean `standard`?"),
        (["--project", "HLP"], "write it as KEY=CONTRACT"),
        (["--project", "HLP=none"], "at least one project"),
        (["--project", "HLP=standard", "--severity", "Highest"], "write it as"),
        (["--project", "HLP=standard", "--severity", "Urgent=High"], "no priority Urgent"),
        (["--project", "HLP=standard", "--severity", "High=Urgent"], "no severity Urgent"),
        (["--project", "HLP=standard", "--holidays", "XX"], "XX is no country"),
        (["--project", "HLP=standard", "--holidays", "DE-XX"], "no subdivision XX"),
        (["--project", "BOT=botron", "--field", "due=Summary"], "'Summary'"),
        (["--project", "BOT=botron", "--field", "owner=X"], "the roles are policy"),
        (["--project", "BOT=botron", "--public-url", "here"], "is no address of this service"),
    ],
)
def test_an_answer_that_will_not_do(cloud: Simulator, options: list[str], said: str) -> None:
    assert said in failed(run("--yes", *access(cloud), "--no-webhook", *options))
    assert writes(cloud) == []
    assert not Path("dueline.env").exists()


def test_what_priorities_mean_can_be_said(cloud: Simulator) -> None:
    meant = ["--severity", "BIT:Low=severity 1", "--severity", "*=Severity 3"]
    options = ["--project", "BIT=bitumio", "--project", "BAL=balto", *meant, "--no-webhook"]
    succeeded(run("--yes", *access(cloud), *options))
    rules = load(Path("site")).policy.projects
    found = {
        key: [(each.when.fields.get("priority"), each.severity) for each in rules[key].severities]
        for key in rules
    }
    assert found["BIT"] == [(("Low",), "Severity 1"), (None, "Severity 3")]
    assert found["BAL"] == [(None, "Severity 3")]


def test_a_wrong_token_ends_it(jira: Simulator) -> None:
    options = access(jira)
    Path("token").write_text("planted-wrong", encoding="utf-8")
    said = failed(run("--yes", *options, *ANSWERS, "--no-webhook"))
    assert said.startswith(f"Signing in to {jira.base_url} failed: ")
    assert "planted" not in said
    assert not Path("secrets").exists()


def test_a_bare_word_sends_no_token_to_whoever_has_that_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webhooks.initiating.signing_in.look", lambda url: pytest.fail(url))
    assert "such as https://jira.atlassian.net" in failed(run("--yes", "--url", "jira"))
    said = run(given="jira\nn\n").output
    assert "Is https://jira.atlassian.net your Jira" in said
    assert "Give the whole address of yours then." in said


def test_an_address_at_which_nobody_listens() -> None:
    said = failed(run("--yes", "--url", "http://127.0.0.1:9", "--user", "x"))
    assert said.startswith("--url: ")


def test_the_settings_may_stand_elsewhere(
    cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ELSEWHERE, "DUELINE_ENV_FILE", "etc/dueline.env")
    succeeded(run("--yes", *access(cloud), *ANSWERS, "--no-webhook"))
    settings = Path("etc/dueline.env").read_text(encoding="utf-8")
    assert "DUELINE_JIRA_TOKEN_FILE=secrets/jira-token" in settings
    assert f"DUELINE_CONFIG={Path('site').absolute()}" in settings
    assert Path("etc/secrets/jira-token").exists()
    succeeded(run("--yes", "--no-webhook"))


# --- asked ----------------------------------------------------------------------------------------


def conversation(sim: Simulator, *, end: str = "y") -> str:
    """What a person types: a wrong token first, and one priority seen otherwise."""
    user = DUELINE if sim.cloud else ""
    again = "" if sim.cloud else user
    answers = [
        f"{sim.base_url}/browse/HLP-1",
        user, "planted-wrong",
        again, TOKEN[sim.flavour],
        "", "NOPE", "hlp, bit",
        "standard", "bitumio",
        "n", "High", "Medium", "Medium", "Low", "Low", "Low",
        "y",
        "DE-BY",
        "none",
        end,
    ]  # fmt: skip
    return "\n".join(answers) + "\n"


def test_a_person_is_asked_step_by_step(jira: Simulator) -> None:
    said = succeeded(run(given=conversation(jira)))
    assert "planted-wrong" not in said
    assert TOKEN[jira.flavour] + "\n" not in said
    assert "At least one key is needed, such as the HLP of the issue HLP-1." in said
    assert "NOPE is no project" in said
    wanted = (
        "id.atlassian.com/manage-profile" if jira.cloud else "/secure/ViewProfile.jspa?selected"
    )
    assert wanted in said
    policy = load(Path("site")).policy
    meant = [
        (rule.severity, rule.when.fields.get("priority"))
        for rule in policy.projects["HLP"].severities
    ]
    assert meant == [
        ("High", ("Highest",)), ("Medium", ("High", "Medium")), ("Low", ("Low", "Lowest")),
        ("Low", None),
    ]  # fmt: skip
    assert "subdivision: BY" in Path("site/projects.yaml").read_text(encoding="utf-8")
    assert jira.field_named("First response due") is not None


def test_whoever_refuses_the_summary_changes_nothing(jira: Simulator, here: Path) -> None:
    said = succeeded(run(given=conversation(jira, end="n")))
    assert "make the field 'First response due'" in said
    assert "Nothing was written here" in said
    assert writes(jira) == []
    assert list(here.iterdir()) == []


def test_whoever_breaks_off_leaves_nothing_behind(jira: Simulator, here: Path) -> None:
    lines = conversation(jira).splitlines()
    for number in (1, 5, 10, len(lines) - 1):
        result = run(given="\n".join(lines[:number]) + "\n")
        assert result.exit_code == 1
        assert writes(jira) == []
        assert list(here.iterdir()) == []


def test_asked_again_the_earlier_answers_are_what_an_empty_one_means(cloud: Simulator) -> None:
    succeeded(run(given=conversation(cloud)))
    before = dict(cloud.webhooks), len(cloud.site.fields)
    texts = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    # Address, account, token, keep projects.yaml, no webhook, agreed.
    said = succeeded(run(given="\n" * 6))
    assert "(empty: the one in secrets/jira-token)" in said
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == texts
    assert (dict(cloud.webhooks), len(cloud.site.fields)) == before


# --- with less than all rights, and with half a Jira ----------------------------------------------


def test_without_administrator_rights_the_rest_is_done(jira: Simulator, port: int) -> None:
    name = "agent"
    token = "simulator" if jira.cloud else f"simulator-{name}"
    Path("mine").write_text(token, encoding="utf-8")
    user = AGENT if jira.cloud else ""
    options = ["--url", jira.base_url, "--user", user, "--token-file", "mine", *ANSWERS]
    jira.deny(AGENT, "EDIT_ISSUES")
    jira.deny(AGENT, "ADMINISTER")
    public = ["--public-url", f"http://127.0.0.1:{port}", "--port", str(port)]
    said = left_to_others(run("--yes", *options, *public))
    assert "lacks the global permission Administer Jira" in said
    assert "In HLP the account lacks Edit issues" in said
    assert "make the custom field 'First response due' of type" in said
    assert "with the secret in secrets/webhook-secret" in said
    assert writes(jira) == []
    assert Path("dueline.env").exists()


def test_an_administrator_sets_up_and_dueline_serves(cloud: Simulator, port: int) -> None:
    succeeded(unasked(cloud, port))
    secret = Path("secrets/webhook-secret").read_text(encoding="utf-8")
    cloud.requests.clear()
    Path("other").write_text("simulator", encoding="utf-8")
    said = succeeded(run("--yes", "--user", AGENT, "--token-file", "other"))
    assert f"+DUELINE_JIRA_USER={AGENT}" in said
    assert "unless there is one" in said
    assert f"DUELINE_JIRA_USER={AGENT}\n" in Path("dueline.env").read_text(encoding="utf-8")
    assert Path("secrets/webhook-secret").read_text(encoding="utf-8") == secret
    assert writes(cloud) == []


def test_a_data_center_that_may_not_sign_posts_to_a_secret_address(port: int) -> None:
    sim = Simulator(now=lambda: NINE, flavour="datacenter")
    info = {"version": "9.12.4", "deploymentType": "Server", "baseUrl": "http://jira.example"}
    sim.faults.add(Rule(path="/serverInfo", status=200, body=info, times=1000))
    with running(sim):
        said = succeeded(unasked(sim, port))
    token = Path("secrets/webhook-token").read_text(encoding="utf-8").strip()
    [hook] = sim.webhooks.values()
    assert hook.url == f"http://127.0.0.1:{port}/webhooks/jira/token/{token}"
    assert token not in said
    assert "DUELINE_WEBHOOK_TOKEN_FILE=secrets/webhook-token" in Path("dueline.env").read_text(
        encoding="utf-8"
    )


def test_one_that_tells_nobody_which_it_is_until_somebody_says(cloud: Simulator) -> None:
    cloud.faults.add(Rule(path="/serverInfo", status=401, body={}, times=1))
    options = ["--url", cloud.base_url, "--user", DUELINE]
    assert "--flavour is missing" in failed(run("--yes", *options))
    cloud.faults.add(Rule(path="/serverInfo", status=401, body={}, times=1))
    succeeded(run("--yes", *access(cloud), *ANSWERS, "--no-webhook", "--flavour", "cloud"))
    assert "DUELINE_JIRA_FLAVOUR=cloud" in Path("dueline.env").read_text(encoding="utf-8")


def test_a_jira_that_tells_little(jira: Simulator, port: int) -> None:
    for path in ("mypermissions", "project", "priority", "issuetype"):
        jira.faults.add(Rule(path=f"/{path}", status=404, body={}, times=1000))
    said = succeeded(unasked(jira, port))
    assert "Jira does not say" in said
    assert len(jira.webhooks) == 1
    rules = load(Path("site")).policy.projects["HLP"].severities
    assert [rule.severity for rule in rules] == ["Medium"]


def test_what_jira_refuses_is_left_to_be_done_by_hand(jira: Simulator, port: int) -> None:
    jira.faults.add(Rule(method="POST", path=r"/field$", status=403, body={}, times=1000))
    jira.faults.add(Rule(method="POST", path="webhook", status=404, body={}, times=1000))
    said = left_to_others(unasked(jira, port))
    assert "The fields could not be made: " in said
    assert "The webhook could not be registered: " in said
    assert said.count("Somebody who administers Jira has to do this") == 2


def test_fields_that_cannot_be_shown_are_made_all_the_same(jira: Simulator, port: int) -> None:
    jira.faults.add(Rule(path="/(context|screens)", status=404, body={}, times=1000))
    said = left_to_others(unasked(jira, port))
    assert jira.field_named("SLA next metric") is not None
    assert "on no screen yet: policy, severity, due" in said
    assert "put the fields on the screens of the projects" in said
    assert len(jira.webhooks) == 1


def test_two_fields_of_one_name_end_it_before_anything_is_asked(cloud: Simulator) -> None:
    for _ in range(2):
        cloud.create_field("SLA state", "textfield")
    said = failed(run("--yes", *access(cloud)))
    assert "are all named 'SLA state'" in said
    assert "--field" in said


def test_one_that_never_says_which_it_is(cloud: Simulator) -> None:
    cloud.faults.add(Rule(path="/serverInfo", status=404, body={}, times=1000))
    options = ["--yes", *access(cloud), *ANSWERS, "--no-webhook"]
    assert "say which with --flavour" in failed(run(*options))
    succeeded(run(*options, "--flavour", "cloud"))


def test_fields_that_are_there_are_kept(cloud: Simulator, port: int) -> None:
    known = cloud.create_field("My deadline", "datetime")
    said = succeeded(unasked(cloud, port, "--field", f"due={known.id}"))
    assert f"due: My deadline ({known.id}), there already" in said
    assert cloud.field_named("First response due") is None


SCOPES = {
    "read:jira-work", "write:jira-work", "read:jira-user", "manage:jira-configuration",
    "manage:jira-project", "manage:jira-webhook",
}  # fmt: skip


@pytest.fixture
def gateway(cloud: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Atlassian's own servers, in the simulator."""
    for what in ("GATEWAY", "AUTH"):
        monkeypatch.setitem(ELSEWHERE, f"DUELINE_ATLASSIAN_{what}", cloud.base_url)


@pytest.mark.usefixtures("gateway")
def test_the_client_of_a_service_account(cloud: Simulator, port: int) -> None:
    cloud.make_client(DUELINE, "abc", "planted-client-secret", scopes=SCOPES)
    Path("secret").write_text("planted-client-secret", encoding="utf-8")
    client = ["--client-id", "abc", "--client-secret-file", "secret"]
    public = ["--public-url", f"http://127.0.0.1:{port}", "--port", str(port)]
    said = succeeded(run("--yes", "--url", cloud.base_url, *client, *ANSWERS, *public))
    assert "planted" not in said
    settings = Path("dueline.env").read_text(encoding="utf-8")
    assert "DUELINE_JIRA_CLIENT_ID=abc" in settings
    assert "DUELINE_JIRA_CLIENT_SECRET_FILE=secrets/jira-client-secret" in settings
    assert "DUELINE_JIRA_TOKEN" not in settings
    assert len(cloud.webhooks) == 1
    # From the one way to sign in to the other, and nothing of the first one stays.
    succeeded(run("--yes", *access(cloud)))
    settings = Path("dueline.env").read_text(encoding="utf-8")
    assert "CLIENT" not in settings
    assert "DUELINE_JIRA_TOKEN_FILE=secrets/jira-token" in settings


@pytest.mark.usefixtures("gateway")
def test_a_token_without_the_scopes_of_set_up(cloud: Simulator, port: int) -> None:
    few = {"read:jira-work", "write:jira-work", "read:jira-user"}
    cloud.make_token(DUELINE, "planted-scoped", scopes=few)
    options = access(cloud)
    Path("token").write_text("planted-scoped", encoding="utf-8")
    public = ["--public-url", f"http://127.0.0.1:{port}", "--port", str(port)]
    said = left_to_others(run("--yes", *options, *ANSWERS, *public))
    assert "manage:jira-configuration" in said
    assert said.count("Somebody who administers Jira has to do this") == 2
    assert "planted" not in said


@pytest.mark.usefixtures("gateway")
def test_the_secret_of_a_client_is_not_repeated(cloud: Simulator) -> None:
    Path("secret").write_text("planted-wrong", encoding="utf-8")
    client = ["--client-id", "abc", "--client-secret-file", "secret"]
    said = failed(run("--yes", "--url", cloud.base_url, *client, *ANSWERS, "--no-webhook"))
    assert said.startswith("Signing in to")
    assert "planted" not in said


# --- the test delivery ----------------------------------------------------------------------------

SECRET = "planted-secret"


class Meddler:
    """A proxy before the receiver that does to deliveries what it should not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **sent: Any) -> None:
        post = requests.post

        def meddling(url: str, *, data: bytes, headers: dict[str, str], **more: Any) -> Any:
            sends = {"data": data, "headers": headers} | sent
            return post(url, **sends, **more)

        monkeypatch.setattr("webhooks.round_trip.requests.post", meddling)


def test_a_body_that_was_changed_on_the_way(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Meddler(monkeypatch, data=b"{}")
    outcome = try_delivery(f"http://127.0.0.1:{port}/webhooks/jira", SECRET, "127.0.0.1", port)
    assert not outcome.arrived
    assert "changed on the way" in outcome.sentence


def test_a_header_that_was_taken_away(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Meddler(monkeypatch, headers={})
    outcome = try_delivery(f"http://127.0.0.1:{port}/webhooks/jira", SECRET, "127.0.0.1", port)
    assert not outcome.arrived
    assert "X-Hub-Signature" in outcome.remedy


def test_an_address_that_leads_elsewhere(port: int) -> None:
    other = free_port()
    with trial._listening("127.0.0.1", other, SECRET):
        outcome = try_delivery(f"http://127.0.0.1:{other}/webhooks/jira", SECRET, "127.0.0.1", port)
    assert not outcome.arrived
    assert "Something else takes deliveries" in outcome.sentence
    assert f"lead to 127.0.0.1:{port}" in outcome.remedy


def test_a_test_delivery_leaves_nothing_in_the_inbox() -> None:
    assert translate(f'{{"webhookEvent": "{EVENT}"}}'.encode()).not_understood is None


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_service_on_ipv6(port: int) -> None:
    outcome = try_delivery(f"http://[::1]:{port}/webhooks/jira", SECRET, "::1", port)
    assert outcome.arrived
    assert f"arrived at [::1]:{port}" in outcome.sentence


def test_where_nothing_may_listen_that_is_said(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(trial, "_family", refused)
    outcome = try_delivery(f"http://127.0.0.1:{port}/webhooks/jira", SECRET, "127.0.0.1", port)
    assert not outcome.arrived
    assert f"Nothing could listen at 127.0.0.1:{port}" in outcome.remedy
    assert "Permission denied" in outcome.remedy


def test_a_service_that_runs_already_answers_for_itself(port: int) -> None:
    with trial._listening("127.0.0.1", port, "another") as heard:
        outcome = try_delivery(f"http://127.0.0.1:{port}/webhooks/jira", SECRET, "127.0.0.1", port)
    assert heard.signatures == [(True, False)]
    assert "another secret" in outcome.sentence


def test_a_test_delivery_that_is_refused_is_told_to_scripts(cloud: Simulator, port: int) -> None:
    with trial._listening("127.0.0.1", port, "another"):
        result = unasked(cloud, port)
    assert result.exit_code == 4
    _, said = result.stdout.split("Test delivery: ")
    assert "answered 401" in said
    assert "`dueline doctor` tries a delivery again" in said
    assert Path("dueline.env").exists()


# --- the whole of it, as processes ----------------------------------------------------------------


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "webhooks.cli", *arguments]
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out) as child:  # noqa: S603 - our own
        try:
            yield child
        finally:
            child.terminate()
            child.wait(PATIENCE)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="how a child goes is Linux's own")
@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_from_nothing_to_the_first_deadline(here: Path, port: int, flavour: str) -> None:
    jira_port, log = free_port(), here / "log"
    jira_url, own_url = f"http://127.0.0.1:{jira_port}", f"http://127.0.0.1:{port}"
    Path("token").write_text(TOKEN[flavour], encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(
            process("simulator", "--port", str(jira_port), "--flavour", flavour, log=log)
        )
        eventually("the simulated Jira", lambda: answers(f"{jira_url}/rest/api/2/serverInfo"))
        done = subprocess.run(  # noqa: S603 - our own
            [
                sys.executable, "-m", "webhooks.cli", "init", "--yes", "--url", jira_url,
                "--user", DUELINE if flavour == "cloud" else "", "--token-file", "token",
                "--project", "BOT=botron", "--public-url", own_url, "--port", str(port),
            ],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "arrived at" in done.stdout
        stack.enter_context(process("serve", log=log))
        eventually("the service", lambda: answers(f"{own_url}/readyz"))

        people = requests.Session()
        people.auth = (CUSTOMER, "simulator")
        api = f"{jira_url}/rest/api/2"
        named = {each["name"]: each["id"] for each in people.get(f"{api}/field", timeout=5).json()}
        wanted = {"project": {"key": "BOT"}, "issuetype": {"name": "Bug"}, "summary": "Help"}
        made = people.post(f"{api}/issue", json={"fields": wanted}, timeout=5).json()

        def shown(name: str) -> Any:
            answer = people.get(f"{api}/issue/{made['key']}", timeout=5).json()
            return answer["fields"].get(named[name])

        eventually("the deadline is there", lambda: shown("First response due"))
        assert shown("SLA state") == "running"
    assert "Traceback" not in log.read_text(encoding="utf-8")


# --- the pages ------------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_rights_names_all_that_is_made() -> None:
    page = (DOCS / "rights.md").read_text(encoding="utf-8")
    for role, name in FieldNames().model_dump().items():
        cloud, datacenter = (TYPES[flavour][ROLES[role][0]] for flavour in FLAVOURS)
        assert f"| {name} | {cloud} | {datacenter} | `{role}` |" in page
    for right in RIGHTS.values():
        assert f"*{right}*" in page


def test_the_page_of_installation_names_every_option() -> None:
    page = (DOCS / "installation.md").read_text(encoding="utf-8")
    options = [name for each in cli.main.commands["init"].params for name in each.opts]
    assert {name for name in options if name.startswith("--") and name not in page} == set()


@pytest.mark.usefixtures("gateway")
def test_a_secret_that_is_used_no_more_is_named(cloud: Simulator, port: int) -> None:
    succeeded(unasked(cloud, port))
    cloud.make_client(DUELINE, "the-client", "planted-client-secret", scopes=SCOPES)
    Path("client").write_text("planted-client-secret", encoding="utf-8")
    options = ["--url", cloud.base_url, "--client-id", "the-client"]
    said = run("--yes", *options, "--client-secret-file", "client", "--no-setup").stdout
    assert "secrets/jira-token is used no more: delete it." in said
