"""Versions and drafts for programs: what pages show of them and do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from sla.store.drafts import Draft
from sla.store.publications import Publication
from webhooks.console.access import asking
from webhooks.console.api.described import Part
from webhooks.console.questions import publishing as asked
from webhooks.console.questions.publishing import Comparison, DraftSeen, Finding, Moves
from webhooks.console.standing import here
from webhooks.drafting import PublishedMeanwhile
from webhooks.previews import Preview

blueprint = Part("versions", __name__)
Number = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
_MISSING = {404: "There is no such version or draft."}
_AS_THINGS_STAND = {
    **_MISSING,
    409: "It cannot be done as things stand: somebody else saved or published meanwhile, or a "
    "preview, a reason or a choice is missing; the message says which.",
}


class Page(msgspec.Struct, frozen=True):
    """Which versions are wanted."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: Number | None = None
    """Only those older than this one."""


class Versions(msgspec.Struct, frozen=True):
    """Some versions, newest first."""

    versions: Sequence[Publication]
    in_force: int
    """The number of the one in force."""


class Version(msgspec.Struct, frozen=True):
    """A version with its documents as they were written."""

    version: Publication
    documents: Mapping[str, str]


class Against(msgspec.Struct, frozen=True):
    """With which version another is compared."""

    since: Number


class NewDraft(msgspec.Struct, frozen=True):
    """What a draft begins with."""

    title: str = ""
    documents: dict[str, str | None] = {}
    """By path the whole text; null: the document is to go."""
    restores: Number | None = None
    """The version to be restored, in place of documents."""


class DraftSaving(msgspec.Struct, frozen=True):
    """What is to be saved in a draft; documents that are not named stay as they are."""

    revision: Number
    """The one that was seen."""
    documents: dict[str, str | None] = {}
    title: str | None = None


class SeenRevision(msgspec.Struct, frozen=True):
    """Which revision of a draft was seen."""

    revision: Number


class Rebasing(msgspec.Struct, frozen=True):
    """How a draft is brought up to date with what came into force since."""

    revision: Number
    take: dict[str, Literal["mine", "theirs"]] = {}
    """For each document where both sides changed the same, which one counts; what only one side
    changed is kept of both."""


class PublishingAsked(msgspec.Struct, frozen=True):
    """What publishing a draft asks for."""

    revision: Number
    """The one whose preview was seen."""
    reason: str
    recalculate: bool
    """Whether the issues that are open are moved to the new version."""


class MovesAsked(msgspec.Struct, frozen=True):
    """Which moves are wanted."""

    finding: Finding | None = None
    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1


class Previewed(msgspec.Struct, frozen=True):
    """The last preview of a draft, with a page of what would move."""

    preview: Preview | None
    """Null: none was asked for."""
    counts_for_publishing: bool
    """Whether it is done, and of the draft's present revision on what it is based on."""
    moved: Moves
    """Empty while it is worked out."""


class Drafts(msgspec.Struct, frozen=True):
    """The drafts that are open, those that were changed last first."""

    drafts: Sequence[Draft]


@blueprint.answers(
    "GET", "/versions", summary="What was in force, newest first", query=Page, answer=Versions
)
def versions(query: Page) -> Versions:
    """Every version that came into force, with its author and reason."""
    publishing = here().publishing
    listed = publishing.publications(query.limit, query.before)
    return Versions(listed, publishing.in_force().id)


@blueprint.answers(
    "GET", "/versions/<int:number>", summary="A version with its documents", answer=Version,
    refusals=_MISSING,
)  # fmt: skip
def version(number: int) -> Version:
    """The documents are those from which it was made, the shipped ones among them included."""
    publishing = here().publishing
    return Version(publishing.publication(number), publishing.documents(number))


@blueprint.answers(
    "GET", "/versions/<int:number>/changes", summary="What a version has otherwise than another",
    query=Against, answer=Comparison, refusals=_MISSING,
)  # fmt: skip
def changes(number: int, query: Against) -> Comparison:
    """By contract, calendar and project, and line by line."""
    return asked.comparison(here().publishing, query.since, number)


@blueprint.answers("GET", "/drafts", summary="The drafts that are open", answer=Drafts)
def drafts() -> Drafts:
    """Drafts that were published or discarded are not among them."""
    return Drafts(here().publishing.drafts())


@blueprint.answers(
    "POST", "/drafts", summary="Begin a draft", role="administrator", body=NewDraft, answer=Draft,
    refusals=_AS_THINGS_STAND,
)  # fmt: skip
def begin(body: NewDraft) -> Draft:
    """It is based on what is in force; nothing is judged by it until it is published."""
    publishing, person = here().publishing, asking.person()
    if body.restores is not None:
        return publishing.restore(person, body.restores)
    return publishing.begin(person, body.title, body.documents)


@blueprint.answers(
    "GET", "/drafts/<int:number>", summary="A draft, its faults and what it would change",
    answer=DraftSeen, refusals=_MISSING,
)  # fmt: skip
def draft(number: int) -> DraftSeen:
    """With all that decides whether it can be published."""
    return asked.seen(here(), number)


@blueprint.answers(
    "PUT", "/drafts/<int:number>", summary="Save documents of a draft", role="administrator",
    body=DraftSaving, answer=Draft, refusals=_AS_THINGS_STAND,
)  # fmt: skip
def save(number: int, body: DraftSaving) -> Draft:
    """Refused where somebody else saved it since the named revision."""
    return here().publishing.save(
        asking.person(), number, body.revision, body.documents, body.title
    )  # fmt: skip


@blueprint.answers(
    "POST", "/drafts/<int:number>/preview", summary="Have the preview of a draft worked out",
    role="administrator", body=SeenRevision, answer=Preview, refusals=_AS_THINGS_STAND,
)  # fmt: skip
def begin_preview(number: int, body: SeenRevision) -> Preview:
    """Answers at once; ask for the preview until its state is not `working` any more."""
    return asked.begin_preview(here(), number, body.revision)


@blueprint.answers(
    "GET", "/drafts/<int:number>/preview", summary="What a draft would move",
    query=MovesAsked, answer=Previewed, refusals=_MISSING,
)  # fmt: skip
def preview(number: int, query: MovesAsked) -> Previewed:
    """Which open issues would change, from when to when, the most urgent first."""
    standing = here()
    found = standing.publishing.draft(number)
    last = standing.publishing.preview(found)
    moved = asked.moved(standing, found, query.finding, query.page)
    counts = last is not None and last.is_of(found)
    return Previewed(last, counts, moved)


@blueprint.answers(
    "POST", "/drafts/<int:number>/rebase", summary="Bring a draft up to date", role="administrator",
    body=Rebasing, answer=Draft, refusals=_AS_THINGS_STAND,
)  # fmt: skip
def rebase(number: int, body: Rebasing) -> Draft:
    """What only one side changed is kept of both; what both changed is to be chosen."""
    try:
        return here().publishing.rebase(asking.person(), number, body.revision, body.take)
    except PublishedMeanwhile as error:
        parts = error.merged.parts
        both = ", ".join(
            f"{path} ({', '.join(parts[path].both)})" if path in parts else path
            for path in error.merged.both
        )
        error.args = (f"Both sides changed {both}: name `mine` or `theirs` for each in `take`.",)
        raise


@blueprint.answers(
    "POST", "/drafts/<int:number>/publish", summary="Put a draft in force", role="administrator",
    body=PublishingAsked, answer=Publication, refusals=_AS_THINGS_STAND,
)  # fmt: skip
def publish(number: int, body: PublishingAsked) -> Publication:
    """Asks for a preview of exactly this revision on what is in force."""
    return here().publishing.publish(
        asking.person(), number, body.revision, body.reason, recalculate=body.recalculate
    )


@blueprint.answers(
    "POST", "/drafts/<int:number>/discard", summary="Give a draft up", role="administrator",
    body=SeenRevision, answer=Draft, refusals=_AS_THINGS_STAND,
)  # fmt: skip
def discard(number: int, body: SeenRevision) -> Draft:
    """It can be looked at still."""
    return here().publishing.discard(asking.person(), number, body.revision)
