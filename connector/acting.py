"""What is done to an issue beside commenting on it: whom it goes to, labels, priority, transition.

Each is tried until Jira has taken it or refused it for good; what is refused is noted, and holds up
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from connector.base import JiraClient, Transition
from connector.errors import JiraRefused
from connector.retry import verdict
from sla.effects import Saying

Step = Callable[[], str | None]
"""One change of an issue; it returns what Jira refused of it, in a sentence."""

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
        steps.append(partial(_assign, client, issue_id, account))
    if actions.labels:
        steps.append(partial(client.add_labels, issue_id, actions.labels))
    if actions.priority:
        priority = {"priority": {"name": actions.priority}}
        steps.append(partial(client.edit_fields, issue_id, priority))
    if actions.transition:
        steps.append(partial(_move, client, issue_id, actions.transition))
    return [partial(_unless_refused, step, issue_id) for step in steps]


def is_refused_for_good(error: JiraRefused) -> bool:
    """Whether Jira would answer the same again, and only this request is at fault."""
    return verdict(error, 1, jitter=0).kind == "give_up"


def _unless_refused(step: Step, issue_id: str) -> str | None:
    try:
        refused = step()
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
    """Move the issue, unless it is there already, as after a request whose answer was lost."""
    status, open_to = client.transitions(issue_id)
    found = _meant(wanted, open_to)
    if status.casefold() in (wanted.casefold(), found and found.to.casefold()):
        return None
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
