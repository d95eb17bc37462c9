"""Versions side by side, and a draft with all that decides whether it can be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from config.calendar_changes import CalendarChange
from config.changes import changes
from config.configuration import Configuration
from config.document_sets import Merged, between, compared
from config.errors import Problem
from config.merging import MergedText
from sla.preview import Move
from sla.store import drafts
from sla.store.drafts import Draft
from sla.store.publications import Publication
from webhooks.console.standing import Standing
from webhooks.drafting import NotThere, Publishing, Refused, read_only
from webhooks.previews import Preview, moves
from webhooks.versions import calendars_between

How = Literal["added", "removed", "changed"]
Finding = Literal["newly_breached", "newly_safe", "newly_promised", "no_longer_promised"]
FINDINGS: Mapping[Finding, str] = {
    "newly_breached": "newly breached",
    "newly_safe": "breached no more",
    "newly_promised": "newly promised",
    "no_longer_promised": "promised no more",
}
PAGE = 50
"""How many moves a page shows."""
_LONGEST_DIFFERENCE = 3_000
_AGE = attrgetter("published_at")


class DocumentChange(msgspec.Struct, frozen=True):
    """A document that differs, line by line."""

    path: str
    how: How
    lines: Sequence[str]
    """A unified diff without its head; the first character of each tells what became of it."""
    cut: bool = False
    """Whether it goes on beyond what is told here."""


class Comparison(msgspec.Struct, frozen=True):
    """What one version has otherwise than another."""

    before: Publication
    after: Publication
    changes: Sequence[str]
    """A line for each contract, calendar, project and the site."""
    documents: Sequence[DocumentChange]
    calendars: Sequence[CalendarChange] = ()
    """What calendars have otherwise, as days, from when the one came into force until two years
    from now."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong in a document, and where."""

    path: str
    line: int
    """From 1; 0: nowhere in particular."""
    column: int
    message: str
    """The place within the document, what is wrong, and what would be right."""
    text: str = ""
    """The line itself."""


class DraftSeen(msgspec.Struct, frozen=True):
    """A draft with all that follows from it."""

    draft: Draft
    base: Publication
    since: Sequence[Publication]
    """What came into force since it was begun, oldest first: then it has to be brought up to
    date."""
    both: Sequence[str]
    """The documents where both sides have changed the same since."""
    faults: Sequence[Fault]
    version: str | None
    """The version that it would be; None: it holds faults."""
    changes: Sequence[str]
    """What that version has otherwise than the base."""
    documents: Sequence[DocumentChange]
    preview: Preview | None
    """Of this revision on this base."""
    outdated: bool
    """Whether there is one, but of an earlier revision or base."""
    worked_at: bool
    """Whether the preview is being worked out."""
    obstacle: str
    """Why it cannot be published as it stands; empty: it can."""
    parts: Mapping[str, MergedText] = {}
    """By document that both sides changed what of it comes from which side when they are merged;
    without those that cannot be merged."""
    contracts: Sequence[str] = ()
    """The ids of those whose documents it changes and that it leaves there."""
    calendars: Sequence[str] = ()
    """The same of calendars."""


class Moves(msgspec.Struct, frozen=True):
    """A page of what a draft would move, in order of urgency."""

    total: int
    moves: Sequence[Move]


def comparison(publishing: Publishing, before: int, after: int) -> Comparison:
    """What a version has otherwise than another one.

    Raises:
        NotThere: one of them is not on record.
    """
    old, new = publishing.publication(before), publishing.publication(after)
    configurations = publishing.configuration(old), publishing.configuration(new)
    documents = _compared(publishing.documents(old.id), publishing.documents(new.id))
    calendars = calendars_between(*configurations, min(old, new, key=_AGE), publishing.now())
    return Comparison(
        old, new, [str(each) for each in changes(*configurations)], documents, calendars
    )  # fmt: skip


def publication_before(publishing: Publishing, id_: int) -> Publication | None:
    """The one that was in force before another; None: it was the first."""
    found = publishing.publications(1, id_)
    return found[0] if found else None


def seen(standing: Standing, id_: int) -> DraftSeen:
    """A draft, as it stands now.

    Raises:
        NotThere: there is none.
    """
    publishing = standing.publishing
    draft = publishing.draft(id_)
    base = publishing.publication(draft.base)
    since = publishing.since_base(draft) if draft.state == "open" else ()
    checked = publishing.checked(draft)
    before = publishing.documents(draft.base)
    after = checked.configuration
    meets = since and draft.restores is None
    merged = publishing.merged(draft) if meets else Merged({}, ())
    preview = publishing.preview(draft)
    current = preview if preview and preview.of_same(draft) else None
    return DraftSeen(
        draft=draft,
        base=base,
        since=since,
        both=merged.both,
        parts=merged.parts,
        faults=[_fault(each, checked.documents) for each in _problems(checked.error)],
        version=after.policy.version if after else None,
        changes=(
            [str(each) for each in changes(publishing.configuration(base), after)] if after else ()
        ),
        documents=_compared(before, checked.documents),
        preview=current,
        outdated=preview is not None and current is None,
        worked_at=current is not None and current.is_worked_at(standing.real_now()),
        obstacle=_obstacle(
            publishing, draft, base, since, current, after.policy.version if after else None
        ),
        contracts=_changed(draft, "contracts") if after else (),
        calendars=_calendars(draft, after) if after else (),
    )


def _changed(draft: Draft, kind: str) -> list[str]:
    """The ids of the contracts or calendars that a draft has otherwise, and has still."""
    paths = [PurePosixPath(path) for path, text in draft.documents.items() if text is not None]
    return [path.stem for path in paths if path.parts[0] == kind and path.suffix == ".yaml"]


def _calendars(draft: Draft, after: Configuration) -> list[str]:
    """Those of them that are calendars; one for each contract where contracts set the holidays."""
    changed = set(_changed(draft, "calendars"))
    used = [key for key in after.calendars if key.rpartition("/")[2] in changed]
    return used + sorted(changed - {key.rpartition("/")[2] for key in used})


def moved(standing: Standing, draft: Draft, finding: Finding | None = None, page: int = 1) -> Moves:
    """A page of what the preview of a draft found to move.

    Args:
        standing: the console's.
        draft: the draft.
        finding: only moves of this kind; None: all.
        page: from 1.
    """
    wanted = every_move(standing, draft, finding)
    return Moves(len(wanted), wanted[(page - 1) * PAGE : page * PAGE])


def every_move(standing: Standing, draft: Draft, finding: Finding | None = None) -> Sequence[Move]:
    """The same without pages."""
    packed = standing.database.read(lambda c: drafts.moves(c, standing.site, draft.id))
    found = moves(packed) if packed else []
    return [each for each in found if getattr(each, finding)] if finding else found


def begin_preview(standing: Standing, id_: int, revision: int) -> Preview:
    """Have the preview of a draft worked out, beside all else.

    Args:
        standing: the console's.
        id_: the draft's number.
        revision: the one that was seen.

    Raises:
        Refused: it is not open, is not based on what is in force, or was saved since.
        ConfigError: its documents hold faults.
    """
    publishing = standing.publishing
    draft = publishing.to_be_previewed(id_, revision)
    checked = publishing.checked(draft)
    if checked.configuration is None:
        raise checked.error or Refused("Its documents hold faults.")
    return standing.previews.begin(draft, checked.configuration.text)


def _obstacle(
    publishing: Publishing, draft: Draft, base: Publication, since: Sequence[Publication],
    preview: Preview | None, version: str | None,
) -> str:  # fmt: skip
    if draft.state != "open":
        return f"It was {draft.state}."
    if since:
        return "Another version came into force since it was begun: bring it up to date first."
    if version is None:
        return "Its documents hold faults: mend them first."
    if version == base.version:
        return "It changes nothing that decides: what it comes to is in force already."
    if preview is None or preview.state != "done":
        return "Look at its preview first: it says which open issues would change."
    return read_only(publishing.edits)


def _problems(error: Exception | None) -> Sequence[Problem]:
    found: Sequence[Problem] = getattr(error, "problems", ())
    return found


def _fault(problem: Problem, documents: Mapping[str, str]) -> Fault:
    lines = documents.get(problem.file, "").splitlines()
    text = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    message = ": ".join(part for part in (problem.path, problem.message) if part)
    return Fault(problem.file, problem.line, problem.column, message, text[:500])


def _compared(before: Mapping[str, str], after: Mapping[str, str]) -> Sequence[DocumentChange]:
    kinds = {path: _how(path, before, after) for path in between(before, after)}
    return [
        DocumentChange(
            path, kinds[path], lines[:_LONGEST_DIFFERENCE], len(lines) > _LONGEST_DIFFERENCE
        )
        for path, lines in compared(before, after)
    ]


def _how(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> How:
    if path not in before:
        return "added"
    return "changed" if path in after else "removed"


__all__ = [
    "FINDINGS", "PAGE", "Comparison", "DocumentChange", "DraftSeen", "Fault", "Finding", "Moves",
    "NotThere", "begin_preview", "comparison", "every_move", "moved", "publication_before", "seen",
]  # fmt: skip
