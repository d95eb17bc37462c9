"""The page of the audit log, its filters and its exports."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from sla.errors import StoreError
from sla.store import audit
from sla.store.schema import audit as rows
from tests.webhooks.console.desk import Desk, words
from webhooks.console.access.people import Person

ADA = Person("oidc:ada", "Ada Lovelace", "administrator", "oidc")
EVIL = Person("oidc:eve", "=cmd|'/c calc'!A1", "viewer", "oidc")


def fill(desk: Desk, number: int, person: Person = ADA, action: str = "published") -> None:
    standing = desk.standing
    for each in range(number):
        at = desk.world.clock.at - timedelta(days=number - each)
        detail = {"n": each, "why": "<script>alert(1)</script>", "none": None}
        standing.database.write(
            lambda c, a=(at, f"version {each}", detail): audit.record(  # type: ignore[misc]
                c, standing.site, a[0], person, action, a[1], a[2]
            )
        )


def as_csv(desk: Desk, **query: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(desk.get("/audit.csv", **query).text, newline="")))


def test_who_did_what_is_shown_newest_first(desk: Desk) -> None:
    fill(desk, 3, action="praised")
    shown = desk.page("/audit").partition("Newest first")[2]
    assert shown.index("version 2") < shown.index("version 0") < shown.index("signed in")
    assert "Ada Lovelace oidc:ada praised version 2 n 2 why <script>alert(1)</script>" in shown
    assert "none" not in shown.split("version 2")[1].split("version 1")[0]
    assert "<script>alert" not in desk.get("/audit").text


def test_filters_are_in_the_address(desk: Desk) -> None:
    fill(desk, 5, action="praised")
    fill(desk, 2, EVIL, "blamed")
    today = desk.world.clock.at.date()
    for query, number in (
        ({"actor": "LOVELACE"}, 5), ({"actor": "oidc:eve"}, 2), ({"action": "blamed"}, 2),
        ({"action": "praised", "actor": "eve"}, 0), ({"actor": "100%"}, 0),
        ({"action": "praised", "since": str(today - timedelta(days=2))}, 2),
        ({"action": "praised", "until": str(today - timedelta(days=4))}, 2),
        ({"action": "praised", "since": "2024-07-08T19:00Z"}, 2),
        ({"action": "praised", "since": "2024-07-08T21:00+02:00"}, 2),
        ({"action": "unheard of"}, 0),
    ):  # fmt: skip
        text = desk.get("/audit", **query).text
        assert text.count("<tr>") - bool(number) == number, query
        assert len(desk.get("/api/audit", **query).get_json()["entries"]) == number
        assert (
            len(list(csv.reader(io.StringIO(desk.get("/audit.csv", **query).text)))) == number + 1
        )
    assert "No row fits" in desk.page("/audit", action="unheard of")


def test_page_after_page_shows_all(desk: Desk) -> None:
    fill(desk, 120)
    path, seen = "/audit?actor=ada", []
    while True:
        text = desk.get(path).text
        seen += [line for line in words(text).split() if line.isdecimal()]
        onwards = [
            part for part in text.split('"') if part.startswith("/audit?actor=ada&amp;before")
        ]
        if not onwards:
            break
        path = onwards[0].replace("&amp;", "&")
    assert [number for number in map(int, seen) if number < 120].count(7) == 2  # n, version
    assert "Newest rows" in text
    answer: dict[str, Any] = {"next": None}
    ids: list[int] = []
    while True:
        before = {"before": answer["next"]} if answer["next"] is not None else {}
        answer = desk.get("/api/audit", actor="ada", limit=50, **before).get_json()
        ids += [each["id"] for each in answer["entries"]]
        if answer["next"] is None:
            break
    assert len(ids) == len(set(ids)) == 120
    assert ids == sorted(ids, reverse=True)


def test_a_filter_that_nobody_understands_is_told_and_stays(desk: Desk) -> None:
    for name, value in (
        ("since", "yesterday"), ("until", "2024-13-40"), ("since", "2024-07-08T19:00"),
        ("since", "9999-12-31T23:59:59-23:59"), ("until", "9999-12-31"),
    ):  # fmt: skip
        answer = desk.get("/audit", **{name: value, "actor": "<b>"})
        assert answer.status_code == 400, value
        assert "neither a date such as" in words(answer.text)
        assert f'value="{value}"' in answer.text
        assert "&lt;b&gt;" in answer.text
        assert desk.get("/api/audit", **{name: value}).status_code == 400
        assert desk.get("/audit.csv", **{name: value}).status_code == 400
    for before in ("x", "-1", str(2**64), "1.5", ""):
        assert desk.get("/audit", before=before).status_code == 400
    assert desk.get("/api/audit", limit=1001).status_code == 400
    assert desk.get("/api/audit", nonsense=1).status_code == 400
    assert desk.get("/audit", nonsense=1).status_code == 200


def test_the_csv_runs_nothing_in_a_spreadsheet(desk: Desk) -> None:
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        fill(desk, 1, Person(name, name, "viewer", "oidc"), name)
    answer = desk.get("/audit.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    lines = as_csv(desk)
    assert lines[0] == ["id", "at", "actor", "actor_name", "action", "subject", "detail",
                        "previous", "hash"]  # fmt: skip
    assert {line[2][:1] for line in lines[1:7]} == {"'"}
    assert not [
        cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@", "\t"))
    ]


def test_a_long_log_is_exported_whole(desk: Desk) -> None:
    standing, at = desk.standing, desk.world.clock.at

    def write(connection: Any) -> None:
        for number in range(2100):
            audit.record(connection, standing.site, at, ADA, "did", f"thing {number}")

    standing.database.write(write)
    lines = as_csv(desk, actor="ada")
    assert [line[5] for line in lines[1:]] == [f"thing {n}" for n in range(2099, -1, -1)]


def test_the_chain_is_checked_and_a_broken_row_named(desk: Desk) -> None:
    fill(desk, 4)
    entries = desk.get("/api/audit").get_json()["entries"]
    assert "The chain holds" in desk.page("/audit/check")
    assert entries[0]["hash"] in desk.page("/audit/check")
    checked = desk.get("/api/audit/check").get_json()
    assert (checked["last"], checked["broken"]) == (entries[0]["hash"], None)
    hit = update(rows).where(rows.c.id == entries[2]["id"]).values(subject="version 0")
    desk.standing.database.write(lambda c: c.execute(hit))
    assert f"The chain is broken at row {entries[2]['id']}" in desk.page("/audit/check")
    assert desk.get("/api/audit/check").get_json()["broken"] == entries[2]["id"]


def test_nobody_reads_it_who_has_not_signed_in(outside: Desk) -> None:
    for path in ("/audit", "/audit.csv", "/audit/check"):
        assert outside.get(path).status_code == 302
    for path in ("/api/audit", "/api/audit/check"):
        assert outside.get(path).status_code == 401


def test_of_a_log_that_cannot_be_read_to_its_end_there_is_no_half_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(desk, 3)
    reads = itertools.count()

    def listed(*asked: Any) -> list[audit.Entry]:
        if next(reads):
            raise StoreError("away")
        return as_it_is(*asked)

    as_it_is = audit.listed
    monkeypatch.setattr(audit, "listed", listed)
    with capture_logs() as logs:
        answer = desk.get("/audit.csv")
    assert (answer.status_code, answer.content_type) == (503, "text/html; charset=utf-8")
    assert "database cannot be used" in answer.text
    assert [line["endpoint"] for line in logs] == ["audit.as_csv"]
