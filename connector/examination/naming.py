"""Whether Jira has what the configuration names: issue types, priorities, and the SLA fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from connector import facts
from connector.base import EVERYWHERE, Field
from connector.errors import JiraError, JiraRefused, SetupError
from connector.examination.finding import Finding, failed, failed_by, passed, unknown
from connector.examination.subject import Subject
from connector.facts import Json
from connector.setup import find_fields
from sla.mapping import ProjectRules
from sla.timeline import SYSTEM_FIELDS

_MAKE = "Run `dueline setup` with an account that administers Jira, or make it by hand."
_SHOWN = {"issuetype": "issue type", "priority": "priority"}


def names(subject: Subject) -> Iterator[Finding]:
    """Whether a project has the issue types and priorities that its rules ask for."""
    priorities = _names(subject.client.look("reading the priorities", _priorities(subject)).data)
    everywhere = _names(subject.client.look("reading the issue types", _types(subject)).data)
    for key in subject.visible:
        types = _names(facts.member(subject.project(key).data, "issueTypes")) or everywhere
        there = {"issuetype": types, "priority": priorities}
        yield _of_project(key, subject.policy.projects[key], there)


def _priorities(subject: Subject) -> str:
    return f"{subject.client.api}/priority"


def _types(subject: Subject) -> str:
    return f"{subject.client.api}/issuetype"


def _of_project(key: str, rules: ProjectRules, there: Mapping[str, Mapping[str, str]]) -> Finding:
    named = _named(rules)
    strange = [
        f"{_SHOWN[kind]} {name}"
        for kind, names in named.items()
        for name in names
        if there[kind] and name.casefold() not in there[kind]
    ]
    if strange:
        known = "; ".join(
            f"{_SHOWN[kind]}: {', '.join(found.values())}" for kind, found in there.items() if found
        )
        return failed(
            f"Rules ask for {', '.join(strange)}, and there is none such: they never match.",
            f"Correct projects.yaml; Jira has {known}.",
            key,
        )
    untold = [_SHOWN[kind] for kind, names in named.items() if names and not there[kind]]
    if untold:
        return unknown(
            f"Jira does not list what it has of {' and '.join(untold)}.",
            "Compare the names in projects.yaml with those in Jira by hand.",
            key,
        )
    return passed("Every issue type and priority that a rule asks for is there.", key)


def _named(rules: ProjectRules) -> dict[str, list[str]]:
    return {
        kind: sorted({name for when in rules.conditions for name in when.fields.get(kind, ())})
        for kind in _SHOWN
    }


def _names(listed: Json) -> Mapping[str, str]:
    """The names of what is listed, by the same in lower case."""
    found = (facts.identifier(facts.member(each, "name")) for each in facts.items(listed))
    return {name.casefold(): name for name in found if name}


def fields(subject: Subject) -> Iterator[Finding]:
    """Whether Jira has each SLA field once, of the right type."""
    try:
        subject.found, missing = find_fields(subject.known, subject.fields)
    except JiraError as error:
        yield failed_by(
            error,
            "Without it no SLA field is found, and none is written: let the call through to Jira, "
            "and have Jira's administrator look into its log.",
        )
        return
    except SetupError as error:
        yield failed(
            str(error),
            "Let `fields` in site.yaml name another field, or the right one by its id, such as "
            "customfield_10050.",
        )
        return
    if missing:
        yield failed(f"Jira has no field {', '.join(missing)}, or none that is shown.", _MAKE)
        return
    yield passed(f"All {len(subject.fields)} are there, each of the right type.")


def rule_fields(subject: Subject) -> Iterator[Finding]:
    """Whether Jira has every field that rules look at.

    Without one of them no rule fails: it holds as it does for an issue on which nothing is chosen.
    """
    unheard = _unheard(subject.known, subject.policy.field_names)
    if not unheard:
        yield passed("Every field that a rule asks for is there.")
        return
    named = ", ".join(f"“{name}”" for name in unheard)
    yield unknown(
        f"Rules ask for {named}, which Jira does not have or does not show: they take it for "
        "empty.",
        f"Make {named} in Jira, as a select list or a text field, where it is to be used; or "
        "correct the rule's spelling in projects.yaml, site.yaml or the contract.",
    )


def _unheard(known: Iterable[Field], named: Iterable[str]) -> list[str]:
    spelled = {text for field in known for text in (field.id, field.name.casefold())}
    return sorted(name for name in named if name.casefold() not in spelled | SYSTEM_FIELDS)


def contexts(subject: Subject) -> Iterator[Finding]:
    """Whether the issues of each project have the SLA fields at all."""
    for key in subject.visible:
        lacking = _not_editable(subject, key)
        if lacking is not None and not lacking:
            yield passed("Issues of the project have every SLA field.", key)
            continue
        yield _by_contexts(subject, key, lacking or _custom(subject))


def _by_contexts(subject: Subject, key: str, doubtful: list[Field]) -> Finding:
    project = facts.identifier(facts.member(subject.project(key).data, "id")) or ""
    try:
        reach = {field: subject.client.holds_in(field.id) for field in doubtful}
    except JiraRefused as refused:
        return unknown(
            f"Only those who administer Jira are told ({refused.status}).",
            f"Look at the contexts of each SLA field: one must be for every project or for {key}.",
            key,
        )
    beyond = [
        field.name
        for field, ids in reach.items()
        if ids is not None and ids != EVERYWHERE and project not in ids
    ]
    if beyond:
        return failed(
            f"No context of {', '.join(beyond)} is for this project.",
            f"Add {key} to a context of each (Jira settings, Custom fields, Contexts).",
            key,
        )
    if None in reach.values():
        return unknown(
            "Jira does not tell contexts and screens apart.",
            "Look at the check of the screens: what is on them there has a context, too.",
            key,
        )
    return passed("The contexts of every SLA field take in the project.", key)


def screens(subject: Subject) -> Iterator[Finding]:
    """Whether the SLA fields are on the edit screens of each project."""
    for key in subject.visible:
        lacking = _not_editable(subject, key)
        if lacking is None:
            yield _untold(subject, key)
        elif lacking:
            yield _not_on_screen(subject, key, ", ".join(field.name for field in lacking))
        else:
            yield passed("Every SLA field is on the edit screen.", key)


def _untold(subject: Subject, key: str) -> Finding:
    try:
        issue = subject.latest(key)
    except JiraError:
        # The check of the search says why.
        issue = None
    if issue is not None and subject.editable(key) is None:
        return unknown(
            f"Jira does not tell which fields of {issue.issue_key} can be edited.",
            f"Look by hand whether the SLA fields are on the edit screen of {key}.",
            key,
        )
    return unknown(
        "There is no issue to look at that the account may edit.",
        "Make one there, and run `dueline doctor` again.",
        key,
    )


def _not_on_screen(subject: Subject, key: str, named: str) -> Finding:
    issue = subject.latest(key)
    shown = issue.issue_key if issue else key
    if subject.client.needs_screens:
        return failed(
            f"{named} cannot be edited on {shown}: on no edit screen, or without a context there.",
            f"Put them on the edit screen of {key} (Project settings, Screens); `dueline setup` "
            "puts them on every screen.",
            key,
        )
    return unknown(
        f"{named} cannot be edited by people on {shown}. Dueline writes them all the same, and "
        "people may not see them.",
        f"To show them, add them to the screens of {key} (Project settings, Screens).",
        key,
    )


def _custom(subject: Subject) -> list[Field]:
    return [field for field in subject.found.values() if field.custom]


def _not_editable(subject: Subject, key: str) -> list[Field] | None:
    """The SLA fields that an issue of the project does not let the account edit."""
    editable = subject.editable(key)
    if not editable:
        return None
    return [field for field in _custom(subject) if field.id not in editable]
