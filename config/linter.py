"""Finds what can be loaded and is still probably a mistake: each with its place and what to do.

An error keeps a configuration from being used; a finding here never does. Each kind is a function
of its own, listed in `_LINTS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import product
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from config import calendars, lengths
from config.calendar_schema import (
    CalendarDocument,
    FromFile,
    HolidayItem,
    NamedDate,
    NthWeekday,
    Removed,
)
from config.calendars import Listed
from config.configuration import Configuration
from config.contract_checks import goals_of
from config.contract_schema import ContractDocument, ScopeDocument
from config.contracts import condition
from config.errors import Problem
from config.given import Given
from config.library import Entry, Library
from config.model import DAYS, AudienceDocument, Conditions, Model, ParameterReference
from config.positions import Document, Place
from config.project_checks import conditions, steps_of
from config.reachability import contradictory, meet
from config.site_schema import AlertsDocument, ContractRuleDocument, LevelDocument, ProjectsDocument
from config.summary import unaccounted
from sla.calendar import Calendar
from sla.contract import Alerts, Contract, Goal, OpenTime, Refusal, severity_in_words
from sla.errors import SlaError
from sla.holiday_sources import NthWeekday as NthRule
from sla.mapping import cover
from sla.words import length

Finding = Problem
"""Something to look at; its sentence says what is wrong and what to do."""

_SOON_OPEN = timedelta(days=14)
_SOON_OVER = timedelta(days=90)
_YEARS = 10
_M = TypeVar("_M", bound=Model)


def findings(library: Library, configuration: Configuration, today: date) -> list[Finding]:
    """Everything that is probably a mistake, in the order of the files.

    Args:
        library: the directory, as it was read and found sound.
        configuration: what was loaded from it.
        today: for what depends on the date: holidays that run out, calendars that stay closed.
    """
    projects = library.projects.model
    if projects is None:
        return []
    checked = _Checked(library, projects, configuration, today)
    return sorted({finding for lint in _LINTS for finding in lint(checked)})


@dataclass(frozen=True)
class _Used(Generic[_M]):
    """A document that is in use."""

    key: str
    """Its id; of a calendar with a contract's holidays that of the contract before it."""
    entry: Entry[_M]
    model: _M

    def finding(self, place: Place, message: str) -> Finding:
        return self.entry.document.problem(place, message)


@dataclass(frozen=True)
class _Checked:
    """What is looked at."""

    library: Library
    projects: ProjectsDocument
    configuration: Configuration
    today: date

    @property
    def now(self) -> datetime:
        """The day's first instant."""
        return datetime.combine(self.today, time(), UTC)

    @property
    def years(self) -> range:
        """Those that are looked ahead."""
        return range(self.today.year, self.today.year + _YEARS)

    @cached_property
    def contracts(self) -> list[_Used[ContractDocument]]:
        """The contracts that some project uses."""
        ids = self.configuration.policy.contracts
        found = [(id_, self.library.contracts.get(id_)) for id_ in ids]
        return [_Used(id_, entry, entry.model) for id_, entry in found if entry and entry.model]

    @cached_property
    def calendars(self) -> list[tuple[_Used[CalendarDocument], Calendar]]:
        """The calendars that something uses."""
        found = []
        for key, calendar in self.configuration.calendars.items():
            entry = self.library.calendars.get(key.rpartition("/")[2])
            if entry and entry.model:
                found.append((_Used(key, entry, entry.model), calendar))
        return found

    def in_projects(self, place: Place, message: str, *, at_key: bool = False) -> Finding:
        """A finding in projects.yaml."""
        return self.library.projects.document.problem(place, message, at_key=at_key)

    def variants(self, contract_id: str) -> list[Contract]:
        """A contract for everybody, and with each order form."""
        policy = self.configuration.policy
        forms = policy.order_forms.get(contract_id, {})
        return [policy.contracts[contract_id], *forms.values()]

    def rules(self) -> Iterator[tuple[Place, ContractRuleDocument]]:
        """Every rule by which some project's issues have a contract."""
        for key, project in self.projects.projects.items():
            for index, rule in enumerate(project.contracts):
                yield ("projects", key, "contracts", index), rule


def _goals(contract: Contract, tier: str | None) -> Iterator[tuple[str, Goal | Refusal]]:
    """What a contract promises to a tier, with the metric's name."""
    for metric in contract.metrics:
        for goal in metric.goals:
            if not goal.scope.tiers or tier in goal.scope.tiers:
                yield metric.name, goal


# --- severities -----------------------------------------------------------------------------------


def _severity_holes(checked: _Checked) -> Iterator[Finding]:
    """Issues that have a contract and are given no severity."""
    policy = checked.configuration.policy
    for key, project in checked.projects.projects.items():
        holes = [
            _issue_in_words(fields)
            for fields in _named_issues(key, project.contracts, project.severities)
            if (found := cover(policy, fields)).contract
            if found.severity is None and found.limit is None
        ]
        if holes:
            shown = "; ".join(list(dict.fromkeys(holes))[:6])
            yield checked.in_projects(
                ("projects", key, "severities"),
                f"gives no severity to {shown}, so that nothing is promised there; add a rule for "
                "each, or a last one without conditions",
            )


def _named_issues(
    key: str, contracts: Sequence[Conditions], severities: Sequence[Conditions]
) -> Iterator[dict[str, str]]:
    """Each type with each priority that the rules name, with what a contract rule asks for."""
    types = list(
        dict.fromkeys(name for rule in [*contracts, *severities] for name in rule.type or ())
    )
    if not types or any(rule.type is None for rule in severities):
        types.append("")
    priorities = dict.fromkeys(
        name for rule in [*contracts, *severities] for name in rule.priority or ()
    )
    for rule in conditions(contracts):
        asked = {name: wanted[0] for name, wanted in rule.fields.items()}
        asked |= {name: "something" for name in rule.filled if name not in asked}
        for type_, priority in product(types, priorities or [""]):
            named = {"issuetype": type_, "priority": priority}
            fields = asked | {name: value for name, value in named.items() if value}
            if rule.holds(fields):
                yield {"project": key, **fields}


def _issue_in_words(fields: Mapping[str, str]) -> str:
    words = {"issuetype": "type", "priority": "priority"}
    parts = [
        f"{words.get(name, name)} {value}" for name, value in fields.items() if name != "project"
    ]
    if "issuetype" not in fields:
        parts.insert(0, "any other type")
    return " with ".join(parts)


_FOR_EVERYBODY = ("first_response", "next_response", "resolution")
"""Metrics that a text promises for each severity, if for any; updates and the like are for some."""


def _severities_without_a_goal(checked: _Checked) -> Iterator[Finding]:
    """Severities that a project gives and for which a metric promises nothing."""
    for key, project in checked.projects.projects.items():
        by_contract, by_severity = conditions(project.contracts), conditions(project.severities)
        for (i, rule), (j, severity) in product(
            enumerate(project.contracts), enumerate(project.severities)
        ):
            if not meet(by_contract, i, by_severity, j):
                continue
            contract = checked.configuration.policy.contracts[rule.contract]
            for name in _FOR_EVERYBODY:
                metric = contract.metric(name)
                some = any(each == name for each, _ in _goals(contract, rule.tier))
                if (
                    metric
                    and some
                    and not metric.promised(severity.severity, rule.tier, severity.kind)
                ):
                    yield checked.in_projects(
                        ("projects", key, "severities", j, "severity"),
                        f"is {severity.severity}, for which {rule.contract} promises no "
                        f"{name.replace('_', ' ')} while it does for others; add a goal, or give "
                        "another severity",
                    )


def _rules_that_never_match(checked: _Checked) -> Iterator[Finding]:
    """Conditions and scopes of a contract that no issue can meet."""
    for used in checked.contracts:
        for place, each in _models(used.model):
            if isinstance(each, Conditions) and contradictory(condition(each.model_dump())):
                yield used.finding(
                    place,
                    "can never hold: a field would have to be empty and filled in at once; "
                    "take one of the two out",
                )
            if isinstance(each, ScopeDocument) and not _some_kind_has(each, used.model):
                yield used.finding(
                    place,
                    f"speaks of nothing: {' or '.join(each.kind or ())} is never "
                    f"{' or '.join(each.severity or ())}, as `kinds` has it; change one of them",
                )


def _some_kind_has(scope: ScopeDocument, model: ContractDocument) -> bool:
    if not scope.kind or not scope.severity:
        return True
    known = [model.kinds[kind].severities for kind in scope.kind if kind in model.kinds]
    return any(severity in each for each in known for severity in scope.severity)


def _models(value: object, place: Place = ()) -> Iterator[tuple[Place, Model]]:
    """Every part of a document, at any depth."""
    if isinstance(value, Model):
        yield place, value
        for name in type(value).model_fields:
            yield from _models(getattr(value, name), (*place, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _models(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _models(inner, (*place, index))


# --- alerts and escalations -----------------------------------------------------------------------


def _unused_alerts(checked: _Checked) -> Iterator[Finding]:
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


def _users_of(alerts: str, checked: _Checked) -> list[str]:
    projects = checked.projects.projects
    return [
        key
        for key, each in projects.items()
        if alerts in {each.alerts or "default", *(rule.alerts for rule in each.alerts_for)}
    ]


def _promises_under(alerts: str, checked: _Checked) -> list[Goal]:
    users = set(_users_of(alerts, checked))
    return [
        goal
        for place, rule in checked.rules()
        if place[1] in users
        for contract in checked.variants(rule.contract)
        for _, goal in _goals(contract, rule.tier)
        if isinstance(goal, Goal)
    ]


def _too_early(checked: _Checked) -> Iterator[Finding]:
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


def _levels_that_never_fire(checked: _Checked) -> Iterator[Finding]:
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


def _opens_again(checked: _Checked, calendar: str) -> bool:
    try:
        checked.configuration.calendars[calendar].next_opening(checked.now)
    except SlaError:
        return False
    return True


def _priorities_that_change_the_promise(checked: _Checked) -> Iterator[Finding]:
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


def _changed_by(priority: str, alerts: str, checked: _Checked) -> list[str]:
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


def _issues_of(projects: Sequence[str], checked: _Checked) -> Iterator[tuple[str, dict[str, str]]]:
    """The issues that the rules of projects name, and the same with a priority that none names."""
    for key in projects:
        project = checked.projects.projects[key]
        for fields in _named_issues(key, project.contracts, project.severities):
            yield key, fields
            yield key, {name: value for name, value in fields.items() if name != "priority"}


def _priorities_of(alerts: Alerts) -> set[str | None]:
    return {
        alerts.breach_actions.priority,
        *(warning.actions.priority for warning in alerts.warnings),
        *(level.actions.priority for level in alerts.levels),
    }


def _roles(checked: _Checked) -> Iterator[Finding]:
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


# --- hours and holidays ---------------------------------------------------------------------------


def _calendars_that_stay_closed(checked: _Checked) -> Iterator[Finding]:
    for used, calendar in checked.calendars:
        if not calendar.open_intervals(checked.now, checked.now + _SOON_OPEN):
            yield used.finding(
                ("weekly",),
                f"has no opening in the 14 days from {checked.today}; look at the weekly hours, "
                "the holidays and the extra days",
            )


def _holidays_that_run_out(checked: _Checked) -> Iterator[Finding]:
    for listed in _holiday_lists(checked):
        endless = any(_last_of(each, listed) is None for each in listed.items)
        ends = [
            (last, index)
            for index, each in enumerate(listed.items)
            # Beside what goes on for ever single dates are only added; a file is still a list.
            if isinstance(each, FromFile) or not endless
            if (last := _last_of(each, listed)) and last != date.min
        ]
        for last, index in ends if endless else sorted(ends)[-1:]:
            if last <= checked.today + _SOON_OVER:
                verb = "ended" if last < checked.today else "ends"
                yield listed.document.problem(
                    (*listed.place, index),
                    f"is the last of these holidays, and the list {verb} with {last}; add those "
                    "that come after it, or rules, which go on",
                )


def _holiday_lists(checked: _Checked) -> Iterator[Listed]:
    """Those of the calendars that are used, and those set for the contracts that are."""
    for used, _ in checked.calendars:
        entry = used.entry
        yield Listed(used.model.holidays, entry.document, ("holidays",), entry.path, entry.root)
    entry_of = checked.library.projects
    for contract_id in checked.configuration.policy.contracts:
        customers = [None, *checked.projects.customers]
        for customer in customers:
            given = Given(checked.library, checked.projects, contract_id, customer)
            place, values = next(iter(given.sources()))
            for name, value in values.items():
                if isinstance(value, list):
                    at = (*place, name)
                    yield Listed(value, entry_of.document, at, entry_of.path, entry_of.root)


def _last_of(item: HolidayItem, listed: Listed) -> date | None:
    """The last date that an item gives; the first date there is where it gives none; None: ever."""
    if isinstance(item, str):
        return date.fromisoformat(item)
    if isinstance(item, NamedDate):
        return date.fromisoformat(item.date)
    if isinstance(item, FromFile):
        aside = Listed([item], Document(""), (), listed.path, listed.root)
        return max(calendars.holidays_of(aside, {}).days, default=date.min)
    return date.min if isinstance(item, _GIVES_NOTHING) else None


def _last_and_fourth(checked: _Checked) -> Iterator[Finding]:
    """Weekdays counted in a month: the last is not always the fourth, a fifth may be lacking."""
    for listed in _holiday_lists(checked):
        for index, item in enumerate(listed.items):
            if not isinstance(item, NthWeekday):
                continue
            if abs(item.nth) == 5:
                years = [year for year in checked.years if _day(item, item.nth, year) is None]
                message = "is a fifth weekday, which the month does not have in"
                advice = "say which day is meant then, by a rule with nth: -1 or 4"
            elif (item.month, item.weekday, item.nth) == (11, "thu", -1):
                years = [
                    year for year in checked.years if _day(item, -1, year) != _day(item, 4, year)
                ]
                message = "is the last Thursday of November, which is not the fourth in"
                advice = "use nth: 4 if Thanksgiving Day of the United States is meant"
            else:
                continue
            if years:
                settled = _settled_day(checked, listed)
                yield listed.document.problem(
                    (*listed.place, index), f"{message} {_listed(years)}; {advice}{settled}"
                )


def _settled_day(checked: _Checked, listed: Listed) -> str:
    for used, _ in checked.calendars:
        if used.entry.document is listed.document:
            for said in _texts_of(used, checked, everywhere=True):
                if _COUNTED_DAY.search(said.text):
                    return said.settled(checked)
    return ""


def _last_against_fourth(checked: _Checked) -> Iterator[Finding]:
    """Texts that say "last" where the calendar has the fourth, or the other way round."""
    for used, calendar in checked.calendars:
        for said in _texts_of(used, checked, everywhere=True):
            for found in _COUNTED_DAY.finditer(said.text):
                years = _other_day(found, calendar, checked.years)
                if years:
                    words = found[0]
                    other = "fourth" if found[1] == "last" else "last"
                    yield said.finding(
                        checked,
                        f"says “{words}”, and the calendar {used.key} is closed on the {other} one "
                        f"in {_listed(years)}; make them agree",
                    )


def _other_day(found: re.Match[str], calendar: Calendar, years: range) -> list[int]:
    """The years in which a calendar has the fourth where the text has the last, or vice versa."""
    month, weekday = _MONTHS.index(found[3]) + 1, _WEEKDAYS.index(found[2])
    meant, other = (-1, 4) if found[1] == "last" else (4, -1)
    days = [
        (
            NthRule(month, weekday, meant, "").in_year(year),
            NthRule(month, weekday, other, "").in_year(year),
        )
        for year in years
    ]
    return [
        there.year
        for right, there in days
        if right and there and there in calendar.holidays and right not in calendar.holidays
    ]


def _day(item: NthWeekday, nth: int, year: int) -> date | None:
    return NthRule(item.month, DAYS.index(item.weekday), nth, item.name).in_year(year)


def _listed(years: Sequence[int]) -> str:
    *others, last = map(str, years)
    return f"{', '.join(others)} and {last}" if others else last


# --- zones ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    """A text about a calendar, and where it stands."""

    text: str
    document: Document
    place: Place
    contract: str | None = None
    clause: str | None = None

    def finding(self, checked: _Checked, message: str) -> Finding:
        """A finding at the text."""
        return self.document.problem(self.place, message + self.settled(checked))

    def settled(self, checked: _Checked) -> str:
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


def _texts_of(
    used: _Used[CalendarDocument], checked: _Checked, *, everywhere: bool = False
) -> Iterator[_Said]:
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
                yield _Said(clause.gist, each.entry.document, place, each.key, clause.id)
    for name in ("title", "note"):
        if text := getattr(used.model, name):
            yield _Said(text, used.entry.document, (name,))


def _hours_named(used: _Used[ContractDocument], checked: _Checked) -> Iterator[tuple[str, str]]:
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


def _zone_words(checked: _Checked) -> Iterator[Finding]:
    """“GMT”, “EST” and the like where the clocks change, and names of regions where they do not."""
    for used, calendar in checked.calendars:
        if calendar.always_open:
            continue
        zones = [_Zone.read(name, checked.today.year) for name in _zones_of(calendar)]
        for said in _texts_of(used, checked):
            doubts = [*_doubts(said.text, zones)]
            if doubts:
                yield said.finding(checked, f"{'; '.join(doubts)} (calendar {used.key})")
                # The calendar's own words would say the same once more.
                break


@dataclass(frozen=True, slots=True)
class _Zone:
    """What a zone's clocks show in winter and in summer."""

    name: str
    offsets: tuple[timedelta, timedelta]
    """East of UTC, in January and July."""
    shown: tuple[str, str]

    @classmethod
    def read(cls, name: str, year: int) -> _Zone:
        january, july = (datetime(year, month, 15, tzinfo=ZoneInfo(name)) for month in (1, 7))
        offsets = january.utcoffset() or timedelta(0), july.utcoffset() or timedelta(0)
        return cls(name, offsets, (january.tzname() or "", july.tzname() or ""))

    @property
    def changes(self) -> bool:
        return self.offsets[0] != self.offsets[1]


def _zones_of(calendar: Calendar) -> list[str]:
    openings = [
        each for day in (*calendar.weekly.values(), *calendar.extra_days.values()) for each in day
    ]
    named = [end.zone for each in openings for end in (each.opens, each.closes) if end.zone]
    return list(dict.fromkeys([calendar.time_zone, *named]))


def _doubts(text: str, zones: Sequence[_Zone]) -> Iterator[str]:
    words = dict.fromkeys(_ABBREVIATION.findall(text))
    for word in words:
        # Whoever names both halves of the year knows that the clocks change.
        if _OTHER_HALF.get(word) not in words:
            yield from _doubt(word, timedelta(hours=_OFFSETS[word]), zones)
    region = _REGION.search(text)
    if region and not any(zone.changes for zone in zones):
        yield (
            f"says “{region[0]}”, whose clocks change, and {zones[0].name} never does; name a "
            "place, such as Europe/Lisbon or America/New_York, if the clocks there are meant"
        )


def _doubt(word: str, offset: timedelta, zones: Sequence[_Zone]) -> Iterator[str]:
    if any(zone.offsets == (offset, offset) for zone in zones):
        return
    near = next((zone for zone in zones if offset in zone.offsets), None)
    fixed = _fixed_name(offset)
    if near:
        yield (
            f"says {word}, and {near.name} shows {near.shown[0]} in January and {near.shown[1]} in "
            f"July; use {fixed} if {word} is meant all year round"
        )
    else:
        found = " and ".join(zone.name for zone in zones)
        yield f"says {word}, and {found} never shows that; use {fixed}, or the place that is meant"


def _fixed_name(offset: timedelta) -> str:
    """The zone without clock changes; in its name the sign counts the other way."""
    hours = int(offset / timedelta(hours=1))
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/UTC"


def _fixed_zones(checked: _Checked) -> Iterator[Finding]:
    """Zones named by their offset, which keep it in summer."""
    for used, calendar in checked.calendars:
        for name in _zones_of(calendar) if not calendar.always_open else ():
            hours = int(_Zone.read(name, checked.today.year).offsets[0] / timedelta(hours=1))
            if not _FIXED.fullmatch(name) or not hours:
                continue
            where = "behind" if hours < 0 else "ahead of"
            place = _PLACES.get(hours)
            there = f"by the clocks of {place}" if place else "by clocks that are put forward"
            yield used.finding(
                ("time_zone",) if name == calendar.time_zone else ("weekly",),
                f"is {name}, {abs(hours)} h {where} UTC all year round: in summer these hours are "
                f"an hour later {there}; name a place"
                f"{f' such as {place}' if place else ''} unless that is meant",
            )


# --- promises -------------------------------------------------------------------------------------


def _slow_updates(checked: _Checked) -> Iterator[Finding]:
    """Updates that are never due before the resolution is."""
    starts = [checked.now + number * timedelta(hours=5) for number in range(68)]
    for used in checked.contracts:
        for contract in checked.variants(used.key):
            update, resolution = contract.metric("periodic_update"), contract.metric("resolution")
            if not update or not resolution:
                continue
            for whom in _everybody(contract):
                often, by = update.promised(*whom), resolution.promised(*whom)
                if (
                    isinstance(often, Goal)
                    and isinstance(by, Goal)
                    and all(_due(often, start) > _due(by, start) for start in starts)
                ):
                    index = update.goals.index(often)
                    yield used.finding(
                        ("metrics", "periodic_update", "goals", index, "target"),
                        f"is {often.target.text}, longer than the resolution goal of "
                        f"{by.target.text} for {severity_in_words(whom[0])}, so that no update "
                        "ever falls due before it; give less",
                    )


def _everybody(contract: Contract) -> Iterator[tuple[str, str | None, str | None]]:
    scopes = [goal.scope for metric in contract.metrics for goal in metric.goals]
    tiers = dict.fromkeys(name for scope in scopes for name in scope.tiers)
    kinds = dict.fromkeys(name for scope in scopes for name in scope.kinds)
    yield from product(contract.severities, tiers or [None], kinds or [None])


def _due(goal: Goal, start: datetime) -> datetime:
    try:
        if isinstance(goal.target, OpenTime):
            return goal.calendar.due(start, goal.target.amount)
        return goal.calendar.business_days(start, goal.target.days, goal.target.reading)
    except SlaError:
        return datetime.max.replace(tzinfo=UTC)


def _unset_parameters(checked: _Checked) -> Iterator[Finding]:
    """Promises that are refused because the text leaves a figure open that nobody gave."""
    for place, rule in checked.rules():
        everybody = checked.configuration.policy.contracts[rule.contract]
        for sentence, promises in _refused(everybody, rule.tier).items():
            yield checked.in_projects(
                (*place, "contract"),
                f"is {rule.contract}, which does not promise {promises}: {sentence}",
            )
    for contract_id, forms in checked.configuration.policy.order_forms.items():
        usual = _all_missing(checked.configuration.policy.contracts[contract_id])
        for form in forms.values():
            refused = _refused(form, None, any_tier=True)
            for sentence, promises in refused.items():
                if sentence not in usual:
                    yield checked.in_projects(
                        ("customers", str(form.customer), contract_id),
                        f"leaves {contract_id} without {promises}: {sentence}",
                        at_key=True,
                    )


def _refused(contract: Contract, tier: str | None, *, any_tier: bool = False) -> dict[str, str]:
    """For each parameter that is missing, what is not promised, in words."""
    found: dict[str, dict[str, list[str]]] = {}
    for metric in contract.metrics:
        for goal in metric.goals:
            mine = any_tier or not goal.scope.tiers or tier in goal.scope.tiers
            if not isinstance(goal, Refusal) or not mine:
                continue
            kinds = f" ({' or '.join(goal.scope.kinds)})" if goal.scope.kinds else ""
            whom = f"{' or '.join(goal.scope.severities) or 'every severity'}{kinds}"
            for sentence in goal.missing:
                found.setdefault(sentence, {}).setdefault(metric.name, []).append(whom)
    return {
        sentence: " and ".join(
            f"{name.replace('_', ' ')} for {', '.join(dict.fromkeys(whom))}"
            for name, whom in by_metric.items()
        )
        for sentence, by_metric in found.items()
    }


def _all_missing(contract: Contract) -> set[str]:
    return {
        sentence
        for metric in contract.metrics
        for goal in metric.goals
        if isinstance(goal, Refusal)
        for sentence in goal.missing
    }


def _unset_texts(checked: _Checked) -> Iterator[Finding]:
    """Parameters beside the promises: a telephone number, a fee."""
    for place, rule in checked.rules():
        used = next(each for each in checked.contracts if each.key == rule.contract)
        customers = [
            name for name, forms in checked.projects.customers.items() if used.key in forms
        ]
        for reference, lost in _references_beside(used.model):
            given = [
                Given(checked.library, checked.projects, used.key, customer)
                for customer in [None, *customers]
            ]
            missing = given[0].missing([reference.parameter])
            if all(each.value(reference.parameter) is None for each in given):
                yield checked.in_projects(
                    (*place, "contract"), f"is {used.key}, which {lost}: {missing[0]}"
                )


def _references_beside(model: ContractDocument) -> Iterator[tuple[ParameterReference, str]]:
    for duty in model.duties:
        if isinstance(duty.phone, ParameterReference):
            yield duty.phone, f"shows the duty `{duty.id}` without a telephone number"
    credit = model.availability.credit if model.availability else None
    if credit and isinstance(credit.fee, ParameterReference):
        yield credit.fee, "cannot work out a credit"


def _undecided(checked: _Checked) -> Iterator[Finding]:
    for used in checked.contracts:
        here = checked.projects.choices.get(used.key, {})
        for index, choice in enumerate(used.model.choices):
            if choice.chosen is None and choice.id not in here:
                yield used.finding(
                    ("choices", index),
                    f"is undecided: {choice.question} Settle it as one of "
                    f"{', '.join(choice.readings)}: here by `chosen` and `decided`, or under "
                    f"`choices.{used.key}.{choice.id}` in projects.yaml",
                )
            elif choice.decided is None and choice.id not in here:
                yield used.finding(
                    ("choices", index),
                    "is settled by nobody; add who and when, such as "
                    "`decided: { by: Jane Doe, on: 2026-01-31 }`",
                )


def _unaccounted(checked: _Checked) -> Iterator[Finding]:
    for used in checked.contracts:
        lacking = dict(unaccounted(checked.configuration, used.key))
        for index, clause in enumerate(used.model.clauses):
            if clause.id in lacking:
                yield used.finding(
                    ("clauses", index, "became"),
                    f"is {lacking[clause.id]}; cite the clause there, or say in `by` what shows it",
                )


# --- words ----------------------------------------------------------------------------------------

_GIVES_NOTHING = (ParameterReference, Removed)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_COUNTED_DAY = re.compile(
    rf"\b(last|fourth|4th) ({'|'.join(_WEEKDAYS)}) (?:of|in) ({'|'.join(_MONTHS)})\b"
)
_OFFSETS = {
    "GMT": 0, "UTC": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours east of UTC; as used in Europe and North America."""
_HALVES = (
    ("GMT", "BST"), ("WET", "WEST"), ("CET", "CEST"), ("EET", "EEST"), ("EST", "EDT"),
    ("CST", "CDT"), ("MST", "MDT"), ("PST", "PDT"),
)  # fmt: skip
_OTHER_HALF = {a: b for pair in _HALVES for a, b in (pair, pair[::-1])}
_ABBREVIATION = re.compile(rf"(?<![A-Za-z])({'|'.join(_OFFSETS)})(?![A-Za-z+-])")
_REGION = re.compile(
    r"\b(?:(?:Western|Central|Eastern) European|Eastern|Central|Mountain|Pacific) Time\b"
)
_FIXED = re.compile(r"EST|MST|Etc/GMT[+-]\d+")
_PLACES = {
    -9: "America/Anchorage", -8: "America/Los_Angeles", -7: "America/Denver",
    -6: "America/Chicago", -5: "America/New_York", -4: "America/Halifax", 1: "Europe/Berlin",
    2: "Europe/Athens", 10: "Australia/Sydney", 12: "Pacific/Auckland",
}  # fmt: skip
"""By hours east of UTC in winter, somewhere where the clocks change."""

_LINTS: tuple[Callable[[_Checked], Iterator[Finding]], ...] = (
    _severity_holes,
    _severities_without_a_goal,
    _rules_that_never_match,
    _unused_alerts,
    _too_early,
    _levels_that_never_fire,
    _priorities_that_change_the_promise,
    _roles,
    _calendars_that_stay_closed,
    _holidays_that_run_out,
    _last_and_fourth,
    _last_against_fourth,
    _zone_words,
    _fixed_zones,
    _slow_updates,
    _unset_parameters,
    _unset_texts,
    _undecided,
    _unaccounted,
)
