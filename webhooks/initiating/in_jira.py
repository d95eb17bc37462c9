"""What is to be made in Jira: said before, made once agreed to, or left to be done by hand."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from config.settings import Flavour
from connector.base import JiraClient
from connector.errors import ConnectorError
from connector.setup import EVENTS, ROLES, WEBHOOK_NAME, find_fields, set_up, set_up_webhook

_MANUAL = "docs/rights.md has each step"
_ON_SCREENS = "  put the fields on the screens of the projects, for viewing and editing"
TYPES: Mapping[Flavour, Mapping[str, str]] = {
    "cloud": {"textfield": "Short text", "datetime": "Time stamp", "float": "Number"},
    "datacenter": {
        "textfield": "Text Field (single line)",
        "datetime": "Date Time Picker",
        "float": "Number Field",
    },
}
"""What Jira's own pages call the types of the fields that Dueline makes."""


@dataclass(frozen=True, slots=True)
class Hook:
    """The webhook that Jira is to have."""

    url: str
    shown: str
    """The address without a token in it."""
    secret: str
    secret_file: str
    projects: tuple[str, ...]
    """The keys of those that are to be heard."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be made."""

    client: JiraClient
    fields: Mapping[str, str]
    """By role the name or id of the field."""
    missing: tuple[str, ...]
    """The roles for which there is no field yet."""
    hook: Hook | None
    may: bool | None
    """Whether the account administers Jira; None where Jira does not say."""

    @classmethod
    def needed(
        cls,
        client: JiraClient,
        fields: Mapping[str, str],
        hook: Hook | None,
        *,
        may: bool | None,
    ) -> Changes:
        """Look what is there.

        Raises:
            SetupError: a field of the name cannot hold what is to be shown in it, or two have it.
            JiraError: Jira does not say which fields it has.
        """
        found, _ = find_fields(client.fields(), fields)
        missing = tuple(role for role in fields if role not in found)
        return cls(client, fields, missing, hook, may)

    def lines(self) -> Iterator[str]:
        """What will be done, for people; nothing where the account may not."""
        if self.may is False:
            yield "  nothing: the account lacks the global permission Administer Jira"
            return
        for role in self.missing:
            yield f"  make the field {self._described(role)}"
        there = len(self.fields) - len(self.missing)
        if there:
            yield f"  keep the {there} fields that are there already"
        where = "the default screen" if self.client.flavour == "cloud" else "every screen"
        yield f"  show the fields on {where}, where they are not shown yet"
        if self.hook:
            yield f"  have a webhook {WEBHOOK_NAME!r} to {self.hook.shown}, with a secret, for"
            yield f"    {', '.join(EVENTS[self.client.flavour])}"

    def carry_out(self) -> Generator[str, None, bool]:
        """Make it, as far as Jira allows; what is left to be done by hand is said.

        Returns:
            Whether all of it is there, as far as the account can know.
        """
        if self.may is False:
            yield "The account lacks the global permission Administer Jira, so nothing was made."
            yield from self._by_hand(fields=bool(self.missing), webhook=True)
            return not self.missing
        complete = yield from self._make_fields()
        if self.hook:
            return (yield from self._register(self.hook)) and complete
        return complete

    def _make_fields(self) -> Generator[str, None, bool]:
        try:
            report = set_up(self.client, self.fields)
        except ConnectorError as error:
            yield f"The fields could not be made: {error}"
            yield from self._by_hand(fields=True, webhook=False)
            return False
        yield from (f"  {line}" for line in report.lines())
        if report.hidden:
            yield f"Somebody who administers Jira has to do this ({_MANUAL}):"
            yield _ON_SCREENS
        elif self.client.flavour == "cloud":
            yield "  a project with screens of its own shows them once they are put there as well"
        return not report.hidden

    def _register(self, hook: Hook) -> Generator[str, None, bool]:
        try:
            # Jira tells nobody the secret of a webhook that is there: an earlier Dueline may have
            # left it, with one of its own.
            outcome = set_up_webhook(
                self.client, hook.url, hook.secret, projects=hook.projects, anew=True
            )
        except ConnectorError as error:
            yield f"The webhook could not be registered: {error}"
            yield from self._by_hand(fields=False, webhook=True)
            return False
        yield f"  webhook to {hook.shown}: {outcome}"
        return True

    def _by_hand(self, *, fields: bool, webhook: bool) -> Iterator[str]:
        """What an administrator has to do instead."""
        hook = self.hook if webhook else None
        if not fields and not hook:
            return
        yield f"Somebody who administers Jira has to do this ({_MANUAL}):"
        if fields:
            for role in self.missing or self.fields:
                yield f"  make the custom field {self._described(role)}"
            yield _ON_SCREENS
        if hook:
            yield f"  make a webhook to {hook.shown}, unless there is one,"
            yield f"    with the secret in {hook.secret_file}, for"
            yield f"    {', '.join(EVENTS[self.client.flavour])}"
            yield "  or, without such rights, a rule of Jira automation in each project"

    def _described(self, role: str) -> str:
        return f"{self.fields[role]!r} of type {TYPES[self.client.flavour][ROLES[role][0]]}"
