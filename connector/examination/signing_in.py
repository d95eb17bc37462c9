"""Who Dueline is at a Jira: which kind of token it has, for how long, and whose that is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connector import facts
from connector.errors import ConnectorError, JiraError, SignInRefused
from connector.examination.finding import Finding, failed, failed_by, passed, unknown
from connector.examination.subject import Subject
from connector.facts import Json

_TOKENS = "rest/pat/latest/tokens"
_GATEWAY = "/ex/jira/"
_SOON = timedelta(days=14)
_NOTE_THE_DAY = (
    "Note the day on which the token was made, and make the next one before a year is over."
)
_ANEW = {
    "client": "Compare DUELINE_JIRA_CLIENT_ID and DUELINE_JIRA_CLIENT_SECRET with the service "
    "account's credentials, and look at their scopes.",
    "bearer": "Make a personal access token anew in the account's profile, and set "
    "DUELINE_JIRA_TOKEN to it.",
    "basic": "Compare DUELINE_JIRA_USER with the account's e-mail address, and make its token "
    "anew.",
}
_BY_A_PROXY = (
    " If they are right, a proxy takes the Authorization header away: have it let through."
)

_IN_TROUBLE = (
    "Jira is in trouble, or something before it: the credentials may well be right. Have its "
    "administrator look into its log, and run `dueline doctor` again."
)


def account(subject: Subject) -> Iterator[Finding]:
    """Whether Jira knows the account by its credentials, and who that is."""
    try:
        known = subject.client.ask("asking whose the credentials are", "myself")
    except ConnectorError as error:
        yield failed_by(error, _remedy(error, subject))
        return
    if facts.person(known) is None:
        yield failed(
            "Jira answers as it does to somebody who has not signed in.",
            _ANEW[subject.way] + _BY_A_PROXY,
        )
        return
    yield _known(known)


def _remedy(error: ConnectorError, subject: Subject) -> str:
    of_jira = isinstance(error, JiraError) and not isinstance(error, SignInRefused)
    if of_jira and getattr(error, "status", None) not in (401, 403):
        return _IN_TROUBLE
    return _ANEW[subject.way] + _BY_A_PROXY


def _known(myself: Json) -> Finding:
    name = _shown(myself)
    if facts.member(myself, "active") is False:
        return failed(f"{name} is switched off in Jira.", "Have the account activated.")
    if facts.member(myself, "accountType") == "customer":
        return failed(
            f"{name} is a customer of the portal.",
            "Use an account that works in Jira itself; customers cannot edit issues.",
        )
    return passed(
        f"{name}. What this account writes counts as nobody's reply: it must not be that of a "
        "person who answers customers."
    )


def _shown(myself: Json) -> str:
    name = facts.member(myself, "displayName")
    known = facts.person(myself) or ""
    return f"{name} ({known})" if isinstance(name, str) and name else known


def token(subject: Subject) -> Iterator[Finding]:
    """Which kind of credentials it is, and how long they hold."""
    if subject.way == "client":
        yield passed("An OAuth 2.0 client; its access tokens are fetched anew by themselves.")
    elif subject.client.flavour == "cloud":
        yield _of_cloud(subject)
    elif subject.way == "basic":
        yield passed(
            "Account and password. It ends with the password; some servers switch this kind of "
            "sign-in off, and a personal access token would be better."
        )
    else:
        yield _personal(subject)


def _of_cloud(subject: Subject) -> Finding:
    """Of tokens that are good at Atlassian's gateway alone the site's own address knows nothing."""
    scoped = _GATEWAY in subject.myself.path
    kind = "An API token with scopes, good at Atlassian's gateway." if scoped else "An API token."
    return unknown(
        f"{kind} Jira tells nobody when it ends, which is a year after it was made at the latest.",
        _NOTE_THE_DAY,
    )


def _personal(subject: Subject) -> Finding:
    answer = subject.client.look("reading the access tokens", _TOKENS)
    tokens = [each for each in facts.items(answer.data) if isinstance(each, dict)]
    if answer.status != 200 or not tokens:
        return unknown(
            "A personal access token. This Jira does not say how long it holds.",
            "Look at its day of expiry in the account's profile, and note it.",
        )
    # Which of them is ours Jira does not say; that which it was given last is the likeliest.
    ours = max(tokens, key=_used_at)
    name = facts.identifier(facts.member(ours, "name")) or "without a name"
    until = facts.instant(facts.member(ours, "expiringAt"))
    if until is None:
        return passed(f"A personal access token ({name}) that does not expire.")
    return _holding(
        f"A personal access token ({name}), good until {until:%Y-%m-%d}", until, subject
    )


def _holding(detail: str, until: datetime, subject: Subject) -> Finding:
    if until - subject.now() > _SOON:
        return passed(f"{detail}.")
    return Finding(
        "passed",
        f"{detail}, which is soon.",
        "Make a new one in the account's profile before that day, and set DUELINE_JIRA_TOKEN.",
    )


def _used_at(token: Json) -> float:
    used = facts.instant(facts.member(token, "lastAccessedAt"))
    return used.timestamp() if used else 0.0
