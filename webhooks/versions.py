"""What `dueline history` and `dueline export` say and write: every version that was in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

import msgspec

from config.calendar_changes import AHEAD, CalendarChange, Window, calendar_changes, told
from config.changes import changes
from config.configuration import Configuration
from config.document_sets import as_zip, between, compared, read_from
from config.errors import ConfigError
from config.settings import Settings
from sla.errors import SlaError
from sla.store.publications import Publication
from sla.words import utc
from webhooks.databases import looked_into
from webhooks.drafting import NotThere, Publishing
from webhooks.publishing import DEFAULT_SITE

_MANY = 100_000
_LISTED = 5
_AGE = attrgetter("published_at")


class ExportError(SlaError):
    """It cannot be written there; the message says why and what to do."""


class NoSuchVersionError(SlaError):
    """There is no version of that number, or none at all."""


@dataclass(frozen=True)
class Difference:
    """What one version has otherwise than another."""

    before: Publication
    after: Publication
    changes: Sequence[str]
    calendars: Sequence[CalendarChange]
    documents: Sequence[tuple[str, Sequence[str]]]
    """By path, as the lines of a unified diff."""

    def as_json(self) -> str:
        """One object."""
        return msgspec.json.encode({
            "before": self.before,
            "after": self.after,
            "changes": self.changes,
            "calendars": self.calendars,
            "documents": dict(self.documents),
        }).decode()  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The same for people."""
        yield from (_line(each) for each in (self.before, self.after))
        yield from (f"  {line}" for line in (*self.changes, *told(self.calendars)))
        if not self.changes:
            yield "  nothing that decides: both judge every issue alike"
        for path, lines in self.documents:
            yield f"{path}:"
            yield from (f"  {line}" for line in lines)


def history(settings: Settings, limit: int = _MANY) -> Sequence[Publication]:
    """Every version that came into force, newest first.

    Raises:
        StoreError: the database cannot be used.
    """
    with _looking(settings) as publishing:
        return publishing.publications(limit)


def history_lines(found: Sequence[Publication]) -> Iterator[str]:
    """The same for people, a line each, and one for its reason."""
    for place, each in enumerate(found):
        yield f"{_line(each)}{' (in force)' if place == 0 else ''}"
        if each.reason:
            yield f"  {each.reason}"


def difference(settings: Settings, now: datetime, before: int, after: int | None) -> Difference:
    """What a version has otherwise than another.

    Args:
        settings: with the database.
        now: calendars are compared by the days until two years after it.
        before: the number of the one.
        after: that of the other; None: the first one is compared with that before it.

    Raises:
        NoSuchVersionError: one of them is not on record, or none came before.
        StoreError: the database cannot be used.
    """
    with _looking(settings) as publishing:
        if after is None:
            earlier = publishing.publications(1, before)
            if not earlier:
                publishing.publication(before)
                raise NoSuchVersionError(f"version {before} is the first: none came before it")
            before, after = earlier[0].id, before
        old, new = publishing.publication(before), publishing.publication(after)
        configurations = publishing.configuration(old), publishing.configuration(new)
        return Difference(
            old, new, [str(each) for each in changes(*configurations)],
            calendars_between(*configurations, min(old, new, key=_AGE), now),
            compared(publishing.documents(before), publishing.documents(after)),
        )  # fmt: skip


def calendars_between(
    before: Configuration, after: Configuration, since: Publication, now: datetime
) -> list[CalendarChange]:
    """What calendars of two versions have otherwise, in the days since the one was published."""
    return calendar_changes(
        before, after, Window(since.published_at.date(), now.date() + AHEAD)
    )  # fmt: skip


def export(
    settings: Settings,
    directory: Path | None,
    archive: Path | None,
    number: int | None = None,
    *,
    overwrite: bool = False,
) -> Iterator[str]:
    """Write the documents of a version, as they were written, and say so in lines.

    Args:
        settings: with the database.
        directory: where to; it is made. Documents there that the version lacks are removed.
        archive: a zip archive that is made.
        number: of the version; None: of the one in force.
        overwrite: whether what is there may be changed.

    Raises:
        ExportError: something else is there, or it cannot be written.
        NoSuchVersionError: there is no such version.
        StoreError: the database cannot be used.
    """
    with _looking(settings) as publishing:
        version = publishing.in_force() if number is None else publishing.publication(number)
        documents = publishing.documents(version.id)
    named = f"version {version.id} ({version.version}): {len(documents)} documents"
    try:
        if archive is not None:
            _refuse_unless(overwrite or not archive.exists(), f"{archive} is there already")
            archive.write_bytes(as_zip(documents))
            yield f"{named} in {archive}"
        if directory is not None:
            _write(directory, documents, overwrite=overwrite)
            yield f"{named} in {directory}"
            yield from _otherwise_here(directory, version)
    except OSError as error:
        raise ExportError(f"{error.filename}: cannot be written ({error.strerror})") from None


def _write(directory: Path, documents: Mapping[str, str], *, overwrite: bool) -> None:
    there = read_from(directory) if directory.is_dir() else {}
    # What stands there and is no text, such as a document in Latin-1, is somebody's all the same.
    otherwise = between(there, documents)
    lost = [path for path in otherwise if path in there or (directory / path).exists()]
    named = ", ".join(lost[:_LISTED]) + (", ..." if len(lost) > _LISTED else "")
    _refuse_unless(overwrite or not lost, f"{directory} has other documents there: {named}")
    directory.mkdir(parents=True, exist_ok=True)
    # One that differs in its line ends alone stays as it is.
    for path in otherwise.keys() & documents.keys():
        file = directory / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(documents[path].encode())
    for path in there.keys() - documents.keys():
        (directory / path).unlink()


def _refuse_unless(allowed: bool, what: str) -> None:
    if not allowed:
        raise ExportError(f"{what}; --overwrite has it changed")


def _otherwise_here(directory: Path, version: Publication) -> Iterator[str]:
    """A line where the same documents come to something else by this release and its libraries."""
    from config.loader import load

    try:
        here = load(directory).policy.version
    except ConfigError as error:
        yield f"This release of Dueline finds faults in them: {error}"
        return
    if here != version.version:
        yield (
            f"With this release and its libraries they come to version {here}: "
            f"`dueline plan {directory}` shows what that would change"
        )


def _line(each: Publication) -> str:
    moved = "open issues recalculated" if each.recalculated else "open issues kept as promised"
    return (
        f"version {each.id} ({each.version}) {utc(each.published_at.replace(microsecond=0))} "
        f"by {each.author}, {each.source}; {moved}"
    )


@contextmanager
def _looking(settings: Settings) -> Iterator[Publishing]:
    """The versions on record, of a database in which nothing is changed."""
    with looked_into(settings) as database:
        try:
            yield Publishing(database, DEFAULT_SITE, _no_clock, settings.edits)
        except NotThere as error:
            message = str(error)
            raise NoSuchVersionError(
                f"{message[:1].lower()}{message[1:]} `dueline history` lists those that there are"
            ) from None


def _no_clock() -> datetime:
    raise AssertionError("who only looks needs no clock")
