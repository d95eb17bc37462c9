"""How Dueline is: what waits, what was given up, what Jira says, and what needs a person."""

from __future__ import annotations

import platform
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from sla.store import absence, audit, faults, health, holds, inbox, outbox, sites
from sla.store.health import Attention
from sla.store.holds import Hold
from sla.store.inbox import Kept
from sla.store.migrate import version_of
from sla.store.outbox import Waiting
from sla.words import many, utc
from webhooks import given_up, set_aside
from webhooks.console.access.people import Person
from webhooks.console.questions.sayings import name_of
from webhooks.console.standing import Standing
from webhooks.limits import last_heard
from webhooks.set_aside import Action

SHOWN = 100
"""So many of each kind are listed; of the rest only the number is told."""
LARGEST = 2**63 - 1
_SILENCE = timedelta(hours=1)
_GRACE = timedelta(minutes=1)
"""A turn that comes a little late is none that failed."""
_LONGEST_SHOWN = 200_000
_EFFECT = re.compile(r"(comment|notification)-(\d{1,18})|(fields|history)-(\S{1,100})", re.ASCII)
_REFUSED = frozenset({401, 403, 407})
_NOT_FOR_A_PERSON = frozenset({"webhooks"})
"""What is shown among the troubles, and is how somebody wanted it."""
_SECRET_NAMES = re.compile(
    r'("[^"\\]{0,60}?(?:secret|token|password|authorization)[^"\\]{0,60}"\s*:\s*)"(?:[^"\\]|\\.)*"?',
    re.IGNORECASE,
)
_HIDDEN = "(not shown)"


class SetAside(msgspec.Struct):
    """A delivery of which nothing could be made."""

    id: int
    received_at: datetime
    state: Literal["not_understood", "failed"]
    why: str


class InboxHealth(msgspec.Struct):
    """What came from Jira and is not done."""

    waiting: int
    waiting_since: datetime | None
    not_understood: int
    failed: int
    set_aside: list[SetAside]
    """The latest that were not understood or failed, at most 100."""


class TimersHealth(msgspec.Struct):
    """The instants at which time alone changes an answer."""

    armed: int
    next_at: datetime | None
    overdue: int
    """Past, and not seen to yet."""
    overdue_since: datetime | None
    looked_at: datetime | None
    """When a receiver last noted that it is there; at most every 15 seconds."""


class Effect(msgspec.Struct):
    """One thing that Jira does not have, or did not tell."""

    id: str
    """Such as `comment-17`, `fields-10042` or `history-10042`."""
    issue: str
    what: str
    since: datetime | None
    """When it became true, of a comment."""
    again_at: datetime | None
    """When it is tried next; null: it was given up."""
    attempts: int
    error: str
    """In Jira's words, where Jira answered."""


class QueueHealth(msgspec.Struct):
    """One kind of effect: `comments`, `fields`, `histories` or `notifications`."""

    kind: str
    pending: int
    given_up: int
    since: datetime | None
    """Of the oldest comment that waits; of fields and histories, when the next one is tried."""


class OutboxHealth(msgspec.Struct):
    """What is to reach Jira, or to be asked of it."""

    queues: list[QueueHealth]
    given_up: list[Effect]
    """At most 100 of each kind."""
    failing: list[Effect]
    """What failed and is tried again, at most 100 of each kind."""


class HoldHealth(msgspec.Struct):
    """Jira is left alone for a while."""

    until: datetime
    reason: str
    status: int | None
    """The HTTP status that told so; null: no answer came."""


class SiteHealth(msgspec.Struct):
    """One Jira."""

    name: str
    url: str
    account: str
    """Dueline's own account there; empty while Jira was never reached."""
    heard_at: datetime | None
    """When the newest webhook came that is about an issue."""
    polled_at: datetime | None
    """When Jira was last asked what was missed."""
    asks_by_itself: bool
    """Whether Jira is asked again and again; else only by `dueline reconcile`."""
    next_poll_at: datetime | None
    missed_at: datetime | None
    """When such a poll last found something that no webhook had told."""
    next_comparison_at: datetime | None
    """When what should be open is next compared with what is."""
    hold: HoldHealth | None
    limits: LimitsHealth | None
    """What Jira last said of how much it may be asked; null: nothing yet."""


class LimitsHealth(msgspec.Struct):
    """The limits in one answer of Jira."""

    heard_at: datetime
    status: int
    """The HTTP status of that answer."""
    headers: dict[str, str]
    """As Jira sent them, such as `X-RateLimit-Remaining`."""


class DatabaseHealth(msgspec.Struct):
    """Where everything is kept."""

    kind: Literal["SQLite", "PostgreSQL"]
    name: str
    """Its file, or its address without a password."""
    tables: str
    """The version of its tables."""
    bytes: int


class Health(msgspec.Struct):
    """Everything at once."""

    now: datetime
    real_now: datetime
    """By the machine's clock; another instant than `now` in a demo alone."""
    ready: bool
    """Whether deliveries can be taken and judged."""
    needs: list[str]
    """What needs a person; the banner of every page says the same."""
    troubles: dict[str, str]
    inbox: InboxHealth
    timers: TimersHealth
    outbox: OutboxHealth
    sites: list[SiteHealth]
    database: DatabaseHealth
    versions: dict[str, str]
    policy_version: str
    """The version of the configuration that is in force."""
    in_force_since: datetime | None
    counters: dict[str, int]
    """Since the installation."""


class RawDelivery(msgspec.Struct):
    """A delivery as it came."""

    id: int
    received_at: datetime
    state: str
    """`new`, `done`, `not_understood` or `failed`."""
    why: str
    issue_id: str
    size: int
    """Bytes."""
    text: str
    """Its body, with what is called a secret, a token or a password left out."""
    is_whole: bool


class SeenTo(msgspec.Struct):
    """How many were put back, to be tried again within seconds."""

    number: int


_FACTS = ("missed_at", "installed_at", "polled_at")


class _Known(NamedTuple):
    """What the database says of what needs a person."""

    attention: Attention
    holds: Mapping[str, Hold]
    missed_at: str | None
    installed_at: str | None
    polled_at: str | None


def needs(standing: Standing) -> list[str]:
    """What needs a person, a sentence each; asked for every page, so it counts along indexes."""
    try:
        known = standing.database.read(lambda c: _known(c, standing))
    except SQLAlchemyError as error:
        return [f"The database cannot be read: {faults.reason(error)}."]
    return [*_given_up(known.attention), *_set_aside(known.attention), *_silent(known),
            *_unanswered(standing, known), *_troubled(standing, known)]  # fmt: skip


def _known(connection: Connection, standing: Standing) -> _Known:
    site = standing.site
    return _Known(
        health.attention(connection, site),
        holds.held(connection, standing.now()),
        **sites.several(connection, site, _FACTS),
    )


def _given_up(found: Attention) -> Iterator[str]:
    if found.comments:
        yield f"Jira refused {many(found.comments, 'comment')} for good."
    if found.fields:
        yield f"Jira refused the SLA fields of {many(found.fields, 'issue')} for good."
    if found.histories:
        yield f"The history of {many(found.histories, 'issue')} could not be read."
    if found.untold:
        yield f"{many(found.untold, 'notification')} could not be sent."


def _set_aside(found: Attention) -> Iterator[str]:
    for number, what in ((found.not_understood, "understood"), (found.failed, "handled")):
        if number:
            were = "was" if number == 1 else "were"
            yield f"{many(number, 'webhook')} from Jira {were} not {what}."


def _silent(known: _Known) -> Iterator[str]:
    """Nothing heard for long, although Jira was found to know more than was heard."""
    since = [known.attention.heard_at] if known.attention.heard_at else []
    if known.missed_at and known.installed_at:
        heard_at = max([*since, datetime.fromisoformat(known.installed_at)])
        if datetime.fromisoformat(known.missed_at) - heard_at > _SILENCE:
            yield (
                f"No webhook came since {utc(heard_at.replace(microsecond=0))}, "
                "although issues changed: check the webhook in Jira."
            )


def _unanswered(standing: Standing, known: _Known) -> Iterator[str]:
    """Jira was asked in vain more than once, whoever's fault it is."""
    every = standing.service.reconciler.every
    if every is None or known.polled_at is None:
        return
    polled_at = datetime.fromisoformat(known.polled_at)
    if standing.now() - polled_at > 2 * every + _GRACE:
        yield (
            f"Jira does not answer: it was last asked with success at "
            f"{utc(polled_at.replace(microsecond=0))}. What is to be written waits."
        )


def _troubled(standing: Standing, known: _Known) -> Iterator[str]:
    service = standing.service
    troubles = {
        name: why for name, why in service.troubles.items() if name not in _NOT_FOR_A_PERSON
    }
    hold = known.holds.get(standing.site)
    if hold and hold.status in _REFUSED:
        troubles["jira"] = hold.reason
    if service.database.trouble:
        troubles["database"] = service.database.trouble
    for name, why in troubles.items():
        yield _TROUBLES.get(name, "{}").format(why.strip().partition("\n")[0].rstrip(".")) + "."


_TROUBLES: Mapping[str, str] = {
    "jira": "Jira cannot be used: {}",
    "configuration": "The configuration was refused, an earlier one decides: {}",
    "database": "The database stores nothing: {}",
}


def state(standing: Standing) -> Health:
    """Everything that is known of how Dueline is."""
    service, now = standing.service, standing.now()
    told = service.health().get("troubles")
    database = standing.database
    in_force = next(iter(standing.publishing.publications(1)), None)
    differs = {"directory": service.differs} if service.differs else {}
    return Health(
        now=now,
        real_now=standing.real_now(),
        ready=service.ready,
        needs=needs(standing),
        troubles={**told, **differs} if isinstance(told, Mapping) else differs,
        inbox=database.read(_inbox),
        timers=database.read(lambda c: _timers(c, standing)),
        outbox=database.read(lambda c: _outbox(c, standing)),
        sites=[_site(standing)],
        database=DatabaseHealth(
            "PostgreSQL" if database.is_shared else "SQLite",
            database.name,
            version_of(database) or "",
            database.read(health.size),
        ),
        versions=versions(),
        policy_version=service.engine.in_force,
        in_force_since=in_force.published_at if in_force else None,
        counters=database.read(inbox.counted),
    )


def _inbox(connection: Connection) -> InboxHealth:
    left = inbox.left(connection)
    listed = inbox.set_aside(connection, SHOWN)
    return InboxHealth(
        left.get("new", 0),
        inbox.waiting_since(connection) if left.get("new") else None,
        left.get("not_understood", 0),
        left.get("failed", 0),
        [
            SetAside(number, at, "failed" if why == "failed" else "not_understood", note or "")
            for number, at, why, note in listed
        ],
    )


def _timers(connection: Connection, standing: Standing) -> TimersHealth:
    found = health.timers(connection, standing.now())
    looked_at = absence.noted_at(connection, standing.site)
    return TimersHealth(*found, looked_at)


def _outbox(connection: Connection, standing: Standing) -> OutboxHealth:
    waiting = outbox.waiting(connection, SHOWN)
    found = health.queues(connection, standing.site)
    return OutboxHealth(
        [QueueHealth(kind, *queue) for kind, queue in found.items()],
        [_effect(each) for each in waiting if each.again_at is None],
        [_effect(each) for each in waiting if each.again_at and each.attempts],
    )


def _effect(each: Waiting) -> Effect:
    return Effect(
        id=f"{each.kind}-{each.id}",
        issue=each.issue,
        what=_what(each),
        since=each.since,
        again_at=each.again_at,
        attempts=each.attempts,
        error=each.error or "",
    )


def _what(each: Waiting) -> str:
    if each.kind == "comment":
        return f"comment: {name_of(each.what, {})}"
    if each.kind == "notification":
        channel, _, key = each.what.partition(": ")
        return f"notification to {channel}: {name_of(key, {})}"
    return each.what


def _site(standing: Standing) -> SiteHealth:
    database, site = standing.database, standing.site
    hold = database.read(lambda c: holds.held(c, standing.now())).get(site)
    facts = standing.facts
    turns = standing.service.reconciler.turns(site)
    heard = database.read(lambda c: last_heard(c, site))
    return SiteHealth(
        name=site,
        url=standing.jira_url,
        account=facts.own_account if facts else "",
        heard_at=database.read(lambda c: inbox.newest_at(c, site)),
        polled_at=turns.polled_at,
        asks_by_itself=standing.service.reconciler.every is not None,
        next_poll_at=turns.next_poll_at,
        missed_at=turns.missed_at,
        next_comparison_at=turns.next_comparison_at,
        hold=HoldHealth(hold.until, hold.reason, hold.status) if hold else None,
        limits=LimitsHealth(heard.at, heard.status, dict(heard.headers)) if heard else None,
    )


def versions() -> dict[str, str]:
    """Of what is installed, as far as it can change an answer."""
    return {
        "Dueline": _installed("dueline"),
        "Python": platform.python_version(),
        "holidays": _installed("holidays"),
        "tzdata": _time_zones(),
    }


def _time_zones() -> str:
    """Of the machine's own table of time zones, which goes before the package."""
    for directory in zoneinfo.TZPATH:
        table = Path(directory, "tzdata.zi")
        if table.is_file():
            with table.open(encoding="ascii") as lines:
                found = re.search(r"version (\w+)", lines.readline())
            return found[1] if found else "unknown"
    return _installed("tzdata")


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def delivery(standing: Standing, number: int) -> RawDelivery | None:
    """A delivery by its number, with its body as text; None: there is none."""
    kept = _kept(standing, number)
    if kept is None:
        return None
    return RawDelivery(
        kept.id, kept.received_at, kept.state, kept.note or "", kept.issue_id or "", kept.size,
        _text(kept, standing), kept.size <= _LONGEST_SHOWN,
    )  # fmt: skip


def _kept(standing: Standing, number: int) -> Kept | None:
    if number > LARGEST:
        return None
    return standing.database.read(lambda c: inbox.one(c, standing.site, number, _LONGEST_SHOWN))


def _text(kept: Kept, standing: Standing) -> str:
    body = kept.beginning
    if kept.size <= _LONGEST_SHOWN:
        try:
            body = msgspec.json.format(body, indent=2)
        except (msgspec.DecodeError, RecursionError):
            body = kept.beginning
    text = _SECRET_NAMES.sub(rf'\1"{_HIDDEN}"', body.decode("utf-8", "replace"))
    for secret in _our_secrets(standing):
        text = text.replace(secret, _HIDDEN)
    return text


def _our_secrets(standing: Standing) -> list[str]:
    access = standing.service.access
    ours = (*access.webhook_secrets, *access.webhook_tokens, *access.automation_secrets)
    return [secret.reveal() for secret in ours]


def replay(standing: Standing, person: Person, number: int) -> bool:
    """Have one delivery handled again; False: it is not among those that were set aside."""
    return _see_to(standing, person, number, "replayed")


def dismiss(standing: Standing, person: Person, number: int) -> bool:
    """Leave one as it is; False: it is not among those that were set aside."""
    return _see_to(standing, person, number, "dismissed")


def _see_to(standing: Standing, person: Person, number: int, action: Action) -> bool:
    if number > LARGEST:
        return False
    site, now = standing.site, standing.now()
    return standing.database.write(
        lambda c: set_aside.seen_to(c, site, now, person, action, number)
    )


def replay_all(standing: Standing, person: Person) -> SeenTo:
    """Have everything handled again that was set aside."""
    now = standing.now()
    return SeenTo(
        standing.database.write(lambda c: set_aside.replayed(c, standing.site, now, person))
    )


def retry(standing: Standing, person: Person, effect: str) -> bool:
    """Have one effect tried again that was given up; False: there is none of that name."""
    found = _EFFECT.fullmatch(effect)
    if found is None:
        return False
    kind, number = found[1] or found[3], found[2] or found[4]
    site, now = standing.site, standing.now()

    def write(connection: Connection) -> bool:
        issue_id = outbox.try_one_again(connection, site, kind, number, now)
        if issue_id:
            audit.record(
                connection, site, now, person, "tried again", effect, {"issue_id": issue_id}
            )
        return bool(issue_id)

    return standing.database.write(write)


def retry_all(standing: Standing, person: Person) -> SeenTo:
    """Have everything tried again that was given up."""
    now = standing.now()
    return SeenTo(
        standing.database.write(lambda c: given_up.tried_again(c, standing.site, now, person))
    )
