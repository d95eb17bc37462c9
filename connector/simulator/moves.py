"""Moving an issue to another project, which Jira's REST offers for many issues at once only."""

from __future__ import annotations

from connector.simulator.errors import JiraError, field_errors
from connector.simulator.history import differences, fieldless, remember
from connector.simulator.model import Account, Change, Event, History, Issue, IssueType, Project
from connector.simulator.world import World


def move(
    world: World,
    issue: Issue,
    project: Project,
    *,
    account: Account,
    issue_type: IssueType | None = None,
) -> History:
    """Move an issue; it keeps its id, its status and its values, and gets the project's next key.

    Raises `JiraError`: 400 when it is in the project already, 403 without permission.
    """
    if not world.allows(account, "MOVE_ISSUES"):
        raise JiraError(403, ["You do not have permission to move issues in this project."])
    if project is issue.project:
        raise field_errors({"project": "The issue is in this project already."})
    old_project, old_key = issue.project, issue.key
    after = {**issue.values, "issuetype": issue_type or issue.values["issuetype"]}
    changes = differences(world, issue.values, after)
    at = world.now(issue.updated)
    issue.values = after
    world.rekey(issue, project)
    changes += [
        _project_change(old_project, project),
        _workflow_change(old_project, project),
        fieldless("Key", None, None, old_text=old_key, new_text=issue.key),
    ]
    history = remember(world, issue, account, at, changes)
    if history is None:
        raise AssertionError("a move always changes the key")
    world.emit(Event("jira:issue_updated", "issue_moved", issue, account.email, at, history))
    return history


def _project_change(old: Project, new: Project) -> Change:
    return Change("project", "project", False, old.id, old.name, new.id, new.name)


def _workflow_change(old: Project, new: Project) -> Change:
    # In every capture of a move: each project has a workflow of its own, if only by name.
    names = [f"Software Simplified Workflow for Project {project.key}" for project in (old, new)]
    return fieldless("Workflow", old.id, new.id, old_text=names[0], new_text=names[1])
