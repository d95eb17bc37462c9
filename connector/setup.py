"""What Dueline needs in a Jira, made once and never twice: the SLA fields, and the webhook."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from connector.base import Field, Flavour, JiraClient
from connector.errors import JiraRefused, SetupError
from connector.registrations import CONFIGURED, Webhook, form_of_datacenter, hidden_by

ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "policy": ("textfield", "select"),
    "severity": ("textfield", "select"),
    "due": ("datetime",),
    "responded": ("datetime",),
    "state": ("textfield", "select"),
    "level": ("float",),
    "next_due": ("datetime",),
    "next_metric": ("textfield", "select"),
})  # fmt: skip
"""What each field is for, with the types that can hold it; the first is what is made."""

WEBHOOK_NAME = "Dueline"
_ISSUES = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "issuelink_created")
_COMMENTS = ("comment_created", "comment_updated", "comment_deleted")
EVENTS: Mapping[Flavour, tuple[str, ...]] = MappingProxyType({
    "cloud": _ISSUES + _COMMENTS,
    # Here a comment comes with its issue's update as well; by itself it tells neither the issue
    # nor whether it is internal, and would have the history read each time.
    "datacenter": _ISSUES,
})  # fmt: skip
"""What Jira is asked to tell."""

WebhookOutcome = Literal["made", "mended", "signed anew", "there already"]


@dataclass(frozen=True, slots=True)
class SetupReport:
    """What became of the fields."""

    fields: Mapping[str, Field]
    """By role."""
    made: frozenset[str]
    """The roles whose fields were made; the others were there already."""
    hidden: Mapping[str, str]
    """By role why Jira did not let its field be shown, in a sentence."""

    def lines(self) -> Iterator[str]:
        """For people: one line for each field."""
        for role, field in self.fields.items():
            became = "made" if role in self.made else "there already"
            yield f"{role}: {field.name} ({field.id}), {became}"
        # The same reason for each of them is said once.
        for sentence in dict.fromkeys(self.hidden.values()):
            roles = [role for role, reason in self.hidden.items() if reason == sentence]
            yield f"on no screen yet: {', '.join(roles)}. {sentence}"


def find_fields(
    fields: Iterable[Field], wanted: Mapping[str, str]
) -> tuple[dict[str, Field], tuple[str, ...]]:
    """Find which of Jira's fields play which role.

    Args:
        fields: all of Jira's.
        wanted: by role the name or the id of a field.

    Returns:
        By role the field; and the names, as wanted, for which there is none.

    Raises:
        SetupError: two fields have the name, or the field cannot hold what the role needs.
    """
    known = tuple(fields)
    found = {role: _find(known, role, name) for role, name in wanted.items()}
    kept = {role: field for role, field in found.items() if field is not None}
    _refuse_shared(kept)
    return kept, tuple(wanted[role] for role, field in found.items() if field is None)


def set_up(client: JiraClient, wanted: Mapping[str, str]) -> SetupReport:
    """Find the SLA fields, make those that are missing, and have all of them shown.

    Doing it again changes nothing. It needs an account that administers Jira. Where a field cannot
    be shown, the others are made and shown all the same.

    Args:
        client: the site.
        wanted: by role the name or the id of a field.

    Raises:
        SetupError: see `find_fields`; or an id was given that no field has.
        JiraError: Jira refused to make a field, or does not answer.
    """
    found, _missing = find_fields(client.fields(), wanted)
    fields: dict[str, Field] = {}
    hidden: dict[str, str] = {}
    for role, name in wanted.items():
        field = fields[role] = found.get(role) or _make(client, role, name)
        try:
            if field.custom:
                client.show_field(field.id)
        except JiraRefused as refused:
            # In the same words for every field that meets the same refusal.
            words = str(refused).replace(f"the field {field.id}", "the field")
            hidden[role] = words.replace(field.id, "...")
    return SetupReport(fields, frozenset(fields.keys() - found.keys()), hidden)


def set_up_webhook(
    client: JiraClient,
    url: str,
    secret: str,
    *,
    projects: Collection[str] = (),
    anew: bool = False,
) -> WebhookOutcome:
    """Have Jira tell Dueline what it needs to hear.

    A webhook to this address that has a fault gets what it lacks, and the secret, since Jira tells
    nobody whether it has the right one. One without a fault is left as it is, unless Jira could
    have said that it is signed, and does not. It needs an account that administers Jira.

    Args:
        client: the site.
        url: where Jira shall post to.
        secret: signs each delivery.
        projects: the keys of those that are to be heard; a filter that may hide one is taken away.
            Without any, a filter stays as it is.
        anew: whether a webhook that lacks nothing gets the secret all the same.

    Returns:
        What became of the webhook.

    Raises:
        JiraError: Jira refused.
    """
    wanted = EVENTS[client.flavour]
    known = next((hook for hook in client.webhooks() if hook.url == url), None)
    if known is None:
        client.register_webhook(WEBHOOK_NAME, url, wanted, secret, None)
        return "made"
    faults = webhook_faults(known, wanted, projects)
    if not anew and not faults and not _may_lack_its_secret(client, known):
        return "there already"
    missing = tuple(event for event in wanted if event not in known.events)
    jql = "" if hidden_by(known.jql, projects) else known.jql
    client.renew_webhook(replace(known, jql=jql), known.events + missing, secret)
    return "mended" if faults else "signed anew"


def _may_lack_its_secret(client: JiraClient, webhook: Webhook) -> bool:
    """Whether Jira could have said that a webhook is signed, and does not.

    Data Center 10 takes no notice of a secret beside `configuration`, where older scripts put it.
    """
    if webhook.signed is not None or client.flavour != "datacenter":
        return False
    return form_of_datacenter(client.server_info().major) is CONFIGURED


def webhook_faults(
    webhook: Webhook, wanted: Collection[str], projects: Collection[str]
) -> tuple[str, ...]:
    """What keeps a webhook from telling Dueline what it needs to hear, each in a few words.

    Args:
        webhook: as Jira shows it; what Jira leaves out is no fault.
        wanted: the events that it is to tell.
        projects: the keys of those that are to be heard.
    """
    missing = [event for event in wanted if event not in webhook.events]
    hidden = hidden_by(webhook.jql, projects)
    faults = {
        "it is disabled": not webhook.enabled,
        "it leaves out the body": webhook.bodiless,
        "it is not signed": webhook.signed is False,
        f"it does not tell {', '.join(missing)}": bool(missing),
        f"its filter may hide {', '.join(hidden)}": bool(hidden),
    }
    return tuple(fault for fault, is_there in faults.items() if is_there)


def _find(fields: Sequence[Field], role: str, wanted: str) -> Field | None:
    if role not in ROLES:
        raise SetupError(f"{role!r} is no role of a field; there are {', '.join(ROLES)}.")
    same = [field for field in fields if field.id == wanted]
    same = same or [field for field in fields if field.name.casefold() == wanted.casefold()]
    if len(same) > 1:
        ids = " and ".join(field.id for field in same)
        raise SetupError(
            f"{ids} are all named {wanted!r}; name the {role} field by its id instead."
        )
    if same and same[0].type not in ROLES[role]:
        raise SetupError(
            f"{wanted!r} ({same[0].id}) is of type {same[0].type or 'unknown'}; the {role} field "
            f"must be of type {' or '.join(ROLES[role])}."
        )
    return same[0] if same else None


def _refuse_shared(found: Mapping[str, Field]) -> None:
    roles: dict[str, str] = {}
    for role, field in found.items():
        other = roles.setdefault(field.id, role)
        if other != role:
            raise SetupError(
                f"{field.name!r} ({field.id}) is named for both {other} and {role}; "
                "each needs a field of its own."
            )


def _make(client: JiraClient, role: str, name: str) -> Field:
    if name.startswith("customfield_"):
        raise SetupError(
            f"No field has the id {name}, which is named for {role}; give the id of an existing "
            "field, or a name under which to make one."
        )
    return client.create_field(name, ROLES[role][0])
