"""A document of the configuration as text: where it comes from, its faults and its warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config import looking
from config.document_sets import Documents, check, line_by_line
from config.errors import ConfigError, Problem
from config.settings import SHIPPED
from sla.store.drafts import Draft
from sla.store.publications import Publication
from webhooks.console.questions.publishing import Fault
from webhooks.console.standing import Standing
from webhooks.drafting import NotThere

State = Literal["as in force", "changed", "new", "removed"]


@dataclass(frozen=True)
class Listed:
    """The documents of a draft, or of the version in force."""

    draft: Draft | None
    in_force: Publication
    documents: Mapping[str, State]
    """By path; what the draft changes comes first."""
    drafts: Sequence[Draft]
    """All that are open."""


@dataclass(frozen=True)
class Opened:
    """One document to be read or edited."""

    path: str
    text: str
    """As it was typed, or as it stands."""
    draft: Draft | None
    """None: the version in force."""
    base: Publication
    """The publication that the text was taken from."""
    is_new: bool
    is_shipped: bool
    """Whether it comes with Dueline and the version in force has none of its own."""
    before: str | None
    """The text of the publication on which the draft is based; None: it has none."""
    faults: Sequence[Fault]
    """In this document, by their lines."""
    elsewhere: Sequence[Fault]
    """In the other ones."""
    warnings: Sequence[Fault]
    """What can be loaded and is still probably a mistake; none are looked for beside faults."""
    drafts: Sequence[Draft]
    """The open drafts that have this document otherwise than the version in force."""

    @property
    def at_lines(self) -> Mapping[int, Sequence[Fault]]:
        """Faults and warnings by their lines."""
        found: dict[int, list[Fault]] = {}
        for each in (*self.faults, *self.warnings):
            found.setdefault(each.line, []).append(each)
        return found

    @property
    def difference(self) -> Sequence[str]:
        """What the text has otherwise than the publication, line by line."""
        return line_by_line(self.before or "", self.text)


def listed(standing: Standing, draft_id: int | None) -> Listed:
    """The documents of a draft, or without one those of the version in force.

    Raises:
        NotThere: there is no such draft, or no version on record.
    """
    publishing = standing.publishing
    in_force = publishing.in_force()
    draft = publishing.draft(draft_id) if draft_id is not None else None
    before = publishing.documents(draft.base if draft else in_force.id)
    states: dict[str, State] = dict.fromkeys(before, "as in force")
    for path, text in draft.documents.items() if draft else ():
        states[path] = "removed" if text is None else "changed" if path in before else "new"
    return Listed(
        draft, in_force, dict(sorted(states.items(), key=_in_order)), publishing.drafts()
    )  # fmt: skip


def _in_order(listed: tuple[str, State]) -> tuple[bool, bool, str]:
    """What a draft changes first, then the mapping and the site before the many others."""
    path, state = listed
    return state == "as in force", "/" in path, path


def opened(standing: Standing, path: str, draft_id: int | None, typed: str | None = None) -> Opened:
    """A document, with all that is wrong with it.

    Args:
        standing: the console's.
        path: such as `contracts/gold.yaml`.
        draft_id: the draft in which it is looked at; None: the version in force.
        typed: a text that is not saved; None: as it stands.

    Raises:
        NotThere: there is no such draft, or no version on record.
        ConfigurationError: no document can have that path, or the text is too long.
    """
    check({path: typed})
    publishing = standing.publishing
    draft = publishing.draft(draft_id) if draft_id is not None else None
    base = publishing.publication(draft.base) if draft else publishing.in_force()
    before = publishing.documents(base.id)
    documents = publishing.whole(draft) if draft else before
    shipped = _shipped(path) if path not in documents else None
    text = typed if typed is not None else documents.get(path, shipped or "")
    as_typed = {**documents, path: text} if text or path in documents else documents
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    try:
        warnings = looking.warnings(as_typed, standing.now().date())
    except ConfigError as error:
        problems = error.problems
    faults = [_fault(each, as_typed) for each in problems]
    return Opened(
        path=path,
        text=text,
        draft=draft,
        base=base,
        is_new=path not in documents and shipped is None,
        is_shipped=shipped is not None,
        before=before.get(path),
        faults=[each for each in faults if each.path == path],
        elsewhere=[each for each in faults if each.path != path],
        warnings=[_fault(each, as_typed) for each in warnings if each.file == path],
        drafts=[each for each in publishing.drafts() if path in each.documents],
    )


def changed_since(standing: Standing, path: str, base: int) -> str | None:
    """The text in force, if it is not what it was in a publication; None: it is.

    Raises:
        NotThere: there is no such publication.
    """
    publishing = standing.publishing
    newest = publishing.in_force()
    if newest.id == base:
        return None
    now, then = publishing.documents(newest.id).get(path), publishing.documents(base).get(path)
    return None if now == then else now or ""


def _fault(problem: Problem, documents: Documents) -> Fault:
    lines = documents.get(problem.file, "").splitlines()
    text = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    message = ": ".join(part for part in (problem.path, problem.message) if part)
    return Fault(problem.file, problem.line, problem.column, message, text[:500])


def _shipped(path: str) -> str | None:
    """The text of a contract or calendar that comes with Dueline."""
    file = SHIPPED / path
    is_one = path.startswith(("contracts/", "calendars/")) and file.is_file()
    return file.read_text(encoding="utf-8") if is_one else None


__all__ = ["Listed", "NotThere", "Opened", "changed_since", "listed", "opened"]
