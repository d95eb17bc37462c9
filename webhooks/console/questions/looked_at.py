"""What contracts and calendars are looked at in: the version in force, or a draft."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from config.configuration import Configuration
from config.document_sets import Documents
from sla.store.drafts import Draft
from webhooks.console.standing import Standing
from webhooks.drafting import NotThere, Refused


@dataclass(frozen=True)
class LookedAt:
    """A configuration with the documents that it was made of."""

    standing: Standing
    configuration: Configuration
    draft: Draft | None = None
    """None: it is in force."""

    @cached_property
    def documents(self) -> Documents:
        """By path; none where an older release left none."""
        publishing = self.standing.publishing
        if self.draft:
            return publishing.whole(self.draft)
        with suppress(NotThere):
            return publishing.documents(publishing.in_force().id)
        return {}


def looked_at(standing: Standing, draft: int | None = None) -> LookedAt:
    """What is in force; or with the number of a draft what would be.

    Raises:
        NotThere: there is no such draft.
        Refused: it holds faults, so that nobody can tell.
    """
    if draft is None:
        return LookedAt(standing, standing.configuration)
    publishing = standing.publishing
    found = publishing.draft(draft)
    configuration = publishing.checked(found).configuration
    if configuration is None:
        raise Refused(
            f"Draft {draft} holds faults, so that nobody can tell how this would be. Its page "
            "names them: mend them first."
        )
    return LookedAt(standing, configuration, found)
