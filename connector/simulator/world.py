"""The site with its issues, and how to find things in it; it changes nothing by itself."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from connector.simulator.errors import JiraError, no_issue
from connector.simulator.model import (
    Account,
    Client,
    Event,
    Field,
    Flavour,
    Issue,
    IssueLink,
    Project,
    Screen,
    Token,
)
from connector.simulator.site import ADMINISTRATORS, ROLES, Site, example_site

CLOUD_ID = "11111111-2222-4333-8444-555555555555"

# Where numbers begin that the example site has not used up.
_FIRST = {"webhook": 1, "field": 10200, "option": 10200, "context": 10300, "tab": 10002}


class World:
    """Everything a Jira site holds.

    `now` returns aware instants. `lock` guards all of it: take it around anything that reads or
    writes. `denied` holds (e-mail, permission) pairs, with Jira's permission keys.
    `tokens` and `clients` are ways to sign in that were made; without `takes_passwords` a Data
    Center refuses basic authentication.
    """

    def __init__(self, *, now: Callable[[], datetime], flavour: Flavour, base_url: str) -> None:
        self.lock = threading.RLock()
        self.flavour: Flavour = flavour
        self.base_url = base_url
        self.site: Site = example_site()
        self.issues: dict[str, Issue] = {}
        self.links: dict[str, IssueLink] = {}
        self.denied: set[tuple[str, str]] = set()
        self.tokens: list[Token] = []
        self.clients: dict[str, Client] = {}
        self.cloud_id = CLOUD_ID
        self.takes_passwords = True
        self._by_id: dict[str, Issue] = {}
        self._by_old_key: dict[str, Issue] = {}
        self._now = now
        self._sequences: defaultdict[str, int] = defaultdict(int)

    @property
    def cloud(self) -> bool:
        """Tell whether this is Jira Cloud."""
        return self.flavour == "cloud"

    def now(self, not_before: datetime | None = None) -> datetime:
        """Return the instant in Jira's precision, milliseconds, and never before `not_before`."""
        instant = self._now()
        instant -= timedelta(microseconds=instant.microsecond % 1000)
        return instant if not_before is None else max(instant, not_before)

    def next_number(self, sequence: str) -> int:
        """Return the next number of a named sequence; each starts where Jira's own would."""
        self._sequences[sequence] += 1
        return _FIRST.get(sequence, 10000) + self._sequences[sequence] - 1

    def next_key(self, project_key: str) -> str:
        """Return the next key of a project; a key is never given twice."""
        self._sequences[f"key {project_key}"] += 1
        return f"{project_key}-{self._sequences[f'key {project_key}']}"

    def emit(self, event: Event) -> None:
        """Take note of an event; a plain world tells nobody."""

    def issue(self, id_or_key: str) -> Issue:
        """Return the issue; raises the 404 that Jira answers when there is none.

        A key that an issue had before it was moved still finds it.
        """
        key = id_or_key.upper()
        found = self.issues.get(key) or self._by_old_key.get(key) or self._by_id.get(id_or_key)
        if found is None:
            raise no_issue()
        return found

    def keep(self, issue: Issue) -> None:
        """Add an issue to the site."""
        self.issues[issue.key] = self._by_id[issue.id] = issue

    def rekey(self, issue: Issue, project: Project) -> None:
        """Give an issue a new key in another project; the old one goes on to mean it."""
        self._by_old_key[issue.key] = self.issues.pop(issue.key)
        issue.project, issue.key = project, self.next_key(project.key)
        self.issues[issue.key] = issue

    def forget(self, issue: Issue) -> None:
        """Take an issue out of the site."""
        del self.issues[issue.key], self._by_id[issue.id]
        self._by_old_key = {k: known for k, known in self._by_old_key.items() if known is not issue}

    def account(self, email: str) -> Account:
        """Return the account with this e-mail address or user name; raises `KeyError`."""
        if email in self.site.accounts:
            return self.site.accounts[email]
        for account in self.site.accounts.values():
            if email == account.name:
                return account
        raise KeyError(f"nobody here is called {email!r}; there are {sorted(self.site.accounts)}")

    def find_account(self, reference: str) -> Account | None:
        """Return the account behind an account id (Cloud), user name or user key."""
        for account in self.site.accounts.values():
            names = (account.account_id,) if self.cloud else (account.name, account.key)
            if reference in names:
                return account
        return None

    def user_id(self, email: str) -> str:
        """Return how this flavour refers to a user in a changelog."""
        account = self.account(email)
        return account.account_id if self.cloud else account.key

    def groups_of(self, email: str) -> set[str]:
        """Return the names of the groups an account belongs to."""
        return {g.name for g in self.site.groups.values() if email in g.members}

    def is_admin(self, account: Account) -> bool:
        """Tell whether the account may administer Jira."""
        return ADMINISTRATORS in self.groups_of(account.email)

    def allows(self, account: Account, permission: str) -> bool:
        """Tell whether the account has the permission (Jira's key, such as EDIT_ISSUES)."""
        return (account.email, permission) not in self.denied

    def may_see(self, account: Account, visibility: dict[str, Any] | None) -> bool:
        """Tell whether a comment with this visibility is shown to the account."""
        if visibility is None:
            return True
        name = str(visibility.get("value") or visibility.get("identifier"))
        wanted = {name} if visibility.get("type") == "group" else set(ROLES.get(name, ()))
        by_id = {g.name for g in self.site.groups.values() if g.group_id == name}
        return bool((wanted | by_id) & self.groups_of(account.email))

    def field_named(self, name: str) -> Field | None:
        """Return the field with this id or display name; a custom one before the system's own."""
        if name in self.site.fields:
            return self.site.fields[name]
        wanted = name.casefold()
        found = [f for f in self.site.fields.values() if f.name.casefold() == wanted]
        return max(found, key=lambda field: field.custom, default=None)

    def screen(self, screen_id: int) -> Screen:
        """Return the screen; raises Cloud's 404, or Data Center's 400, when there is none."""
        if screen_id not in self.site.screens:
            raise JiraError(
                404 if self.cloud else 400, [f"Screen with id {screen_id} does not exist"]
            )
        return self.site.screens[screen_id]
