"""The example site: five projects, a small workflow and the people of a support team."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from connector.simulator.model import (
    Account,
    Context,
    Field,
    Group,
    IssueType,
    LinkType,
    Option,
    Priority,
    Project,
    Resolution,
    Screen,
    Status,
    StatusCategory,
    Tab,
)

DUELINE = "dueline@example.com"
AGENT = "agent@example.com"
CUSTOMER = "customer@example.com"
LEAD = "lead@example.com"
MANAGER = "manager@example.com"
ROBOT = "robot@example.com"
ADMINISTRATORS = "jira-administrators"
CUSTOM_TYPES = "com.atlassian.jira.plugin.system.customfieldtypes"

# Roles stand for the groups that hold them: enough for a comment's visibility.
ROLES: Mapping[str, tuple[str, ...]] = {
    "Administrators": (ADMINISTRATORS,),
    "Service Desk Team": ("support", "support-leads", "managers", ADMINISTRATORS),
}


@dataclass(slots=True)
class Site:
    """The parts of a Jira that an administrator sets up."""

    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    issue_types: list[IssueType] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)
    link_types: list[LinkType] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)
    screens: dict[int, Screen] = field(default_factory=dict)


def example_site() -> Site:
    """Return a fresh example site, with nobody's issues in it yet."""
    site = Site(
        issue_types=_issue_types(),
        priorities=_priorities(),
        statuses=_statuses(),
        resolutions=_resolutions(),
        link_types=_link_types(),
    )
    _people(site)
    _projects(site)
    for known in [*_system_fields(), *_custom_fields()]:
        site.fields[known.id] = known
    _screens(site)
    return site


def _people(site: Site) -> None:
    people = [
        (DUELINE, "Dueline", "atlassian"),
        (AGENT, "Ada Agent", "atlassian"),
        (CUSTOMER, "Carl Customer", "customer"),
        (LEAD, "Lena Lead", "atlassian"),
        (MANAGER, "Max Manager", "atlassian"),
        (ROBOT, "Build Robot", "app"),
    ]
    for number, (email, display_name, account_type) in enumerate(people):
        name = email.partition("@")[0]
        site.accounts[email] = Account(
            email=email,
            display_name=display_name,
            account_id=f"712020:{name}-0000-4000-8000-{number:012d}",
            name=name,
            key=f"JIRAUSER{10100 + number}",
            account_type=account_type,
        )
    everybody = [AGENT, CUSTOMER, DUELINE, LEAD, MANAGER, ROBOT]
    members = {
        ADMINISTRATORS: [DUELINE],
        "jira-users": everybody,
        "managers": [MANAGER],
        "support": [AGENT, LEAD],
        "support-leads": [LEAD],
    }
    for number, (name, emails) in enumerate(members.items()):
        group_id = f"276f955c-63d7-42c8-9520-{number:012d}"
        site.groups[name] = Group(name, group_id, list(emails))


def _projects(site: Site) -> None:
    rows = [
        ("BOT", "Botron", 1, "software"),
        ("BIT", "Bitumio", 1, "software"),
        ("HLP", "Help", 2, "service_desk"),
        ("BTL", "BTL", 1, "software"),
        ("BAL", "BAL", 1, "software"),
    ]
    for number, (key, name, screen_id, kind) in enumerate(rows):
        site.projects[key] = Project(str(10000 + number), key, name, LEAD, screen_id, kind)


def _issue_types() -> list[IssueType]:
    rows = [
        ("10001", "Bug", "A problem or error.", 10303),
        ("10002", "Task", "Tasks track small, distinct pieces of work.", 10318),
        ("10003", "Question", "Something a customer wants to know.", 10321),
        ("10004", "Improvement", "An enhancement of something that exists.", 10310),
        ("10005", "Story", "A user story.", 10315),
        ("10006", "Escalation", "Something that needs somebody higher up.", 10308),
        ("10007", "Outage", "A service is down or impaired.", 10304),
        ("10008", "Maintenance", "Work on a service that was announced.", 10316),
    ]
    return [IssueType(*row) for row in rows]


def _priorities() -> list[Priority]:
    rows = [
        ("1", "Highest", "This problem will block progress.", "#d04437"),
        ("2", "High", "Serious problem that could block progress.", "#f15C75"),
        ("3", "Medium", "Has the potential to affect progress.", "#f79232"),
        ("4", "Low", "Minor problem or easily worked around.", "#707070"),
        ("5", "Lowest", "Trivial problem with little or no impact on progress.", "#999999"),
    ]
    return [Priority(*row) for row in rows]


def _statuses() -> list[Status]:
    new = StatusCategory(2, "new", "To Do", "blue-gray")
    active = StatusCategory(4, "indeterminate", "In Progress", "yellow")
    done = StatusCategory(3, "done", "Done", "green")
    return [
        Status("10000", "To Do", new, "11"),
        Status("3", "In Progress", active, "21"),
        Status("10001", "Waiting for customer", active, "31"),
        Status("10002", "Done", done, "41"),
    ]


def _resolutions() -> list[Resolution]:
    return [
        Resolution("10000", "Done", "Work has been completed on this issue."),
        Resolution("10001", "Won't Do", "This issue won't be actioned."),
        Resolution("10002", "Duplicate", "The problem is a duplicate of an existing issue."),
    ]


def _link_types() -> list[LinkType]:
    rows = [
        ("10000", "Blocks", "blocks", "is blocked by"),
        ("10001", "Cloners", "clones", "is cloned by"),
        ("10002", "Duplicate", "duplicates", "is duplicated by"),
        ("10003", "Relates", "relates to", "relates to"),
        ("10004", "Problem/Incident", "causes", "is caused by"),
    ]
    return [LinkType(*row) for row in rows]


def _system_fields() -> list[Field]:
    rows: list[tuple[str, str, str, str, bool]] = [
        ("summary", "Summary", "summary", "string", True),
        ("issuetype", "Issue Type", "issuetype", "issuetype", True),
        ("priority", "Priority", "priority", "priority", True),
        ("description", "Description", "richtext", "string", True),
        ("environment", "Environment", "richtext", "string", True),
        ("assignee", "Assignee", "user", "user", True),
        ("reporter", "Reporter", "user", "user", True),
        ("labels", "Labels", "labels", "array", True),
        ("duedate", "Due date", "date", "date", True),
        ("project", "Project", "readonly", "project", False),
        ("resolution", "Resolution", "resolution", "resolution", False),
        ("status", "Status", "readonly", "status", False),
        ("creator", "Creator", "readonly", "user", False),
        ("created", "Created", "readonly", "datetime", False),
        ("updated", "Updated", "readonly", "datetime", False),
        ("resolutiondate", "Resolved", "readonly", "datetime", False),
        ("comment", "Comment", "readonly", "comments-page", False),
        ("issuelinks", "Linked Issues", "readonly", "array", False),
    ]
    return [_system_field(*row) for row in rows]


def _system_field(field_id: str, name: str, kind: str, schema_type: str, settable: bool) -> Field:
    schema: dict[str, Any] = {"type": schema_type, "system": field_id}
    if schema_type == "array":
        schema["items"] = "issuelinks" if field_id == "issuelinks" else "string"
    clauses = {"issuetype": ["issuetype", "type"], "resolutiondate": ["resolutiondate", "resolved"]}
    return Field(
        field_id,
        name,
        kind,
        schema,
        settable=settable,
        orderable=settable or field_id == "issuelinks",
        clause_names=clauses.get(field_id, [field_id]),
    )


_CUSTOMERS = ("Acme", "Globex", "Initech")
_EXCUSES = (
    "Third party",
    "Customer modification",
    "Unauthorized access",
    "Site visit",
    "Customization",
    "Training",
    "Consulting",
    "Other product",
    "Upgrade not applied",
)
_DOWNTIMES = (
    "Downtime",
    "External app",
    "Slowness",
    "Beta feature",
    "Equipment",
    "Reporting",
    "Non-critical",
    "Few customers",
    "Scheduled maintenance",
)

# Ids follow from the order, so that a new field belongs at the end.
_CUSTOM_FIELDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Support plan", "select", ("Standard", "Enterprise")),
    ("Reported at", "datetime", ()),
    ("Deployment", "select", ("Production", "Staging", "Development")),
    ("Channel", "select", ("Portal", "E-mail", "Phone", "Chat")),
    ("Language", "select", ("English", "German", "Spanish", "French")),
    ("Subscription", "select", ("Active", "Ended")),
    ("Fees", "select", ("Paid", "Overdue")),
    ("Not covered because", "select", _EXCUSES),
    ("Phone call", "select", ("Done",)),
    ("Priority confirmed", "select", ("Yes",)),
    ("Assessment", "textarea", ()),
    ("Work-around", "textarea", ()),
    ("Bug found", "select", ("Yes",)),
    ("Escalation requested", "select", ("Yes",)),
    ("Mobile phone", "textfield", ()),
    ("Customer", "select", _CUSTOMERS),
    ("Affected customers", "multiselect", _CUSTOMERS),
    ("Confirmed at", "datetime", ()),
    ("Restored at", "datetime", ()),
    ("Downtime kind", "select", _DOWNTIMES),
    ("Product license", "textfield", ()),
    ("Product version", "textfield", ()),
    ("Contact", "textfield", ()),
    ("Company", "textfield", ()),
    ("Steps to reproduce", "textarea", ()),
    ("Error messages", "textarea", ()),
)


def _custom_fields() -> list[Field]:
    option_ids = count(10020)
    fields = []
    for number, (name, type_name, choices) in enumerate(_CUSTOM_FIELDS):
        known = custom_field(f"customfield_{10100 + number}", name, type_name)
        known.contexts.append(default_context(str(10200 + number), name))
        known.options += [Option(str(next(option_ids)), choice) for choice in choices]
        fields.append(known)
    return fields


# Jira's custom field types: how a value is read, and how its schema names it.
TYPES: Mapping[str, tuple[str, dict[str, str]]] = {
    "datetime": ("datetime", {"type": "datetime"}),
    "datepicker": ("date", {"type": "date"}),
    "float": ("number", {"type": "number"}),
    "textfield": ("text", {"type": "string"}),
    "textarea": ("richtext", {"type": "string"}),
    "url": ("text", {"type": "string"}),
    "select": ("option", {"type": "option"}),
    "radiobuttons": ("option", {"type": "option"}),
    "multiselect": ("options", {"type": "array", "items": "option"}),
    "multicheckboxes": ("options", {"type": "array", "items": "option"}),
    "userpicker": ("user", {"type": "user"}),
    "labels": ("labels", {"type": "array", "items": "string"}),
}


# What can make each type searchable, as the description of Cloud's `POST /field` lists it.
SEARCHERS: Mapping[str, tuple[str, ...]] = {
    type_name: tuple(f"{CUSTOM_TYPES}:{searcher}" for searcher in searchers.split())
    for type_name, searchers in {
        "datetime": "datetimerange",
        "datepicker": "daterange",
        "float": "exactnumber numberrange",
        "textfield": "textsearcher",
        "textarea": "textsearcher",
        "url": "exacttextsearcher",
        "select": "multiselectsearcher",
        "radiobuttons": "multiselectsearcher",
        "multiselect": "multiselectsearcher",
        "multicheckboxes": "multiselectsearcher",
        "userpicker": "userpickergroupsearcher",
        "labels": "labelsearcher",
    }.items()
}


def custom_field(field_id: str, name: str, type_name: str, description: str = "") -> Field:
    """Return a custom field of one of Jira's own types (the part behind the colon)."""
    kind, schema = TYPES[type_name]
    number = int(field_id.removeprefix("customfield_"))
    return Field(
        field_id,
        name,
        kind,
        {**schema, "custom": f"{CUSTOM_TYPES}:{type_name}", "customId": number},
        custom=True,
        clause_names=[f"cf[{number}]", name],
        description=description,
    )


def default_context(context_id: str, field_name: str) -> Context:
    """Return the context that Jira gives a new field: every project, every issue type."""
    return Context(
        context_id,
        f"Default Configuration Scheme for {field_name}",
        "Default configuration scheme generated by Jira",
    )


def _screens(site: Site) -> None:
    shown = ["summary", "issuetype", "priority", "description", "environment", "assignee"]
    shown += ["reporter", "labels", "duedate", "issuelinks"]
    shown += [known.id for known in site.fields.values() if known.custom]
    site.screens[1] = Screen(
        1,
        "Default Screen",
        "Allows to update all system fields.",
        [Tab(10000, "Field Tab", list(shown))],
    )
    site.screens[2] = Screen(
        2,
        "HLP: Help Screen",
        "Used where customers ask for help.",
        [Tab(10001, "Field Tab", list(shown))],
    )
