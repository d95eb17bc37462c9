"""Bodies that were made to do harm: each is answered at once, by a sentence and no exception."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.translate import decoded, translate

EVENTS = ("jira:issue_created", "comment_created", "issuelink_created")
CREATED = "2024-07-10T13:00:00.000+0000"


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {"type": "blockquote", "content": [inner]}
    return inner


def issue(description: Any, **fields: Any) -> bytes:
    shown = {"created": CREATED, "description": description, **fields}
    payload = {"webhookEvent": "jira:issue_created", "issue": {"id": "1", "key": "A-1"}}
    payload["issue"]["fields"] = shown  # type: ignore[index]
    return json.dumps(payload).encode()


@pytest.mark.parametrize("depth", [201, 900, 1000, 5000, 100_000, 1_000_000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"[", b"]"), (b'{"a":', b"}"), (b'{"issue":[', b"]}"), (b"[", b""), (b'{"a":', b"")],
)
def test_what_is_nested_too_deeply_is_not_understood(
    depth: int, opening: bytes, closing: bytes
) -> None:
    body = b'{"issue": ' + opening * depth + b"1" * bool(closing) + closing * depth + b"}"
    found = translate(body)
    assert found.not_understood in ("The body is nested too deeply.", "The body is not JSON.")
    assert closing == b"" or found.not_understood == "The body is nested too deeply."


def test_what_people_write_is_not_nested_too_deeply() -> None:
    document = {"type": "doc", "content": [nested(80, {"type": "text", "text": "deep"})]}
    found = translate(issue(document))
    assert found.not_understood is None
    assert "deep" in str(found.events)


def test_the_limit_does_not_depend_on_how_deep_the_interpreter_is_already() -> None:
    """On a thread with little room left the sentence is the same."""
    found: list[str | None] = []

    def descend(levels: int) -> None:
        if levels:
            descend(levels - 1)
        else:
            found.append(translate(b"[" * 199 + b"]" * 199).not_understood)
            found.append(translate(b"[" * 100_000).not_understood)

    thread = threading.Thread(target=descend, args=(sys.getrecursionlimit() // 2,))
    thread.start()
    thread.join()
    assert found == ["The body is not a JSON object.", "The body is nested too deeply."]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"a\ud800", "a\ufffd"),
        (rb"\udc00\ud800b", "\ufffd\ufffdb"),
        (rb"a\u0000b", "a\ufffdb"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (rb"\uD83D\uDE00\uD83D", "\U0001f600\ufffd"),
        (rb"\\ud800", "\\ud800"),
        (rb"\\\ud800", "\\\ufffd"),
        (rb"\\\\u0000", "\\\\u0000"),
        (rb"\n\u0041\u00e9", "\nAé"),
    ],
)
def test_characters_that_no_database_can_keep(written: bytes, read: str) -> None:
    """Half of a pair is what is left where a text was cut; PostgreSQL refuses NUL."""
    assert decoded(b'["' + written + b'"]') == [read]


@pytest.mark.parametrize(
    "body",
    [
        b'{"timestamp": NaN}',
        b'{"timestamp": 1e999999}',
        b'{"issue": {"id": ' + b"9" * 5000 + b"}}",
        b'{"timestamp": ' + b"9" * 1_000_000 + b"}",
        b'{"a": "' + b"\\u0000" * 100_000 + b'"}',
        b'{"a": "' + b"\\\\" * 1_000_000 + b'\\u0000"}',
        b'{"a": "\\u000',
        b'{"a": "\\ud8',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"\xff" * 1000,
        b"\x00" * 1000,
    ],
    ids=range(12),
)
def test_odd_numbers_and_texts(body: bytes) -> None:
    assert translate(body).not_understood


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(
        st.characters() | st.characters(categories=["Cs"]), max_size=20
    ),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    JSON,
    JSON,
    JSON,
    st.sampled_from(["jira:issue_created", "comment_created", "issuelink_created"]),
)
def test_anything_in_the_place_of_anything(one: Any, two: Any, three: Any, event: str) -> None:
    fields = {"created": CREATED, "summary": one, "labels": two, "project": three, "assignee": one,
              "customfield_1": two, "issuelinks": [three], "status": one}  # fmt: skip
    payload = {
        "webhookEvent": event, "timestamp": 1720616400000, "changelog": {"id": 1, "items": [one]},
        "issue": {"id": "1", "key": one, "fields": fields}, "issueLink": two,
        "comment": {"id": "2", "created": CREATED, "body": three, "author": one, "properties": two},
    }  # fmt: skip
    found = translate(json.dumps(payload).encode())
    str(found).encode("utf-8")
    assert "\x00" not in f"{found.issue_id}{found.issue_key}"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.data())
def test_any_bytes(body: bytes, data: st.DataObject) -> None:
    translate(body)
    whole = issue("x", summary="\U0001f600 é")
    at = data.draw(st.integers(0, len(whole)))
    translate(whole[:at] + body + whole[at:])
