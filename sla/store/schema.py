"""The tables, each with what a row means; the migrations must give exactly these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """An aware instant as it is stored; a naive one raises TypeError by the subtraction."""
    return (at - _EPOCH) // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as microseconds since the epoch: exact, and ordered as a number."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Aware datetime to microseconds; a naive one raises TypeError."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Microseconds to aware UTC datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()

# An id that only grows, in both databases: a 64-bit number, which SQLite calls INTEGER.
_Id = BigInteger().with_variant(Integer, "sqlite")

inbox = Table(
    "inbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    # Jira's identifier of the delivery, the same across its retries; else a hash of the body.
    Column("delivery", String, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # new: to be handled. done. not_understood: kept and shown, can be replayed. failed: our fault.
    Column("state", String, nullable=False),
    Column("note", Text),
    # Which issue it is about, as far as its body tells; what is of one issue is handled together.
    Column("issue_id", String),
    UniqueConstraint("site", "delivery", name="uq_inbox_delivery"),
    Index(
        "ix_inbox_waiting",
        "site",
        "issue_id",
        "id",
        sqlite_where=text("state = 'new'"),
        postgresql_where=text("state = 'new'"),
    ),
    # What somebody has to look at is counted at every look at the health; nearly all rows are done.
    Index(
        "ix_inbox_set_aside",
        "state",
        sqlite_where=text("state IN ('not_understood', 'failed')"),
        postgresql_where=text("state IN ('not_understood', 'failed')"),
    ),
    sqlite_autoincrement=True,
)

issues = Table(
    "issues",
    metadata,
    Column("site", String, primary_key=True),
    Column("issue_id", String, primary_key=True),
    Column("key", String),
    # When to ask Jira for the history next. NULL: there is no need to.
    Column("read_at", Instant),
    # Facts are missing that only the history can give: until then nothing is concluded.
    Column("incomplete", Boolean, nullable=False, server_default=text("false")),
    # How often that was found: a history that was read before the last time is not enough.
    Column("reads_asked", Integer, nullable=False, server_default="0"),
    # Whether only the creation is missing, which a late delivery may still tell.
    Column("lacks_creation", Boolean, nullable=False, server_default=text("false")),
    Column("read_attempts", Integer, nullable=False, server_default="0"),
    # Why it could not be read, where that was given up.
    Column("read_error", Text),
    # Taken over at this instant: what lies before it is shown, not announced.
    Column("quiet_before", Instant),
    # Jira's own instant of the last update by which nothing is missing: its history was read, or
    # what a search showed of it was known.
    Column("updated_at", Instant),
    Column("covered", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text, nullable=False, server_default=""),
    # The version under which the issue's first cycle started, and stays.
    Column("policy_version", String),
    # The next instant at which time alone changes the answer; only a hint, the truth is refolded.
    Column("wake_at", Instant),
    # The SLA fields, and what the link to the explanation shows, as they should stand, and as Jira
    # last took them, by role, as JSON. A role that
    # was never written is not in the latter; {"sent": value}: it is not known whether Jira took it.
    Column("fields_wanted", Text),
    Column("fields_written", Text),
    # When to write what differs; NULL: nothing differs, or it was given up.
    Column("write_at", Instant),
    Column("write_attempts", Integer, nullable=False, server_default="0"),
    Column("write_error", Text),
    # Set before a PUT leaves, cleared by its answer: until then it is not known what Jira has.
    Column("write_attempted_at", Instant),
    Index("ix_issues_key", "site", "key"),
    Index(
        "ix_issues_read_at",
        "read_at",
        sqlite_where=text("read_at IS NOT NULL"),
        postgresql_where=text("read_at IS NOT NULL"),
    ),
    Index(
        "ix_issues_wake_at",
        "wake_at",
        sqlite_where=text("wake_at IS NOT NULL"),
        postgresql_where=text("wake_at IS NOT NULL"),
    ),
    Index(
        "ix_issues_write_at",
        "write_at",
        sqlite_where=text("write_at IS NOT NULL"),
        postgresql_where=text("write_at IS NOT NULL"),
    ),
    # What was put off without having failed was so before the clock was set back.
    Index(
        "ix_issues_write_untried",
        "write_at",
        sqlite_where=text("write_at IS NOT NULL AND write_attempts = 0"),
        postgresql_where=text("write_at IS NOT NULL AND write_attempts = 0"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("site", String, primary_key=True),
    Column("issue_id", String, primary_key=True),
    # Made of Jira's own ids: the same fact, whichever way it came.
    Column("identity", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

cycles = Table(
    "cycles",
    metadata,
    Column("site", String, primary_key=True),
    Column("issue_id", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("stopped_at", Instant),
    Column("ended_at", Instant),
    # As it is now, or was at the end: what reports count by.
    Column("contract", String, nullable=False, server_default=""),
    Column("severity", String),
    Column("tier", String),
    Column("customer", String),
    Column("binding", String, nullable=False, server_default="commitment"),
    # Whether it depends on a duty that nobody did.
    Column("conditional", Boolean, nullable=False, server_default=text("false")),
    Index("ix_cycles_started_at", "site", "started_at"),
)

promises = Table(
    "promises",
    metadata,
    Column("site", String, primary_key=True),
    Column("issue_id", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("since_at", Instant, primary_key=True),
    # As promised when it was promised: a row is never changed.
    Column("promised_at", Instant, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("contract", String, nullable=False),
    Column("tier", String),
    Column("severity", String),
    Column("target", String, nullable=False),
    Column("binding", String, nullable=False, server_default="commitment"),
    Column("calendar", String, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

issue_keys = Table(
    "issue_keys",
    metadata,
    Column("site", String, primary_key=True),
    # Every key that an issue ever had: people go on naming it by the old one.
    Column("key", String, primary_key=True),
    Column("issue_id", String, nullable=False),
)

refers = Table(
    "refers",
    metadata,
    Column("site", String, primary_key=True),
    Column("issue_id", String, primary_key=True),
    # The other issue's id, or its key where only that is known.
    Column("other", String, primary_key=True),
    Index("ix_refers_other", "site", "other"),
)

sayings = Table(
    "sayings",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("issue_id", String, nullable=False),
    Column("key", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("saying", LargeBinary, nullable=False),
    # pending. sent. given_up: Jira refused for good. quiet: from before the service was installed.
    # withdrawn: it stopped being true before it left.
    Column("state", String, nullable=False),
    # What a clock brings: it goes before what only follows from a report.
    Column("urgent", Boolean, nullable=False, server_default=text("true")),
    Column("try_at", Instant),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Set before a request leaves: if the answer never comes, Jira is asked before a second one.
    Column("attempted_at", Instant),
    Column("comment_id", String),
    # How many of its actions on the issue were carried out, and what Jira refused of them.
    Column("acted", Integer, nullable=False, server_default="0"),
    Column("refused", Text),
    Column("error", Text),
    # The ledger: what has a row here is never decided again.
    UniqueConstraint("site", "issue_id", "key", name="uq_sayings_key"),
    Index(
        "ix_sayings_pending",
        "try_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "ix_sayings_untried",
        "try_at",
        sqlite_where=text("state = 'pending' AND attempts = 0"),
        postgresql_where=text("state = 'pending' AND attempts = 0"),
    ),
    Index(
        "ix_sayings_given_up",
        "site",
        sqlite_where=text("state = 'given_up'"),
        postgresql_where=text("state = 'given_up'"),
    ),
    sqlite_autoincrement=True,
)

downtimes = Table(
    "downtimes",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    # What was down: a contract's id, or a project's key.
    Column("scope", String, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    # NULL: still down.
    Column("restored_at", Instant),
    Column("kind", String),
    # The names of those whom it affected, as a JSON list; an empty one: all.
    Column("customers", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("entered_at", Instant, nullable=False),
    Index("ix_downtimes_confirmed_at", "site", "confirmed_at"),
    # People call an entry by its number: that of a removed one is not given again.
    sqlite_autoincrement=True,
)

policies = Table(
    "policies",
    metadata,
    Column("version", String, primary_key=True),
    Column("published_at", Instant, nullable=False),
    # The whole configuration as canonical JSON, holidays frozen.
    Column("text", Text, nullable=False),
)

site_facts = Table(
    "site_facts",
    metadata,
    Column("site", String, primary_key=True),
    # What was learned of a Jira: its fields, our own account, when the service was installed.
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("site", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
