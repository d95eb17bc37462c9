"""The tables, each with what a row means; the migrations must give exactly these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
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


@event.listens_for(metadata, "before_create")
def _tell_conditions(target: MetaData, connection: Connection, **_: object) -> None:
    """Which rows an index has, as its `info` says, in the words of the database at hand.

    To say it where the index is defined would import both dialects, 40 ms of each start.
    """
    for index in [index for table in target.tables.values() for index in table.indexes]:
        if where := index.info.get("where"):
            index.dialect_options[connection.dialect.name]["where"] = text(where)


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
        info={"where": "state = 'new'"},
    ),
    # What somebody has to look at is counted at every look at the health; nearly all rows are done.
    Index(
        "ix_inbox_set_aside",
        "state",
        info={"where": "state IN ('not_understood', 'failed')"},
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
    # The first delivery that tells of a comment and not who may read it, where nothing else is
    # missing: a mark of each such comment is asked for instead of the history.
    Column("unmarked_from", _Id),
    Column("read_attempts", Integer, nullable=False, server_default="0"),
    # Why it could not be read, where that was given up.
    Column("read_error", Text),
    # The delivery, as logs name it, because of which it is to be read. NULL: none is.
    Column("read_delivery", String),
    # Taken over at this instant: what lies before it is shown, not announced.
    Column("quiet_before", Instant),
    # Jira's own instant of the last update by which nothing is missing: its history was read, or
    # what a search showed of it was known.
    Column("updated_at", Instant),
    Column("covered", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text, nullable=False, server_default=""),
    # The version under which the issue's first cycle started; it stays, unless another one was
    # published for open issues, too.
    Column("policy_version", String),
    # The versions that judged it before, each until when, as JSON: what was over by then stays as
    # they judged it. One that names its own version only notes since when, as nothing was over by
    # then. NULL: none did.
    Column("earlier_versions", Text),
    # Whether its clocks follow from their starts and stops alone, as `sla.straight` has it: then a
    # preview need not read its history. NULL: only a release decided it that did not look. One that
    # decides beside this one, as while they are exchanged, leaves it as it is; so a preview also
    # holds the record against what the version in force makes of it.
    Column("straight", Boolean),
    # What its fields were all along, as `sla.steady` notes it: then a preview of another mapping
    # need not read its history. NULL: nobody noted it, or the note would be long.
    Column("steady", Text),
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
    # When the last PUT left, for people.
    Column("fields_sent_at", Instant),
    # The delivery from which the fields as they are wanted follow. NULL: a clock brought them.
    Column("write_delivery", String),
    # What lists show and filter by, as it was when the issue was last decided; NULL: not told.
    Column("project", String),
    Column("issue_type", String),
    Column("priority", String),
    # As it was when the row was last written: no list filters by it.
    Column("status", String),
    Column("summary", Text),
    Column("assignee_id", String),
    Column("assignee", String),
    # As the field says that the policy names; an order form's own is with the cycles.
    Column("customer", String),
    Index("ix_issues_key", "site", "key"),
    # Which projects there are, each found behind the one before.
    Index("ix_issues_project", "site", "project"),
    Index(
        "ix_issues_read_at",
        "read_at",
        info={"where": "read_at IS NOT NULL"},
    ),
    Index(
        "ix_issues_wake_at",
        "wake_at",
        info={"where": "wake_at IS NOT NULL"},
    ),
    Index(
        "ix_issues_write_at",
        "write_at",
        info={"where": "write_at IS NOT NULL"},
    ),
    # What was put off without having failed was so before the clock was set back.
    Index(
        "ix_issues_write_untried",
        "write_at",
        info={"where": "write_at IS NOT NULL AND write_attempts = 0"},
    ),
    # What a contract has and promises nothing for is told beside what is open: few issues are so.
    Index(
        "ix_issues_unpromised",
        "site",
        "issue_id",
        info={"where": "policy_version IS NULL AND fields_wanted IS NOT NULL"},
    ),
    # What was given up is counted for every page: hardly an issue has any of it.
    Index(
        "ix_issues_write_given_up",
        "site",
        "issue_id",
        info={"where": "write_at IS NULL AND write_error IS NOT NULL"},
    ),
    Index(
        "ix_issues_read_given_up",
        "site",
        "issue_id",
        info={"where": "read_at IS NULL AND read_error IS NOT NULL"},
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
    # While it runs: from when on so little is left that somebody should look.
    Column("in_danger_at", Instant),
    # Once it has ended: the open time that was used by then, and the whole goal, in microseconds.
    # Pauses are not kept here, so that no query could work it out.
    Column("used", BigInteger),
    Column("goal", BigInteger),
    # The issue's, as its row has them: to look up the row of each of 100,000 cycles takes longer
    # than all the rest of a list.
    Column("project", String),
    Column("key", String),
    Column("assignee_id", String),
    Column("assignee", String),
    # As the field says, which need not be the one of the order form.
    Column("named_customer", String),
    # Whose act met the metric, in time or late, and the name by which Jira called that account.
    Column("answered_by", String),
    Column("answered_name", String),
    Index("ix_cycles_started_at", "site", "started_at"),
    # Reports are about what ended since some day; what is open has an index of its own.
    Index(
        "ix_cycles_ended_at",
        "site",
        "ended_at",
        info={"where": "ended_at IS NOT NULL"},
    ),
    # Who was ever promised anything, and by which contract: by the field, else by the order form.
    Index("ix_cycles_customer", "site", "named_customer", "customer", "contract"),
    # What is open, in the order in which it falls due, with all that lists filter by: whatever is
    # asked for, one walk over these entries tells, and no row is looked at. (SQLite wants the
    # column of the condition as well.)
    Index(
        "ix_cycles_open",
        "site",
        "due_at",
        "issue_id",
        "metric",
        "number",
        "in_danger_at",
        "ended_at",
        "started_at",
        "contract",
        "severity",
        "project",
        "key",
        "assignee_id",
        "assignee",
        "named_customer",
        info={"where": "ended_at IS NULL"},
    ),
    # What it can be filtered by, each with how often: alike next to each other, nothing is sorted.
    Index(
        "ix_cycles_open_project",
        "site",
        "project",
        "contract",
        "severity",
        "metric",
        "issue_id",
        "ended_at",
        info={"where": "ended_at IS NULL"},
    ),
    Index(
        "ix_cycles_open_assignee",
        "site",
        "assignee_id",
        "assignee",
        "ended_at",
        info={"where": "ended_at IS NULL"},
    ),
    Index(
        "ix_cycles_open_customer",
        "site",
        "named_customer",
        "ended_at",
        info={"where": "ended_at IS NULL"},
    ),
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
    # The delivery from which it follows. NULL: a clock brought it.
    Column("delivery", String),
    # The ledger: what has a row here is never decided again.
    UniqueConstraint("site", "issue_id", "key", name="uq_sayings_key"),
    Index(
        "ix_sayings_pending",
        "try_at",
        info={"where": "state = 'pending'"},
    ),
    Index(
        "ix_sayings_untried",
        "try_at",
        info={"where": "state = 'pending' AND attempts = 0"},
    ),
    Index(
        "ix_sayings_given_up",
        "site",
        info={"where": "state = 'given_up'"},
    ),
    sqlite_autoincrement=True,
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("issue_id", String, nullable=False),
    # Of the saying that it tells, whose row holds the rest.
    Column("key", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("at", Instant, nullable=False),
    # pending. sent. given_up: it failed for good. withdrawn: there was nothing left to act on.
    Column("state", String, nullable=False),
    Column("try_at", Instant),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Set before it leaves: if what became of it was never noted, nobody knows whether it did.
    Column("attempted_at", Instant),
    Column("sent_at", Instant),
    Column("error", Text),
    # The ledger: each channel is told of each saying once.
    UniqueConstraint("site", "issue_id", "key", "channel", name="uq_notifications_key"),
    Index("ix_notifications_pending", "try_at", info={"where": "state = 'pending'"}),
    Index("ix_notifications_given_up", "site", info={"where": "state = 'given_up'"}),
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

publications = Table(
    "publications",
    metadata,
    # In the order in which they came into force; one version may do so several times.
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("version", String, nullable=False),
    Column("published_at", Instant, nullable=False),
    # Who published it and why, in their words.
    Column("author", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    # directory: found there at a start. console: published by somebody. restored: an earlier one.
    # applied: by the command line.
    Column("source", String, nullable=False),
    # Whether open issues were moved to it, or only new ones have it.
    Column("recalculated", Boolean, nullable=False, server_default=text("false")),
    # The documents as they were written, by path, as JSON.
    Column("documents", Text, nullable=False),
    Index("ix_publications_site", "site", "id"),
    sqlite_autoincrement=True,
)

drafts = Table(
    "drafts",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    # The publication on which it is based: another one since then is a conflict.
    Column("base", BigInteger, nullable=False),
    # Counts every saving: whoever saves names the one that he saw.
    Column("revision", Integer, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("author", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # Only the documents that differ from those of the base, by path, as JSON; null: removed.
    Column("documents", Text, nullable=False),
    # Which publication is to be in force again, exactly as it was; NULL: the documents count.
    Column("restores", BigInteger),
    # What it would change, as JSON, with the revision and the base of which that was worked out;
    # the moves apart from it, compressed.
    Column("preview", Text),
    Column("moves", LargeBinary),
    # open. published. discarded.
    Column("state", String, nullable=False),
    Index("ix_drafts_site", "site", "state"),
    sqlite_autoincrement=True,
)

backtests = Table(
    "backtests",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    # What somebody called it.
    Column("name", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    # The period, the versions and what it came to, in words, as JSON; the whole, compressed.
    Column("summary", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Index("ix_backtests_site", "site", "id"),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("at", Instant, nullable=False),
    # Who did it, as the audit knows them and for people.
    Column("actor", String, nullable=False),
    Column("actor_name", String, nullable=False),
    # Such as `published`, and what it was done to.
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    # The rest, as JSON.
    Column("detail", Text, nullable=False),
    # Of the row before and of this one: whoever changes or removes a row breaks the chain.
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    UniqueConstraint("site", "previous", name="uq_audit_previous"),
    Index("ix_audit_site", "site", "id"),
    Index("ix_audit_action", "site", "action", "id"),
    sqlite_autoincrement=True,
)

sign_ins = Table(
    "sign_ins",
    metadata,
    # A hash: whoever reads the table cannot sign in with it.
    Column("hash", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("person", Text, nullable=False),
    # A hash of what let the person in, such as a token: when that changes, this is over.
    Column("door", String, nullable=False),
    Column("signed_in_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_sign_ins_expires_at", "expires_at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
    # Who made it, as the audit log knows them; none where that is not on record.
    Column("owner", String),
    # What they might do when they last tried to sign in; none where they did not since.
    Column("owner_role", String),
    UniqueConstraint("hash", name="uq_api_tokens_hash"),
    sqlite_autoincrement=True,
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
