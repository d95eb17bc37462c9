"""What `dueline verify` says: whether all that is recorded follows from what was heard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import msgspec
from sqlalchemy import Connection, exists, func, select

from config.configuration import Configuration
from config.errors import ConfigError, ConfigurationError
from config.settings import Settings
from connector.translate import translate
from sla.known_sites import SiteFacts, remembered_site
from sla.mapping import Policy
from sla.proof import Finding, Looked, Prover, in_words_of
from sla.store import audit, open_issues, publications, sites
from sla.store.database import Database
from sla.store.open_issues import Range
from sla.store.schema import cycles, events, issues, policies, promises, sayings
from sla.timeline import Event
from webhooks.databases import faults_told, looked_into
from webhooks.folding import side_by_side
from webhooks.progress import Told
from webhooks.publishing import DEFAULT_SITE, MOVING
from webhooks.questions import QuestionError

ALL_FOLLOWS, SOMETHING_DIFFERS = 0, 3
"""The exit statuses; 1 is a failure, and 2 a command line that cannot be understood."""
AT_ONCE = 250
_SHOWN = 20
"""How many findings that are not certain people are shown; a program gets them all."""
_HASH = 64


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and every difference."""

    at: datetime
    """When it began."""
    issues: int
    unread: int
    """Issues of which facts are missing: nothing was concluded of them."""
    cycles: int
    promises: int
    sayings: int
    versions: int
    audit_rows: int
    """How many rows of the audit log fit, from the first one on."""
    audit_last: str
    """The hash of the last one that fits: kept elsewhere, it shows later that none is missing."""
    findings: Sequence[Finding]

    @property
    def exit_status(self) -> int:
        """For a check at night; what is not certain alone does not count."""
        return SOMETHING_DIFFERS if any(each.certain for each in self.findings) else ALL_FOLLOWS

    def as_json(self) -> str:
        """One object."""
        return msgspec.json.encode(self).decode()

    def lines(self) -> Iterator[str]:
        """The same for people."""
        certain = [each for each in self.findings if each.certain]
        doubtful = [each for each in self.findings if not each.certain]
        yield from map(str, [*certain, *doubtful[:_SHOWN]])
        if len(doubtful) > _SHOWN:
            yield f"and {len(doubtful) - _SHOWN:,} more not certain ones; --json has all of them"
        yield (
            f"{self.issues:,} issues folded again: {self.cycles:,} cycles, {self.promises:,}"
            f" promises, {self.sayings:,} sayings; {self.versions:,} versions."
        )
        if self.unread:
            yield (
                f"{self.unread:,} issues are left out: their histories are not known, so that"
                " nothing was concluded."
            )
        yield f"Audit log: {self.audit_rows:,} rows fit; the last one is {self.audit_last}"
        yield f"Differences: {len(certain):,}." if certain else "Nothing differs."
        if doubtful:
            yield f"Not certain: {len(doubtful):,}; the deliveries of their time are gone."


def verify(
    settings: Settings,
    now: Callable[[], datetime],
    told: Told = lambda _done, _whole: None,
    *,
    expected: str | None = None,
    processes: int = 0,
    at_once: int = AT_ONCE,
) -> Proof:
    """Fold every history again and compare; nothing is written, and a service may run meanwhile.

    Args:
        settings: with the database's address.
        now: the one clock.
        told: how many parts are done.
        expected: a hash of the audit log that was kept elsewhere; it must still be in the chain.
        processes: how many fold at once; 0: one for each processor.
        at_once: how many issues each takes at a time.

    Raises:
        QuestionError: what is expected is no hash.
        StoreError: the database cannot be used.
    """
    if expected is not None and (len(expected) != _HASH or not set(expected) <= _HEX):
        raise QuestionError(f"--expect-last: a hash has {_HASH} digits of 0-9 and a-f")
    url, began_at = settings.database_url.reveal(), now()
    with looked_into(settings) as database, closing(database):
        known = remembered_site(database, DEFAULT_SITE)
        cuts = database.read(lambda c: open_issues.ranges(c, DEFAULT_SITE, at_once))
    asked = _Asked(url, known, now)
    looked = Looked(0, 0, 0, 0, 0, [])
    told(0, len(cuts))
    # Without a Jira that was ever reached nothing was ever judged.
    parts = side_by_side(lambda: _Proving(asked), cuts if known else [], Looked, processes)
    for done, part in enumerate(parts, 1):
        looked = Looked(*(one + other for one, other in zip(looked, part, strict=True)))  # type: ignore[operator]
        told(done, len(cuts))
    with looked_into(settings) as database:
        lasting = _looked_at_again(asked, database, looked.findings)
        versions, of_versions = _versions(database)
        strays = database.read(_of_issues_gone)
        checked = database.read(lambda c: audit.check(c, DEFAULT_SITE))
        of_audit = list(_of_audit(database, checked, expected))
    found = [*of_audit, *of_versions, *strays, *sorted(lasting)]
    return Proof(
        at=began_at, issues=looked.issues, unread=looked.unread, cycles=looked.cycles,
        promises=looked.promises, sayings=looked.sayings, versions=versions,
        audit_rows=checked.rows, audit_last=checked.last, findings=found,
    )  # fmt: skip


_HEX = frozenset("0123456789abcdef")


# --- histories ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every process has to know."""

    url: str
    site: SiteFacts | None
    now: Callable[[], datetime]


class _Proving:
    """Proves ranges of issues, in one process."""

    def __init__(self, asked: _Asked) -> None:
        self.database = Database(asked.url)
        if asked.site is None:
            raise AssertionError("nothing was judged")
        self._prover = Prover(
            DEFAULT_SITE, asked.site, policies_of(self.database), read_events, asked.now, MOVING
        )

    def range(self, within: Range) -> Looked:
        """What is recorded of the issues of a range, and what of it does not follow."""
        with faults_told(self.database):
            return self.database.read(lambda c: self._prover.range(c, within))


def policies_of(database: Database) -> Callable[[str], Policy]:
    """Gives published versions, each built once; raises `LookupError` where there is none."""

    @lru_cache(maxsize=64)
    def policy(version: str) -> Policy:
        text = database.read(lambda c: sites.published(c, version))
        if text is None:
            raise LookupError(f"version {version} is not in the database")
        try:
            return Configuration.from_text(text).policy
        except _UNREADABLE as error:
            raise LookupError(f"the text of version {version} cannot be read") from error

    return policy


_UNREADABLE = (
    ConfigError, ConfigurationError, ValueError, LookupError, TypeError, AttributeError
)  # fmt: skip
"""What comes of a text that nobody published, whatever was done to it."""


def read_events(body: bytes) -> Collection[Event]:
    """The facts in a raw delivery about the issue that it is about."""
    return translate(body).events


def _looked_at_again(
    asked: _Asked, database: Database, findings: Sequence[Finding]
) -> list[Finding]:
    """Those findings that are no passing state of an issue on which a service works just now."""
    if not findings:
        return []
    proving = _Proving(asked)
    found: list[Finding] = []
    with closing(proving.database):
        for issue_id in dict.fromkeys(each.issue_id for each in findings):
            within = _alone(database, issue_id)
            now = set(proving.range(within).findings)
            found += [each for each in findings if each.issue_id == issue_id and each in now]
    return found


def _alone(database: Database, issue_id: str) -> Range:
    """The range that holds one issue and no other."""
    before = (
        select(issues.c.issue_id)
        .where(issues.c.site == DEFAULT_SITE, issues.c.issue_id < issue_id)
        .order_by(issues.c.issue_id.desc())
        .limit(1)
    )
    return Range(database.read(lambda c: c.execute(before).scalar()), issue_id)


# --- versions and the audit log -------------------------------------------------------------------


def _versions(database: Database) -> tuple[int, list[Finding]]:
    """How many versions are kept, and which of their texts are not what they were published as."""

    def work(connection: Connection) -> list[tuple[str, str]]:
        rows = connection.execute(select(policies.c.version, policies.c.text))
        return [(version, text) for version, text in rows]

    texts = database.read(work)
    found = []
    for version, text in texts:
        try:
            follows = Configuration.from_text(text).policy.version
        except _UNREADABLE:
            follows = "one that cannot be read"
        if follows != version:
            found.append(Finding("", f"version {version}", "text", version, follows))
    return len(texts), found


def _of_audit(
    database: Database, checked: audit.Checked, expected: str | None
) -> Iterator[Finding]:
    if checked.broken is not None:
        yield Finding("", f"audit row {checked.broken}", "chain", checked.why, "an unbroken chain")
    rows = database.read(lambda c: audit.listed(c, DEFAULT_SITE, audit.Wanted(), 1 << 40))
    if expected is not None and expected not in {audit.FIRST, *(row.hash for row in rows)}:
        yield Finding(
            "", "audit log", "end", f"no row with the hash {expected}", "the row that had it"
        )
    noted = {
        row.detail["number"]: _as_noted(row)
        for row in reversed(rows)
        if row.detail.keys() >= {"number", "version"}
    }
    yield from _of_publications(database, noted)


def _as_noted(row: audit.Entry) -> dict[str, object]:
    """What a row says of a publication; a directory has neither reason nor choice."""
    told = ("version", "source", "reason", "recalculated")
    known = {name: row.detail[name] for name in told if name in row.detail}
    if row.detail.get("source") == "directory":
        known = {"reason": "", "recalculated": False, **known}
    return {**known, "author": row.actor_name, "published_at": row.at}


def _of_publications(
    database: Database, noted: Mapping[object, Mapping[str, object]]
) -> Iterator[Finding]:
    """What the audit log says of publications, held against what is kept of them."""
    there = {
        each.id: each for each in database.read(lambda c: publications.since(c, DEFAULT_SITE, 0))
    }
    for number in sorted({*noted, *there}, key=str):
        subject = f"publication {number}"
        kept = there.get(number) if isinstance(number, int) else None
        follows = noted.get(number)
        if kept is None or follows is None:
            version, by_log = kept and kept.version, follows and follows["version"]
            yield Finding(
                "", subject, "version", str(version or "nothing"),
                str(by_log or "nothing, by the audit log"),
            )  # fmt: skip
            continue
        for name, value in follows.items():
            if getattr(kept, name) != value:
                recorded = in_words_of(getattr(kept, name))
                what = name.replace("_", " ")
                yield Finding("", subject, what, recorded, in_words_of(value))


def _of_issues_gone(connection: Connection) -> list[Finding]:
    """The issues of which rows are left, while their own is not there."""
    left: dict[str, list[str]] = {}
    for table in (events, cycles, promises, sayings):
        own = exists().where(issues.c.site == table.c.site, issues.c.issue_id == table.c.issue_id)
        counted = (
            select(table.c.issue_id, func.count())
            .where(table.c.site == DEFAULT_SITE, ~own)
            .group_by(table.c.issue_id)
        )
        for issue_id, number in connection.execute(counted):
            left.setdefault(issue_id, []).append(f"{table.name} {number:,}")
    return [
        Finding(
            issue_id, "", "its own row", "nothing",
            f"one, since rows of it are left: {', '.join(tables)}", issue_id=issue_id,
        )
        for issue_id, tables in sorted(left.items())
    ]  # fmt: skip
