"""What is said of a calendar: by the contracts that use it, and by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.calendar_schema import CalendarDocument
from config.contract_checks import goals_of
from config.contract_schema import ContractDocument
from config.given import Given
from config.lints.checked import Checked, Finding, Used
from config.model import ParameterReference
from config.positions import Document, Place


@dataclass(frozen=True, slots=True)
class Said:
    """A text about a calendar, and where it stands."""

    text: str
    document: Document
    place: Place
    contract: str | None = None
    clause: str | None = None

    def finding(self, checked: Checked, message: str) -> Finding:
        """A finding at the text."""
        return self.document.problem(self.place, message + self.settled(checked))

    def settled(self, checked: Checked) -> str:
        """Whether the contract has decided what the text means, as the end of a sentence."""
        if self.contract is None:
            return ""
        choices = checked.configuration.policy.contracts[self.contract].choices
        named = [
            f"`{it.id}` ({it.chosen})" for it in choices if it.clause == self.clause and it.chosen
        ]
        if not named:
            return "; or add a choice to the contract that says what is meant"
        return f"; nothing to do where this is what was decided: {', '.join(named)}"


def texts_of(
    used: Used[CalendarDocument], checked: Checked, *, everywhere: bool = False
) -> Iterator[Said]:
    """What the contracts that use a calendar say of it, then what it says itself.

    Args:
        used: the calendar.
        checked: what is looked at.
        everywhere: all that those contracts say, since days may be named in any of their clauses.
    """
    id_ = used.entry.id
    for each in checked.contracts:
        about = {clause for calendar, clause in _hours_named(each, checked) if calendar == id_}
        if not about:
            continue
        about |= {used.model.clause} if used.model.clause else set()
        for index, clause in enumerate(each.model.clauses):
            if everywhere or clause.id in about:
                place: Place = ("clauses", index, "gist")
                yield Said(clause.gist, each.entry.document, place, each.key, clause.id)
    for name in ("title", "note"):
        if text := getattr(used.model, name):
            yield Said(text, used.entry.document, (name,))


def _hours_named(used: Used[ContractDocument], checked: Checked) -> Iterator[tuple[str, str]]:
    """The calendars that a contract uses, each with the clause for which it does."""
    model = used.model
    given = Given(checked.library, checked.projects, used.key)
    for _, goal in goals_of(model):
        named = goal.calendar
        if isinstance(named, ParameterReference):
            named = str(given.value(named.parameter))
        yield named, goal.clause
    for contact in model.contacts:
        if contact.hours:
            yield contact.hours, contact.clause
    if model.availability:
        yield model.availability.calendar, model.availability.clause
        if model.availability.maintenance:
            maintenance = model.availability.maintenance
            yield maintenance.windows, maintenance.clause
