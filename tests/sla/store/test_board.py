"""What is open, in each order, page by page; by random filters against a plain reading."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, update

from sla.store import board
from sla.store.board import NOBODY, Open, Order, Place, Wanted
from sla.store.database import Database
from sla.store.schema import cycles, issues
from tests.sla.example import NINE

SITE = "acme"
SEVERITIES = ("urgent", "high", "low")
ORDERS: tuple[Order, ...] = ("due", "overdue", "newest", "severity")


def fill(connection: Connection, number: int, seed: int = 7) -> None:
    """So many issues, each with an open cycle and one that is over; many instants come twice."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    of_issues: list[dict[str, Any]] = []
    for nth in range(number):
        issue = {"site": SITE if nth % 10 else "other", "issue_id": str(nth)}
        project = draw.choice(["A", "B"])
        account = draw.choice([None, "one", "two"])
        told = {
            "key": None if nth % 50 == 3 else f"{project}-{nth}", "project": project,
            "assignee_id": account, "assignee": account and account.title(),
        }  # fmt: skip
        customer = draw.choice([None, "", "Zoë"])
        of_issues.append({**issue, **told, "customer": customer})
        due_at = draw.choice([None, NINE + timedelta(hours=draw.randrange(-9, 9))])
        cycle = {
            **issue, **told, "named_customer": customer,
            "metric": draw.choice(["first_response", "resolution"]), "number": 1,
            "started_at": NINE - timedelta(hours=draw.randrange(20)), "due_at": due_at,
            "state": "running" if due_at else "paused", "ended_at": None,
            "in_danger_at": due_at and due_at - timedelta(hours=2),
            "contract": draw.choice(["gold", "plain"]),
            "severity": draw.choice([None, *SEVERITIES, "odd"]),
        }  # fmt: skip
        rows += [cycle, {**cycle, "number": 2, "ended_at": NINE}]
    connection.execute(insert(issues), of_issues)
    connection.execute(insert(cycles), rows)


def everything(
    database: Database, wanted: Wanted, order: Order, limit: int = 7
) -> tuple[list[Open], int]:
    """All pages, one behind the other, and how many there were."""
    found: list[Open] = []
    place: Place | None = None
    for pages in range(1, 100):
        rows, place = database.read(
            lambda c, at=place: board.page(  # type: ignore[misc]
                c, SITE, wanted, order,
                now=NINE, limit=limit, after=at, severities=SEVERITIES,
            )
        )  # fmt: skip
        found += rows
        if place is None:
            return found, pages
    raise AssertionError("the pages have no end")


def state_of(row: Open) -> set[str]:
    if row.due_at is None:
        return {"paused"}
    if row.due_at <= NINE:
        return {"breached"}
    in_danger = row.in_danger_at is not None and row.in_danger_at <= NINE
    return {"running", "danger"} if in_danger else {"running"}


def is_wanted(row: Open, wanted: Wanted) -> bool:
    """The same by a plain reading."""

    def among(value: str | None, values: Sequence[str]) -> bool:
        return not values or (value or NOBODY) in values

    return (
        among(row.project, wanted.projects)
        and among(row.contract, wanted.contracts)
        and among(row.severity, wanted.severities)
        and among(row.metric, wanted.metrics)
        and among(row.customer, wanted.customers)
        and (among(row.assignee_id, wanted.assignees) or row.assignee in wanted.assignees)
        and (not wanted.states or bool(state_of(row) & set(wanted.states)))
        and (not wanted.key or wanted.key.upper() in (row.key or "").upper())
    )


def test_each_filter_gives_what_a_plain_reading_gives(database: Database) -> None:
    database.write(lambda c: fill(c, 300))
    whole, _ = everything(database, Wanted(), "due", limit=1000)
    assert len(whole) == 270
    draw = random.Random(3)
    for _ in range(60):
        wanted = Wanted(
            draw.choice([(), ("A",), ("A", "B")]), draw.choice([(), ("gold",)]),
            draw.choice([(), ("urgent", NOBODY), ("odd",)]), draw.choice([(), ("resolution",)]),
            draw.choice([(), ("danger",), ("breached", "paused"), ("running", "danger")]),
            draw.choice([(), ("one",), ("Two", NOBODY)]), draw.choice([(), ("Zoë",), (NOBODY,)]),
            draw.choice(["", "a-1", "%", "_"]),
        )  # fmt: skip
        expected = [row for row in whole if is_wanted(row, wanted)]
        for order in ORDERS:
            found, _ = everything(database, wanted, order)
            assert sorted(found, key=repr) == sorted(expected, key=repr), (wanted, order)
        of_all_states = [row for row in whole if is_wanted(row, Wanted(*_without_states(wanted)))]
        counted = database.read(lambda c, w=wanted: board.counts(c, SITE, w, NINE))  # type: ignore[misc]
        names = [name for row in of_all_states for name in ("open", *state_of(row))]
        assert counted._asdict() == {name: names.count(name) for name in counted._fields}


def _without_states(wanted: Wanted) -> list[Any]:
    plain = {**wanted.__dict__, "states": ()}
    return list(plain.values())


def test_what_is_missed_next_goes_first_then_what_was_missed_last(database: Database) -> None:
    database.write(lambda c: fill(c, 200))
    instants = {
        order: [row.due_at for row in everything(database, Wanted(), order)[0]] for order in ORDERS
    }
    ahead = [at for at in instants["due"] if at and at > NINE]
    missed = [at for at in instants["due"] if at and at <= NINE]
    assert instants["due"] == [*sorted(ahead), *sorted(missed, reverse=True), *_none(instants)]
    assert instants["overdue"] == [*sorted(missed), *sorted(ahead), *_none(instants)]
    newest = [row.started_at for row in everything(database, Wanted(), "newest")[0]]
    assert newest == sorted(newest, reverse=True)
    worst = everything(database, Wanted(), "severity")[0]
    ranks = [
        SEVERITIES.index(r.severity) if r.severity in SEVERITIES else 9 for r in worst if r.due_at
    ]
    assert ranks == sorted(ranks)


def _none(instants: dict[Order, list[Any]]) -> list[None]:
    return [None for at in instants["due"] if at is None]


@pytest.mark.parametrize("order", ORDERS)
def test_a_page_goes_on_behind_its_last_row_whatever_came_meanwhile(
    database: Database, order: Order
) -> None:
    database.write(lambda c: fill(c, 100))
    before, pages = everything(database, Wanted(), order, limit=10)
    assert pages == 9
    first, place = database.read(
        lambda c: board.page(c, SITE, Wanted(), order, now=NINE, limit=10, severities=SEVERITIES)
    )
    # The row at which the page ended is over, and so is one that follows.
    gone = {before[9].issue_id, before[14].issue_id}
    database.write(
        lambda c: c.execute(update(cycles).where(cycles.c.issue_id.in_(gone)).values(ended_at=NINE))
    )
    second, _ = database.read(
        lambda c: board.page(
            c, SITE, Wanted(), order,
            now=NINE, limit=9, after=place, severities=SEVERITIES,
        )
    )  # fmt: skip
    assert first == before[:10]
    assert second == [*before[10:14], *before[15:20]]


@pytest.mark.parametrize(
    "place", [Place(9, ()), Place(-1, ()), Place(0, ("x",)), Place(0, (1, "a", "b", "c"))]
)
def test_a_place_of_another_order_is_refused(database: Database, place: Place) -> None:
    with pytest.raises(ValueError, match="place"):
        database.read(
            lambda c: board.page(c, SITE, Wanted(), "due", now=NINE, limit=5, after=place)
        )


def test_what_can_be_filtered_by_is_counted_and_bounded(database: Database) -> None:
    database.write(lambda c: fill(c, 300))
    whole, _ = everything(database, Wanted(), "due", limit=1000)
    found = database.read(lambda c: board.options(c, SITE, 2))
    of_projects = {value: number for value, _, number in found["project"][0]}
    assert of_projects == {name: [row.project for row in whole].count(name) for name in "AB"}
    assignees, number = found["assignee"]
    assert number == 3
    assert len(assignees) == 2
    all_of_them = database.read(lambda c: board.options(c, SITE, 9))["assignee"][0]
    assert {title for _, title, _ in all_of_them} == {"One", "Two", NOBODY}


def test_what_is_open_is_found_by_its_index_however_much_is_over(sqlite: Database) -> None:
    sqlite.write(lambda c: fill(c, 40))

    def steps(ask: Any) -> list[str]:
        asked: list[tuple[str, Any]] = []

        def note(_c: object, _u: object, statement: str, given: Any, *_: object) -> None:
            asked.append((statement, given))

        event.listen(sqlite.engine, "before_cursor_execute", note)
        sqlite.read(ask)
        event.remove(sqlite.engine, "before_cursor_execute", note)
        return [
            str(row[3])
            for statement, given in asked
            if statement.startswith("SELECT")
            for row in sqlite.read(
                lambda c, s=statement, g=given: c.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {s}", g
                ).all()  # type: ignore[misc]
            )
        ]

    narrowed = Wanted(
        ("A",), ("gold",), ("urgent", NOBODY), ("resolution",), ("danger",), ("Two", NOBODY),
        ("Zoë",), "1",
    )  # fmt: skip
    for order in ORDERS:
        for wanted in (Wanted(), narrowed):
            found = steps(
                lambda c, o=order, w=wanted: board.page(c, SITE, w, o, now=NINE, limit=1000)
            )
            of_tables = [step for step in found if " cycles" in step or " issues" in step]
            which = [step for step in of_tables if "autoindex" not in step]
            # Whatever is asked for, the index tells which; only those are looked up.
            assert which
            assert all("cycles USING COVERING INDEX ix_cycles_open" in step for step in which)
            looked_up = [step for step in of_tables if step not in which]
            assert all("site=? AND issue_id=?" in step for step in looked_up), looked_up
            if order in ("due", "overdue"):
                # In the order of the index: nothing is sorted but the page.
                assert "TEMP B-TREE" not in "".join(found[: found.index(looked_up[0])]), found
    for wanted in (Wanted(), narrowed):
        counting = steps(lambda c, w=wanted: board.counts(c, SITE, w, NINE))
        assert counting == ["SCAN cycles USING COVERING INDEX ix_cycles_open"]
    # Each by an index of its own, alike next to each other; people by name need no more.
    assert steps(lambda c: board.options(c, SITE, 5)) == [
        f"SEARCH cycles USING COVERING INDEX ix_cycles_open_{name} (site=?)"
        for name in ("project", "assignee", "customer")
    ]
    # What is not promised is few issues: no walk over all that ever were.
    for projects in ((), ("A",)):
        unpromised = steps(lambda c, p=projects: board.unpromised(c, SITE, p, 9))
        assert unpromised[0] == "SEARCH issues USING INDEX ix_issues_unpromised (site=?)"
