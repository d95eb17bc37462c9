"""Webhook bodies held against what real Jiras sent, where these captures are at hand."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connector.simulator import AGENT, CUSTOMER, Simulator

SHARED = Path(__file__).parents[4] / "shared" / "jira" / "webhooks"
# What a logger put around the payload of some captures, and what later years added.
NOISE = {"level", "message", "label"}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the reference material is not here"),
]


@cache
def captures(*, cloud: bool) -> list[dict[str, Any]]:
    with (SHARED / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    # A version is told by its year; only what GDPR left of Cloud is simulated.
    wanted = [
        row
        for row in rows
        if row["realism"] == "capture"
        and ("GDPR (accountId" in row["version_guess"] if cloud else "Server" in row["deployment"])
    ]
    return [json.loads((SHARED / row["file"]).read_text(encoding="utf-8")) for row in wanted]


def told(sim: Simulator, receiver: Any) -> list[dict[str, Any]]:
    sim.register_webhook("https://dueline.example.com/webhook")
    key = sim.create_issue(
        project="BOT", summary="x", description="y", assignee=AGENT, account=CUSTOMER
    ).key
    sim.edit(key, {"Support plan": "Enterprise"}, priority="High", labels=["a"])
    sim.assign(key, None)
    comment = sim.add_comment(key, "on it")
    sim.edit_comment(key, comment.id, "on it!")
    sim.delete_comment(key, comment.id)
    sim.transition(key, "Done")
    sim.move_issue(key, project="BTL", issuetype="Task")
    sim.delete_issue(key)
    sim.deliver()
    return [body for _, body, _ in receiver.received]


def like(body: dict[str, Any], captured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    name, kind = body["webhookEvent"], body.get("issue_event_type_name")
    return [
        other
        for other in captured
        if other.get("webhookEvent") == name and other.get("issue_event_type_name") == kind
    ]


def names(body: dict[str, Any], *path: str) -> set[str] | None:
    part: Any = body
    for step in path:
        part = part.get(step) if isinstance(part, dict) else None
    return set(part) if isinstance(part, dict) else None


def test_there_are_captures_of_both() -> None:
    assert len(captures(cloud=True)) > 10
    assert len(captures(cloud=False)) > 10


def test_each_event_has_the_keys_of_a_capture(sim: Simulator, receiver: Any) -> None:
    compared = 0
    for body in told(sim, receiver):
        alike = like(body, captures(cloud=sim.cloud))
        if alike:
            compared += 1
            shapes = [set(other) - NOISE for other in alike]
            assert set(body) in shapes, (body["webhookEvent"], set(body), shapes)
    assert compared >= 4


def test_comments_and_users_have_the_keys_of_a_capture(sim: Simulator, receiver: Any) -> None:
    captured = captures(cloud=sim.cloud)
    for path in (("comment",), ("comment", "author"), ("user",)):
        shapes = [found for other in captured if (found := names(other, *path)) is not None]
        for body in told(sim, receiver):
            mine = names(body, *path)
            assert mine is None or mine in shapes, (path, mine, shapes[:3])
        receiver.received.clear()
        sim.webhooks.clear()


def test_changes_have_the_keys_of_a_capture(sim: Simulator, receiver: Any) -> None:
    captured = captures(cloud=sim.cloud)
    shapes = [set(item) for other in captured for item in items(other)]
    mine = [item for body in told(sim, receiver) for item in items(body)]
    assert mine
    assert all(set(item) in shapes for item in mine)


def items(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (body.get("changelog") or {}).get("items") or []
    return found


def test_issues_have_the_fields_that_every_capture_has(sim: Simulator, receiver: Any) -> None:
    whole = [b for b in captures(cloud=sim.cloud) if len(names(b, "issue", "fields") or ()) > 30]
    common = set.intersection(*(names(b, "issue", "fields") or set() for b in whole))
    common = {name for name in common if not name.startswith("customfield_")}
    assert len(common) > 20
    for body in told(sim, receiver):
        if body["webhookEvent"].startswith("jira:"):
            assert common <= set(body["issue"]["fields"])


def test_clouds_address_of_an_issue_is_malformed_as_captured(
    cloud: Simulator, receiver: Any
) -> None:
    late = [b for b in captures(cloud=True) if "issue" in b]
    assert any("/issue/" not in b["issue"]["self"] for b in late)
    for body in told(cloud, receiver):
        assert "/issue/" not in body["issue"]["self"]


@cache
def read(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHARED / file).read_text(encoding="utf-8"))
    return found


def shape(value: Any) -> Any:
    """Return what is left of a JSON value without its contents: names and types."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items() if name not in NOISE}
    return type(value).__name__


@pytest.mark.parametrize("name", ["issuelink_created", "issuelink_deleted"])
def test_links_are_told_as_captured(sim: Simulator, receiver: Any, name: str) -> None:
    for _ in range(2):
        sim.create_issue(project="BOT", summary="x")
    sim.register_webhook("https://dueline.example.com/webhook")
    sim.unlink(sim.link("BOT-1", "BOT-2", "Blocks").id)
    sim.deliver()
    (body,) = [body for _, body, _ in receiver.received if body["webhookEvent"] == name]
    captured = read(f"luisfernandezbr+jira/{name}.json")
    assert shape(body) == shape(captured)
    kind = captured["issueLink"]["issueLinkType"]
    if kind["name"] == "Blocks":
        assert body["issueLink"]["issueLinkType"] == kind


def test_a_move_is_told_as_captured(cloud: Simulator, receiver: Any) -> None:
    captured = read("padewitte-talend+jira-to-slack/cloud-fromotherproject.json")
    (body,) = [
        body
        for body in told(cloud, receiver)
        if body.get("issue_event_type_name") == captured["issue_event_type_name"]
    ]
    assert set(body) == set(captured)
    mine = {item["field"]: shape(item) for item in items(body) if item["field"] != "issuetype"}
    assert mine == {item["field"]: shape(item) for item in items(captured)}


def test_a_link_inside_an_issue_is_as_captured(cloud: Simulator, receiver: Any) -> None:
    cloud.create_issue(project="BOT", summary="x")
    cloud.create_issue(project="BOT", summary="y")
    cloud.link("BOT-1", "BOT-2", "Blocks")
    cloud.register_webhook("https://dueline.example.com/webhook")
    cloud.edit("BOT-2", summary="z")
    cloud.deliver()
    captured = read("luisfernandezbr+jira/jira_issue_updated.assignee.json")
    ((_, body, _),) = receiver.received
    mine, theirs = (found["issue"]["fields"]["issuelinks"][0] for found in (body, captured))
    assert shape(mine) == shape(theirs)
