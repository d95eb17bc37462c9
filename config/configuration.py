"""One immutable version of all that was configured, which can be rebuilt from its own text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from config import calendars, contracts, lengths
from config.contracts import condition
from config.errors import ConfigurationError
from config.wording import DEFAULTS
from sla.availability import DowntimeFields
from sla.calendar import Calendar
from sla.channels import GIVE_UP_AFTER, Channel, Waking
from sla.contract import (
    Actions,
    Alerts,
    Audience,
    Level,
    Warning,  # noqa: A004 - the field's own word for it
)
from sla.mapping import AlertRule, ContractRule, Policy, ProjectRules, Responders, SeverityRule

FORMAT = 2
"""The version of the text's own format; texts of older ones stay readable."""

Plain = Mapping[str, Any]
_Calendars = Mapping[str, Calendar]


class Comments(msgspec.Struct, frozen=True):
    """Who can read Dueline's comments."""

    internal: bool
    """In a service project: hidden from customers."""
    role: str | None
    """In other projects: shown to this project role only."""


class SiteConfig(msgspec.Struct, frozen=True):
    """One Jira: where the promise is shown and in what words."""

    fields: Mapping[str, str]
    """policy, severity, due, responded, state, level: each a Jira field's name or id."""
    reported_at: str | None
    comments: Comments
    remote_link: bool
    """Whether each issue gets a link to its explanation."""
    wording: Mapping[str, str]
    """By occasion, and `public`: each a Jinja template in Markdown."""
    channels: Mapping[str, Channel]
    """Beyond Jira, by name."""


class Configuration(msgspec.Struct, frozen=True):
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
            plain = msgspec.json.decode(text)
            format_ = int(plain["format"])
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                "this is no published configuration; read a directory with `load` instead"
            ) from None
        if format_ > FORMAT:
            raise ConfigurationError(
                f"this configuration has format {format_}, newer than {FORMAT}; "
                "use the release of Dueline that published it, or a later one"
            )
        if format_ == 1:
            plain = contracts.upgraded(plain)
        built = {key: calendars.built(_id(key), each) for key, each in plain["calendars"].items()}
        version = hashlib.sha256(text.encode()).hexdigest()[:12]
        return cls(_policy(plain, built, version), _site(plain["site"], built), built, text)

    def fee(self, contract: str, customer: str | None) -> Decimal | None:
        """What a customer pays for a month under a contract; None where nobody said."""
        plain = self._plain_contract(contract, customer)
        fee = ((plain.get("availability") or {}).get("credit") or {}).get("fee")
        return Decimal(fee) if fee is not None else None

    def downtime_fields(self, contract: str) -> DowntimeFields | None:
        """Which issues are entries of a contract's downtime ledger; None where none are."""
        return contracts.downtime_fields(self._plain_contract(contract, None))

    def _plain_contract(self, contract: str, customer: str | None) -> Plain:
        plain = json.loads(self.text)
        forms = plain.get("order_forms", {}).get(contract, {})
        found: Plain = forms.get(customer, plain["contracts"][contract])
        return found

    @classmethod
    def from_plain(cls, plain: Plain) -> Configuration:
        """Build from plain values, as `load` puts them together from the documents."""
        whole = {"format": FORMAT, **plain}
        return cls.from_text(
            json.dumps(whole, ensure_ascii=False, sort_keys=False, separators=(",", ":"))
        )


def _id(key: str) -> str:
    return key.rpartition("/")[2]


# --- from plain values ----------------------------------------------------------------------------


def _policy(plain: Plain, built: _Calendars, version: str) -> Policy:
    alerts = {name: _alerts(each, built) for name, each in plain["alerts"].items()}
    responders = plain["site"]["responders"]
    roles = {name: _audience({"audience": each}) for name, each in plain["roles"].items()}
    return Policy(
        version=version,
        projects={key: _project(key, each, alerts) for key, each in plain["projects"].items()},
        contracts={
            id_: contracts.contract(id_, each, built, roles)
            for id_, each in plain["contracts"].items()
        },
        responders=Responders(
            only=frozenset(responders["only"]) or None,
            never=frozenset(responders["never"]),
            groups={name: frozenset(each) for name, each in responders.get("groups", {}).items()},
        ),
        reported_at_field=plain["site"].get("reported_at"),
        customer_field=plain["site"].get("customer"),
        order_forms={
            id_: {
                customer.casefold(): contracts.contract(id_, each, built, roles, customer)
                for customer, each in forms.items()
            }
            for id_, forms in plain["order_forms"].items()
        },
    )


def _site(plain: Plain, built: _Calendars) -> SiteConfig:
    comments = plain["comments"]
    return SiteConfig(
        fields=plain["fields"],
        reported_at=plain.get("reported_at"),
        comments=Comments(comments["internal"], comments.get("role")),
        remote_link=plain.get("remote_link", True),
        # What an older version published knows no words for customers.
        wording={"public": DEFAULTS["public"], **plain["wording"]},
        channels={
            name: _channel(name, each, built) for name, each in plain.get("channels", {}).items()
        },
    )


def _channel(name: str, plain: Plain, built: _Calendars) -> Channel:
    waking = plain.get("at_any_hour")
    return Channel(
        name,
        hours=built[plain["hours"]] if "hours" in plain else None,
        at_any_hour=(
            Waking(frozenset(waking.get("occasions", ())), frozenset(waking.get("severity", ())))
            if waking
            else None
        ),
        in_doubt=plain.get("in_doubt", "repeat"),
        give_up_after=(
            lengths.length(plain["give_up_after"]) if "give_up_after" in plain else GIVE_UP_AFTER
        ),
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
            SeverityRule(rule["severity"], condition(rule), rule.get("kind"))
            for rule in plain["severities"]
        ),
        alerts=alerts.get(named, Alerts()),
        alert_rules=tuple(
            AlertRule(alerts[rule["alerts"]], tuple(rule.get("metric", ())), contracts.scope(rule))
            for rule in plain.get("alerts_for", ())
        ),
    )


def _alerts(plain: Plain, built: _Calendars) -> Alerts:
    breach = plain["breach"]
    return Alerts(
        warnings=tuple(_warning(each) for each in plain["warnings"]),
        breach=_audience(breach),
        breach_wording=breach.get("wording"),
        breach_public=breach.get("public", False),
        breach_actions=_actions(breach),
        levels=tuple(_level(each, built) for each in plain["levels"]),
    )


def _warning(plain: Plain) -> Warning:
    used = lengths.share(plain["used"]) if "used" in plain else None
    left = lengths.length(plain["left"]) if "left" in plain else None
    return Warning(
        warning_id(plain),
        used,
        left,
        _audience(plain),
        plain.get("wording"),
        plain.get("public", False),
        _actions(plain),
    )


def warning_id(plain: Plain) -> str:
    """What a warning is known by for ever: `warning-75%`, `warning-30m-left`."""
    if plain.get("used"):
        return f"warning-{100 * lengths.share(plain['used']):g}%"
    return f"warning-{lengths.short(lengths.length(plain['left']))}-left"


def _level(plain: Plain, built: _Calendars) -> Level:
    return Level(
        number=plain["level"],
        name=plain["name"],
        after=lengths.delay(plain.get("after", "0m")),
        hours=built[plain["hours"]] if "hours" in plain else None,
        audience=_audience(plain),
        wording=plain.get("wording"),
        used=lengths.share(plain["used"]) if "used" in plain else None,
        left=lengths.length(plain["left"]) if "left" in plain else None,
        public=plain.get("public", False),
        actions=_actions(plain),
    )


def _actions(plain: Plain) -> Actions:
    asked: Plain = plain.get("actions") or {}
    assign = asked.get("assign", False)
    return Actions(
        assign=assign is True,
        assignee=assign if isinstance(assign, str) else None,
        labels=tuple(asked.get("labels", ())),
        priority=asked.get("priority"),
        transition=asked.get("transition"),
        notify=tuple(asked.get("notify", ())),
    )


def _audience(plain: Plain) -> Audience:
    audience: Mapping[str, Any] | None = plain.get("audience")
    if audience is None:
        return Audience(assignee=True)
    users: Sequence[str] = audience["users"]
    return Audience(audience["assignee"], tuple(users), tuple(audience["groups"]))
