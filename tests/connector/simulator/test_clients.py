"""The library that the connector uses, against the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from atlassian import Jira
from atlassian.jira import JiraCloud

from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator, running
from connector.simulator.adf import from_wiki

TYPES = "com.atlassian.jira.plugin.system.customfieldtypes"


@pytest.fixture
def on_cloud(cloud: Simulator) -> Iterator[Any]:
    with running(cloud) as base, requests.Session() as session:
        yield JiraCloud(base, username=DUELINE, password="simulator", session=session)


@pytest.fixture
def on_data_center(datacenter: Simulator) -> Iterator[Any]:
    with running(datacenter) as base, requests.Session() as session:
        yield Jira(base, token="simulator-dueline", session=session, cloud=False)


def test_jira_cloud_sets_a_field_up_and_writes_it(on_cloud: Any, cloud: Simulator) -> None:
    field = on_cloud.create_custom_field(
        data={
            "name": "SLA due",
            "type": f"{TYPES}:datetime",
            "searcherKey": f"{TYPES}:datetimerange",
        }
    )
    on_cloud.add_field_to_default_screen(field["id"])
    contexts = on_cloud.get(f"rest/api/3/field/{field['id']}/context")
    assert contexts["values"][0]["isGlobalContext"]
    key = cloud.create_issue(project="BOT", summary="x", account=CUSTOMER).key
    on_cloud.edit_issue(
        key,
        notify_users="false",
        data={"fields": {field["id"]: "2026-11-21T12:00:00.000+0000"}},
    )
    shown = on_cloud.get_issue(key, fields=f"summary,{field['id']}")
    assert shown["fields"] == {"summary": "x", field["id"]: "2026-11-21T12:00:00.000+0000"}
    assert "notifyUsers=false" in cloud.requests[-2].query


def test_jira_cloud_comments_with_a_property(on_cloud: Any, cloud: Simulator) -> None:
    key = cloud.create_issue(project="BOT", summary="x").key
    comment = on_cloud.add_comment(
        key,
        data={
            "body": from_wiki("Due at *noon*"),
            "properties": [{"key": "dueline", "value": {"effect": "w-1"}}],
        },
    )
    kept = on_cloud.get_comment_property(comment["id"], "dueline")
    assert kept["value"] == {"effect": "w-1"}
    assert on_cloud.get_comments(key)["total"] == 1
    assert cloud.issue(key).comments[0].body.wiki == "Due at *noon*"


def test_jira_cloud_searches_and_reads_history(
    on_cloud: Any, cloud: Simulator, wait: Callable[..., None]
) -> None:
    for number in range(3):
        cloud.create_issue(project="BOT", summary=f"s{number}")
    wait(minutes=1)
    cloud.transition("BOT-2", "Done")
    page = on_cloud.search_and_reconsile_issues_using_jql_post(
        data={"jql": "project = BOT and status = Done", "fields": ["status"]}
    )
    assert [issue["key"] for issue in page["issues"]] == ["BOT-2"]
    found = on_cloud.enhanced_jql_get_list_of_tickets("project = BOT", fields="summary", limit=None)
    assert len(found) == 3
    history = on_cloud.get_change_logs("BOT-2")
    assert history["values"][-1]["items"][-1]["toString"] == "Done"
    assert on_cloud.get_current_user()["displayName"] == "Dueline"
    assert on_cloud.get_server_info()["deploymentType"] == "Cloud"


def test_jira_cloud_assigns_links_and_asks_for_members(on_cloud: Any, cloud: Simulator) -> None:
    key = cloud.create_issue(project="BOT", summary="x").key
    members = on_cloud.get_users_from_group(groupname="support")["values"]
    ada = next(m for m in members if m["displayName"] == "Ada Agent")
    on_cloud.assign_issue(key, data={"accountId": ada["accountId"]})
    assert cloud.issue(key).values["assignee"] == AGENT
    link = {"globalId": "g", "object": {"url": "https://example.com", "title": "SLA"}}
    assert on_cloud.create_or_update_remote_issue_link(key, data=link)["id"]
    on_cloud.do_transition(key, data={"transition": {"id": "21"}})
    assert cloud.issue(key).status.name == "In Progress"


def test_jira_reads_and_writes_data_center(on_data_center: Any, datacenter: Simulator) -> None:
    key = datacenter.create_issue(project="BOT", summary="x").key
    on_data_center.update_issue_field(key, {"priority": {"name": "High"}}, notify_users=False)
    shown = on_data_center.get_issue(key, fields=["priority", "status"])
    assert shown["fields"]["priority"]["name"] == "High"
    on_data_center.post(
        f"rest/api/2/issue/{key}/comment",
        data={"body": "on it", "properties": [{"key": "dueline", "value": 1}]},
    )
    comment = on_data_center.issue_get_comments(key)["comments"][0]
    assert on_data_center.get_comment_property(comment["id"], "dueline")["value"] == 1
    assert on_data_center.jql("project = BOT")["total"] == 1
    assert on_data_center.myself()["name"] == "dueline"
    changelog = on_data_center.get_issue_changelog(key)
    assert changelog["histories"][0]["items"][0]["toString"] == "High"


def test_jira_sets_data_center_up(on_data_center: Any, datacenter: Simulator) -> None:
    made = on_data_center.create_custom_field("SLA due", f"{TYPES}:datetime")
    assert datacenter.site.fields[made["id"]].kind == "datetime"
    (screen, *_) = on_data_center.get_all_screens()
    tab = on_data_center.get_screen_tabs(screen["id"])[0]["id"]
    on_data_center.add_field(made["id"], screen["id"], tab)
    shown = on_data_center.get_screen_tab_fields(screen["id"], tab)
    assert made["id"] in [field["id"] for field in shown]
    assert made["id"] in [f["id"] for f in on_data_center.get_all_fields()]


def test_refusals_reach_the_caller_with_their_words(on_cloud: Any, cloud: Simulator) -> None:
    with pytest.raises(requests.HTTPError, match="Issue does not exist") as refused:
        on_cloud.get_issue("BOT-404")
    assert refused.value.response.status_code == 404
    key = cloud.create_issue(project="BOT", summary="x").key
    with pytest.raises(requests.HTTPError):
        on_cloud.edit_issue(key, data={"fields": {"customfield_10101": "noon"}})
