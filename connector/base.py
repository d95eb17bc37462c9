"""What Dueline asks of a Jira, whichever Jira it is, and the part that is the same for all."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

import structlog

from connector import facts
from connector.errors import Call, ConnectorError, JiraRefused, NotJira
from connector.facts import Json
from connector.history import events_of, shown_in
from connector.paging import pages
from connector.registrations import Registrations
from connector.values import in_path
from sla.gaps import Shown
from sla.timeline import Event

if TYPE_CHECKING:
    from connector.limits import Limits
    from connector.rest import Answer, Client, Rest

Flavour = Literal["cloud", "datacenter"]

PROPERTY = "dueline"
"""The comment property that carries a saying's key."""
INTERNAL = "sd.public.comment"
"""The comment property by which Jira Service Management knows an internal comment."""
_TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"
SEARCHERS: Mapping[str, str] = MappingProxyType({
    "textfield": f"{_TYPES}textsearcher",
    "datetime": f"{_TYPES}datetimerange",
    "float": f"{_TYPES}exactnumber",
    "select": f"{_TYPES}multiselectsearcher",
})  # fmt: skip
"""The kinds of custom field that Dueline makes, each with what makes it searchable."""
EVERYWHERE = frozenset({"*"})
"""In place of ids: every project."""
READ_FIELDS = "*all,-environment,-worklog,-attachment"
_PAST_FIELDS = ("project", "updated", "created", "comment", "issuelinks")
TEXT_API = "rest/api/2"
"""The path of the interface that writes texts as webhooks do, which Cloud serves as well."""
# By what never changes: in an order by `updated`, an issue that changes meanwhile moves past the
# page that is read next. Equal instants need a second key, or Jira may order them anew each time.
_ORDER = "ORDER BY created ASC, key ASC"
_TWICE = timedelta(hours=2)
"""Longer than what clocks show twice when they are put back."""
# No clock on earth is further behind, so that no zone reads a time of this one as a later instant.
_WEST = timezone(timedelta(hours=-12))
_STEP = timedelta(minutes=15)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Which Jira it is."""

    flavour: Flavour
    version: str
    base_url: str
    """The address as Jira itself writes it in links."""

    @property
    def major(self) -> int:
        """The first number of the version; 0 where it has none."""
        first = self.version.split(".")[0]
        return int(first) if first.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Field:
    """A field of Jira; `type` is short, such as `textfield`, `datetime`, `float`, `select`."""

    id: str
    name: str
    custom: bool
    type: str


class History(NamedTuple):
    """All that Jira still knows of an issue's past."""

    issue_id: str
    issue_key: str
    events: tuple[Event, ...]
    assignee: tuple[str, str] | None = None
    """The account that it is assigned to, and its name for people."""
    people: Mapping[str, str] = MappingProxyType({})
    """The accounts that changed it or wrote on it, each with its name for people."""


class Transition(NamedTuple):
    """A way into another status that is open to an issue."""

    id: str
    name: str
    to: str
    """The name of the status."""


class Found(NamedTuple):
    """An issue as a search shows it."""

    issue_id: str
    issue_key: str
    project_key: str
    updated_at: datetime | None
    """Aware UTC, as the search index has it; None where Jira does not say."""
    shown: Shown | None = None
    """Its past, where it was asked for and Jira shows enough of it."""


class Wanted(NamedTuple):
    """What a search is asked for beside ids and keys."""

    fields: tuple[str, ...] = ("project", "updated")
    most: int | None = None
    """So many issues at once at most; None: as many as of anything else."""
    past: bool = False
    """Whether each issue shows its changelog."""
    ignored_fields: frozenset[str] = frozenset()
    """Ids and names of fields of whose changes nothing is kept."""

    @property
    def expand(self) -> dict[str, str]:
        """The parameter that asks for the changelog."""
        return {"expand": "changelog"} if self.past else {}

    def at_once(self, page_size: int) -> int:
        """How many issues are asked for at once."""
        return min(page_size, self.most or page_size)


BRIEFLY = Wanted()


class JiraClient(Registrations):
    """One Jira site. Any number of threads may share it.

    Every call raises `JiraRefused` or `JiraUnreachable`; those that change something raise
    `JiraUncertain` too. `issue` is an issue's id or key.
    """

    flavour: Flavour
    needs_screens = False
    """Whether a field can be written only where it is on the edit screen."""
    _page_size = 100
    """How much is asked for at once; Jira may give less."""
    _comment_silence: Mapping[str, str] = MappingProxyType({})
    """The parameters of a comment's edit that keep it from notifying anybody."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._lock = threading.Lock()
        self._myself: str | None = None
        self._info: ServerInfo | None = None

    @property
    def limits(self) -> Limits:
        """What the site last said of how much it may be asked."""
        return self._rest.limits

    @property
    @abstractmethod
    def api(self) -> str:
        """The path of the REST interface of this flavour."""

    @abstractmethod
    def create_field(self, name: str, type_: str) -> Field:
        """Make a custom field.

        Args:
            name: as people will see it.
            type_: one of `SEARCHERS`.
        """

    @abstractmethod
    def show_field(self, field_id: str) -> None:
        """Put a custom field where issues show it; does nothing where it is there already."""

    @abstractmethod
    def holds_in(self, field_id: str) -> frozenset[str] | None:
        """The ids of the projects whose issues have a custom field; `EVERYWHERE`: of all.

        None where this flavour does not tell by itself.
        """

    @abstractmethod
    def only_rights(self, keys: Collection[str]) -> dict[str, Json]:
        """How `mypermissions` is asked for some permissions alone."""

    @abstractmethod
    def _body(self, markdown: str) -> Json:
        """A comment's text in this flavour's form."""

    @abstractmethod
    def _assignee(self, account: str) -> Json:
        """An account as this flavour is told of an assignee."""

    @abstractmethod
    def _changelog(self, issue_id: str, issue: Json) -> list[Json]:
        """Every entry of an issue's changelog."""

    @abstractmethod
    def _edit(self, client: Client, issue: str, values: dict[str, object]) -> object:
        """Send an edit that notifies nobody."""

    @abstractmethod
    def _read_issue(self, client: Client, issue: str) -> object:
        """Ask for an issue."""

    @abstractmethod
    def _search(self, what: str, jql: str, wanted: Wanted = BRIEFLY) -> Iterator[list[Found]]:
        """What a bounded and ordered query finds, page by page.

        What is found all the while is given at least once, also when other issues come and go
        between two pages.
        """

    def server_info(self) -> ServerInfo:
        """Which Jira it is; asked once."""
        if self._info is None:
            self._info = info_of(
                self._ask("reading about the server", None, f"{self.api}/serverInfo")
            )
        return self._info

    def myself(self) -> str:
        """The id of the account whose credentials are used; asked once."""
        with self._lock:
            if self._myself is None:
                answer = self._ask("reading the account", None, f"{self.api}/myself")
                self._myself = facts.person(answer)
            if self._myself is None:
                raise ConnectorError(
                    "Jira does not say whose the credentials are; they must be those of an account."
                )
            return self._myself

    def ask(self, what: str, path: str, params: dict[str, Json] | None = None) -> Json:
        """Ask for what no other call is for.

        Args:
            what: is being done, for errors.
            path: within this flavour's interface, such as `priority`.
            params: of the query.
        """
        return self._ask(what, None, f"{self.api}/{path}", params)

    def ask_pages(self, what: str, path: str, name: str = "values") -> Iterator[Json]:
        """Ask for each element of a list that Jira gives page by page, in the member `name`."""
        return self._pages(what, None, f"{self.api}/{path}", name, {})

    def look(self, what: str, path: str, params: dict[str, Json] | None = None) -> Answer:
        """Ask for what may not be there, and take whatever is answered.

        Args:
            what: is being done, for errors.
            path: below the site's address, such as `rest/servicedeskapi/info`.
            params: of the query.

        Raises:
            JiraUnreachable: nothing was answered.
        """
        return self._rest.look(what, lambda client: client.get(path, params=params))

    def latest(self, project: str) -> Found | None:
        """The issue of a project that was updated last; None where the account sees none."""
        jql = f"project = {_quoted(project)} ORDER BY updated DESC, key DESC"
        page = next(self._search(f"looking for issues of project {project}", jql), ())
        return next((found for found in page if found.project_key == project), None)

    def fields(self) -> tuple[Field, ...]:
        """Every field that the account can see."""
        found = self._ask("reading the fields", None, f"{self.api}/field")
        return tuple(field_of(field) for field in facts.items(found))

    def edit_fields(self, issue: str, values: Mapping[str, object]) -> None:
        """Set fields of an issue in one call, without an e-mail to anybody where Jira allows that.

        Args:
            issue: id or key.
            values: by field id, each as `to_jira_value` gives it.
        """
        data = dict(values)
        path = f"{self.api}/issue/{in_path(issue)}"
        self._tell_silently(
            "writing fields",
            issue,
            lambda client: self._edit(client, in_path(issue), data),
            lambda client: client.put(path, {"fields": data}),
        )

    def add_comment(
        self, issue: str, markdown: str, *, key: str, internal: bool, role: str | None
    ) -> str:
        """Write a comment that carries its key.

        Args:
            issue: id or key.
            markdown: the text; see `connector.markup`.
            key: by which `find_comment` finds it again.
            internal: for the agents of a service project only.
            role: the name of the project role that alone may read it; None for everybody.

        Returns:
            The comment's id.
        """
        data = {"body": self._body(markdown), **_restriction(internal=internal, role=role)}
        data["properties"] = [{"key": PROPERTY, "value": {"key": key}}, *data.get("properties", ())]
        path = f"{self.api}/issue/{in_path(issue)}/comment"
        made = self._rest.tell("adding a comment", issue, lambda client: client.post(path, data))
        return facts.identifier(facts.member(made, "id")) or ""

    def edit_comment(
        self, issue: str, comment_id: str, markdown: str, *, internal: bool, role: str | None
    ) -> None:
        """Replace the words of one of our own comments; its key stays with it.

        Nobody is notified where Jira allows that. Who may read it is said again, since nothing
        promises that Jira keeps a restriction that an edit leaves out.

        Args:
            issue: id or key.
            comment_id: as `add_comment` or `find_comment` gave it.
            markdown: the new text; see `connector.markup`.
            internal: as the comment was written.
            role: as the comment was written.
        """
        data = {"body": self._body(markdown), **_restriction(internal=internal, role=role)}
        path = f"{self.api}/issue/{in_path(issue)}/comment/{in_path(comment_id)}"
        self._tell_silently(
            "editing a comment",
            issue,
            lambda client: client.put(path, data, params=dict(self._comment_silence)),
            lambda client: client.put(path, data),
        )

    def assign(self, issue: str, account: str) -> None:
        """Give an issue to an account.

        Args:
            issue: id or key.
            account: its accountId on Cloud, its user key or name on Data Center.
        """
        path = f"{self.api}/issue/{in_path(issue)}/assignee"
        data = self._assignee(account)
        self._rest.tell("assigning", issue, lambda client: client.put(path, data))

    def add_labels(self, issue: str, labels: Collection[str]) -> None:
        """Give an issue labels beside those that it has; one that it has already stays."""
        path = f"{self.api}/issue/{in_path(issue)}"
        data = {"update": {"labels": [{"add": label} for label in labels]}}
        self._tell_silently(
            "adding labels",
            issue,
            lambda client: client.put(path, data, params={"notifyUsers": "false"}),
            lambda client: client.put(path, data),
        )

    def transitions(self, issue: str) -> tuple[str, tuple[Transition, ...]]:
        """The name of an issue's status, and the ways out of it that are open to this account."""
        what, path = "reading the transitions", f"{self.api}/issue/{in_path(issue)}"
        found = self._ask(what, issue, path, {"fields": "status"})
        status = facts.member(facts.member(facts.member(found, "fields"), "status"), "name")
        listed = facts.member(self._ask(what, issue, f"{path}/transitions"), "transitions")
        return str(status or ""), tuple(
            Transition(
                facts.identifier(facts.member(each, "id")) or "",
                str(facts.member(each, "name") or ""),
                str(facts.member(facts.member(each, "to"), "name") or ""),
            )
            for each in facts.items(listed)
        )

    def transition(self, issue: str, transition_id: str) -> None:
        """Move an issue by a transition that is open to it."""
        path = f"{self.api}/issue/{in_path(issue)}/transitions"
        data = {"transition": {"id": transition_id}}
        self._rest.tell("moving the issue", issue, lambda client: client.post(path, data))

    def set_remote_link(self, issue: str, link: Json) -> None:
        """Make a remote link, or change the one that has its `globalId`.

        Args:
            issue: id or key.
            link: as `connector.remote_link` makes it.
        """
        path = f"{self.api}/issue/{in_path(issue)}/remotelink"
        self._rest.tell("writing the link", issue, lambda client: client.post(path, link))

    def find_comment(self, issue: str, key: str) -> str | None:
        """The id of our own comment that carries a key; None where there is none."""
        me = self.myself()
        for comment in self._comments(issue, order="-created"):
            comment_id = facts.identifier(facts.member(comment, "id"))
            if comment_id is None or facts.person(facts.member(comment, "author")) != me:
                continue
            if facts.member(self._property(issue, comment, PROPERTY), "key") == key:
                return comment_id
        return None

    def read_history(
        self,
        issue: str,
        *,
        ignored_fields: frozenset[str] = frozenset(),
        told: Mapping[str, bool] | None = None,
    ) -> History:
        """All that Jira still knows of an issue's past.

        Args:
            issue: id or key.
            ignored_fields: ids and names of fields of which nothing is kept.
            told: by their identities the versions of comments of which it is known already whether
                customers may read them; None: of none, so that they are asked for together.

        Returns:
            The events are those of `connector.history`.
        """
        found = self._rest.ask(
            "reading the issue", issue, lambda client: self._read_issue(client, issue)
        )
        issue_id = facts.identifier(facts.member(found, "id")) or issue
        changelog = self._changelog(issue_id, found)
        shown = _shown_comments(found, told)
        listed = self._comments(issue_id) if shown is None else shown
        comments = [self._with_visibility(found, _marked(each, told or {})) for each in listed]
        events = events_of(found, changelog, comments, ignored_fields=ignored_fields)
        issue_key = facts.identifier(facts.member(found, "key")) or issue
        assignee = facts.assignee(facts.member(found, "fields"))
        authors = (facts.member(each, "author") for each in (*changelog, *listed))
        people = dict(filter(None, map(facts.named, authors)))
        return History(issue_id, issue_key, events, assignee, people)

    def is_internal(self, issue: str, comment_id: str) -> bool | None:
        """Whether a service project marks a comment as internal: one call.

        Args:
            issue: id or key, for errors.
            comment_id: Jira's id.

        Returns:
            None where Jira does not tell, as of a comment that is gone.
        """
        path = f"{self.api}/comment/{in_path(comment_id)}/properties/{INTERNAL}"
        try:
            value = facts.member(self._ask("reading a comment's property", issue, path), "value")
        except JiraRefused as refused:
            if refused.status != 404 or isinstance(refused, NotJira):
                raise
            # Jira names the mark where that alone is missing, in whichever language; an address
            # in its words tells nothing.
            lacks_mark = INTERNAL in refused.sentence and f"/{INTERNAL}" not in refused.sentence
            return False if lacks_mark else None
        return not facts.is_public({"properties": [{"key": INTERNAL, "value": value}]})

    def updated_since(self, at: datetime) -> Iterator[list[Found]]:
        """Every issue of the site that was updated at or after an instant, page by page.

        It may give issues that are older, and an issue twice, but leaves out none that Jira's
        search knows. Two things are for the caller to cover by an overlap, and by counting the
        next poll from the instant before this one began:

        - The search lags behind: on Cloud by seconds, after bulk changes by minutes, see
          https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile. On Data Center
          each node has an index of its own.
        - An issue that changes while this runs need not be in it.

        A deleted issue is never found.

        Args:
            at: aware. It is rounded down: JQL knows minutes, and reads them as wall time in the
                account's own zone, which is asked for anew each time; see
                https://support.atlassian.com/jira-software-cloud/docs/jql-fields/#Updated. Where
                Jira names no known zone, the poll reaches back up to 26 hours further.

        Raises:
            ValueError: the instant has no offset.
        """
        yield from self._updated_since(at, BRIEFLY)

    def updates_since(
        self, at: datetime, *, ignored_fields: frozenset[str] = frozenset()
    ) -> Iterator[list[Found]]:
        """The same, each with what the search shows of its past, in smaller pages.

        Args:
            at: as for `updated_since`.
            ignored_fields: ids and names of fields of whose changes nothing is kept.
        """
        # What a page holds is kept in memory, and has to be answered before the time-out.
        yield from self._updated_since(
            at, Wanted(_PAST_FIELDS, most=50, past=True, ignored_fields=ignored_fields)
        )

    def _updated_since(self, at: datetime, wanted: Wanted) -> Iterator[list[Found]]:
        since = wall_time(at, self._time_zone())
        jql = f'updated >= "{since}" {_ORDER}'
        yield from self._search("reading what was updated", jql, wanted)

    def open_issues(self, projects: Collection[str]) -> Iterator[list[Found]]:
        """Every issue of some projects whose status is not of the category Done, page by page.

        What `updated_since` says of the search holds here too. Projects come one after another. One
        that Jira does not have, or does not show to the account, is skipped and logged.

        Args:
            projects: by their keys; by a former key a project is not found.
        """
        for project in sorted(set(projects)):
            yield from self._open_issues(project)

    def issues_of(
        self, project: str, from_at: datetime, to_at: datetime, jql: str | None = None
    ) -> Iterator[list[Found]]:
        """Every issue of a project that was open at some instant of a period, page by page.

        It may give others, too: those that were updated since it began, or made soon after it.

        Args:
            project: by its key.
            from_at: when the period begins, aware.
            to_at: when it ends, aware.
            jql: a further condition, without an order.

        Raises:
            JiraRefused: it does not know the project, or not what the condition says.
        """
        zone = self._time_zone()
        begins, ends = wall_time(from_at, zone), wall_time(to_at + _TWICE, zone)
        more = f" AND ({jql})" if jql else ""
        found = (
            f'project = {_quoted(project)} AND created < "{ends}"'
            f' AND (updated >= "{begins}" OR statusCategory != Done){more} {_ORDER}'
        )
        yield from self._search(f"reading the issues of project {project}", found)

    def group_members(self, group: str) -> tuple[str, ...]:
        """The ids of the active accounts in a group, given by its name."""
        path = f"{self.api}/group/member"
        asked = {"groupname": group, "includeInactiveUsers": "false"}
        members = self._pages(f"reading the group {group}", None, path, "values", asked)
        return tuple(filter(None, map(facts.person, members)))

    def _open_issues(self, project: str) -> Iterator[list[Found]]:
        what = f"reading the open issues of project {project}"
        jql = f"project = {_quoted(project)} AND statusCategory != Done {_ORDER}"
        try:
            for page in self._search(what, jql):
                # JQL takes a project's name and its former keys as well.
                own = [found for found in page if found.project_key == project]
                if own:
                    yield own
        except JiraRefused as refused:
            if refused.status != 400 or self.has_project(project):
                raise
            _log.warning("project not found in Jira", project=project)

    def rights(self, keys: Collection[str], project: str | None = None) -> dict[str, bool]:
        """Which permissions the account has, as far as Jira says.

        Args:
            keys: as Jira names them, such as `EDIT_ISSUES`.
            project: by its key; None: in Jira as a whole.

        Raises:
            JiraRefused: it does not know one of them, or not the project.
        """
        within = {"projectKey": project} if project else {}
        asked = {**within, **self.only_rights(keys)}
        answer = self.ask("reading the permissions", "mypermissions", asked)
        told = facts.member(answer, "permissions")
        held = {key: facts.member(facts.member(told, key), "havePermission") for key in keys}
        return {key: value for key, value in held.items() if isinstance(value, bool)}

    def has_project(self, project: str) -> bool:
        """Whether the account can see a project."""
        path = f"{self.api}/project/{in_path(project)}"
        try:
            self._ask(f"reading the project {project}", None, path)
        except JiraRefused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def _time_zone(self) -> tzinfo:
        """The zone in which Jira reads a query's dates: that of the account, changed at any time.

        The most westerly of all where it is not known, so that no instant is read as a later one.
        """
        answer = self._ask("reading the account", None, f"{self.api}/myself")
        name = facts.member(answer, "timeZone")
        try:
            return ZoneInfo(name) if isinstance(name, str) and name else _WEST
        except (KeyError, ValueError, OSError):
            return _WEST

    def _comments(self, issue: str, *, order: str = "created") -> Iterator[Json]:
        path = f"{TEXT_API}/issue/{in_path(issue)}/comment"
        asked = {"orderBy": order, "expand": "properties"}
        return self._pages("reading the comments", issue, path, "comments", asked)

    def _with_visibility(self, _issue: Json, comment: Json) -> Json:
        """A comment with whatever tells whether it is public."""
        return comment

    def _property(self, issue: str, comment: Json, name: str) -> Json:
        """A comment's property; None where it has none of that name."""
        given = facts.member(comment, "properties")
        if isinstance(given, list):
            found = (part for part in given if facts.member(part, "key") == name)
            return facts.member(next(found, None), "value")
        comment_id = in_path(facts.member(comment, "id"))
        path = f"{self.api}/comment/{comment_id}/properties/{name}"
        try:
            return facts.member(self._ask("reading a comment's property", issue, path), "value")
        except JiraRefused as refused:
            if refused.status == 404:
                return None
            raise

    def _tell_silently(
        self,
        what: str,
        issue: str,
        silently: Callable[[Client], object],
        aloud: Callable[[Client], object],
    ) -> None:
        """Change something without an e-mail to anybody; with one where Jira insists."""
        try:
            self._rest.tell(what, issue, silently)
        except JiraRefused as refused:
            if not _refuses_silence(refused):
                raise
            # Only administrators of the project may keep watchers from being notified.
            self._rest.tell(what, issue, aloud)

    def _ask(
        self, what: str, issue: str | None, path: str, params: dict[str, Json] | None = None
    ) -> Json:
        return self._rest.ask(what, issue, lambda client: client.get(path, params=params))

    def _pages(
        self, what: str, issue: str | None, path: str, name: str, params: dict[str, Json]
    ) -> Iterator[Json]:
        def read(start: int) -> Json:
            asked = {**params, "startAt": start, "maxResults": self._page_size}
            page = self._ask(what, issue, path, asked)
            if not isinstance(facts.member(page, name), list):
                raise strange(what, issue, f"GET /{path}", f"an answer without {name}")
            return page

        return pages(read, name)


def info_of(answer: Json) -> ServerInfo:
    """Read the answer to serverInfo."""
    cloud = facts.member(answer, "deploymentType") == "Cloud"
    return ServerInfo(
        "cloud" if cloud else "datacenter",
        str(facts.member(answer, "version") or ""),
        str(facts.member(answer, "baseUrl") or ""),
    )


def found_in(what: str, request: str, answer: Json, wanted: Wanted = BRIEFLY) -> list[Found]:
    """The issues in a search's answer.

    Args:
        what: was being done, for the error.
        request: its method and path, for the error.
        answer: of either flavour.
        wanted: what it was asked for.

    Raises:
        JiraRefused: it is not the answer to a search.
    """
    issues = facts.member(answer, "issues")
    found = [_found(each, wanted) for each in issues] if isinstance(issues, list) else [None]
    kept = [issue for issue in found if issue is not None]
    if len(kept) < len(found):
        raise strange(what, None, request, "an answer that does not list issues")
    return kept


def strange(what: str, issue: str | None, request: str, sentence: str) -> JiraRefused:
    """The error for an answer that came in good order and is none to what was asked."""
    return JiraRefused(Call(what, issue, request), sentence, status=200)


def wall_time(at: datetime, zone: tzinfo) -> str:
    """An instant as JQL takes it, such as `2026-10-25 01:45`; never one that means a later instant.

    When clocks are put back they show an hour twice, and nothing tells which pass a query means: so
    the first one is written as the last time before it. What clocks skip is never written, since
    Jira refuses it.

    Args:
        at: aware; seconds are dropped.
        zone: in which Jira will read it.

    Raises:
        ValueError: the instant has no offset.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no offset, so it is no instant.")
    moment = at.astimezone(UTC)
    while _latest_reading(shown := moment.astimezone(zone).replace(second=0, microsecond=0)) > at:
        moment -= _STEP
    return f"{shown:%Y-%m-%d %H:%M}"


def field_of(answer: Json) -> Field:
    """Read one field's definition."""
    schema = facts.member(answer, "schema")
    kind = facts.member(schema, "custom") or facts.member(schema, "type") or ""
    return Field(
        facts.identifier(facts.member(answer, "id")) or "",
        str(facts.member(answer, "name") or ""),
        facts.member(answer, "custom") is True,
        str(kind).removeprefix(_TYPES),
    )


def field_type(short: str) -> str:
    """The full key of a kind of custom field."""
    return f"{_TYPES}{short}"


def _found(issue: Json, wanted: Wanted) -> Found | None:
    issue_id, key = (facts.identifier(facts.member(issue, name)) for name in ("id", "key"))
    if issue_id is None or key is None:
        return None
    fields = facts.member(issue, "fields")
    project = facts.identifier(facts.member(facts.member(fields, "project"), "key"))
    updated_at = facts.instant(facts.member(fields, "updated"))
    shown = shown_in(issue, wanted.ignored_fields) if wanted.past else None
    return Found(issue_id, key, project or key.rpartition("-")[0], updated_at, shown)


def _latest_reading(shown: datetime) -> datetime:
    """The later of the instants at which clocks of a zone show a time."""
    return max(shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _quoted(text: str) -> str:
    """A text as a value in JQL; keys such as `AND` and `NOT` are words of the language too."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown_comments(issue: Json, told: Mapping[str, bool] | None) -> list[Json] | None:
    """The comments that an issue shows by itself; None where it does not show all of them.

    Nor where they do not tell whether customers may read them, unless it is one alone, which is
    asked for by itself.
    """
    fields = facts.member(issue, "fields")
    shown = facts.all_of(facts.member(fields, "comment"), "comments")
    kind = facts.member(facts.member(fields, "project"), "projectTypeKey")
    if shown is None or kind in ("software", "business"):
        return shown
    open_still = [each for each in shown if not tells_readers(_marked(each, told or {}))]
    return shown if len(open_still) <= (0 if told is None else 1) else None


def _marked(comment: Json, told: Mapping[str, bool]) -> Json:
    """A comment with the mark that tells its readers, where those of this version are known."""
    version = facts.comment(comment) if isinstance(comment, dict) and told else None
    public = told.get(version.identity) if version else None
    return comment if public is None else {**comment, "jsdPublic": public}


def tells_readers(comment: Json) -> bool:
    """Whether a comment tells by itself whether everybody may read it."""
    marks = isinstance(comment, dict) and bool(comment.keys() & {"jsdPublic", "properties"})
    return marks or bool(facts.member(comment, "visibility"))


def _restriction(*, internal: bool, role: str | None) -> dict[str, Json]:
    """The members of a comment that say who may read it; none where everybody may."""
    members: dict[str, Json] = {}
    if internal:
        members["properties"] = [{"key": INTERNAL, "value": {"internal": True}}]
    if role is not None:
        members["visibility"] = {"type": "role", "value": role}
    return members


def _refuses_silence(refused: JiraRefused) -> bool:
    return refused.status in (400, 403) and "notif" in refused.sentence.lower()
