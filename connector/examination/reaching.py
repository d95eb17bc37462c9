"""Whether a Jira is where it is said to be, with a certificate that holds and the same time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from connector import advice, facts, survey
from connector.base import ServerInfo
from connector.errors import JiraError
from connector.examination.finding import Finding, failed, failed_by, passed, told, unknown
from connector.examination.subject import Subject
from connector.rest import Answer, Session

_CORRECT = "Correct DUELINE_JIRA_URL: it is the address that Jira's own pages begin with."
_OLDEST = 8
"""The first Data Center that has personal access tokens (8.14)."""
_ELSEWHERE = frozenset({200, 301, 302, 303, 307, 308, 404, 405})
"""What answers at an address where no Jira is, or not at that path."""
_APART = timedelta(seconds=60)
"""How far two clocks may differ: deadlines are told to the minute."""
_SOON = timedelta(days=14)
_PATIENCE = 10
NEAR = frozenset({"localhost", "127.0.0.1", "::1"})
"""This machine, by its names."""

_BUSY = (
    "Jira is in maintenance or overloaded; wait until it is back. Dueline tries again by itself, "
    "and loses nothing meanwhile."
)
_REMEDIES = {
    407: "Give the proxy's credentials in HTTPS_PROXY.",
    410: "This Jira no longer offers the call; use a newer version of Dueline.",
    429: "Jira asks for fewer calls; wait for some minutes and run `dueline doctor` again.",
}
"""For what an error brings no advice of its own."""


def address(subject: Subject) -> Iterator[Finding]:
    """Whether a Jira answers at the address, and which."""
    try:
        subject.server = survey.look(subject.url, timeout=_PATIENCE)
    except JiraError as error:
        found = _found_beside(subject.url) if error.status in _ELSEWHERE else None
        if found:
            yield failed(told(error), f"There is a Jira at {found}: set DUELINE_JIRA_URL to that.")
        else:
            yield failed_by(error, _remedy(error))
        return
    if subject.server is None:
        yield unknown(
            f"{subject.url} answers nobody who has not signed in.",
            "Look at the check of the account: it signs in.",
        )
        return
    yield _which(subject.server, subject)


def _found_beside(url: str) -> str | None:
    """Where a Jira is, if the path of its address is too long."""
    for address_ in survey.addresses(url):
        if address_ == url:
            continue
        try:
            survey.look(address_, timeout=_PATIENCE)
        except JiraError:
            continue
        return address_
    return None


def _which(server: ServerInfo, subject: Subject) -> Finding:
    shown = f"{subject.url} is Jira {_NAMES[server.flavour]} {server.version}".rstrip() + "."
    if subject.flavour not in (None, server.flavour):
        return failed(
            f"{shown} DUELINE_JIRA_FLAVOUR says {subject.flavour}.",
            "Take DUELINE_JIRA_FLAVOUR away: what Jira is is found out by itself.",
        )
    if server.flavour == "datacenter" and 0 < server.major < _OLDEST:
        return unknown(
            f"{shown} Dueline was made for {_OLDEST} and later.",
            f"Bring Jira to version {_OLDEST} at least, or try it out in a project of its own.",
        )
    return passed(shown)


_NAMES = {"cloud": "Cloud", "datacenter": "Data Center"}


def _remedy(error: JiraError) -> str:
    if error.status is None:
        return "Look whether Jira is up, and whether a firewall is between."
    return _REMEDIES.get(error.status, _BUSY if error.status >= 500 else _CORRECT)


def base_url(subject: Subject) -> Iterator[Finding]:
    """Whether Jira gives itself the address that Dueline was given."""
    stated = (subject.server or subject.client.server_info()).base_url
    if not stated:
        yield unknown(
            "Jira does not state its own address.",
            "Compare DUELINE_JIRA_URL with the address that the browser shows.",
        )
    elif _same(stated, subject.url):
        yield passed(f"Jira itself states {stated}.")
    else:
        yield unknown(
            f"Jira itself states {stated}, and Dueline was given {subject.url}.",
            f"Set DUELINE_JIRA_URL={stated}, unless Dueline is to go another way on purpose.",
        )


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(url: str) -> tuple[str, str | None, int | None, str]:
    try:
        parts = urlsplit(url.strip())
        return parts.scheme, parts.hostname, _port(parts), parts.path.rstrip("/")
    except ValueError:
        return "", None, None, url


def _port(parts: SplitResult) -> int:
    return parts.port or {"http": 80}.get(parts.scheme, 443)


def certificate(subject: Subject) -> Iterator[Finding]:
    """Whether the address has a certificate that is trusted here, and until when."""
    parts = urlsplit(subject.url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        yield _without(host)
        return
    with Session() as session:
        settings = session.merge_environment_settings(subject.url, {}, None, True, None)
    if select_proxy(subject.url, settings["proxies"]):
        yield unknown(
            "A proxy stands between, so that the certificate is not seen from here.",
            "Look in a browser how long it is valid.",
        )
        return
    trusted = settings["verify"] if isinstance(settings["verify"], str) else DEFAULT_CA_BUNDLE_PATH
    try:
        until = _valid_until(host, _port(parts), trusted)
    except ssl.SSLCertVerificationError as error:
        why, remedy = advice.on_certificate(error.verify_code, host)
        yield failed(f"{why[:1].upper()}{why[1:]}.", remedy)
    except (OSError, ValueError) as error:
        yield unknown(
            f"No certificate could be read from {host} ({type(error).__name__}).",
            "Look at the check of the address.",
        )
    else:
        yield _lasting(until, subject.now())


def _valid_until(host: str, port: int, trusted: str) -> datetime:
    is_file = not trusted.endswith("/")
    context = ssl.create_default_context(
        cafile=trusted if is_file else None, capath=None if is_file else trusted
    )
    with (
        socket.create_connection((host, port), timeout=_PATIENCE) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        shown = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown.get("notAfter"))), UTC)


def _without(host: str) -> Finding:
    if host in NEAR:
        return passed("Jira is on this machine, and no certificate is needed.")
    return unknown(
        "The address begins with http://: whoever is between can read the token.",
        "Have Jira served over https, and let DUELINE_JIRA_URL begin with it.",
    )


def _lasting(until: datetime, now: datetime) -> Finding:
    if until <= now:
        return failed(f"The certificate ended on {until:%Y-%m-%d}.", "Have it renewed.")
    if until - now < _SOON:
        return Finding(
            "passed",
            f"The certificate is valid until {until:%Y-%m-%d}, which is soon.",
            "Have it renewed before that day.",
        )
    return passed(f"The certificate is valid until {until:%Y-%m-%d}.")


def clock(subject: Subject) -> Iterator[Finding]:
    """Whether the clock here shows what Jira's does."""
    asked_at = subject.now()
    what, path = "reading about the server", f"{subject.client.api}/serverInfo"
    answer = subject.client.look(what, path)
    shown = _instants(answer)
    here = asked_at + (subject.now() - asked_at) / 2
    if not shown:
        yield unknown(
            "Jira's answers name no instant.",
            "See to it that both machines set their clocks over the network (NTP).",
        )
        return
    nearest = min(shown, key=lambda at: abs(at - here))
    apart = here - nearest
    if abs(apart) <= _APART:
        yield passed(f"The clocks differ by {_seconds(apart)}.")
        return
    side = "ahead of" if apart > timedelta(0) else "behind"
    yield failed(
        f"The clock here is {_seconds(apart)} {side} Jira's.",
        "Have both machines set their clocks over the network (NTP): due times come from Jira's "
        "clock, and warnings from the one here.",
    )


def _instants(answer: Answer) -> list[datetime]:
    """Jira's own time, and that of the machine that answered; one may be a proxy's or made up."""
    stated = facts.instant(facts.member(answer.data, "serverTime"))
    try:
        dated = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        dated = None
    if dated is not None and dated.tzinfo is None:
        dated = dated.replace(tzinfo=UTC)
    return [at for at in (stated, dated) if at is not None]


def _seconds(apart: timedelta) -> str:
    seconds = abs(apart).total_seconds()
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def is_busy(refused: JiraError) -> bool:
    """Whether Jira would answer another time."""
    return (refused.status or 0) >= 500 or refused.status == 429
