"""What the account may do in each project of the mapping, and whether it is an agent there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector import facts
from connector.errors import JiraRefused
from connector.examination.finding import Finding, failed, passed, unknown, unknown_by
from connector.examination.subject import NO_ANSWER, Subject
from connector.survey import NEEDED, RIGHTS
from connector.values import in_path
from sla.contract import Actions
from sla.mapping import Policy, ProjectRules

_AGENT = "SERVICEDESK_AGENT"
"""By this key Jira Service Management knows its agents, among the permissions of a project."""
_SILENT = ("ADMINISTER_PROJECTS", "ADMINISTER")
_WANTED = (*(key for key in RIGHTS if key in NEEDED), "EDIT_OWN_COMMENTS")
_SHOWN = {**RIGHTS, "LINK_ISSUES": "Link issues", "TRANSITION_ISSUES": "Transition issues"}
_SERVICE_DESK = "service_desk"


def projects(subject: Subject) -> Iterator[Finding]:
    """Whether the account sees every project of the mapping."""
    hidden = [key for key in subject.keys if key not in subject.visible]
    if not hidden:
        yield passed(f"All are there: {', '.join(subject.keys)}.")
        return
    for key in hidden:
        yield _hidden(key, subject.project(key).status)


def _hidden(key: str, status: int) -> Finding:
    if status == NO_ANSWER:
        return unknown(
            "Jira did not answer when it was asked for the project.",
            "Look why Jira is slow, or the way to it, and run `dueline doctor` again.",
            key,
        )
    if status in (401, 403, 404):
        return failed(
            f"There is no project {key}, or the account does not see it.",
            f"Give the account “Browse projects” in {key}; where the project was deleted, archived "
            "or given another key, correct projects.yaml.",
            key,
        )
    return unknown(
        f"Jira answered {status} when it was asked for the project.",
        "Look whether the project can be opened in the browser with this account.",
        key,
    )


def permissions(subject: Subject) -> Iterator[Finding]:
    """Whether it may do there what Dueline does there."""
    for key in subject.visible:
        wanted = [*_WANTED, *_asked_for(subject.policy, subject.policy.projects[key])]
        wanted += ["LINK_ISSUES"] if subject.links else []
        try:
            held = _held(subject, wanted, key)
        except JiraRefused as refused:
            yield _untold(refused, key)
        else:
            yield _of_project(key, wanted, held)


def _untold(refused: JiraRefused, key: str) -> Finding:
    if refused.status in (401, 403):
        return unknown_by(refused, _BY_HAND, key)
    return unknown(
        f"Jira does not say what the account may do there; it answered {refused.status}.",
        _BY_HAND,
        key,
    )


def _held(subject: Subject, wanted: Sequence[str], key: str) -> Mapping[str, bool]:
    try:
        return subject.client.rights(wanted, key)
    except JiraRefused as refused:
        if refused.status != 400:
            raise
        # It does not know one of them, and then tells of none: of the others it may.
        return subject.client.rights(sorted(NEEDED), key)


def _asked_for(policy: Policy, rules: ProjectRules) -> Iterator[str]:
    """What the project's alerts and contracts do to an issue beside writing fields and comments."""
    sets = [rules.alerts, *(rule.alerts for rule in rules.alert_rules)]
    done: list[Actions] = [alerts.breach_actions for alerts in sets]
    done += [each.actions for alerts in sets for each in alerts.warnings]
    done += [each.actions for alerts in sets for each in alerts.levels]
    contracts = {rule.contract for rule in rules.contracts}
    requests = [each for id_ in contracts for each in policy.contracts[id_].requests]
    if any(each.assign or each.assignee for each in done) or any(r.assign for r in requests):
        yield "ASSIGN_ISSUES"
    if any(each.transition for each in done):
        yield "TRANSITION_ISSUES"


def _of_project(key: str, wanted: Sequence[str], held: Mapping[str, bool]) -> Finding:
    lacking = _quoted([each for each in wanted if held.get(each) is False])
    untold = _quoted([each for each in wanted if each not in held])
    if lacking:
        return failed(
            f"The account lacks {lacking}.",
            "Add it in the project's permission scheme (Project settings, Permissions), best by "
            "a role or a group of its own.",
            key,
        )
    if untold:
        return unknown(f"Jira does not say whether it has {untold}.", _BY_HAND, key)
    return passed(f"The account has {_quoted(wanted)}.", key)


_BY_HAND = "Look at the project's permission scheme by hand."


def _quoted(keys: Sequence[str]) -> str:
    return ", ".join(f"“{_SHOWN[key]}”" for key in keys)


def notify_users(subject: Subject) -> Iterator[Finding]:
    """Whether fields can be written without an e-mail to each watcher."""
    for key in subject.visible:
        try:
            held = subject.client.rights(_SILENT, key)
        except JiraRefused as refused:
            yield _untold(refused, key)
            continue
        if any(held.values()):
            yield passed("Fields are written without e-mails.", key)
        elif len(held) < len(_SILENT):
            yield unknown(
                "Jira does not say whether fields can be written silently.", _BY_HAND, key
            )
        else:
            yield _aloud(key)


def _aloud(key: str) -> Finding:
    return failed(
        "Only those who administer a project may keep its watchers from being notified: each time "
        "a field is written they get an e-mail.",
        "Give the account “Administer projects” there (it is not “Administer Jira”), or take "
        "“Issue updated” out of the project's notification scheme for this account's edits.",
        key,
    )


def internal_comments(subject: Subject) -> Iterator[Finding]:
    """Whether a comment can be kept from those who are not to read it."""
    for key in subject.visible:
        kind = facts.member(subject.project(key).data, "projectTypeKey")
        if kind == _SERVICE_DESK and subject.internal:
            yield _agent(subject, key)
        elif kind == _SERVICE_DESK:
            yield passed("Comments are public, as site.yaml has it.", key)
        elif subject.role:
            yield _role(subject, key, subject.role)
        else:
            yield passed("Comments are for all who see the issue, as site.yaml has it.", key)


def _agent(subject: Subject, key: str) -> Finding:
    try:
        held = subject.client.rights([_AGENT], key)
    except JiraRefused:
        held = {}
    if held.get(_AGENT) is True:
        return passed("The account is an agent there, and can write internal comments.", key)
    if held.get(_AGENT) is False:
        return failed(
            "The account is no agent of this service project: its comments are public.",
            "Give it access to Jira Service Management, and the role Service Desk Team there; "
            "or let `internal: false` stand in site.yaml.",
            key,
        )
    return unknown(
        "Jira does not say whether the account is an agent there.",
        "Look whether it has the role Service Desk Team there.",
        key,
    )


def _role(subject: Subject, key: str, role: str) -> Finding:
    path = f"{subject.client.api}/project/{in_path(key)}/role"
    roles = subject.client.look(f"reading the roles of {key}", path).data
    if not isinstance(roles, dict) or not all(isinstance(each, str) for each in roles.values()):
        return unknown(
            "Jira does not say which roles the project has.",
            f"Look whether {role} is one of them (Project settings, People).",
            key,
        )
    if role in roles:
        return passed(f"Comments are for the role {role}.", key)
    return failed(
        f"There is no role {role}, and comments for it are refused.",
        "Correct comments.role in site.yaml, or make the role in Jira.",
        key,
    )
