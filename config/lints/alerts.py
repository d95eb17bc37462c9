"""Alerts and escalations that never speak, speak at the wrong time or to nobody, or do too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from config import lengths
from config.contract_schema import ContractDocument
from config.lints.checked import Checked, Finding, goals_for
from config.lints.severities import named_issues
from config.model import AudienceDocument
from config.positions import Place
from config.project_checks import steps_of
from config.site_schema import AlertsDocument, LevelDocument
from sla.contract import Alerts, Goal, OpenTime
from sla.errors import SlaError
from sla.mapping import cover
from sla.words import length


def unused(checked: Checked) -> Iterator[Finding]:
    """Alerts of no project, or of projects in which nothing is promised."""
    for name in checked.projects.alerts:
        users = _users_of(name, checked)
        if not users:
            yield checked.in_projects(
                ("alerts", name),
                "is used by no project, so that none of it ever speaks; name it as the `alerts` of "
                "one, or take it out",
                at_key=True,
            )
        elif not _promises_under(name, checked):
            yield checked.in_projects(
                ("alerts", name),
                f"never speaks: no promise is in force in {', '.join(users)}; set the parameters "
                "that their contracts need",
                at_key=True,
            )


def _users_of(alerts: str, checked: Checked) -> list[str]:
    projects = checked.projects.projects
    return [
        key
        for key, each in projects.items()
        if alerts in {each.alerts or "default", *(rule.alerts for rule in each.alerts_for)}
    ]


def _promises_under(alerts: str, checked: Checked) -> list[Goal]:
    users = set(_users_of(alerts, checked))
    return [
        goal
        for place, rule in checked.rules()
        if place[1] in users
        for contract in checked.variants(rule.contract)
        for _, goal in goals_for(contract, rule.tier)
        if isinstance(goal, Goal)
    ]


def too_early(checked: Checked) -> Iterator[Finding]:
    """Warnings and levels with more time left than any promise has."""
    for name, alerts in checked.projects.alerts.items():
        longest = _longest(_promises_under(name, checked))
        if longest is None:
            continue
        for list_name, each, index in _early_ones(alerts):
            if each and lengths.length(each) >= longest:
                what = "never speaks" if list_name == "warnings" else "speaks at once"
                yield checked.in_projects(
                    ("alerts", name, list_name, index, "left"),
                    f"is {each}, and the longest promise has {length(longest)}, so that it {what}; "
                    "give less",
                )


def _early_ones(alerts: AlertsDocument) -> Iterator[tuple[str, str | None, int]]:
    for index, warning in enumerate(alerts.warnings):
        yield "warnings", warning.left, index
    for index, level in enumerate(alerts.levels):
        yield "levels", level.left, index


def _longest(goals: Sequence[Goal]) -> timedelta | None:
    """The longest of some promises in open time; None where there is none, or it is not known."""
    try:
        return max((_open_time(goal) for goal in goals), default=None)
    except SlaError:
        return None


def _open_time(goal: Goal) -> timedelta:
    if isinstance(goal.target, OpenTime):
        return goal.target.amount
    # The other readings name a day: from early on the first to late on the last.
    more = 0 if goal.target.reading == "open_hours" else 1
    return (goal.target.days + more) * goal.calendar.regular_day


def levels_that_never_fire(checked: Checked) -> Iterator[Finding]:
    """Levels whose hours are over or without effect, or that fire before those below them."""
    for name, alerts in checked.projects.alerts.items():
        for index, level in enumerate(alerts.levels):
            place: Place = ("alerts", name, "levels", index)
            if level.hours and not _opens_again(checked, level.hours):
                yield checked.in_projects(
                    (*place, "hours"),
                    f"is {level.hours}, which never opens again, so that the level never fires; "
                    "give the calendar hours, or the level another one",
                )
            if level.hours and level.after is None:
                yield checked.in_projects(
                    (*place, "hours"),
                    "does nothing: what fires before the due instant goes by the promise's own "
                    "clock; leave it out, or use `after`",
                )
            if index and level.after is None and alerts.levels[index - 1].after is not None:
                yield checked.in_projects(place, _out_of_order(level, alerts.levels[index - 1]))


def _out_of_order(level: LevelDocument, before: LevelDocument) -> str:
    return (
        f"is level {level.level} and fires before the due instant, level {before.level} after it; "
        "number the levels in the order in which they fire"
    )


def _opens_again(checked: Checked, calendar: str) -> bool:
    try:
        checked.configuration.calendars[calendar].next_opening(checked.now)
    except SlaError:
        return False
    return True


def priorities_that_change_the_promise(checked: Checked) -> Iterator[Finding]:
    """Actions that set a priority by which the mapping gives another severity."""
    for name, alerts in checked.projects.alerts.items():
        for place, step in steps_of(alerts):
            priority = step.actions.priority if step.actions else None
            changes = _changed_by(priority, name, checked) if priority else []
            if changes:
                yield checked.in_projects(
                    ("alerts", name, *place, "actions", "priority"),
                    f"is {priority}, which by the mapping changes the severity and so the promise "
                    f"({'; '.join(changes[:6])}); leave it if that is meant, or add a label",
                )


def _changed_by(priority: str, alerts: str, checked: Checked) -> list[str]:
    """What a priority would make of the severities of the issues for which some alerts speak."""
    policy, found = checked.configuration.policy, dict[str, None]()
    for key, fields in _issues_of(_users_of(alerts, checked), checked):
        before, after = cover(policy, fields), cover(policy, {**fields, "priority": priority})
        speaking = (
            policy.projects[key].alerts_for(metric.name, before) for metric in before.metrics
        )
        acted_on = any(priority in _priorities_of(each) for each in speaking)
        if acted_on and before.severity and after.severity and before.severity != after.severity:
            found[f"{key}: {before.severity} becomes {after.severity}"] = None
    return list(found)


def _issues_of(projects: Sequence[str], checked: Checked) -> Iterator[tuple[str, dict[str, str]]]:
    """The issues that the rules of projects name, and the same with a priority that none names."""
    for key in projects:
        project = checked.projects.projects[key]
        for fields in named_issues(key, project.contracts, project.severities):
            yield key, fields
            yield key, {name: value for name, value in fields.items() if name != "priority"}


def _priorities_of(alerts: Alerts) -> set[str | None]:
    return {
        alerts.breach_actions.priority,
        *(warning.actions.priority for warning in alerts.warnings),
        *(level.actions.priority for level in alerts.levels),
    }


def roles(checked: Checked) -> Iterator[Finding]:
    """Roles that a contract names and that nobody has."""
    for used in checked.contracts:
        for place, role in _roles_named(used.model):
            audience = checked.projects.roles.get(role)
            if audience is None:
                yield used.finding(
                    place,
                    f"is `{role}`, and projects.yaml does not say who that is, so that nobody is "
                    f"addressed; add it under `roles` there, such as `{role}: {{ groups: [...] }}`",
                )
            elif audience == AudienceDocument():
                yield checked.in_projects(
                    ("roles", role),
                    f"addresses nobody, and {used.key} escalates to it; give it groups, users, or "
                    "assignee: true",
                )


def _roles_named(model: ContractDocument) -> Iterator[tuple[Place, str]]:
    for i, escalation in enumerate(model.escalations):
        for j, step in enumerate(escalation.levels):
            yield ("escalations", i, "levels", j, "role"), step.role
    for i, notice in enumerate(model.notices):
        for role in notice.roles:
            yield ("notices", i, "roles"), role
