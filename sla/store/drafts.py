"""Changes of the configuration that nobody is judged by yet, and what a preview of each found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, select, update

from sla.store.schema import drafts
from sla.store.upsert import insert

DraftState = Literal["open", "published", "discarded"]
_FAR = 1 << 62


class Draft(msgspec.Struct, frozen=True):
    """Documents that differ from those of a publication."""

    id: int
    base: int
    """The publication on which it is based."""
    revision: int
    """Counts every saving, from 1."""
    title: str
    author: str
    created_at: datetime
    updated_at: datetime
    documents: Mapping[str, str | None]
    """Those that differ, by path; None: removed."""
    restores: int | None
    """The publication that it puts in force again exactly as it was; None: documents count."""
    state: DraftState


_COLUMNS = [drafts.c[name] for name in Draft.__struct_fields__]


def add(
    connection: Connection,
    site: str,
    *,
    base: int,
    title: str,
    author: str,
    documents: Mapping[str, str | None],
    now: datetime,
    restores: int | None = None,
) -> int:
    """Keep a new draft; its number."""
    id_: int = connection.execute(
        insert(connection, drafts)
        .values(
            site=site, base=base, revision=1, title=title, author=author, created_at=now,
            updated_at=now, documents=json.dumps(dict(documents)), restores=restores, state="open",
        )
        .returning(drafts.c.id)
    ).scalar_one()  # fmt: skip
    return id_


def get(connection: Connection, site: str, id_: int, *, locked: bool = False) -> Draft | None:
    """A draft.

    Args:
        connection: to the database.
        site: the site.
        id_: its number.
        locked: nobody else changes it until the transaction ends.
    """
    statement = select(*_COLUMNS).where(drafts.c.site == site, drafts.c.id == min(id_, _FAR))
    row = connection.execute(statement.with_for_update() if locked else statement).first()
    return _draft(row) if row else None


def listed(
    connection: Connection, site: str, state: DraftState = "open", limit: int = 200
) -> Sequence[Draft]:
    """Drafts of one state, those that were changed last first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(drafts.c.site == site, drafts.c.state == state)
        .order_by(drafts.c.updated_at.desc(), drafts.c.id.desc())
        .limit(limit)
    )
    return [_draft(row) for row in rows]


def save(
    connection: Connection,
    site: str,
    draft: Draft,
    *,
    documents: Mapping[str, str | None],
    now: datetime,
    title: str | None = None,
    base: int | None = None,
) -> None:
    """Keep what a locked draft is from now on: its next revision.

    What was restored exactly is from now on what the documents say, unless these stay.
    """
    stays = dict(documents) == dict(draft.documents) and base in (None, draft.base)
    connection.execute(
        update(drafts)
        .where(drafts.c.site == site, drafts.c.id == draft.id)
        .values(
            revision=draft.revision + 1, updated_at=now, documents=json.dumps(dict(documents)),
            title=draft.title if title is None else title,
            base=draft.base if base is None else base,
            restores=draft.restores if stays else None,
        )
    )  # fmt: skip


def rebase_restoring(
    connection: Connection, site: str, draft: Draft, base: int,
    documents: Mapping[str, str | None], now: datetime,
) -> None:  # fmt: skip
    """Base a locked draft that restores a publication on another one; it restores it still."""
    connection.execute(
        update(drafts)
        .where(drafts.c.site == site, drafts.c.id == draft.id)
        .values(
            revision=draft.revision + 1, updated_at=now, base=base,
            documents=json.dumps(dict(documents)),
        )
    )  # fmt: skip


def close(connection: Connection, site: str, id_: int, state: DraftState, now: datetime) -> None:
    """Note that a draft was published or discarded."""
    connection.execute(
        update(drafts)
        .where(drafts.c.site == site, drafts.c.id == id_)
        .values(state=state, updated_at=now)
    )


def note_preview(
    connection: Connection, site: str, id_: int, preview: Mapping[str, Any],
    moves: bytes | None = None,
) -> None:  # fmt: skip
    """Keep how far the preview of a draft has come, or what it found.

    Args:
        connection: of a transaction that writes.
        site: the site.
        id_: the draft's number.
        preview: plain values.
        moves: what moves, in whatever form the reader knows; None: nothing yet.
    """
    connection.execute(
        update(drafts)
        .where(drafts.c.site == site, drafts.c.id == id_)
        .values(preview=json.dumps(dict(preview)), moves=moves)
    )


def preview(connection: Connection, site: str, id_: int) -> Mapping[str, Any] | None:
    """What was noted of the last preview; None: there was none."""
    text = connection.execute(
        select(drafts.c.preview).where(drafts.c.site == site, drafts.c.id == min(id_, _FAR))
    ).scalar()
    return None if text is None else dict(json.loads(text))


def moves(connection: Connection, site: str, id_: int) -> bytes | None:
    """What the last preview found to move."""
    found: bytes | None = connection.execute(
        select(drafts.c.moves).where(drafts.c.site == site, drafts.c.id == min(id_, _FAR))
    ).scalar()
    return found


def _draft(row: Any) -> Draft:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to all of it
    return Draft(**{**values, "documents": json.loads(values["documents"])})
