"""How the site looks from outside: the JSON of each thing, by flavour and by API version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from connector.simulator.adf import RichText
from connector.simulator.model import (
    Account,
    Change,
    Comment,
    Field,
    Group,
    History,
    Issue,
    IssueLink,
    IssueType,
    LinkType,
    Option,
    Priority,
    Project,
    Resolution,
    Status,
)
from connector.simulator.values import jira_time
from connector.simulator.world import World

Json = dict[str, Any]

_SIZES = {"48x48": "", "24x24": "small", "16x16": "xsmall", "32x32": "medium"}


class Presenter:
    """Shows things as one API version of one flavour does.

    Version 3 shows rich texts as documents, version 2 as wiki text.
    """

    def __init__(self, world: World, version: int = 2) -> None:
        self.world = world
        self.version = version

    def url(self, path: str) -> str:
        """Return the address of a REST resource."""
        return f"{self.world.base_url}/rest/api/{self.version}/{path}"

    def text(self, text: RichText | None) -> Any:
        """Return a rich text as this version shows it."""
        if text is None:
            return None
        return text.adf() if self.version > 2 else text.wiki

    def user(self, email: str | None, *, in_full: bool = False) -> Json | None:
        """Return a user; Cloud keeps the e-mail address to itself unless asked `in_full`."""
        if email is None:
            return None
        account = self.world.account(email)
        shown = self._cloud_user(account) if self.world.cloud else self._local_user(account)
        if in_full:
            shown["emailAddress"] = account.email
        return shown

    def _cloud_user(self, account: Account) -> Json:
        return {
            "self": self.url(f"user?accountId={quote(account.account_id, safe='')}"),
            "accountId": account.account_id,
            "avatarUrls": self._avatars("useravatar", account.key),
            "displayName": account.display_name,
            "active": True,
            "timeZone": account.time_zone,
            "accountType": account.account_type,
        }

    def _local_user(self, account: Account) -> Json:
        return {
            "self": self.url(f"user?username={account.name}"),
            "name": account.name,
            "key": account.key,
            "emailAddress": account.email,
            "avatarUrls": self._avatars("useravatar", account.key),
            "displayName": account.display_name,
            "active": True,
            "timeZone": account.time_zone,
        }

    def _avatars(self, servlet: str, owner: str) -> Json:
        base = f"{self.world.base_url}/secure/{servlet}?ownerId={owner}"
        return {size: f"{base}&size={word}" if word else base for size, word in _SIZES.items()}

    def group(self, group: Group) -> Json:
        """Return a group by name and id."""
        return {"name": group.name, "groupId": group.group_id}

    def project(self, project: Project) -> Json:
        """Return a project as it stands inside an issue."""
        return {
            "self": self.url(f"project/{project.id}"),
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": project.project_type,
            "simplified": False,
            "avatarUrls": self._avatars("projectavatar", project.id),
        }

    def issue_type(self, issue_type: IssueType) -> Json:
        """Return an issue type."""
        return {
            "self": self.url(f"issuetype/{issue_type.id}"),
            "id": issue_type.id,
            "description": issue_type.description,
            "iconUrl": f"{self.world.base_url}/secure/viewavatar?avatarId={issue_type.avatar_id}",
            "name": issue_type.name,
            "subtask": False,
            "avatarId": issue_type.avatar_id,
        }

    def priority(self, priority: Priority, *, in_full: bool = False) -> Json:
        """Return a priority; `in_full` as the list of priorities has it."""
        icon = f"{self.world.base_url}/images/icons/priorities/{priority.name.lower()}.svg"
        shown = {
            "self": self.url(f"priority/{priority.id}"),
            "iconUrl": icon,
            "name": priority.name,
            "id": priority.id,
        }
        if in_full:
            shown |= {"statusColor": priority.color, "description": priority.description}
        return shown

    def status(self, status: Status) -> Json:
        """Return a status with its category."""
        category = status.category
        return {
            "self": self.url(f"status/{status.id}"),
            "description": "",
            "iconUrl": f"{self.world.base_url}/",
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": self.url(f"statuscategory/{category.id}"),
                "id": category.id,
                "key": category.key,
                "colorName": category.color,
                "name": category.name,
            },
        }

    def resolution(self, resolution: Resolution) -> Json:
        """Return a resolution."""
        return {
            "self": self.url(f"resolution/{resolution.id}"),
            "id": resolution.id,
            "description": resolution.description,
            "name": resolution.name,
        }

    def option(self, option: Option) -> Json:
        """Return a choice of a select field."""
        return {
            "self": self.url(f"customFieldOption/{option.id}"),
            "value": option.value,
            "id": option.id,
        }

    def transition(self, status: Status) -> Json:
        """Return the transition that leads into a status."""
        shown: Json = {
            "id": status.transition_id,
            "name": status.name,
            "to": self.status(status),
        }
        if self.world.cloud:
            shown |= dict.fromkeys(("hasScreen", "isInitial", "isConditional", "looped"), False)
            shown |= {"isGlobal": True, "isAvailable": True}
        return shown

    def comment(self, issue: Issue, comment: Comment) -> Json:
        """Return a comment; only Cloud says `jsdPublic`, and nobody is left out as an author."""
        shown: Json = {
            "self": self.url(f"issue/{issue.id}/comment/{comment.id}"),
            "id": comment.id,
            **self._signed("author", comment.author),
            "body": self.text(comment.body),
            **self._signed("updateAuthor", comment.update_author),
            "created": jira_time(comment.created),
            "updated": jira_time(comment.updated),
        }
        if comment.visibility:
            names = ("type", "value", "identifier") if self.world.cloud else ("type", "value")
            shown["visibility"] = {name: comment.visibility[name] for name in names}
        if self.world.cloud:
            shown["jsdPublic"] = comment.public
        return shown

    def _signed(self, role: str, email: str | None) -> Json:
        return {} if email is None else {role: self.user(email)}

    def link_type(self, link_type: LinkType) -> Json:
        """Return a kind of link."""
        return {
            "id": link_type.id,
            "name": link_type.name,
            "inward": link_type.inward,
            "outward": link_type.outward,
            "self": self.url(f"issueLinkType/{link_type.id}"),
        }

    def link(self, link: IssueLink, seen_from: Issue | None = None) -> Json:
        """Return a link; seen from one of its issues, only the other one is shown."""
        shown: Json = {
            "id": link.id,
            "self": self.url(f"issueLink/{link.id}"),
            "type": self.link_type(link.link_type),
        }
        if seen_from is not link.source:
            shown["inwardIssue"] = self._linked(link.source)
        if seen_from is not link.destination:
            shown["outwardIssue"] = self._linked(link.destination)
        return shown

    def _linked(self, issue: Issue) -> Json:
        return {
            "id": issue.id,
            "key": issue.key,
            "self": self.url(f"issue/{issue.id}"),
            "fields": {
                "summary": issue.values["summary"],
                "status": self.status(issue.status),
                "priority": self.priority(issue.values["priority"]),
                "issuetype": self.issue_type(issue.values["issuetype"]),
            },
        }

    def history(self, history: History) -> Json:
        """Return an entry of the changelog as REST shows it."""
        return {
            "id": history.id,
            "author": self.user(history.author),
            "created": jira_time(history.created),
            "items": [self.change(change) for change in history.changes],
        }

    def change(self, change: Change) -> Json:
        """Return one change; only Cloud names the field's id, where there is a field."""
        shown: Json = {
            "field": change.field,
            "fieldtype": "custom" if change.custom else "jira",
            "fieldId": change.field_id,
            "from": change.old,
            "fromString": change.old_text,
            "to": change.new,
            "toString": change.new_text,
        }
        if not self.world.cloud or change.field_id is None:
            del shown["fieldId"]
        return shown

    def field(self, field: Field) -> Json:
        """Return the definition of a field."""
        shown: Json = {
            "id": field.id,
            "name": field.name,
            "custom": field.custom,
            "orderable": field.orderable,
            "navigable": field.navigable,
            "searchable": field.searchable,
            "clauseNames": list(field.clause_names),
            "schema": dict(field.schema),
        }
        if self.world.cloud:
            shown["key"] = field.id
        return shown

    def issue(
        self, issue: Issue, comments: Iterable[Comment], wanted: Callable[[str], bool]
    ) -> Json:
        """Return an issue with the wanted fields; `comments` are those the reader may see."""
        return {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": issue.id,
            "self": self.url(f"issue/{issue.id}"),
            "key": issue.key,
            "fields": {k: v for k, v in self.fields(issue, comments).items() if wanted(k)},
        }

    def fields(self, issue: Issue, comments: Iterable[Comment]) -> Json:
        """Return every field of an issue, those without a value too."""
        shown = self._fixed_fields(issue)
        for name, field in self.world.site.fields.items():
            kept = field.settable or name == "resolution"
            if kept and field.applies_to(issue.project.id):
                shown[name] = self.value(field, issue.values.get(name))
        shown["comment"] = self.comment_page(issue, list(comments))
        shown["worklog"] = {"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []}
        if self.world.cloud:
            shown["statuscategorychangedate"] = jira_time(issue.category_changed)
            shown["security"] = None
        return shown

    def _fixed_fields(self, issue: Issue) -> Json:
        fixed: Json = {}
        for name in ("timespent", "timeestimate", "timeoriginalestimate"):
            fixed |= {name: None, f"aggregate{name}": None}
        for name in ("fixVersions", "versions", "components", "subtasks"):
            fixed[name] = []
        fixed["issuelinks"] = [self.link(link, issue) for link in issue.links]
        return fixed | {
            "project": self.project(issue.project),
            "status": self.status(issue.status),
            "creator": self.user(issue.creator),
            "created": jira_time(issue.created),
            "updated": jira_time(issue.updated),
            "resolutiondate": jira_time(issue.resolved) if issue.resolved else None,
            "lastViewed": None,
            "workratio": -1,
            "attachment": [],
            "timetracking": {},
            "progress": {"progress": 0, "total": 0},
            "aggregateprogress": {"progress": 0, "total": 0},
            "watches": {
                "self": self.url(f"issue/{issue.key}/watchers"),
                "watchCount": 0,
                "isWatching": False,
            },
            "votes": {
                "self": self.url(f"issue/{issue.key}/votes"),
                "votes": 0,
                "hasVoted": False,
            },
        }

    def comment_page(self, issue: Issue, comments: list[Comment]) -> Json:
        """Return the comments as they stand inside an issue."""
        return {
            "comments": [self.comment(issue, comment) for comment in comments],
            "self": self.url(f"issue/{issue.id}/comment"),
            "maxResults": len(comments),
            "total": len(comments),
            "startAt": 0,
        }

    def value(self, field: Field, value: Any) -> Any:
        """Return a field's canonical value as JSON."""
        if isinstance(value, tuple):
            return [self.value(field, item) for item in value]
        if isinstance(value, str) and field.kind == "user":
            return self.user(value)
        show = self._shown_by.get(type(value))
        return show(self, value) if show else value

    _shown_by: Mapping[type, Callable[[Presenter, Any], Any]] = {
        RichText: text,
        datetime: lambda _self, value: jira_time(value),
        date: lambda _self, value: value.isoformat(),
        Option: option,
        Priority: priority,
        IssueType: issue_type,
        Resolution: resolution,
    }
