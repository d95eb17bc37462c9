"""Where the Jira is, which Jira it is, and who Dueline is there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.errors import ConfigurationError
from config.settings import Flavour, Settings
from connector import facts
from connector.base import JiraClient, ServerInfo
from connector.errors import ConnectorError, JiraRefused
from connector.survey import addresses, is_cloud_host, is_site_name, look
from webhooks.initiating.asking import Asker, Given, InitError, as_given
from webhooks.jira import client_for

_NOT_OFFERED = frozenset({404, 405, 410, 501})
_OF_CREDENTIALS = ("DUELINE_JIRA_USER", "DUELINE_JIRA_TOKEN", "DUELINE_JIRA_CLIENT")
_ATLASSIAN_S_PLACES = frozenset({"DUELINE_ATLASSIAN_GATEWAY", "DUELINE_ATLASSIAN_AUTH"})
_TOKENS_SINCE = (8, 14)
"""The first Data Center on which people can make tokens of their own."""
_ON_CLOUD = """
Dueline signs in as an account of its own, so that its comments can be told from people's. Make one,
give it the projects, and make a token for it, signed in as that account:
  https://id.atlassian.com/manage-profile/security/api-tokens, Create API token.
A service account (admin.atlassian.com, Directory, Service accounts) does as well: with a token and
the scopes in docs/rights.md, or with an OAuth 2.0 client (--client-id, --client-secret-file).
"""
_ON_DATA_CENTER = """
Dueline signs in as an account of its own, so that its comments can be told from people's. Make one,
give it the projects, and make a personal access token for it, signed in as that account:
  {url}/secure/ViewProfile.jspa?selectedTab=com.atlassian.pats.pats-plugin:jira-user-personal-access-tokens
The token stands alone: leave the user name empty.
"""
_ON_AN_OLD_SERVER = """
This Jira is older than 8.14 and has no personal access tokens. Dueline signs in with the user name
and the password of an account of its own, so that its comments can be told from people's.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A Jira that was found."""

    url: str
    flavour: Flavour
    info: ServerInfo | None
    """None where it tells nobody who has not signed in."""
    settled: bool
    """Whether somebody had to say which flavour it is."""

    @property
    def has_tokens(self) -> bool:
        """Whether people can make tokens there."""
        numbers = (self.info.version if self.info else "").split(".")[:2]
        if self.flavour == "cloud" or not all(number.isdecimal() for number in numbers):
            return True
        return tuple(map(int, numbers)) >= _TOKENS_SINCE


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who Dueline is there; the secret came from a file that is kept, or is to be put into one."""

    user: str = ""
    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    kept_in: str | None = None
    """The file, as the settings name it; None: it is to be written."""

    def settings(self) -> dict[str, str]:
        """As the environment of a service would have them, the secret itself included."""
        named = {
            "DUELINE_JIRA_USER": self.user,
            "DUELINE_JIRA_TOKEN": self.token,
            "DUELINE_JIRA_CLIENT_ID": self.client_id,
            "DUELINE_JIRA_CLIENT_SECRET": self.client_secret,
        }
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A Jira that answers Dueline."""

    place: Place
    credentials: Credentials
    client: JiraClient
    info: ServerInfo


def find_jira(given: Given, env: Mapping[str, str], asker: Asker) -> Place:
    """Find out where the Jira is, and which it is.

    Raises:
        InitError: nobody is asked, and no Jira is at the address that was given.
    """

    def read(text: str) -> tuple[str, ServerInfo | None]:
        if is_site_name(text):
            _confirm(text, asker)
        return _looked_for(text, settled=given.flavour is not None)

    url, info = asker.ask(
        "Address of your Jira, or a link to any issue in it",
        "--url",
        read,
        given=given.url,
        default=env.get("DUELINE_JIRA_URL") or None,
    )
    earlier = env.get("DUELINE_JIRA_FLAVOUR") if url == env.get("DUELINE_JIRA_URL") else None
    if given.flavour:
        return Place(url, given.flavour, info, settled=True)
    if info:
        asker.say(f"{url} is Jira {_NAMES[info.flavour]} {info.version}.")
        return Place(url, info.flavour, info, settled=False)
    if is_cloud_host(url.partition("://")[2].split("/")[0]) or "/ex/jira/" in url:
        asker.say(f"{url} is a Jira on Cloud.")
        return Place(url, "cloud", None, settled=False)
    asker.say(f"{url} says nothing before somebody signs in, not even which Jira it is.")
    chosen = asker.choose("Which is it", "--flavour", ("cloud", "datacenter"), earlier)
    return Place(url, "cloud" if chosen == "cloud" else "datacenter", None, settled=True)


def sign_in(place: Place, given: Given, env: Mapping[str, str], asker: Asker) -> SignedIn:
    """Sign in, until it works.

    Raises:
        InitError: nobody is asked, and what was given is not accepted.
    """
    asker.say(_about(place))
    before = _earlier(place, env)
    while True:
        credentials = _credentials(place, given, before, asker)
        try:
            signed_in = _signed_in(place, credentials, env)
        except (ConfigurationError, ConnectorError) as error:
            if not asker.prompts:
                raise InitError(f"Signing in to {place.url} failed: {error}") from None
            asker.say(f"\n{error}\n")
            # What was refused is not tried again; who it was is asked with that answer in mind.
            before = Credentials(credentials.user)
            given = replace(
                given, user=None, token_file=None, client_id=None, client_secret_file=None
            )
            continue
        asker.say(f"Signed in as {_who(signed_in.client)}.")
        return signed_in


def _confirm(name: str, asker: Asker) -> None:
    """Let nobody's token go to a stranger's site that has the name of their own host."""
    [address] = addresses(name)
    if not asker.prompts:
        raise ValueError(f"{name!r} may be anybody's: give the whole address, such as {address}")
    if not asker.agrees(f"Is {address} your Jira"):
        raise ValueError("Give the whole address of yours then.")


def _looked_for(text: str, *, settled: bool) -> tuple[str, ServerInfo | None]:
    """The address of a Jira, and which it is; None where it does not say.

    Args:
        text: as somebody typed it.
        settled: whether somebody said which it is, so that it need not.
    """
    if not text:
        raise ValueError("An address is needed here, such as acme.atlassian.net.")
    refusals: list[JiraRefused] = []
    try:
        likely = addresses(text)
        for url in likely:
            try:
                return url, look(url)
            except JiraRefused as refused:
                refusals.append(refused)
    except ConnectorError as error:
        raise ValueError(str(error)) from None
    first = refusals[0]
    if first.status not in _NOT_OFFERED:
        raise ValueError(str(first))
    if settled:
        return likely[0], None
    raise ValueError(f"{first} If it is a Jira all the same, say which with --flavour.")


def _about(place: Place) -> str:
    if place.flavour == "cloud":
        return _ON_CLOUD
    return _ON_DATA_CENTER.format(url=place.url) if place.has_tokens else _ON_AN_OLD_SERVER


def _credentials(place: Place, given: Given, before: Credentials, asker: Asker) -> Credentials:
    client_id = given.client_id or ("" if given.user or given.token_file else before.client_id)
    if client_id:
        question, option = "Secret of the client", "--client-secret-file"
        known = before if before.client_id == client_id else Credentials()
        secret, kept_in = _secret(question, option, given.client_secret_file, known, asker)
        return Credentials(client_id=client_id, client_secret=secret, kept_in=kept_in)
    user = _user(place, given.user, before, asker)
    question = "Token" if place.has_tokens else "Password"
    known = before if before.user == user else Credentials()
    secret, kept_in = _secret(question, "--token-file", given.token_file, known, asker)
    return Credentials(user, secret, kept_in=kept_in)


def _user(place: Place, given: str | None, before: Credentials, asker: Asker) -> str:
    if place.flavour == "cloud":
        question, default = "E-mail address of Dueline's account", before.user or None
    elif place.has_tokens:
        question, default = "User name, only where a password is used", before.user
    else:
        question, default = "User name of Dueline's account", before.user or None
    read = str if default == "" else as_given
    return asker.ask(question, "--user", read, given=given, default=default)


def _secret(
    question: str, option: str, file: str | None, before: Credentials, asker: Asker
) -> tuple[str, str | None]:
    """The secret, and the file that it stays in; None where it is to be put into one of ours."""
    if file is not None:
        return _read_secret(file, option), None
    known = before.token or before.client_secret
    where = f" (empty: the one in {before.kept_in or 'the environment'})" if known else ""
    answer = asker.ask(
        f"{question}, which is not shown{where}",
        option,
        as_given,
        default=known or None,
        hidden=True,
    )
    return answer, before.kept_in if answer == known else None


def _read_secret(file: str, option: str) -> str:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InitError(f"{option}: {file} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InitError(
            f"{option}: {file} is not UTF-8 text: put the bare secret into it"
        ) from None
    if not text.strip():
        raise InitError(f"{option}: {file} is empty: put the secret into it")
    return text.strip()


def _earlier(place: Place, env: Mapping[str, str]) -> Credentials:
    """What the settings say, where they are of this Jira."""
    if env.get("DUELINE_JIRA_URL", "").rstrip("/") not in ("", place.url):
        return Credentials()
    known = {k: v for k, v in env.items() if k.startswith(_OF_CREDENTIALS)}
    try:
        settings = Settings.from_environment(known)
    except ConfigurationError:
        return Credentials()
    what = "CLIENT_SECRET" if settings.jira_client_id else "TOKEN"
    return Credentials(
        settings.jira_user,
        settings.jira_token.reveal() if settings.jira_token else "",
        settings.jira_client_id,
        settings.jira_client_secret.reveal() if settings.jira_client_secret else "",
        env.get(f"DUELINE_JIRA_{what}_FILE"),
    )


def _signed_in(place: Place, credentials: Credentials, env: Mapping[str, str]) -> SignedIn:
    # Where Atlassian itself is somewhere else, the environment says so.
    environment = {k: v for k, v in env.items() if k in _ATLASSIAN_S_PLACES}
    environment |= {"DUELINE_JIRA_URL": place.url, "DUELINE_JIRA_FLAVOUR": place.flavour}
    environment |= credentials.settings()
    access = Settings.from_environment(environment).require_jira(webhook=False)
    client = client_for(access)
    client.myself()
    return SignedIn(place, credentials, client, _info(place, client))


def _info(place: Place, client: JiraClient) -> ServerInfo:
    """Which Jira it is, as it says to those who signed in, or as somebody said."""
    try:
        return client.server_info()
    except JiraRefused:
        if not place.settled:
            raise
        return ServerInfo(place.flavour, "", place.url)


def _who(client: JiraClient) -> str:
    answer = client.ask("reading the account", "myself")
    named = (facts.member(answer, name) for name in ("displayName", "emailAddress", "name"))
    return ", ".join(dict.fromkeys(str(each) for each in named if each)) or client.myself()


_NAMES = {"cloud": "Cloud", "datacenter": "Data Center or Server"}
