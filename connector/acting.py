"""What is done to an issue beside commenting on it: whom it goes to, labels, priority, transition.

Each is tried until Jira has taken it or refused it for good; what is refused is noted, and holds up
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec.structs import replace

from connector import facts
from connector.errors import JiraRefused
from connector.facts import Json
from connector.retry import verdict
from connector.values import in_path
from sla.effects import Saying

if TYPE_CHECKING:
    from connector.base import JiraClient, Transition

# Jira's clock may be so much behind ours.
_CLOCKS_DIFFER = timedelta(minutes=1)


class Step(msgspec.Struct, frozen=True):
    """One change of an issue."""

    do: Callable[[], str | None]
    """Makes it, and returns what Jira refused of it, in a sentence."""
    field: str
    """What it changes, as a changelog names it."""
    values: Collection[str] = ()
    """What the field holds after it, as people read it; empty: whatever this account made of it."""


_log = structlog.get_logger(__name__)


def steps_of(
    client: JiraClient, issue_id: str, saying: Saying, addressed: Sequence[str]
) -> list[Step]:
    """What a saying does to its issue, in an order that never changes.

    Args:
        client: the site.
        issue_id: Jira's id of the issue.
        saying: what was said.
        addressed: the accounts that it addresses.
    """
    actions = saying.actions
    steps: list[Step] = []
    if saying.assign or actions.assignee:
        account = actions.assignee or next(iter(addressed), None)
        steps.append(Step(partial(_assign, client, issue_id, account), "assignee"))
    if actions.labels:
        add = partial(client.add_labels, issue_id, actions.labels)
        steps.append(Step(add, "labels", actions.labels))
    if actions.priority:
        priority = {"priority": {"name": actions.priority}}
        edit = partial(client.edit_fields, issue_id, priority)
        steps.append(Step(edit, "priority", [actions.priority]))
    if actions.transition:
        steps.append(Step(partial(_move, client, issue_id, actions.transition), "status"))
    return [replace(step, do=partial(_unless_refused, step.do, issue_id)) for step in steps]


def is_done(client: JiraClient, issue_id: str, step: Step, since: datetime) -> bool:
    """Whether this account made a change since an instant, whatever became of it afterwards.

    Args:
        client: the site.
        issue_id: Jira's id of the issue.
        step: the change.
        since: when it was decided, aware UTC.
    """
    # An issue shows the latest of its changes by itself, on Cloud a hundred.
    asked = {"expand": "changelog", "fields": "status"}
    found = client.ask(f"reading the changes of {issue_id}", f"issue/{in_path(issue_id)}", asked)
    me = client.myself()
    for entry in facts.items(facts.member(facts.member(found, "changelog"), "histories")):
        at = facts.instant(facts.member(entry, "created"))
        if at is None or at < since - _CLOCKS_DIFFER:
            continue
        if facts.person(facts.member(entry, "author")) != me:
            continue
        if any(_made(step, item) for item in facts.items(facts.member(entry, "items"))):
            return True
    return False


def _made(step: Step, item: Json) -> bool:
    """Whether an item of a changelog is what a step does."""
    after = str(facts.member(item, "toString") or "")
    held = {after.casefold(), *after.casefold().split()}
    own = facts.member(item, "field") == step.field
    return own and all(value.casefold() in held for value in step.values)


def is_refused_for_good(error: JiraRefused) -> bool:
    """Whether Jira would answer the same again, and only this request is at fault."""
    return verdict(error, 1, jitter=0).kind == "give_up"


def _unless_refused(do: Callable[[], str | None], issue_id: str) -> str | None:
    try:
        refused = do()
    except JiraRefused as error:
        if not is_refused_for_good(error):
            raise
        refused = str(error)
    if refused:
        _log.warning("action not carried out", issue_id=issue_id, reason=refused)
    return refused


def _assign(client: JiraClient, issue_id: str, account: str | None) -> str | None:
    if account is None:
        return "There is nobody to give the issue to."
    client.assign(issue_id, account)
    return None


def _move(client: JiraClient, issue_id: str, wanted: str) -> str | None:
    """Move the issue, unless it is there already."""
    status, open_to = client.transitions(issue_id)
    found = _meant(wanted, open_to)
    if status.casefold() in (wanted.casefold(), found and found.to.casefold()):
        return f"It was in the status {status} already, and was not moved."
    if found is None:
        return f"No transition “{wanted}” is open to Dueline from the status {status}."
    client.transition(issue_id, found.id)
    return None


def _meant(wanted: str, open_to: Sequence[Transition]) -> Transition | None:
    """By its id; else by its name; else by where it leads to."""
    for known in ("id", "name", "to"):
        for each in open_to:
            if str(getattr(each, known)).casefold() == wanted.casefold():
                return each
    return None
