"""One immutable version of all that was configured, which can be rebuilt from its own text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config import calendars, lengths
from config.errors import ConfigurationError
from sla.calendar import Calendar
from sla.contract import (
    Alerts,
    Audience,
    BusinessDays,
    Choice,
    Clause,
    Contract,
    Goal,
    Level,
    Metric,
    OpenTime,
    Target,
    Warning,  # noqa: A004 - the field's own word for it
)
from sla.mapping import (
    Condition,
    ContractRule,
    Policy,
    ProjectRules,
    Responders,
    SeverityRule,
)

FORMAT = 1
"""The version of the text's own format; texts of older ones stay readable."""

Plain = Mapping[str, Any]
_Calendars = Mapping[str, Calendar]

_FIELD_NAMES = {"type": "issuetype", "priority": "priority", "status": "status"}


@dataclass(frozen=True, slots=True)
class Comments:
    """Who can read Dueline's comments."""

    internal: bool
    """In a service project: hidden from customers."""
    role: str | None
    """In other projects: shown to this project role only."""


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """One Jira: where the promise is shown and in what words."""

    fields: Mapping[str, str]
    """policy, severity, due, responded, state, level: each a Jira field's name or id."""
    reported_at: str | None
    comments: Comments
    wording: Mapping[str, str]
    """warning, breach, escalation, correction: each a Jinja template in Markdown."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that was configured, as it decides."""

    policy: Policy
    site: SiteConfig
    calendars: _Calendars
    """By id; one whose holidays are a contract's parameter by `contract/id`."""
    text: str
    """Canonical JSON of everything, holidays as dates: the version that is published."""

    @classmethod
    def from_text(cls, text: str) -> Configuration:
        """Rebuild a published version, exactly as it was.

        Raises:
            ConfigurationError: this is no text that `Configuration.text` ever gave.
        """
        try:
            plain = json.loads(text)
            known = plain["format"] == FORMAT
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                "this is no published configuration; read a directory with `load` instead"
            ) from None
        if not known:
            raise ConfigurationError(
                f"this configuration has format {plain['format']}, newer than {FORMAT}; "
                "use the release of Dueline that published it, or a later one"
            )
        built = {key: calendars.built(_id(key), each) for key, each in plain["calendars"].items()}
        version = hashlib.sha256(text.encode()).hexdigest()[:12]
        return cls(_policy(plain, built, version), _site(plain["site"]), built, text)

    @classmethod
    def from_plain(cls, plain: Plain) -> Configuration:
        """Build from plain values, as `load` puts them together from the documents."""
        whole = {"format": FORMAT, **plain}
        return cls.from_text(
            json.dumps(whole, ensure_ascii=False, sort_keys=False, separators=(",", ":"))
        )

    def summary(self) -> list[str]:
        """What holds, line by line, for `dueline check`."""
        return [*self._projects(), *self._contracts(), *self._calendars()]

    def _projects(self) -> Iterator[str]:
        for project in self.policy.projects.values():
            yield f"project {project.key}"
            for number, rule in enumerate(project.contracts, 1):
                tier = f", tier {rule.tier}" if rule.tier else ""
                yield f"  contract {number}: {rule.contract}{tier} ({rule.when})"
            for number, severity in enumerate(project.severities, 1):
                yield f"  severity {number}: {severity.severity} ({severity.when})"
            yield f"  alerts: {_alerts_in_words(project.alerts)}"

    def _contracts(self) -> Iterator[str]:
        for contract in self.policy.contracts.values():
            yield f"contract {contract.id}: {contract.title}"
            for metric in contract.metrics:
                for goal in metric.goals:
                    yield f"  {metric.name.replace('_', ' ')}: {_goal_in_words(goal)}"

    def _calendars(self) -> Iterator[str]:
        sources = json.loads(self.text)["calendars"]
        for key, calendar in self.calendars.items():
            if calendar.always_open:
                yield f"calendar {key}: {calendar.time_zone}, always open"
                continue
            source = sources[key]["holiday_source"]
            yield (
                f"calendar {key}: {calendar.time_zone}, {len(calendar.holidays)} holidays"
                + (f" ({source})" if source else "")
            )


def _id(key: str) -> str:
    return key.rpartition("/")[2]


def _goal_in_words(goal: Goal) -> str:
    target = goal.target
    reading = f" ({target.reading})" if isinstance(target, BusinessDays) else ""
    whom = " or ".join(goal.severities) or "every severity"
    tiers = f", tier {' or '.join(goal.tiers)}" if goal.tiers else ""
    return (
        f"{whom}{tiers}: {target.text}{reading} on {goal.calendar.id}, {goal.binding}, "
        f"clause {goal.clause}"
    )


def _alerts_in_words(alerts: Alerts) -> str:
    warnings = [warning.id for warning in alerts.warnings]
    levels = [f"level {level.number} {level.name}" for level in alerts.levels]
    return ", ".join([*warnings, "breach", *levels])


# --- from plain values ----------------------------------------------------------------------------


def _policy(plain: Plain, built: _Calendars, version: str) -> Policy:
    alerts = {name: _alerts(each, built) for name, each in plain["alerts"].items()}
    responders = plain["site"]["responders"]
    return Policy(
        version=version,
        projects={key: _project(key, each, alerts) for key, each in plain["projects"].items()},
        contracts={id_: _contract(id_, each, built) for id_, each in plain["contracts"].items()},
        responders=Responders(
            only=frozenset(responders["only"]) or None, never=frozenset(responders["never"])
        ),
        reported_at_field=plain["site"].get("reported_at"),
    )


def _site(plain: Plain) -> SiteConfig:
    comments = plain["comments"]
    return SiteConfig(
        fields=plain["fields"],
        reported_at=plain.get("reported_at"),
        comments=Comments(comments["internal"], comments.get("role")),
        wording=plain["wording"],
    )


def _project(key: str, plain: Plain, alerts: Mapping[str, Alerts]) -> ProjectRules:
    named = plain.get("alerts", "default")
    return ProjectRules(
        key=key,
        contracts=tuple(
            ContractRule(rule["contract"], rule.get("tier"), condition(rule))
            for rule in plain["contracts"]
        ),
        severities=tuple(
            SeverityRule(rule["severity"], condition(rule)) for rule in plain["severities"]
        ),
        alerts=alerts.get(named, Alerts()),
    )


def condition(rule: Plain) -> Condition:
    """A rule's condition, with Jira's own names of the fields."""
    own = {name: tuple(rule[key]) for key, name in _FIELD_NAMES.items() if rule.get(key)}
    return Condition(own | {name: tuple(wanted) for name, wanted in rule["fields"].items()})


def _contract(id_: str, plain: Plain, built: _Calendars) -> Contract:
    return Contract(
        id=id_,
        title=plain["title"],
        metrics=tuple(_metric(name, each, built) for name, each in plain["metrics"].items()),
        severities={name: text or "" for name, text in plain["severities"].items()},
        clauses=tuple(Clause(it["id"], it["gist"], it["became"]) for it in plain["clauses"]),
        choices=tuple(
            Choice(it["id"], it["question"], it["chosen"], it["readings"], it["example"])
            for it in plain["choices"]
        ),
        source=_source(plain["source"]),
    )


def _source(plain: Plain) -> str:
    parts = [f"{plain['publisher']}: {plain['title']}"]
    parts += [f"modified {plain['modified']}"] if "modified" in plain else []
    parts += [plain[key] for key in ("url", "note") if key in plain]
    return "; ".join(parts)


def _metric(name: str, plain: Plain, built: _Calendars) -> Metric:
    return Metric(
        name=name,
        goals=tuple(_goal(goal, built) for goal in plain["goals"]),
        clause=plain["clause"],
        pause_statuses=tuple(plain["pause_statuses"]),
    )


def _goal(plain: Plain, built: _Calendars) -> Goal:
    return Goal(
        target=_target(plain),
        calendar=built[plain["calendar"]],
        severities=tuple(plain.get("severity", ())),
        tiers=tuple(plain.get("tier", ())),
        binding=plain["binding"],
        clause=plain["clause"],
    )


def _target(plain: Plain) -> Target:
    amount = lengths.target(plain["target"])
    if isinstance(amount, int):
        return BusinessDays(amount, plain.get("reading", "open_hours"))
    return OpenTime(amount, plain["target"])


def _alerts(plain: Plain, built: _Calendars) -> Alerts:
    breach = plain["breach"]
    return Alerts(
        warnings=tuple(_warning(each) for each in plain["warnings"]),
        breach=_audience(breach),
        breach_wording=breach.get("wording"),
        levels=tuple(_level(each, built) for each in plain["levels"]),
    )


def _warning(plain: Plain) -> Warning:
    used = lengths.share(plain["used"]) if "used" in plain else None
    left = lengths.length(plain["left"]) if "left" in plain else None
    return Warning(warning_id(plain), used, left, _audience(plain), plain.get("wording"))


def warning_id(plain: Plain) -> str:
    """What a warning is known by for ever: `warning-75%`, `warning-30m-left`."""
    if plain.get("used"):
        return f"warning-{100 * lengths.share(plain['used']):g}%"
    return f"warning-{lengths.short(lengths.length(plain['left']))}-left"


def _level(plain: Plain, built: _Calendars) -> Level:
    return Level(
        number=plain["level"],
        name=plain["name"],
        after=lengths.delay(plain["after"]),
        hours=built[plain["hours"]] if "hours" in plain else None,
        audience=_audience(plain),
        wording=plain.get("wording"),
    )


def _audience(plain: Plain) -> Audience:
    audience: Mapping[str, Any] | None = plain.get("audience")
    if audience is None:
        return Audience(assignee=True)
    users: Sequence[str] = audience["users"]
    return Audience(audience["assignee"], tuple(users), tuple(audience["groups"]))
