"""A good delivery is taken on the event loop; all else goes Flask's way as if untouched."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from sla.store.database import Database
from tests.webhooks import rsgi
from tests.webhooks.conftest import SECRETS, Door, opened, signature
from webhooks import receive, short_way
from webhooks.gathering import Gathering
from webhooks.in_threads import InThreads
from webhooks.intake import Intake
from webhooks.receive import LARGEST_BODY
from webhooks.rush import Rush
from webhooks.short_way import LARGEST, MOST, ShortWay

BODY = b'{"webhookEvent": "jira:issue_updated"}'
GOOD = {"default": SECRETS, "other": ("other-secret",)}


class Way(Door):
    """The door with the short way in front of it."""

    asked: list[str]
    """The paths of which Flask was asked."""
    rush: Rush

    def in_front(self) -> ShortWay:
        app: Flask = self.client.application
        app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
        self.asked = []
        app.before_request_funcs.setdefault(None, []).append(
            lambda: self.asked.append(request.path)
        )
        self.rush = Rush()
        intake = Intake(
            self.database, lambda: self.at, lambda site, _: self.kicks.append(site),
            lambda _: "10000", self.rush,
        )  # fmt: skip
        sites = {"/webhooks/jira": "default", "/webhooks/jira/other": "other"}
        return ShortWay(InThreads(app), sites, GOOD, Gathering(intake).keep)

    def send(self, *requests: tuple[rsgi.Scope, rsgi.Protocol]) -> list[rsgi.Protocol]:
        """Have requests come at once; what was answered."""
        way = self.in_front()

        async def come() -> None:
            await asyncio.gather(*(way.__rsgi__(*each) for each in requests))  # type: ignore[arg-type]
            # What is told after the answer is told by then.
            await asyncio.sleep(0)

        rsgi.run(come())
        assert self.rush._inside == 0
        return [protocol for _, protocol in requests]


def delivery(
    body: bytes = BODY, path: str = "/webhooks/jira", signed: str | None = None, **more: Any
) -> tuple[rsgi.Scope, rsgi.Protocol]:
    header = signature(body) if signed is None else signed
    return rsgi.request("POST", path, body, X_Hub_Signature=header, **more)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with opened(Way, tmp_path, lambda _door: {"secrets": GOOD}) as made:
        yield made


def test_a_good_delivery_does_not_come_to_flask(way: Way) -> None:
    [answer] = way.send(delivery())
    assert (answer.status, answer.body, way.asked) == (202, b"", [])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert way.kept() == [("default", BODY)]
    assert way.kicks == ["default"]


def test_a_site_by_its_name_takes_it_too(way: Way) -> None:
    signed = signature(BODY, "other-secret")
    [answer] = way.send(delivery(path="/webhooks/jira/other", signed=signed))
    assert (answer.status, way.asked) == (202, [])
    assert way.kept() == [("other", BODY)]


def test_those_that_come_at_once_share_a_commit_and_each_is_told(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[Any] = []
    write_soon = Database.write_soon

    def noted(database: Database, *asked: Any) -> None:
        handed.append(asked)
        write_soon(database, *asked)

    monkeypatch.setattr(Database, "write_soon", noted)
    bodies = [b'{"n": %d}' % number for number in range(40)]
    # One comes twice.
    answers = way.send(*map(delivery, [*bodies, bodies[0]]))
    assert [each.status for each in answers] == [202] * 41
    assert sorted(way.kept()) == sorted(("default", body) for body in bodies)
    assert len(handed) == 1
    # They are all about one issue, whose lane is kicked once.
    assert way.kicks == ["default"]


def test_a_group_that_nothing_waits_beside_is_one_statement_of_sqlite(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    write_soon = Database.write_soon

    def counted(database: Database, work: Any, tell: Any, at_once: Any) -> None:
        def traced(connection: sqlite3.Connection) -> Any:
            connection.set_trace_callback(statements.append)
            try:
                return at_once(connection)
            finally:
                connection.set_trace_callback(None)

        write_soon(database, work, tell, traced)

    monkeypatch.setattr(Database, "write_soon", counted)
    # The first commit notes which file it is.
    way.send(delivery(b'{"n": 0}'))
    answers = way.send(*[delivery(b'{"n": %d}' % number) for number in range(1, 11)])
    assert [each.status for each in answers] == [202] * 10
    assert len(way.kept()) == 11
    assert [each.split(maxsplit=1)[0] for each in statements] == ["INSERT"]


def test_one_that_cannot_be_stored_takes_none_with_it(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        short_way, "delivery_id", lambda _, body: body.decode("utf-8", "surrogatepass")
    )
    odd = "\ud800".encode("utf-8", "surrogatepass")
    with capture_logs() as lines:
        answers = way.send(*map(delivery, (b"1", odd, b"3")))
    assert [each.status for each in answers] == [202, 503, 202]
    assert sorted(way.kept()) == [("default", b"1"), ("default", b"3")]
    assert [line["event"] for line in lines] == ["delivery could not be stored"]


@pytest.mark.parametrize("signed", ["sha256=" + "0" * 64, "sha256=0", ""])
def test_what_is_badly_signed_is_refused_by_flask(way: Way, signed: str) -> None:
    [answer] = way.send(delivery(signed=signed))
    assert (answer.status, way.asked, way.kept()) == (401, ["/webhooks/jira"], [])
    assert way.counted() == {"signature_refused": 1}


def test_what_is_badly_signed_is_hashed_once(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []

    def refused(body: bytes, *_: object) -> bool:
        hashed.append(body)
        return False

    for looks in (short_way, receive):
        monkeypatch.setattr(looks, "is_signed", refused)
    [answer] = way.send(delivery())
    assert (answer.status, hashed) == (401, [BODY])


def test_what_has_no_signature_is_not_read(way: Way) -> None:
    [answer] = way.send(delivery(signed="sha256=0"))
    assert (answer.status, answer.read) == (401, 0)


def test_without_a_length_flask_reads_it(way: Way) -> None:
    scope, protocol = delivery()
    scope.headers = rsgi.Headers([("x-hub-signature", signature(BODY))])
    [answer] = way.send((scope, protocol))
    assert (answer.status, way.asked) == (202, ["/webhooks/jira"])
    assert way.kept() == [("default", BODY)]


def test_a_length_that_is_none_is_left_to_flask(way: Way) -> None:
    scope, protocol = delivery()
    told = [("x-hub-signature", signature(BODY)), ("content-length", "0" * 5000 + "1")]
    scope.headers = rsgi.Headers(told)
    way.send((scope, protocol))
    assert way.asked == ["/webhooks/jira"]


def test_a_body_that_broke_off_is_no_delivery(way: Way) -> None:
    [answer] = way.send(delivery(length=len(BODY) + 10))
    assert (answer.status, way.kept()) == (400, [])


def test_a_large_one_is_hashed_in_a_thread(way: Way) -> None:
    large, largest = b"x" * (LARGEST + 1), b"x" * LARGEST
    first, second = way.send(delivery(large), delivery(largest))
    assert (first.status, second.status, way.asked) == (202, 202, ["/webhooks/jira"])
    assert sorted(way.kept()) == sorted([("default", large), ("default", largest)])


def test_what_is_too_large_is_not_read(way: Way) -> None:
    [answer] = way.send(delivery(length=LARGEST_BODY + 1))
    assert (answer.status, answer.read, way.asked) == (413, 0, ["/webhooks/jira"])


def test_what_is_beyond_as_many_as_may_be_inside_waits_for_a_thread(way: Way) -> None:
    bodies = [b"%d" % number for number in range(MOST + 3)]
    answers = way.send(*map(delivery, bodies))
    assert {each.status for each in answers} == {202}
    assert len(way.kept()) == MOST + 3
    assert len(way.asked) == 3


@pytest.mark.parametrize("number", [1, 3])
def test_what_cannot_be_kept_is_asked_for_again(
    way: Way, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_database: Database, _work: Any, tell: Any, _at_once: Any) -> None:
        tell(None, OperationalError("INSERT", {}, Exception("database or disk is full")))

    monkeypatch.setattr(Database, "write_soon", refuse)
    with capture_logs() as lines:
        answers = way.send(*(delivery(b"%d" % each) for each in range(number)))
    for answer in answers:
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert answer.body == b"The delivery could not be stored; please send it again."
    assert [line["reason"] for line in lines] == ["database or disk is full"] * number
    assert (way.asked, way.kicks) == ([], [])


def test_after_the_end_all_are_asked_for_again(way: Way) -> None:
    way.database.close()
    with capture_logs():
        [answer] = way.send(delivery())
    assert answer.status == 503


def test_one_that_nobody_waits_for_any_more_is_kept_and_holds_none_up(way: Way) -> None:
    front = way.in_front()
    left, stayed = delivery(b"left"), delivery(b"stayed")

    async def come() -> None:
        leaving, staying = (
            asyncio.create_task(front.__rsgi__(*each))  # type: ignore[arg-type]
            for each in (left, stayed)
        )
        await asyncio.sleep(0)
        leaving.cancel()
        await staying

    rsgi.run(come())
    assert way.rush._inside == 0
    assert (left[1].status, stayed[1].status) == (0, 202)
    assert sorted(way.kept()) == [("default", b"left"), ("default", b"stayed")]


def test_when_the_loop_has_ended_the_writer_goes_on(way: Way) -> None:
    front = way.in_front()

    async def come() -> None:
        asyncio.create_task(front.__rsgi__(*delivery()))  # type: ignore[arg-type] # noqa: RUF006
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    rsgi.run(come())
    assert way.database.write(lambda _: "goes on") == "goes on"
    assert way.kept() == [("default", BODY)]
