"""The issue that a body names at a glance is the one that its translation names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.subject import _named, one_by_one, subject_of
from connector.translate import translate

CAPTURES = Path(__file__).parents[3] / "shared" / "jira" / "webhooks"

ids = st.one_of(st.text(max_size=12), st.integers(), st.none(), st.booleans(), st.floats())
issues = st.fixed_dictionaries({}, optional={"id": ids, "key": ids, "fields": st.none()})
addresses = st.sampled_from(["", "https://x/rest/issue/10001/comment/7", 7])
comments = st.fixed_dictionaries({}, optional={"self": addresses, "id": ids})
events = st.sampled_from(["jira:issue_updated", "comment_created", "issuelink_created"])
payloads = st.fixed_dictionaries(
    {"timestamp": st.integers(0, 2**41)},
    optional={
        "webhookEvent": events,
        "issue": st.one_of(issues, st.none(), st.text()),
        "comment": st.one_of(comments, st.none()),
        "issueLink": st.fixed_dictionaries({}, optional={"id": ids, "sourceIssueId": ids}),
        "id": ids,
    },
)  # fmt: skip

of_forge = st.fixed_dictionaries(
    {"eventType": st.sampled_from(["avi:jira:updated:issue", "avi:jira:commented:issue", 7])},
    optional={"issue": st.one_of(issues, st.none()), "comment": comments, "id": ids},
)
of_links = st.fixed_dictionaries(
    {"eventType": st.just("avi:jira:created:issuelink")},
    optional={"id": ids, "sourceIssueId": ids, "destinationIssueId": ids},
)
of_rules = st.fixed_dictionaries(
    {}, optional={"id": ids, "key": st.sampled_from(["DEMO-1", "x", 7]), "fields": st.none()}
)


@given(payloads | of_forge | of_links | of_rules)
def test_what_it_names_is_what_the_translation_names(payload: dict[str, Any]) -> None:
    body = json.dumps(payload).encode("utf-8", "surrogatepass")
    named, translated = subject_of(body), translate(body)
    if named is not None and translated.not_understood is None and translated.issue_id:
        assert named == translated.issue_id


@given(payloads | of_forge | of_links | of_rules)
def test_what_is_read_in_one_go_is_what_is_read_one_by_one(payload: dict[str, Any]) -> None:
    body = json.dumps(payload).encode("utf-8", "surrogatepass")
    assert subject_of(body) == _named(one_by_one(body))


@given(st.binary(max_size=200))
def test_it_never_raises(body: bytes) -> None:
    assert subject_of(body) is None or body.startswith(b"{")


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"issue": {"id": "10001", "key": "BOT-1"}}, "10001"),
        ({"issue": {"id": 10001}}, "10001"),
        ({"comment": {"self": "https://jira.example.com/rest/api/2/issue/7/comment/9"}}, "7"),
        ({"issueLink": {"id": 1, "sourceIssueId": 5, "destinationIssueId": 6}}, "5"),
        ({"issue": {"id": None}}, None),
        ({"issue": []}, None),
        ({}, None),
    ],
)
def test_where_the_issue_stands(payload: dict[str, Any], named: str | None) -> None:
    assert subject_of(json.dumps(payload).encode()) == named


def test_however_deep_a_body_is_nested() -> None:
    assert subject_of(b'{"issue":' + b"[" * 100_000) is None


@pytest.mark.shared
@pytest.mark.skipif(not CAPTURES.exists(), reason="no captures here")
def test_of_real_deliveries_each_is_told_that_tells() -> None:
    for path in sorted(CAPTURES.rglob("*.json")):
        body = path.read_bytes()
        translated = translate(body)
        if translated.issue_id:
            assert subject_of(body) == translated.issue_id, path.name
