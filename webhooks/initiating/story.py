"""What happens in `dueline init`, from the first question to what comes next."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace
from rich.table import Table

from config.errors import ConfigurationError
from config.settings import Settings
from connector.base import JiraClient
from connector.errors import SetupError
from connector.survey import ADMINISTER, NEEDED, RIGHTS, rights, survey
from webhooks.initiating import files
from webhooks.initiating.asking import Asker, Given, InitError
from webhooks.initiating.choosing import NONE, Promises, choose_promises, earlier
from webhooks.initiating.files import Home, Key, Written
from webhooks.initiating.in_jira import Changes, Hook
from webhooks.initiating.signing_in import SignedIn, find_jira, sign_in
from webhooks.initiating.trial import try_delivery
from webhooks.round_trip import PATH

End = Literal["done", "left_to_others", "not_delivered"]
"""Whether all is there as far as the account can know; an administrator of Jira has something left
to do; or it is all there and the test delivery was not taken."""

_SIGNED_SINCE = 10
"""The first Data Center whose webhooks are known to be signed."""
_WHAT_FOR = {
    "BROWSE_PROJECTS": "hear and read issues",
    "EDIT_ISSUES": "write the SLA fields",
    "ADD_COMMENTS": "warn and escalate",
    "EDIT_OWN_COMMENTS": "bring a notice up to date",
    "LINK_ISSUES": "show the state as a link with an icon",
    "ASSIGN_ISSUES": "assign, where an escalation does",
    "TRANSITION_ISSUES": "move to another status, where an escalation does",
    "ADMINISTER_PROJECTS": "write without an e-mail to watchers",
}
_DEAF = """\
Without a webhook Dueline hears of changes only by asking Jira, every ten minutes. docs/rights.md
says how one is made by hand, also as a rule of Jira automation.\
"""
_NOT_DELIVERED = """\
Mend that first, and `dueline doctor` tries a delivery again. Until one arrives Dueline hears of
changes only by asking Jira, every ten minutes. All that was written and made stays good.\
"""
_NEXT = """
Next:
  dueline serve      hears Jira and writes the fields, as `make run` does in a checkout
  dueline doctor     looks at everything between Jira and Dueline
  dueline backfill   takes over the issues that are open already
Run them in this directory, where {settings} is read. `dueline check` shows what was promised.
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be done, once it is agreed to."""

    url: str
    """Of Jira."""
    home: Home
    written: tuple[Written, ...]
    changes: Changes
    left_open: tuple[str, ...]
    """What will not be promised yet, in a sentence for each contract."""


def initiate(given: Given, env: Mapping[str, str]) -> End:
    """Set everything up, asking for what the options do not say.

    Args:
        given: by the options.
        env: such as `os.environ`, with the file of settings read into it.

    Raises:
        ConfigurationError: an answer is missing or will not do, or a file cannot be written.
        ConnectorError: Jira stopped answering, or has a field that will not do.
    """
    asker = Asker(prompts=not given.yes)
    proposal = _proposed(given, env, asker)
    _summarise(asker, proposal, setup=given.setup)
    if not asker.agrees("Shall this be done"):
        asker.say("Nothing was written here, and nothing was changed in Jira.")
        return "done"
    _write(proposal)
    hook, complete, arrived = proposal.changes.hook, True, True
    if given.setup:
        asker.say(f"\nIn {proposal.url}:")
        complete = _said(asker, proposal.changes.carry_out())
        if hook:
            arrived = _try(asker, hook, given, env)
    if not hook:
        asker.say(_DEAF)
    for file in files.unused(proposal.home, proposal.written):
        asker.say(f"{file} is used no more: delete it.")
    asker.say(_NEXT.format(settings=proposal.home.settings))
    if not complete:
        return "left_to_others"
    return "done" if arrived else "not_delivered"


def _said(asker: Asker, lines: Generator[str, None, bool]) -> bool:
    """Say what is done while it is done; returns what came of it."""
    while True:
        try:
            asker.say(next(lines))
        except StopIteration as end:
            return bool(end.value)


def _proposed(given: Given, env: Mapping[str, str], asker: Asker) -> Proposal:
    """Ask for everything, and work out what follows from the answers."""
    home = Home.of(given, env)
    wanted = files.wanted_fields(given, home.directory)
    signed_in = sign_in(find_jira(given, env, asker), given, env, asker)
    client = signed_in.client
    # Early, since nobody likes to be told at the end that it was for nothing.
    _needed(client, wanted, None, may=None)
    promises = _promises(given, home, asker, client)
    keys = [plan.key for plan in promises.plans] if promises else list(earlier(home.directory))
    may = _show_rights(asker, client, keys)
    public_url = _public_url(given, env, asker, signed_in)
    secret, token = _keys(home, env, signed_in)
    has_hook = bool(public_url) and given.webhook
    hook = _hook(home, public_url, secret, token, keys) if has_hook else None
    values = files.settings_of(
        given, home, signed_in, public_url=public_url, secret=secret, token=token
    )
    fields, keep = files.given_fields(given), not given.overwrite
    proposed = [
        *files.configuration_files(home, promises, fields, keep=keep),
        files.settings_text(home, values),
        *files.secret_files(home, signed_in.credentials, secret, token),
    ]
    written = tuple(files.decided(file, asker, keep=keep) for file in proposed)
    site = files.loaded(home, written).site
    changes = _needed(client, site.fields, hook, may=may)
    return Proposal(signed_in.place.url, home, written, changes, _left_open(promises))


def _needed(
    client: JiraClient, fields: Mapping[str, str], hook: Hook | None, *, may: bool | None
) -> Changes:
    try:
        return Changes.needed(client, fields, hook, may=may)
    except SetupError as error:
        raise InitError(f"{error} --field ROLE=NAME names another one, or an id.") from None


def _promises(given: Given, home: Home, asker: Asker, client: JiraClient) -> Promises | None:
    """What `projects.yaml` is to say; None where it stays as it is."""
    file = home.directory / "projects.yaml"
    if file.exists() and not given.overwrite:
        before = ", ".join(f"{key}: {id_}" for key, id_ in earlier(home.directory).items())
        asker.say(f"{file} is there already, with {before or 'no project that can be read'}.")
        if asker.agrees("Keep it"):
            if given.projects or given.severities or given.holidays:
                asker.say(
                    "It is left as it is: --project, --severity and --holidays need --overwrite."
                )
            return None
    return choose_promises(given, asker, client, survey(client))


def _show_rights(asker: Asker, client: JiraClient, keys: list[str]) -> bool | None:
    """Show what the account may; tell whether it administers Jira."""
    held = {key: rights(client, key) for key in keys}
    may = rights(client, None)[ADMINISTER]
    table = Table("right", "for", "held", title="What Dueline's account may do")
    for right, name in RIGHTS.items():
        lacking = [key for key in keys if held[key][right] is False]
        unknown = [key for key in keys if held[key][right] is None]
        said = f"not in {', '.join(lacking)}" if lacking else "yes"
        said = "Jira does not say" if unknown and not lacking else said
        needed = "" if right in NEEDED else " (may be left out)"
        table.add_row(name, f"{_WHAT_FOR[right]}{needed}", said)
    said = "Jira does not say" if may is None else "yes" if may else "no"
    table.add_row("Administer Jira", "make fields and webhook, now only (may be left out)", said)
    asker.console.print(table)
    for key in keys:
        missing = [RIGHTS[right] for right in sorted(NEEDED) if held[key][right] is False]
        if missing:
            asker.say(
                f"In {key} the account lacks {', '.join(missing)}: until its permission scheme "
                "gives it that, no deadline is shown there."
            )
    return may


def _public_url(given: Given, env: Mapping[str, str], asker: Asker, signed_in: SignedIn) -> str:
    """Where Jira is to post to; empty where there is no such address."""
    before = env.get("DUELINE_PUBLIC_URL", "")
    if not given.webhook and given.public_url is None:
        return before

    def read(text: str) -> str:
        if text.casefold() == NONE and asker.prompts:
            return ""
        found = Settings.from_environment({"DUELINE_PUBLIC_URL": text}).public_url
        on_cloud = signed_in.place.flavour == "cloud" and signed_in.place.url.startswith("https:")
        if on_cloud and found.startswith("http:"):
            raise ValueError("Jira Cloud posts to addresses with https:// only")
        return found.removesuffix(PATH)

    return asker.ask(
        "Address at which Jira reaches Dueline, such as https://dueline.example.com "
        f"({NONE}: no webhook for now)",
        "--public-url (or --no-webhook)",
        read,
        given=given.public_url,
        default=before or (NONE if asker.prompts else None),
    )


def _keys(home: Home, env: Mapping[str, str], signed_in: SignedIn) -> tuple[Key, Key | None]:
    """The webhook's secret; and, for a Jira that may not sign, the token of its address."""
    secret = files.webhook_secret(home, env)
    info = signed_in.info
    is_old = info.flavour == "datacenter" and 0 < info.major < _SIGNED_SINCE
    return secret, files.path_token(home, env) if is_old else None


def _hook(
    home: Home, public_url: str, secret: Key, token: Key | None, projects: Sequence[str]
) -> Hook:
    file = home.beside(secret.file) if secret.file else "DUELINE_WEBHOOK_SECRET"
    url = shown = f"{public_url}{PATH}"
    if token:
        url, shown = f"{url}/token/{token.value}", f"{url}/token/***"
    return Hook(url, shown, secret.value, file, tuple(projects))


def _summarise(asker: Asker, proposal: Proposal, *, setup: bool) -> None:
    asker.say("\nHere:")
    for each in proposal.written:
        private = ", for its owner alone" if each.file.private else ""
        asker.say(f"  {each.file.path}: {each.fate}{private}")
        if each.file.path == proposal.home.settings and each.fate == "brought up to date":
            asker.say("\n".join(f"    {line}" for line in each.file.differences()))
    if any(each.fate == "left as it is" for each in proposal.written) and not asker.prompts:
        asker.say("  What is left as it is would read otherwise now; --overwrite replaces it.")
    for sentence in proposal.left_open:
        asker.say(f"  {sentence}")
    asker.say(f"In {proposal.url}:")
    for line in proposal.changes.lines() if setup else ["  nothing, as --no-setup says"]:
        asker.say(line)


def _left_open(promises: Promises | None) -> tuple[str, ...]:
    if promises is None:
        return ()
    sentences = []
    for id_ in sorted({plan.contract for plan in promises.plans}):
        parameters = promises.contracts[id_].parameters.items()
        names = [name for name, parameter in parameters if parameter.kind != "holidays"]
        if names:
            sentences.append(
                f"{id_} leaves open {', '.join(names)}: what needs one of them is not promised "
                "until projects.yaml gives it"
            )
    return tuple(sentences)


def _write(proposal: Proposal) -> None:
    """Put the files in their places; the settings, which name the others, last."""
    fates = ("new", "brought up to date")
    wanted = [each.file for each in proposal.written if each.fate in fates]
    for file in sorted(wanted, key=lambda file: file.path == proposal.home.settings):
        file.write()
    files.close_to_others(proposal.home, [each.file for each in proposal.written])


def _try(asker: Asker, hook: Hook, given: Given, env: Mapping[str, str]) -> bool:
    """Whether a test delivery arrives; what came of it is said."""
    known = {name: env[name] for name in ("DUELINE_HOST", "DUELINE_PORT") if name in env}
    try:
        settings = Settings.from_environment(known)
    except ConfigurationError:
        settings = Settings()
    settings = replace(settings, host=given.host or settings.host, port=given.port or settings.port)
    outcome = try_delivery(hook.url, hook.secret, settings.host, settings.port)
    shown = f"{outcome.sentence} {outcome.remedy}".strip().replace(hook.url, hook.shown)
    asker.say(f"Test delivery: {shown}")
    if not outcome.arrived:
        asker.say(_NOT_DELIVERED)
    return outcome.arrived
