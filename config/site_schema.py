"""Which promise an issue has and how it is shown: `projects.yaml` and `site.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from config import lengths
from config.calendar_schema import HolidayItem
from config.model import (
    AudienceDocument,
    Conditions,
    IsoDate,
    Length,
    Model,
    Share,
    Template,
    Text,
    Texts,
    checked,
    fault,
)
from config.wording import DEFAULTS

# --- projects.yaml ------------------------------------------------------------------------------


class ContractRuleDocument(Conditions):
    """Under these conditions an issue has that contract and tier."""

    contract: Text
    """Its id."""
    tier: Text | None = None
    """What the customer bought, as the contract calls it."""


class SeverityRuleDocument(Conditions):
    """Under these conditions an issue has that severity, and is that kind of work."""

    severity: Text
    """The contract's own level."""
    kind: Text | None = None
    """For contracts that tell kinds of work apart."""


class AlertRuleDocument(Model):
    """For these metrics and issues, this set of alerts."""

    alerts: Text
    """The name of the set."""
    metric: Texts | None = None
    """Only these; left out: all."""
    severity: Texts | None = None
    """Only these; left out: all."""
    tier: Texts | None = None
    """Only these; left out: all."""
    kind: Texts | None = None
    """Only these; left out: all."""


class ProjectDocument(Model):
    """How one Jira project's issues find their promise; of each list the first match wins."""

    contracts: Annotated[list[ContractRuleDocument], Field(min_length=1)]
    severities: Annotated[list[SeverityRuleDocument], Field(min_length=1)]
    alerts: Text | None = None
    """The name of a set of alerts; left out: `default`, where there is one."""
    alerts_for: list[AlertRuleDocument] = []
    """Other sets for some metrics, severities, tiers or kinds; the first that matches wins."""


def _labels(texts: list[str]) -> list[str]:
    for text in texts:
        if any(each.isspace() for each in text):
            right = "-".join(text.split())
            raise fault(f"is `{text}`; a label of Jira has no spaces: write {right}")
    return texts


class ActionsDocument(Model):
    """What is done to the issue once it is said; each at most once."""

    assign: bool | Text | None = None
    """Give it to this account; `true`: to the first of those addressed."""
    labels: Annotated[Texts, AfterValidator(_labels)] | None = None
    """Labels to add."""
    priority: Text | None = None
    """By its name in Jira."""
    transition: Text | None = None
    """By its name or id in Jira, or by the status that it leads to."""
    notify: Texts | None = None
    """Channels beyond Jira that are told, as `site.yaml` names them."""

    @model_validator(mode="after")
    def _some_action(self) -> Self:
        if not (self.assign or self.labels or self.priority or self.transition or self.notify):
            raise fault("asks for nothing; give assign, labels, priority, transition or notify")
        return self


class WarningDocument(Model):
    """Speak up before the due instant."""

    used: Share | None = None
    """Share of the goal that is used up, such as 75%."""
    left: Length | None = None
    """Open time left, such as 30m."""
    audience: AudienceDocument | None = None
    """Left out: the assignee."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""
    public: bool = False
    """Whether the customer is to read it."""
    actions: ActionsDocument | None = None
    """Left out: nothing but the comment."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.used is None) == (self.left is None):
            raise fault("needs just one of used and left, such as `used: 75%` or `left: 30m`")
        return self


class BreachDocument(Model):
    """Speak up at the due instant."""

    audience: AudienceDocument | None = None
    """Left out: the assignee."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""
    public: bool = False
    """Whether the customer is to read it."""
    actions: ActionsDocument | None = None
    """Left out: nothing but the comment."""


class LevelDocument(Model):
    """One step of the ladder after a breach."""

    level: Annotated[int, Field(ge=1)]
    """Its number; the field shows the highest reached."""
    name: Text
    """What it is called."""
    after: Annotated[Text, checked(lengths.delay)] | None = None
    """Open time after the due instant."""
    used: Share | None = None
    """Proactively: the share of the goal that is used up, such as 90%."""
    left: Length | None = None
    """Proactively: open time left, such as 15m."""
    hours: Text | None = None
    """A calendar for the level's own hours; left out: those of the goal."""
    audience: AudienceDocument | None = None
    """Left out: the assignee."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""
    public: bool = False
    """Whether the customer is to read it."""
    actions: ActionsDocument | None = None
    """Left out: nothing but the comment."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(each is not None for each in (self.after, self.used, self.left)) != 1:
            raise fault("needs just one of after, used and left, such as `after: 30m`")
        return self


class AlertsDocument(Model):
    """Who hears of a promise in danger, when, and in what words."""

    warnings: list[WarningDocument] = []
    """Before the due instant."""
    breach: BreachDocument = BreachDocument()
    """At it."""
    levels: list[LevelDocument] = []
    """The ladder."""


def _parameter_shape(value: Any) -> str:
    return "<holidays>" if isinstance(value, list) else "<text>"


ParameterValue = Annotated[
    Annotated[list[HolidayItem], Tag("<holidays>")] | Annotated[Text, Tag("<text>")],
    Discriminator(_parameter_shape),
]


class SettledDocument(Model):
    """A choice as this site settles it."""

    chosen: Text
    """The reading, by name."""
    by: Text
    """Who settled it."""
    on: IsoDate
    """The day."""


class ProjectsDocument(Model):
    """Which promise an issue has: `projects.yaml`."""

    projects: Annotated[dict[Text, ProjectDocument], Field(min_length=1)]
    """By key."""
    parameters: dict[Text, dict[Text, ParameterValue]] = {}
    """For each contract what its text leaves open."""
    customers: dict[Text, dict[Text, dict[Text, ParameterValue]]] = {}
    """For each customer and contract what the order form says; it goes before `parameters`."""
    choices: dict[Text, dict[Text, SettledDocument]] = {}
    """For each contract the readings that this site settles on, in place of the contract's own."""
    roles: dict[Text, AudienceDocument] = {}
    """Who is meant by the roles that contracts name, such as Support team lead."""
    alerts: dict[Text, AlertsDocument] = {}
    """Sets of alerts, by name; `default` is for projects that name none."""


# --- site.yaml ----------------------------------------------------------------------------------


class FieldNames(Model):
    """The Jira fields that show the promise: each a name, or an id such as customfield_10050."""

    policy: Text = "SLA policy"
    severity: Text = "SLA severity"
    due: Text = "First response due"
    responded: Text = "First responded"
    state: Text = "SLA state"
    level: Text = "SLA escalation level"
    next_due: Text = "SLA next due"
    next_metric: Text = "SLA next metric"


class RespondersDocument(Model):
    """Whose public reply counts, by account id (Cloud) or user key (Data Center)."""

    only: list[Text] = []
    """Empty: anyone but the reporter, customers and apps."""
    never: list[Text] = []
    """These count for nobody."""
    groups: dict[Text, Annotated[list[Text], Field(min_length=1)]] | None = None
    """By a team's name its people, of whom reports count what they answered."""

    @model_validator(mode="after")
    def _in_one_group(self) -> Self:
        groups: dict[str, str] = {}
        for name, accounts in (self.groups or {}).items():
            for account in accounts:
                if groups.setdefault(account, name) != name:
                    raise fault(
                        f"`groups` has {account} in {groups[account]} and in {name}; what somebody "
                        "answered counts for one group, so name each account in one"
                    )
        return self


class CommentsDocument(Model):
    """Who can read Dueline's comments."""

    internal: bool = True
    """In a service project: hidden from customers."""
    role: Text | None = None
    """In other projects: shown to this project role only."""


class WordingDocument(Model):
    """Markdown with Jinja; a rule of the alerts or a contract may have its own."""

    warning: Template = DEFAULTS["warning"]
    breach: Template = DEFAULTS["breach"]
    escalation: Template = DEFAULTS["escalation"]
    correction: Template = DEFAULTS["correction"]
    acknowledgement: Template = DEFAULTS["acknowledgement"]
    checklist: Template = DEFAULTS["checklist"]
    notice: Template = DEFAULTS["notice"]
    request: Template = DEFAULTS["request"]
    requested: Template = DEFAULTS["requested"]
    public: Template = DEFAULTS["public"]
    """Of a warning, a breach or a level that customers are to read."""


class WakingDocument(Model):
    """What a channel is told in its quiet hours, too; all that is given has to hold."""

    occasions: list[Literal["warning", "breach", "escalation"]] | None = None
    severity: Texts | None = None

    @model_validator(mode="after")
    def _some_condition(self) -> Self:
        if not (self.occasions or self.severity):
            raise fault(
                "names nothing; give occasions or severity, or leave `hours` out to have the "
                "channel told at any hour"
            )
        return self


class ChannelDocument(Model):
    """A way beyond Jira to tell people; its address is a secret of the environment."""

    hours: Text | None = None
    """A calendar: when it may be told, the rest are quiet hours; left out: at any hour."""
    at_any_hour: WakingDocument | None = None
    """What it is told in its quiet hours, too; left out: nothing."""
    in_doubt: Literal["repeat", "drop"] | None = None
    """Where nobody knows whether it was told: once more, which is the default, or not at all."""
    give_up_after: Length | None = None
    """So long Dueline tries to tell it something, quiet hours aside; left out: 24h."""

    @model_validator(mode="after")
    def _hours_that_matter(self) -> Self:
        if self.at_any_hour and not self.hours:
            raise fault("says what it is told `at_any_hour`, and has no `hours`; give a calendar")
        return self


class SiteDocument(Model):
    """One Jira: `site.yaml`."""

    fields: FieldNames = FieldNames()
    """Where each thing is shown."""
    reported_at: Text | None = None
    """A field with the instant at which an issue was reported, when it was typed in later."""
    customer: Text | None = None
    """A field that names the customer, for order forms and downtimes."""
    responders: RespondersDocument = RespondersDocument()
    """Whose public reply counts."""
    comments: CommentsDocument = CommentsDocument()
    """Who can read Dueline's comments."""
    remote_link: bool = True
    """Whether each issue gets a link to its explanation, where DUELINE_PUBLIC_URL is set."""
    wording: WordingDocument = WordingDocument()
    """What comments say."""
    channels: dict[Text, ChannelDocument] | None = None
    """Beyond Jira, by name; `notify` among the actions of an alert names them."""
