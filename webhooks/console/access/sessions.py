"""Sessions: the browser holds a random id, the database its hash, who it is, and when it ends."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import structlog
from flask import current_app, session
from sqlalchemy import Connection

from config.settings import Settings
from sla.store import api_tokens, audit, sign_ins
from sla.store.faults import reason, storage_fault
from webhooks.console.access import local_token
from webhooks.console.access.people import Person
from webhooks.console.standing import Standing, here

_log = structlog.get_logger(__name__)
LONGEST = timedelta(days=7)
"""How long a session lasts at most, however much is done in it."""
NOTED_EVERY = timedelta(minutes=1)
"""How often it is written down that somebody did something: a page each second is no write each."""
BY = {"local": "the administrator's token", "oidc": "the provider", "atlassian": "Atlassian"}
"""How people read by what somebody came in."""
_ID = "id"


def begin(person: Person) -> None:
    """Let somebody in, under an id that nobody knew before."""
    standing, now = here(), real_now()
    doors = _doors(standing)
    id_ = secrets.token_urlsafe(32)
    kept = msgspec.json.encode(person).decode()

    def write(connection: Connection) -> None:
        door = _with_the_made(connection, standing.site, doors)[person.via]
        idle_since = now - standing.settings.session_idle
        sign_ins.forget_ended(connection, standing.site, now, idle_since)
        sign_ins.begin(
            connection, standing.site, local_token.hash_of(id_), kept, door,
            now=now, expires_at=now + LONGEST,
        )  # fmt: skip
        api_tokens.hold_owner_to(connection, standing.site, person.id, person.role)
        audit.record(
            connection, standing.site, standing.now(), person, "signed in", "console",
            {"by": BY[person.via], "role": person.role},
        )  # fmt: skip

    standing.database.write(write)
    # Whatever the browser held before, of somebody else's making perhaps, is gone.
    session.clear()
    session[_ID] = id_


def end() -> Person | None:
    """Let them out; who it was, if anybody."""
    standing, person, id_ = here(), found(), session.get(_ID)
    session.clear()
    if person is None or id_ is None:
        return None

    def write(connection: Connection) -> None:
        sign_ins.end(connection, local_token.hash_of(id_))
        audit.record(connection, standing.site, standing.now(), person, "signed out", "console")

    standing.database.write(write)
    return person


def is_over() -> bool:
    """Whether the browser was signed in once, and is not any more."""
    return _ID in session and found() is None


def found() -> Person | None:
    """Who holds this session; None where there is none, or it is over."""
    id_ = session.get(_ID)
    if not isinstance(id_, str):
        return None
    standing, now = here(), real_now()
    doors = _doors(standing)
    hash_ = local_token.hash_of(id_)

    def read(connection: Connection) -> sign_ins.SignIn | None:
        known = sign_ins.found(connection, standing.site, hash_)
        if known is None or not _is_within(known, now, standing.settings):
            return None
        via = msgspec.json.decode(known.person, type=Person).via
        there = _with_the_made(connection, standing.site, doors)
        return known if there.get(via) == known.door else None

    known = standing.database.read(read)
    if known is None:
        return None
    if now - known.seen_at >= NOTED_EVERY:
        with noted_if_possible("a session"):
            standing.database.write(lambda c: sign_ins.seen(c, hash_, now))
    return msgspec.json.decode(known.person, type=Person)


def _doors(standing: Standing) -> Mapping[str, str]:
    """By the way in, a hash of what the settings say of it: whoever came in by another is out.

    So a new token ends the sessions of the old one, and other administrators in the settings end
    those in which somebody still holds a role that was taken away.
    """
    settings, found = standing.settings, {}
    oidc, atlassian = settings.oidc, settings.atlassian_sign_in
    if settings.console_token:
        found["local"] = _door_of_the_set_token(settings.console_token.reveal())
    if oidc:
        viewers = None if oidc.viewers is None else sorted(oidc.viewers)
        found["oidc"] = _door(oidc.issuer, oidc.client_id, sorted(oidc.administrators), viewers)
    if atlassian:
        found["atlassian"] = _door(
            settings.jira_url, atlassian.client_id, sorted(atlassian.administrators)
        )
    return found


def _with_the_made(
    connection: Connection, site: str, doors: Mapping[str, str]
) -> Mapping[str, str]:
    """The same, with the token that was made where none is set."""
    made = None if "local" in doors else local_token.kept(connection, site)
    return {**doors, "local": _door("local", made.hash)} if made else doors


@contextmanager
def noted_if_possible(what: str) -> Iterator[None]:
    """What is only noted must not keep anybody from reading while nothing can be stored."""
    try:
        yield
    except Exception as error:
        fault = storage_fault(error)
        if fault is None:
            raise
        _log.warning("not noted as used", what=what, reason=reason(fault))


def real_now() -> datetime:
    """The instant by the machine's clock: a demo that runs faster ends no session sooner."""
    clock = here().service.clock
    return clock.real_time(clock.now())


def _is_within(known: sign_ins.SignIn, now: datetime, settings: Settings) -> bool:
    # What was seen in times to come is from before the clock was set back.
    return now < known.expires_at and now - known.seen_at < settings.session_idle


def _door(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _door_of_the_set_token(token: str) -> str:
    """Slow, and salted, since people may think such a token up; worked out once a process."""
    known: dict[str, str] = current_app.extensions.setdefault("dueline_door", {})
    if token not in known:
        salt = str(current_app.secret_key).encode()
        made = hashlib.scrypt(token.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1)
        known.clear()
        known[token] = made.hex()
    return known[token]
