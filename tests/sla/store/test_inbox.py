"""Deliveries are kept once, handled in order, and tried again when somebody asks for it."""

from __future__ import annotations

from typing import cast

import pytest

from sla.store import inbox
from sla.store.database import Database
from tests.sla.example import NINE, at


def keep(database: Database, delivery: str, *, site: str = "acme", body: bytes = b"{}") -> bool:
    return database.write(lambda c: inbox.keep(c, site, delivery, body, NINE))


def waiting(database: Database, limit: int = 10) -> list[int]:
    found = database.read(lambda c: inbox.waiting(c, ["default", "acme"], limit))
    return [
        each.id
        for _, site, issue_id in found
        for each in database.read(lambda c: inbox.of_issue(c, site, issue_id))  # noqa: B023
    ]


def handle(database: Database, number: int, state: inbox.Handled, note: str | None = None) -> None:
    database.write(lambda c: inbox.handled(c, number, state, note, "10000"))


def test_a_delivery_is_kept_as_it_came(database: Database) -> None:
    body = b"\x00\xff not JSON at all"
    keep(database, "1", body=body)
    [found] = database.read(lambda c: inbox.of_issue(c, "acme", ""))
    assert (found.site, found.body) == ("acme", body)


def test_a_delivery_that_is_repeated_is_known(database: Database) -> None:
    assert [keep(database, "1"), keep(database, "1"), keep(database, "2")] == [True, False, True]
    assert len(waiting(database)) == 2


def test_the_same_identifier_at_another_site_is_another_delivery(database: Database) -> None:
    assert [keep(database, "1"), keep(database, "1", site="other")] == [True, True]


def test_a_delivery_that_was_handled_stays_known(database: Database) -> None:
    keep(database, "1")
    handle(database, 1, "done")
    assert keep(database, "1") is False
    assert waiting(database) == []


def test_the_longest_waiting_issue_comes_first_and_only_so_many(database: Database) -> None:
    for number, issue in enumerate(("10", "11", "10", None, "12"), start=1):
        database.write(
            lambda c, n=number, i=issue: inbox.keep(c, "acme", str(n), b"{}", at(n), i)  # type: ignore[misc]
        )
    found = database.read(lambda c: inbox.waiting(c, ["default", "acme"], 3))
    assert found == [(at(1), "acme", "10"), (at(2), "acme", "11"), (at(4), "acme", "")]


def test_what_is_handled_at_once_is_bounded_in_number_and_in_bytes(database: Database) -> None:
    for number in range(120):
        keep(database, str(number))
    found = database.read(lambda c: inbox.of_issue(c, "acme", ""))
    assert [each.id for each in found] == list(range(1, 101))

    for number in range(3):
        keep(database, f"large {number}", site="large", body=b"x" * 6_000_000)
    [first] = database.read(lambda c: inbox.of_issue(c, "large", ""))
    assert first.id == 121


def test_what_was_handled_is_forgotten_after_its_time(database: Database) -> None:
    for number, state in enumerate(("done", "failed", "not_understood", "done", "done"), start=1):
        database.write(lambda c, n=number: inbox.keep(c, "acme", str(n), b"{}", at(n)))  # type: ignore[misc]
        handle(database, number, cast("inbox.Handled", state))
    keep(database, "waits")
    assert database.write(lambda c: inbox.trim(c, at(5), 1)) == 1
    assert database.write(lambda c: inbox.trim(c, at(5), 10)) == 1
    assert database.write(lambda c: inbox.trim(c, at(5), 10)) == 0
    assert database.read(inbox.tally) == {"done": 1, "failed": 1, "not_understood": 1, "new": 1}


@pytest.mark.parametrize(("state", "returns"), [("done", 0), ("not_understood", 1), ("failed", 1)])
def test_replay_puts_back_what_came_to_nothing(
    database: Database, state: inbox.Handled, returns: int
) -> None:
    keep(database, "1")
    handle(database, 1, state, "why")
    assert database.write(inbox.replay) == returns
    assert waiting(database) == [1] * returns


def test_what_was_set_aside_is_shown_latest_first(database: Database) -> None:
    for number in (1, 2, 3):
        keep(database, str(number))
    handle(database, 1, "not_understood", "The body is not JSON.")
    handle(database, 2, "done")
    handle(database, 3, "failed", "ValueError: no")
    assert list(database.read(lambda c: inbox.set_aside(c, 10))) == [
        (3, NINE, "failed", "ValueError: no"),
        (1, NINE, "not_understood", "The body is not JSON."),
    ]
    assert database.read(inbox.tally) == {"done": 1, "not_understood": 1, "failed": 1}


def test_ids_are_never_used_again(database: Database) -> None:
    """An id in a log line must not come to mean another delivery."""
    keep(database, "1")
    database.write(lambda c: c.exec_driver_sql("DELETE FROM inbox"))
    keep(database, "2")
    assert waiting(database) == [2]


def test_counters_add_up_over_the_sites(database: Database) -> None:
    for site in ("acme", "acme", "other"):
        database.write(lambda c, site=site: inbox.count(c, site, "signature_refused"))  # type: ignore[misc]
    database.write(lambda c: inbox.count(c, "acme", "something"))
    assert database.read(inbox.counted) == {"signature_refused": 3, "something": 1}


def test_when_it_came_is_kept_when_it_comes_again(database: Database) -> None:
    keep(database, "1")
    database.write(lambda c: inbox.keep(c, "acme", "1", b"other", at(1)))
    handle(database, 1, "failed", "why")
    [(_, received_at, _, _)] = database.read(lambda c: inbox.set_aside(c, 10))
    assert received_at == NINE


def test_the_newest_that_is_about_an_issue_and_the_oldest_that_waits(database: Database) -> None:
    def told() -> tuple[object, int, object]:
        return database.read(
            lambda c: (
                inbox.newest_at(c, "acme"), inbox.newest_of(c, "acme", "10"), inbox.waiting_since(c)
            )
        )  # fmt: skip

    assert told() == (None, 0, None)
    for number, issue in enumerate(("10", "10", "11", None), start=1):
        database.write(
            lambda c, n=number, i=issue: inbox.keep(c, "acme", str(n), b"{}", at(n), i)  # type: ignore[misc]
        )
    database.write(lambda c: inbox.keep(c, "other", "5", b"{}", at(5), "10"))
    handle(database, 1, "done")
    assert told() == (at(3), 2, at(2))


def test_deliveries_entered_as_one_statement_are_those_entered_one_by_one(
    database: Database,
) -> None:
    rows = [("acme", str(number), bytes([number]), at(number), "10") for number in range(40)]
    assert database.write(lambda c: inbox.keep_all(c, rows)) == 40
    more = [*rows[30:], *[("acme", "x", b"", NINE, None)] * 2]
    assert database.write(lambda c: inbox.keep_all(c, more)) == 1
    kept = database.read(lambda c: inbox.of_issue(c, "acme", "10"))
    assert [each.body for each in kept] == [body for _, _, body, _, _ in rows]
    assert database.read(inbox.waiting_since) == NINE
