"""Jira Data Center: REST version 2, wiki markup, fields that must be on a screen to be written."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from connector import facts, markup
from connector.base import (
    BRIEFLY,
    INTERNAL,
    READ_FIELDS,
    SEARCHERS,
    Field,
    Flavour,
    Found,
    JiraClient,
    Wanted,
    field_of,
    field_type,
    found_in,
    strange,
    tells_readers,
)
from connector.errors import JiraRefused, NotJira
from connector.facts import Json
from connector.registrations import Form, form_of_datacenter
from connector.rest import Client
from connector.values import in_path


class DataCenterClient(JiraClient):
    """A Jira on somebody's own machines."""

    flavour: Flavour = "datacenter"
    needs_screens = True
    api = "rest/api/2"

    def create_field(self, name: str, type_: str) -> Field:
        """Make a custom field that holds in every project; it shows nowhere until `show_field`."""
        return field_of(
            self._rest.tell(
                f"making the field {name}",
                None,
                lambda client: client.create_custom_field(
                    name, field_type(type_), search_key=SEARCHERS[type_]
                ),
            )
        )

    def show_field(self, field_id: str) -> None:
        """Put a field on every screen: Data Center lets nobody write a field that is on none."""
        for screen in self._screens():
            tabs = [str(tab["id"]) for tab in self._screen_tabs(screen)]
            if tabs and not any(self._is_on(field_id, screen, tab) for tab in tabs):
                self._add_to(field_id, screen, tabs[0])

    def _screens(self) -> Iterator[str]:
        what, path = "reading the screens", f"{self.api}/screens"
        known = set[str]()
        while True:
            asked = {"startAt": len(known), "maxResults": 1000}
            page = self._ask(what, None, path, asked)
            # A plain list does not say whether it is the last page.
            screens = page if isinstance(page, list) else facts.items(facts.member(page, "values"))
            fresh = dict.fromkeys(str(facts.member(screen, "id")) for screen in screens)
            yield from (screen for screen in fresh if screen not in known)
            if fresh.keys() <= known:
                return
            known |= fresh.keys()

    def _screen_tabs(self, screen: str) -> list[Json]:
        what = f"reading the tabs of screen {screen}"
        return facts.items(
            self._rest.ask(what, None, lambda client: client.get_screen_tabs(screen))
        )

    def _is_on(self, field_id: str, screen: str, tab: str) -> bool:
        what = f"reading the fields on screen {screen}"
        shown = self._rest.ask(what, None, lambda client: client.get_screen_tab_fields(screen, tab))
        return any(facts.member(field, "id") == field_id for field in facts.items(shown))

    def _add_to(self, field_id: str, screen: str, tab: str) -> None:
        what = f"showing the field {field_id} on screen {screen}"
        self._rest.tell(what, None, lambda client: client.add_field(field_id, screen, tab))

    def holds_in(self, _field_id: str) -> frozenset[str] | None:
        """Not told: what can be edited shows contexts and screens at once."""
        return None

    def only_rights(self, _keys: Collection[str]) -> dict[str, Json]:
        """Data Center always tells of every permission."""
        return {}

    def _body(self, markdown: str) -> Json:
        return markup.to_wiki(markdown, self._user_name)

    def _user_name(self, key: str) -> str:
        """The name by which wiki markup mentions a user; the key itself, if Jira knows no such."""
        try:
            found = self._ask("reading a user", None, f"{self.api}/user", {"key": key})
        except JiraRefused as refused:
            if refused.status == 404 and not isinstance(refused, NotJira):
                return key
            raise
        return facts.identifier(facts.member(found, "name")) or key

    def _assignee(self, account: str) -> Json:
        return {"name": self._user_name(account)}

    def _edit(self, client: Client, issue: str, values: dict[str, object]) -> object:
        return client.update_issue_field(issue, values, notify_users=False)

    def _read_issue(self, client: Client, issue: str) -> object:
        return client.get_issue(
            in_path(issue), fields=READ_FIELDS, expand="changelog", update_history=False
        )

    def _changelog(self, _issue_id: str, issue: Json) -> list[Json]:
        return facts.items(facts.member(facts.member(issue, "changelog"), "histories"))

    def _search(self, what: str, jql: str, wanted: Wanted = BRIEFLY) -> Iterator[list[Found]]:
        # Pages are counted from the front of a result that shrinks and grows meanwhile. So each
        # begins with the last issue of the one before; where it does not, issues have gone from
        # the front, others have moved up unseen, and it is looked for further back.
        start, known = 0, set[str]()
        while True:
            found, total = self._search_page(what, jql, start, wanted)
            ids = {issue.issue_id for issue in found}
            if start and not ids & known:
                start = max(0, start - max(1, len(known) - 1))
                continue
            fresh = [issue for issue in found if issue.issue_id not in known]
            if fresh:
                yield fresh
            if start + len(found) >= total:
                return
            if len(found) < 2:
                raise strange(what, None, self._search_request, "pages of fewer than two issues")
            start, known = start + len(found) - 1, ids

    @property
    def _search_request(self) -> str:
        return f"GET /{self.api}/search"

    def _search_page(
        self, what: str, jql: str, start: int, wanted: Wanted
    ) -> tuple[list[Found], int]:
        """The issues from a position on, and how many there are in all."""
        asked = {
            "jql": jql,
            "fields": ",".join(wanted.fields),
            "maxResults": wanted.at_once(self._page_size),
            **wanted.expand,
        }
        answer = self._ask(what, None, f"{self.api}/search", {**asked, "startAt": start})
        total = facts.member(answer, "total")
        if not isinstance(total, int) or facts.member(answer, "startAt") not in (start, None):
            raise strange(what, None, self._search_request, "an answer that is no page of issues")
        return found_in(what, self._search_request, answer, wanted), total

    def _with_visibility(self, issue: Json, comment: Json) -> Json:
        project = facts.member(facts.member(issue, "fields"), "project")
        has_internal = facts.member(project, "projectTypeKey") in ("service_desk", None)
        if not isinstance(comment, dict) or tells_readers(comment) or not has_internal:
            return comment
        mark = self._property(str(facts.member(issue, "id")), comment, INTERNAL)
        return {**comment, "properties": [{"key": INTERNAL, "value": mark}]}

    def _webhook_form(self) -> Form:
        return form_of_datacenter(self.server_info().major)
