"""What can be done to an issue, with the history and the events that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.simulator import comments, links
from connector.simulator.errors import (
    FieldError,
    JiraError,
    cannot_be_set,
    cannot_be_updated,
    field_errors,
    no_issue,
    not_open,
)
from connector.simulator.history import differences, remember
from connector.simulator.model import (
    Account,
    Change,
    Event,
    Field,
    History,
    Issue,
    Project,
    Resolution,
    Status,
)
from connector.simulator.values import Reading, read_value
from connector.simulator.world import World

Fields = Mapping[str, Any]
Operations = Mapping[str, Sequence[Mapping[str, Any]]]

_NOT_FIELDS = {"project", "comment"}
# Operations on these are carried out after the fields have changed.
_AFTERWARDS = {"comment", "issuelinks"}


def create(
    world: World,
    fields: Fields,
    *,
    account: Account,
    documents: bool,
    update: Operations | None = None,
) -> Issue:
    """Create an issue from fields in REST form.

    Raises `JiraError` with a 400 that names every faulty field.
    """
    errors: dict[str, str] = {}
    project = _project(world, fields.get("project"))
    if project is None:
        raise field_errors({"project": "valid project is required"})
    if not world.allows(account, "CREATE_ISSUES"):
        raise JiraError(400, errors={"project": "You cannot create issues in this project."})
    given = {"summary": None, "issuetype": None, **fields}
    values = _read_all(world, project, given, documents, errors)
    _apply_all(world, project, update, values, documents, errors)
    wishes = _wishes(world, update, account, errors)
    if errors:
        raise field_errors(errors)
    issue = _new_issue(world, project, values, account)
    changes = _changes_of_creation(world, issue) if world.cloud else []
    history = remember(world, issue, account, issue.created, changes)
    world.emit(
        Event("jira:issue_created", "issue_created", issue, account.email, issue.created, history)
    )
    _link_along(world, issue, wishes, account)
    _comment_along(world, issue, update, account, documents)
    return issue


def edit(
    world: World,
    issue: Issue,
    fields: Fields | None = None,
    update: Operations | None = None,
    *,
    account: Account,
    documents: bool,
) -> History | None:
    """Change fields of an issue; return what was written into the history, if anything changed.

    Raises `JiraError` with a 400 that names every faulty field; then nothing was changed.
    """
    _may_edit(world, account, {**(fields or {}), **(update or {})})
    after, errors = dict(issue.values), dict[str, str]()
    read = _read_all(world, issue.project, fields or {}, documents, errors)
    after.update(read)
    _apply_all(world, issue.project, update, after, documents, errors)
    wishes = _wishes(world, update, account, errors, issue)
    if errors:
        raise field_errors(errors)
    history = _save(world, issue, after, account, "issue_updated")
    _link_along(world, issue, wishes, account)
    _comment_along(world, issue, update, account, documents)
    return history


def assign(
    world: World, issue: Issue, reference: Mapping[str, Any] | None, *, account: Account
) -> History | None:
    """Assign an issue by Jira's own assign call, which asks no screen."""
    if not world.allows(account, "ASSIGN_ISSUES"):
        refused = {"assignee": "You do not have permission to assign issues."}
        raise JiraError(403 if world.cloud else 401, errors=refused)
    field = world.site.fields["assignee"]
    try:
        assignee = read_value(Reading(world, field, documents=False), reference)
    except FieldError as error:
        raise field_errors({"assignee": str(error)}) from error
    after = {**issue.values, "assignee": assignee}
    return _save(world, issue, after, account, "issue_assigned")


def transitions(world: World, issue: Issue, account: Account) -> list[Status]:
    """Return the statuses that the account can move the issue into."""
    if not world.allows(account, "TRANSITION_ISSUES"):
        return []
    return [status for status in world.site.statuses if status is not issue.status]


def transition(
    world: World,
    issue: Issue,
    transition_id: str,
    fields: Fields | None = None,
    update: Operations | None = None,
    *,
    account: Account,
    documents: bool,
) -> History:
    """Move an issue to another status; a done status sets a resolution, any other clears it."""
    open_to = {status.transition_id: status for status in transitions(world, issue, account)}
    status = open_to.get(str(transition_id))
    if status is None:
        raise not_open(transition_id, issue.key)
    errors: dict[str, str] = {}
    after = dict(issue.values)
    asked = dict(fields or {})
    resolution = _resolution(world, status, asked.pop("resolution", None), errors)
    after.update(_read_all(world, issue.project, asked, documents, errors))
    if errors:
        raise field_errors(errors)
    after["resolution"] = resolution
    at = world.now(issue.updated)
    changes = differences(world, issue.values, after)
    changes.append(_status_change(issue.status, status))
    issue.values = after
    _enter(issue, status, resolution, at)
    history = remember(world, issue, account, at, changes)
    if history is None:
        raise AssertionError("a transition always changes the status")
    world.emit(
        Event("jira:issue_updated", "issue_generic", issue, account.email, at, history),
    )
    _comment_along(world, issue, update, account, documents)
    return history


def delete(world: World, issue: Issue, *, account: Account) -> None:
    """Delete an issue with all that belongs to it."""
    if not world.allows(account, "DELETE_ISSUES"):
        raise JiraError(403, ["You do not have permission to delete issues in this project."])
    links.remove_all(world, issue, account)
    at = world.now(issue.updated)
    world.emit(Event("jira:issue_deleted", "issue_deleted", issue, account.email, at))
    world.forget(issue)


def visible(world: World, id_or_key: str, account: Account) -> Issue:
    """Return the issue when the account may browse it; raises the 404 otherwise."""
    issue = world.issue(id_or_key)
    if not world.allows(account, "BROWSE_PROJECTS"):
        raise no_issue()
    return issue


def _project(world: World, reference: Any) -> Project | None:
    if not isinstance(reference, Mapping):
        return None
    for project in world.site.projects.values():
        if reference.get("key") == project.key or str(reference.get("id", "")) == project.id:
            return project
    return None


def settable(world: World, project: Project, name: str) -> Field | None:
    """Return the field when a caller can set it on issues of the project.

    Cloud checks no screen; Data Center wants the field on the project's screen.
    """
    field = world.site.fields.get(name)
    if field is None or not field.settable or not field.applies_to(project.id):
        return None
    if not world.cloud and not world.screen(project.screen_id).shows(name):
        return None
    return field


def _may_edit(world: World, account: Account, named: Fields) -> None:
    # Who may not edit is told that the fields are not on the screen (recorded).
    refused = {name: cannot_be_set(name) for name in named if name not in _NOT_FIELDS}
    if refused and not world.allows(account, "EDIT_ISSUES"):
        raise field_errors(refused)


def _read_all(
    world: World,
    project: Project,
    fields: Fields,
    documents: bool,
    errors: dict[str, str],
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, raw in fields.items():
        if name in _NOT_FIELDS:
            continue
        field = settable(world, project, name)
        if field is None:
            refuse = cannot_be_updated if name == "issuelinks" else cannot_be_set
            errors[name] = refuse(name)
            continue
        try:
            values[name] = read_value(Reading(world, field, documents), raw)
        except FieldError as error:
            errors[name] = str(error)
    return values


def _apply_all(
    world: World,
    project: Project,
    update: Operations | None,
    values: dict[str, Any],
    documents: bool,
    errors: dict[str, str],
) -> None:
    for name, operations in (update or {}).items():
        if name not in _AFTERWARDS:
            _apply(world, project, name, operations, values, documents, errors)


def _apply(
    world: World,
    project: Project,
    name: str,
    operations: Iterable[Mapping[str, Any]],
    values: dict[str, Any],
    documents: bool,
    errors: dict[str, str],
) -> None:
    field = settable(world, project, name)
    if field is None:
        errors[name] = cannot_be_set(name)
        return
    try:
        for operation in operations:
            for verb, operand in operation.items():
                values[name] = _operate(
                    Reading(world, field, documents), verb, operand, values.get(name)
                )
    except FieldError as error:
        errors[name] = str(error)


def _operate(reading: Reading, verb: str, operand: Any, before: Any) -> Any:
    if verb == "set":
        return read_value(reading, operand)
    act = _LIST_VERBS.get(verb)
    if act is None or reading.field.kind not in {"labels", "options"}:
        raise FieldError(f"Field '{reading.field.id}' does not support operation '{verb}'")
    return act(before or (), read_value(reading, [operand]) or ())


_LIST_VERBS: Mapping[str, Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]] = {
    "add": lambda before, more: tuple(dict.fromkeys(before + more)),
    "remove": lambda before, less: tuple(item for item in before if item not in less),
}


def _new_issue(world: World, project: Project, values: dict[str, Any], account: Account) -> Issue:
    medium = next(p for p in world.site.priorities if p.name == "Medium")
    at = world.now()
    values = {"priority": medium, "reporter": account.email, "labels": (), **values}
    issue = Issue(
        id=str(world.next_number("issue")),
        key=world.next_key(project.key),
        project=project,
        creator=account.email,
        created=at,
        updated=at,
        status=world.site.statuses[0],
        category_changed=at,
        values=values,
    )
    world.keep(issue)
    return issue


def _changes_of_creation(world: World, issue: Issue) -> list[Change]:
    told = ("assignee", "description", "priority", "reporter", "summary")
    values = {name: issue.values.get(name) for name in told}
    changes = differences(world, {}, values)
    status = issue.status
    # The captures spell the field "Status" here, and "status" in every later entry.
    changes.insert(-1, Change("Status", "status", False, None, None, status.id, status.name))
    return changes


def _save(
    world: World, issue: Issue, after: dict[str, Any], account: Account, type_name: str
) -> History | None:
    changes = differences(world, issue.values, after)
    if not changes:
        return None
    at = world.now(issue.updated)
    issue.values = after
    history = remember(world, issue, account, at, changes)
    if [change.field for change in changes] == ["assignee"]:
        type_name = "issue_assigned"
    world.emit(Event("jira:issue_updated", type_name, issue, account.email, at, history))
    return history


def _resolution(
    world: World, status: Status, asked: Any, errors: dict[str, str]
) -> Resolution | None:
    if status.category.key != "done":
        return None
    if asked is None:
        return world.site.resolutions[0]
    try:
        chosen: Resolution = read_value(
            Reading(world, world.site.fields["resolution"], documents=False), asked
        )
    except FieldError as error:
        errors["resolution"] = str(error)
        return None
    return chosen


def _status_change(old: Status, new: Status) -> Change:
    return Change("status", "status", False, old.id, old.name, new.id, new.name)


def _enter(issue: Issue, status: Status, resolution: Resolution | None, at: datetime) -> None:
    if status.category != issue.status.category:
        issue.category_changed = at
    issue.status = status
    if resolution is None:
        issue.resolved = None
    elif issue.resolved is None:
        issue.resolved = at


def _wishes(
    world: World,
    update: Operations | None,
    account: Account,
    errors: dict[str, str],
    issue: Issue | None = None,
) -> list[links.Wish]:
    wishes = []
    try:
        for operation in (update or {}).get("issuelinks", ()):
            for verb, operand in operation.items():
                wishes.append(links.read_wish(world, issue, verb, operand, account))
    except FieldError as error:
        errors["issuelinks"] = str(error)
    return wishes


def _link_along(world: World, issue: Issue, wishes: list[links.Wish], account: Account) -> None:
    for wish in wishes:
        links.grant(world, issue, wish, account)


def _comment_along(
    world: World, issue: Issue, update: Operations | None, account: Account, documents: bool
) -> None:
    for operation in (update or {}).get("comment", ()):
        if isinstance(operation.get("add"), Mapping):
            comments.add(world, issue, operation["add"], account=account, documents=documents)
