"""How drafts become the next version, and earlier versions come back.

A publication puts one version in force and keeps its documents as they were written. A draft is a
set of changes based on a publication: it is saved, previewed, then published, each step in one
transaction with its line in the audit log. Whoever saves names the revision that he saw, and
whoever publishes the preview: nobody overwrites another in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from config.configuration import Configuration
from config.document_sets import (
    Changes,
    Documents,
    Merged,
    applied,
    between,
    check,
    completed,
    differing,
    load,
    merged,
)
from config.errors import ConfigError
from config.merging import changed_entries
from config.settings import Edits
from sla.store import audit, drafts, publications, sites
from sla.store.audit import Actor
from sla.store.database import Database
from sla.store.drafts import Draft
from sla.store.publications import Publication, Source
from webhooks.previews import Preview
from webhooks.publishing import note_for_open_issues

_log = structlog.get_logger(__name__)
LONGEST_TITLE, LONGEST_REASON = 200, 2000
_SAVINGS = _SAVED, _REBASED = "draft saved", "draft rebased"
_ENTRIES = 10
"""How many of a document's entries are named, where more were changed."""


@dataclass(frozen=True)
class Saving:
    """A revision of a draft: who made it of the one before, and by what."""

    revision: int
    by: str
    did: str

    def __str__(self) -> str:
        return f"{self.by} {self.did}."


# --- refusals -------------------------------------------------------------------------------------


class Refused(Exception):  # noqa: N818 - an answer, and not a fault of ours
    """What was asked for cannot be done as things stand; the message says why and what to do."""


class NotThere(Refused):
    """There is no such draft or publication."""


class ReadOnly(Refused):
    """The directory decides: drafts can be exported, and not published."""


class MovedOn(Refused):
    """Another version is in force than when it was looked at what would change."""


class SavedMeanwhile(Refused):
    """Somebody else saved the draft since it was seen."""

    def __init__(self, draft: Draft, changes: Changes, since: Sequence[Saving]) -> None:
        self.draft, self.changes, self.since = draft, changes, since
        """The draft as it is now, what could not be saved over it, and what was saved meanwhile."""
        super().__init__(
            f"Revision {draft.revision} of this draft was saved meanwhile. "
            + "".join(f"{each} " for each in since)
            + "Nothing of yours is lost: compare the two, and save again."
        )


class PublishedMeanwhile(Refused):
    """Another version came into force since the draft was begun."""

    def __init__(self, draft: Draft, since: Sequence[Publication], merged: Merged) -> None:
        self.draft, self.since, self.merged = draft, since, merged
        """The draft, the publications after its base, and what it would be on the newest one."""
        last = since[-1]
        super().__init__(
            f"Version {last.id} came into force meanwhile, by {last.author}. Bring the draft up to "
            "date with it, look at a new preview, and publish then."
        )


# --- drafts ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What a draft's documents come to."""

    documents: Documents
    """All of them, those of the base included."""
    configuration: Configuration | None
    """None: they hold faults."""
    problems: tuple[str, ...] = ()
    """Each with file, line and column."""
    error: ConfigError | None = None
    """The same by their parts, for who shows each at its line."""


@dataclass(frozen=True)
class Publishing:
    """Drafts and publications of a site.

    Args:
        database: where they are kept.
        site: the site.
        now: gives the present instant, aware UTC.
        edits: where the configuration is changed.
        published: called after something came into force.
    """

    database: Database
    site: str
    now: Callable[[], datetime]
    edits: Edits
    published: Callable[[], None] = lambda: None

    # --- looking ---

    def in_force(self) -> Publication:
        """The publication in force.

        Raises:
            NotThere: an older release left none, and its directory is faulty at present.
        """
        found = self.database.read(lambda c: publications.last(c, self.site))
        if found is None:
            raise NotThere("No version is on record yet: mend the directory, and start again.")
        return found

    def publication(self, id_: int) -> Publication:
        """One of them, by its number.

        Raises:
            NotThere: there is none.
        """
        found = self.database.read(lambda c: publications.get(c, self.site, id_))
        if found is None:
            raise NotThere(f"There is no version {id_}.")
        return found

    def publications(self, limit: int = 50, before: int | None = None) -> Sequence[Publication]:
        """The newest ones, newest first."""
        return self.database.read(lambda c: publications.listed(c, self.site, limit, before))

    def documents(self, id_: int) -> dict[str, str]:
        """The documents of a publication, by path.

        Raises:
            NotThere: there is no such publication.
        """
        found = self.database.read(lambda c: publications.documents_of(c, self.site, id_))
        if found is None:
            raise NotThere(f"There is no version {id_}.")
        return found

    def configuration(self, publication: Publication) -> Configuration:
        """What a publication put in force, exactly as it was frozen."""
        text = self.database.read(lambda c: sites.published(c, publication.version))
        if text is None:
            raise NotThere(f"Version {publication.id} is not in the database any more.")
        return Configuration.from_text(text)

    def drafts(self) -> Sequence[Draft]:
        """The open ones, those that were changed last first."""
        return self.database.read(lambda c: drafts.listed(c, self.site))

    def draft(self, id_: int) -> Draft:
        """One of them, whatever became of it.

        Raises:
            NotThere: there is none.
        """
        found = self.database.read(lambda c: drafts.get(c, self.site, id_))
        if found is None:
            raise NotThere(f"There is no draft {id_}.")
        return found

    def whole(self, draft: Draft) -> dict[str, str]:
        """All documents as a draft would have them."""
        return applied(self.documents(draft.base), draft.documents)

    def checked(self, draft: Draft) -> Checked:
        """What a draft comes to, or every fault in it; reading takes half a second."""
        documents = self.whole(draft)
        if draft.restores is not None:
            old = self.publication(draft.restores)
            return Checked(documents, self.configuration(old))
        try:
            return Checked(documents, load(documents))
        except ConfigError as error:
            return Checked(documents, None, tuple(map(str, error.problems)), error)

    def preview(self, draft: Draft) -> Preview | None:
        """The last preview of a draft, of whichever revision; None: there was none."""
        found = self.database.read(lambda c: drafts.preview(c, self.site, draft.id))
        return Preview.of(found) if found else None

    def since_base(self, draft: Draft) -> Sequence[Publication]:
        """What came into force since a draft was begun, oldest first."""
        return self.database.read(lambda c: publications.since(c, self.site, draft.base))

    # --- changing ---

    def begin(self, person: Actor, title: str, changes: Changes | None = None) -> Draft:
        """Begin a draft on what is in force.

        Args:
            person: who does it.
            title: what it is about; may be empty.
            changes: documents by path, None for one that is to go.

        Raises:
            ConfigurationError: a path is none, or a text is too long.
        """
        base = self.in_force()
        wanted = self._wanted(base.id, {}, changes or {})
        return self._begun(person, base, _short(title, LONGEST_TITLE), wanted, None)

    def restore(self, person: Actor, id_: int) -> Draft:
        """Begin a draft that puts an earlier publication in force again, exactly as it was.

        Raises:
            NotThere: there is no such publication.
            Refused: it is in force.
        """
        base, old = self.in_force(), self.publication(id_)
        if old.version == base.version:
            raise Refused(f"Version {old.id} is what is in force already.")
        changes = between(self.documents(base.id), self.documents(old.id))
        return self._begun(person, base, f"Restore version {old.id}", changes, old.id)

    def save(
        self, person: Actor, id_: int, revision: int, changes: Changes, title: str | None = None
    ) -> Draft:
        """Save documents of a draft; the others in it stay as they are.

        Args:
            person: who does it.
            id_: the draft's number.
            revision: the one that was seen when these changes were made.
            changes: by path the whole text, or None for a document that is to go; a document that
                is as in the base counts as unchanged.
            title: what it is about; None: as before.

        Raises:
            SavedMeanwhile: somebody else saved it since.
            Refused: it is not open any more, or there is none.
            ConfigurationError: a path is none, or a text is too long.
        """
        before = self.draft(id_)
        wanted = self._wanted(before.base, before.documents, changes)
        new_title = None if title is None else _short(title, LONGEST_TITLE)

        told = list(self._differing(before, wanted))

        def work(connection: Connection) -> None:
            draft = self._locked(connection, id_, revision, changes)
            now = self.now()
            drafts.save(
                connection, self.site, draft, documents=wanted, now=now, title=new_title
            )  # fmt: skip
            detail = {"revision": revision + 1, "documents": sorted(changes), "changed": told}
            self._record(connection, now, person, _SAVED, _subject(id_), detail)

        self.database.write(work)
        return self.draft(id_)

    def discard(self, person: Actor, id_: int, revision: int) -> Draft:
        """Give a draft up; it can be looked at still.

        Raises:
            SavedMeanwhile: somebody else saved it since it was seen.
            Refused: it is not open any more, or there is none.
        """

        def work(connection: Connection) -> None:
            self._locked(connection, id_, revision, {})
            now = self.now()
            drafts.close(connection, self.site, id_, "discarded", now)
            self._record(connection, now, person, "draft discarded", _subject(id_), {})

        self.database.write(work)
        return self.draft(id_)

    def merged(self, draft: Draft, taken: Mapping[str, str] | None = None) -> Merged:
        """What a draft would be on what is in force now."""
        newest = self.in_force()
        base, newer = self.documents(draft.base), self.documents(newest.id)
        return merged(base, newer, draft.documents, taken)

    def rebase(
        self, person: Actor, id_: int, revision: int, taken: Mapping[str, str] | None = None
    ) -> Draft:
        """Base a draft on what is in force now.

        What only one side changed is kept of both: whole documents, and entries of a document
        that both changed, such as the projects of `projects.yaml`.

        Args:
            person: who does it.
            id_: the draft's number.
            revision: the one that was seen.
            taken: for each path where both sides changed the same which counts: `mine` or `theirs`.

        Raises:
            PublishedMeanwhile: a choice is missing; its `merged.both` names the documents.
            SavedMeanwhile: somebody else saved it since it was seen.
            Refused: it is not open any more, or there is none.
        """
        before, newest = self.draft(id_), self.in_force()
        if before.base == newest.id:
            return before
        restores = before.restores is not None
        choices = dict.fromkeys(before.documents, "mine") if restores else taken
        found = self.merged(before, choices)
        if found.both:
            raise PublishedMeanwhile(before, self.since_base(before), found)

        def work(connection: Connection) -> None:
            draft = self._locked(connection, id_, revision, {})
            now = self.now()
            if restores and draft.restores is not None:
                whole = self._restored(draft.restores, newest)
                drafts.rebase_restoring(connection, self.site, draft, newest.id, whole, now)
            else:
                drafts.save(
                    connection, self.site, draft, documents=found.changes, base=newest.id, now=now
                )  # fmt: skip
            detail = {"revision": revision + 1, "from": draft.base, "to": newest.id}
            self._record(connection, now, person, _REBASED, _subject(id_), detail)

        self.database.write(work)
        return self.draft(id_)

    def to_be_previewed(self, id_: int, revision: int) -> Draft:
        """A draft whose preview may be worked out: what is in force is its base.

        Raises:
            SavedMeanwhile: somebody else saved it since it was seen.
            PublishedMeanwhile: something else came into force since it was begun.
            Refused: it is not open any more, or there is none.
        """
        draft = self.draft(id_)
        self.database.read(lambda c: self._refuse_unless_open_as(c, draft, revision, {}))
        since = self.since_base(draft)
        if since:
            raise PublishedMeanwhile(draft, since, self.merged(draft))
        return draft

    def publish(
        self, person: Actor, id_: int, revision: int, reason: str, *, recalculate: bool
    ) -> Publication:
        """Put a draft in force, as its preview showed it.

        Args:
            person: who does it.
            id_: the draft's number.
            revision: the one that was seen, whose preview was seen.
            reason: why, in a few words.
            recalculate: whether open issues are moved to it, or only promises that start from now
                on are made by it.

        Raises:
            ReadOnly: the directory decides.
            SavedMeanwhile: somebody else saved the draft since it was seen.
            PublishedMeanwhile: something else came into force since it was begun.
            ConfigError: its documents hold faults.
            Refused: there is no reason, or no preview of this revision; it changes nothing, is not
                open any more, or is not there.
        """
        if self.edits != "console":
            raise ReadOnly(read_only(self.edits))
        why = _why(reason)
        seen = self.draft(id_)
        found = self.checked(seen)
        if found.configuration is None:
            raise found.error or ConfigError([])
        configuration = found.configuration
        documents = self._kept_documents(seen, found.documents, configuration)

        def work(connection: Connection) -> Publication:
            publications.lock(connection, self.site)
            draft = self._locked(connection, id_, revision, {})
            self._refuse_what_is_stale(connection, draft, configuration.policy.version)
            detail: dict[str, object] = {"draft": id_, "documents": sorted(draft.documents)}
            if draft.restores is not None:
                detail["restored"] = draft.restores
            source: Source = "console" if draft.restores is None else "restored"
            added = self._put_in_force(
                connection, person, configuration, documents, why, source,
                recalculate=recalculate, detail=detail,
            )  # fmt: skip
            drafts.close(connection, self.site, id_, "published", added.published_at)
            return added

        added = self.database.write(work)
        self._taken_over()
        return added

    def apply(
        self,
        person: Actor,
        configuration: Configuration,
        documents: Documents,
        reason: str,
        *,
        before: str,
        recalculate: bool,
        restored: int | None = None,
    ) -> Publication:
        """Put a configuration in force, as a plan of it showed it, without a draft.

        Args:
            person: who does it.
            configuration: as it was planned.
            documents: from which it was made, by path.
            reason: why, in a few words.
            before: the version that was in force when it was planned.
            recalculate: as for `publish`.
            restored: the publication that comes back; None: it is none of those before.

        Raises:
            MovedOn: another version is in force by now.
            Refused: there is no reason.
        """
        why = _why(reason)

        def work(connection: Connection) -> Publication:
            publications.lock(connection, self.site)
            there = sites.known(connection, self.site, publications.IN_FORCE)
            if there != before:
                raise MovedOn(
                    f"Version {there} came into force meanwhile, where {before} was: plan again."
                )
            detail = {} if restored is None else {"restored": restored}
            return self._put_in_force(
                connection, person, configuration, documents, why,
                "applied" if restored is None else "restored",
                recalculate=recalculate, detail=detail,
            )  # fmt: skip

        added = self.database.write(work)
        self._taken_over()
        return added

    def _taken_over(self) -> None:
        """Have what was published judge at once; whatever comes of that, it is in force."""
        try:
            self.published()
        except Exception:  # noqa: BLE001 - logged, and done by the service itself soon
            # The service looks every five seconds for what is in force, and tries again by itself.
            _log.exception("published, and not taken over at once")

    def _put_in_force(
        self, connection: Connection, person: Actor, configuration: Configuration,
        documents: Documents, why: str, source: Source, *, recalculate: bool,
        detail: Mapping[str, object],
    ) -> Publication:  # fmt: skip
        """Enter a publication, have the open issues hear of it, and record who did it."""
        now = self.now()
        added = publications.add(
            connection, self.site, configuration.policy.version, configuration.text, documents,
            now=now, author=person.name, reason=why, source=source, recalculated=recalculate,
        )  # fmt: skip
        note_for_open_issues(connection, self.site, added, now)
        told = {
            "number": added.id,
            "version": added.version,
            "reason": why,
            "recalculated": recalculate,
            **detail,
        }
        self._record(connection, now, person, "published", f"version {added.id}", told)
        return added

    def _refuse_what_is_stale(self, connection: Connection, draft: Draft, version: str) -> None:
        since = publications.since(connection, self.site, draft.base)
        if since:
            raise PublishedMeanwhile(draft, since, self.merged(draft))
        noted = drafts.preview(connection, self.site, draft.id)
        preview = Preview.of(noted) if noted else None
        if preview is None or not preview.is_of(draft):
            raise Refused("Look at a preview of this revision first: it says what would change.")
        if preview.after != version:
            raise Refused(
                "The same documents come to something else than when they were previewed, as "
                "after a change of release or of a calendar file: look at a new preview first."
            )
        base = publications.get(connection, self.site, draft.base)
        if base is not None and base.version == version:
            raise Refused("It changes nothing: what it comes to is in force already.")

    def _kept_documents(
        self, draft: Draft, documents: Documents, configuration: Configuration
    ) -> Documents:
        if draft.restores is not None:
            return self.documents(draft.restores)
        return completed(documents, configuration)

    def _restored(self, id_: int, newest: Publication) -> dict[str, str | None]:
        return between(self.documents(newest.id), self.documents(id_))

    def _wanted(
        self, base: int, there: Mapping[str, str | None], changes: Changes
    ) -> dict[str, str | None]:
        even = {path: None if text is None else _even(text) for path, text in changes.items()}
        check(even)
        return differing(self.documents(base), {**there, **even})

    def _begun(
        self, person: Actor, base: Publication, title: str, changes: Changes, restores: int | None
    ) -> Draft:
        def work(connection: Connection) -> int:
            now = self.now()
            id_ = drafts.add(
                connection, self.site, base=base.id, title=title, author=person.name,
                documents=changes, now=now, restores=restores,
            )  # fmt: skip
            detail = {"base": base.id, "documents": sorted(changes), "title": title}
            self._record(connection, now, person, "draft begun", _subject(id_), detail)
            return id_

        return self.draft(self.database.write(work))

    def _locked(self, connection: Connection, id_: int, revision: int, changes: Changes) -> Draft:
        draft = drafts.get(connection, self.site, id_, locked=True)
        if draft is None:
            raise NotThere(f"There is no draft {id_}.")
        self._refuse_unless_open_as(connection, draft, revision, changes)
        return draft

    def _refuse_unless_open_as(
        self, connection: Connection, draft: Draft, revision: int, changes: Changes
    ) -> None:
        if draft.state != "open":
            raise Refused(f"Draft {draft.id} was {draft.state} meanwhile; begin a new one.")
        if draft.revision != revision:
            raise SavedMeanwhile(draft, changes, list(self._saved(connection, draft, revision)))

    def _saved(self, connection: Connection, draft: Draft, since: int) -> Iterator[Saving]:
        """What was saved of a draft since a revision, oldest first, as the audit log has it."""
        for row in audit.of_subject(connection, self.site, _SAVINGS, _subject(draft.id)):
            detail = row.detail
            if detail["revision"] <= since:
                continue
            # An older release did not say what changed in the documents.
            changed = detail.get("changed", detail.get("documents", ()))
            did = f"changed {'; '.join(changed) or 'the title alone'}"
            if "to" in detail:
                did = f"brought it up to date with version {detail['to']}"
            yield Saving(detail["revision"], row.actor_name, did)

    def _differing(self, before: Draft, wanted: Changes) -> Iterator[str]:
        """What a revision changes of the one before: documents, and what in them."""
        base = self.documents(before.base)
        then, now = applied(base, before.documents), applied(base, wanted)
        for path, text in between(then, now).items():
            if text is None:
                yield f"{path} removed"
            elif path not in then:
                yield f"{path} added"
            else:
                entries = changed_entries(then[path], text)
                more = f" and {len(entries) - _ENTRIES:,} more" if len(entries) > _ENTRIES else ""
                told = f" ({', '.join(entries[:_ENTRIES])}{more})" if entries else ""
                yield f"{path}{told}"

    def _record(
        self, connection: Connection, now: datetime, person: Actor, action: str, subject: str,
        detail: Mapping[str, object],
    ) -> None:  # fmt: skip
        audit.record(connection, self.site, now, person, action, subject, detail)


def _subject(draft_id: int) -> str:
    """What the audit log calls a draft."""
    return f"draft {draft_id}"


def read_only(edits: Edits) -> str:
    """Why nothing is published in the console, and what to do with a draft; empty: it can be."""
    if edits == "files":
        return (
            "The configuration is kept in files (DUELINE_EDITS=files): export the draft, "
            "put its documents where the files are kept, and start the service again."
        )
    if edits == "apply":
        return (
            "The configuration is put in force by `dueline apply` alone (DUELINE_EDITS=apply): "
            "export the draft, put its documents where the files are kept, and apply them."
        )
    return ""


def _why(reason: str) -> str:
    why = _short(reason, LONGEST_REASON)
    if not why:
        raise Refused("Say why it is published: the reason stays with the version.")
    return why


def _even(text: str) -> str:
    """As files are written: a browser sends a form with line ends of its own."""
    even = text.replace("\r\n", "\n").replace("\r", "\n")
    return even if not even or even.endswith("\n") else f"{even}\n"


def _short(text: str, longest: int) -> str:
    """One line; what is no character of a text is replaced: PostgreSQL takes no NUL."""
    whole = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return " ".join(whole.split())[:longest]


__all__ = [
    "Checked", "Draft", "MovedOn", "NotThere", "Publication", "PublishedMeanwhile", "Publishing",
    "ReadOnly", "Refused", "SavedMeanwhile", "read_only",
]  # fmt: skip
