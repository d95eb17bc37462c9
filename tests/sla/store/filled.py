"""A row or two in every table, with values that one database might take for something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from sla.store import schema
from tests.sla.example import NINE

TEXTS = ["", " ", "Zoë ☎ 😀", "back\\slash\ttab\nline", "\\N", "ﬀ", "z", "Z", "ä", "\x01", "NULL"]
BLOBS = [b"", b"\0", bytes(range(256)), b"\\x00", b"{}"]
FARTHEST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def fill(connection: Connection) -> None:
    """Fill every table; in those that are numbered the last row is gone again."""
    for table, rows in _rows().items():
        statement = schema.metadata.tables[table]
        connection.execute(insert(statement), rows)
    for numbered in (schema.inbox, schema.sayings, schema.downtimes):
        connection.execute(insert(numbered), [_rows()[numbered.name][0] | _LAST[numbered.name]])
        connection.execute(numbered.delete().where(numbered.c.id == 77))


_LAST: dict[str, dict[str, Any]] = {
    "inbox": {"id": 77, "delivery": "last"},
    "sayings": {"id": 77, "key": "last"},
    "downtimes": {"id": 77},
}


def _rows() -> dict[str, list[dict[str, Any]]]:
    issue = {"site": "acme", "issue_id": "1"}
    return {
        "inbox": [
            {
                "site": "acme", "delivery": text, "received_at": NINE, "body": BLOBS[n % 5],
                "state": "new", "note": None if n % 2 else text, "issue_id": None,
            }
            for n, text in enumerate(TEXTS)
        ],
        "issues": [
            {
                "site": "acme", "issue_id": text, "key": "A-1", "incomplete": bool(n % 2),
                "read_at": FARTHEST if n else None, "fields_wanted": '{"a": 1}',
            }
            for n, text in enumerate(TEXTS)
        ],
        "events": [
            {**issue, "identity": text, "kind": "Seen", "at": NINE, "data": BLOBS[n % 5]}
            for n, text in enumerate(TEXTS)
        ],
        "cycles": [
            {**issue, "metric": text, "number": n, "state": "met", "started_at": NINE,
             "conditional": bool(n % 2)}
            for n, text in enumerate(TEXTS)
        ],
        "promises": [
            {
                **issue, "metric": "m", "number": 1, "since_at": NINE + timedelta(days=n - 3),
                "promised_at": NINE, "policy_version": "v", "contract": text, "target": text,
                "calendar": "c", "due_at": NINE, "reason": text,
            }
            for n, text in enumerate(TEXTS)
        ],
        "issue_keys": [{"site": "acme", "key": text, "issue_id": "1"} for text in TEXTS],
        "refers": [{**issue, "other": text} for text in TEXTS],
        "sayings": [
            {
                **issue, "key": text, "at": NINE, "decided_at": NINE, "saying": BLOBS[n % 5],
                "state": "sent",
            }
            for n, text in enumerate(TEXTS)
        ],
        "notifications": [
            {
                **issue, "key": text, "channel": text, "at": NINE, "state": "sent",
                "attempts": n, "error": text,
            }
            for n, text in enumerate(TEXTS)
        ],
        "downtimes": [
            {"site": "acme", "scope": text, "confirmed_at": NINE, "customers": "[]",
             "entered_at": NINE}
            for text in TEXTS
        ],
        "publications": [
            {
                "site": "acme", "version": text, "published_at": NINE, "author": text,
                "reason": text, "source": "console", "recalculated": bool(n % 2),
                "documents": "{}",
            }
            for n, text in enumerate(TEXTS)
        ],
        "drafts": [
            {
                "site": "acme", "base": n, "revision": 2**31 - 1 - n, "title": text,
                "author": text, "created_at": NINE, "updated_at": FARTHEST, "documents": "{}",
                "state": "open",
            }
            for n, text in enumerate(TEXTS)
        ],
        "backtests": [
            {
                "site": "acme", "name": text, "made_at": NINE, "summary": "{}",
                "result": BLOBS[n % 5],
            }
            for n, text in enumerate(TEXTS)
        ],
        "audit": [
            {
                "site": "acme", "at": NINE, "actor": text, "actor_name": text, "action": text,
                "subject": text, "detail": "{}", "previous": text, "hash": text,
            }
            for text in TEXTS
        ],
        "sign_ins": [
            {
                "hash": text, "site": "acme", "person": text, "door": text,
                "signed_in_at": NINE, "seen_at": NINE, "expires_at": FARTHEST,
            }
            for text in TEXTS
        ],
        "api_tokens": [
            {
                "site": "acme", "hash": text, "name": text, "role": "viewer", "made_by": text,
                "made_at": NINE, "expires_at": FARTHEST if n % 2 else None, "owner": text,
            }
            for n, text in enumerate(TEXTS)
        ],
        "policies": [{"version": text, "published_at": NINE, "text": text} for text in TEXTS],
        "site_facts": [{"site": "acme", "name": text, "value": "1"} for text in TEXTS],
        "counters": [
            {"site": "acme", "name": text, "value": 2**62 - n} for n, text in enumerate(TEXTS)
        ],
    }  # fmt: skip
