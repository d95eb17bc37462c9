"""Jira Cloud: REST version 3, rich text as documents, fields with contexts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import MappingProxyType

from connector import facts, markup
from connector.base import (
    BRIEFLY,
    EVERYWHERE,
    READ_FIELDS,
    SEARCHERS,
    TEXT_API,
    Field,
    Flavour,
    Found,
    JiraClient,
    Wanted,
    field_of,
    field_type,
    found_in,
    strange,
)
from connector.dynamic import DynamicRegistrations
from connector.errors import JiraRefused
from connector.facts import Json
from connector.registrations import CLASSIC, Form
from connector.rest import Client
from connector.values import in_path


class CloudClient(DynamicRegistrations, JiraClient):
    """A site on Jira Cloud."""

    flavour: Flavour = "cloud"
    api = "rest/api/3"
    _comment_silence = MappingProxyType({"notifyUsers": "false"})

    def create_field(self, name: str, type_: str) -> Field:
        """Make a custom field; it shows nowhere until `show_field`."""
        data = {"name": name, "type": field_type(type_), "searcherKey": SEARCHERS[type_]}
        return field_of(
            self._rest.tell(
                f"making the field {name}",
                None,
                lambda client: client.create_custom_field(data=data),
            )
        )

    def show_field(self, field_id: str) -> None:
        """Let a field hold in every project, and put it on the default screen."""
        what = f"showing the field {field_id}"
        contexts = self._rest.ask(
            what, None, lambda client: client.get_contexts_for_field(field_id)
        )
        if not facts.items(facts.member(contexts, "values")):
            everywhere = {"name": "Every project", "projectIds": [], "issueTypeIds": []}
            self._rest.tell(
                what,
                None,
                lambda client: client.create_custom_field_context(field_id, data=everywhere),
            )
        try:
            self._rest.tell(what, None, lambda client: client.add_field_to_default_screen(field_id))
        except JiraRefused as refused:
            # A field that is shown already is refused with a status and words of many kinds.
            if "already" not in refused.sentence.lower() and not self._is_shown(field_id):
                raise

    def _is_shown(self, field_id: str) -> bool:
        """Whether a field is on a screen, as far as Jira tells."""
        path = f"{self.api}/field/{in_path(field_id)}/screens"
        try:
            shown = self._ask(f"reading where the field {field_id} is shown", None, path)
        except JiraRefused:
            return False
        return bool(facts.items(facts.member(shown, "values")))

    def holds_in(self, field_id: str) -> frozenset[str] | None:
        """The ids of the projects whose issues have a custom field, by its contexts."""
        path = f"field/{in_path(field_id)}/context"
        what = f"reading where the field {field_id} holds"
        contexts = list(self.ask_pages(what, path))
        if any(facts.member(each, "isGlobalContext") is True for each in contexts):
            return EVERYWHERE
        mapped = self.ask_pages(what, f"{path}/projectmapping") if contexts else iter(())
        found = (facts.identifier(facts.member(each, "projectId")) for each in mapped)
        return frozenset(filter(None, found))

    def only_rights(self, keys: Collection[str]) -> dict[str, Json]:
        """Cloud wants to be told which permissions are meant."""
        return {"permissions": ",".join(keys)}

    def _webhook_form(self) -> Form:
        return CLASSIC

    def _body(self, markdown: str) -> Json:
        return markup.to_adf(markdown)

    def _assignee(self, account: str) -> Json:
        return {"accountId": account}

    def _edit(self, client: Client, issue: str, values: dict[str, object]) -> object:
        return client.edit_issue(issue, notify_users="false", data={"fields": values})

    def _read_issue(self, client: Client, issue: str) -> object:
        # Version 3 writes texts as documents, which never read quite as in a webhook or changelog.
        asked = {"fields": READ_FIELDS, "expand": "changelog", "updateHistory": "false"}
        return client.get(f"{TEXT_API}/issue/{in_path(issue)}", params=asked)

    def _changelog(self, issue_id: str, issue: Json) -> list[Json]:
        # An issue shows the latest entries by itself, which mostly are all of them.
        shown = facts.all_of(facts.member(issue, "changelog"), "histories")
        if shown is not None:
            # There the newest stands first.
            return shown[::-1]
        path = f"{self.api}/issue/{in_path(issue_id)}/changelog"
        return list(self._pages("reading the changelog", issue_id, path, "values", {}))

    def _search(self, what: str, jql: str, wanted: Wanted = BRIEFLY) -> Iterator[list[Found]]:
        # A token holds the sort values of the last issue, so that nothing is skipped when others
        # before it leave the result.
        request, token = f"POST /{self.api}/search/jql", None
        while True:
            answer = self._search_page(what, jql, token, wanted)
            found = found_in(what, request, answer, wanted)
            if found:
                yield found
            former, token = token, _next_token(answer)
            if token is None:
                return
            if not isinstance(token, str) or token == former:
                raise strange(what, None, request, "no token for the next page")

    def _search_page(self, what: str, jql: str, token: str | None, wanted: Wanted) -> Json:
        asked = {
            "jql": jql,
            "fields": list(wanted.fields),
            "maxResults": wanted.at_once(self._page_size),
            **wanted.expand,
        }
        if token is not None:
            asked["nextPageToken"] = token
        return self._rest.ask(
            what,
            None,
            lambda client: client.search_and_reconsile_issues_using_jql_post(data=asked),
        )


def _next_token(answer: Json) -> Json:
    """By what the next page is asked for; None after the last, something strange where it lacks."""
    if facts.member(answer, "isLast") is True:
        return None
    token = facts.member(answer, "nextPageToken")
    return False if token is None and facts.member(answer, "isLast") is False else token
