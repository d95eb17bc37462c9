"""What was decided in a span, in both databases: by random rows against a plain reading."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from sla.store import reports
from sla.store.board import NOBODY
from sla.store.database import Database
from sla.store.reports import Missed, Place, Wanted
from sla.store.schema import cycles, issues, metadata
from tests.sla.example import NINE
from tests.sla.store.decided import put
from webhooks.console.questions.reports import midnight, mondays_of

NOW = NINE + timedelta(days=40)
SPAN = Wanted(NINE, NINE + timedelta(days=60))
DAY = timedelta(days=1)


def some(number: int, seed: int = 3) -> list[dict[str, Any]]:
    """Rows of every state around the span and around now; instants come several times."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for _ in range(number):
        state = draw.choice(["met", "met", "breached", "breached", "cancelled", "running"])
        is_open = state == "running" or (state == "breached" and draw.random() < 0.5)
        rows.append({
            "at": NINE + timedelta(hours=draw.randrange(-100, 1500)), "state": state,
            "open": is_open, "contract": draw.choice(["gold", "plain"]),
            "severity": draw.choice([None, "high", "low"]), "project": draw.choice(["A", "B"]),
            "customer": draw.choice([None, "", "Zoë", "=cmd"]),
            "metric": draw.choice(["first_response", "resolution"]),
            "binding": draw.choice(["commitment", "goal"]), "conditional": draw.random() < 0.2,
            "started_at": NINE + timedelta(hours=draw.randrange(-800, -100)),
            "assignee_id": draw.choice([None, "ada"]), "answered_by": draw.choice([None, "lena"]),
        })  # fmt: skip
        if state == "breached" and not is_open:
            rows[-1]["ended_at"] = rows[-1]["at"] + timedelta(hours=draw.randrange(900))
        if state == "running":
            rows[-1]["due_at"] = rows[-1]["at"]
    return rows


def decided(database: Database) -> list[dict[str, Any]]:
    """Every cycle with its issue, when it was decided and how, read plainly."""
    joined = select(cycles, issues.c.project, issues.c.customer.label("whose")).join(
        issues, (issues.c.issue_id == cycles.c.issue_id) & (issues.c.site == cycles.c.site)
    )
    found = []
    for row in database.read(lambda c: c.execute(joined).mappings().all()):
        each = dict(row)
        if each["ended_at"] is None and not (each["due_at"] and each["due_at"] <= NOW):
            continue
        outcome = {"met": "met", "cancelled": "cancelled"}.get(each["state"], "breached")
        at = each["due_at"] if outcome == "breached" else each["ended_at"]
        found.append({**each, "outcome": outcome, "at": at})
    return found


def wanted_by(row: dict[str, Any], wanted: Wanted) -> bool:
    pairs = (
        (wanted.contract, row["contract"]), (wanted.project, row["project"]),
        (wanted.customer, row["whose"]), (wanted.metric, row["metric"]),
        (wanted.severity, row["severity"]),
    )  # fmt: skip
    fits = all(
        not asked or (not value if asked == NOBODY else value == asked) for asked, value in pairs
    )
    account = row["answered_by"] or row["assignee_id"]
    fits = fits and (wanted.by is None or account in wanted.by)
    fits = fits and (wanted.by_others_than is None or account not in wanted.by_others_than)
    return fits and wanted.from_at <= row["at"] < wanted.to_at


@pytest.mark.parametrize(
    "more",
    [
        {}, {"contract": "gold"}, {"customer": "Zoë"}, {"customer": NOBODY}, {"severity": NOBODY},
        {"project": "B", "metric": "resolution"}, {"severity": "high"}, {"contract": "gone"},
        {"to_at": NINE + 9 * DAY}, {"by": frozenset({"lena"})}, {"by_others_than": frozenset()},
        {"by_others_than": frozenset({"lena", "eve"})},
    ],
)  # fmt: skip
def test_it_counts_what_a_plain_reading_counts(database: Database, more: dict[str, Any]) -> None:
    database.write(lambda c: put(c, *some(600)))
    wanted = replace(SPAN, **more)
    weeks = [NINE + 7 * n * DAY for n in range(9)]
    plain = [row for row in decided(database) if wanted_by(row, wanted)]
    expected = Counter(
        (
            (row["at"] - NINE) // (7 * DAY), row["contract"], row["metric"], row["severity"],
            row["project"], row["whose"] or None, row["binding"], row["conditional"],
            row["outcome"],
        )
        for row in plain
    )  # fmt: skip
    found: Counter[tuple[Any, ...]] = Counter()
    for group in database.read(lambda c: reports.grouped(c, "default", wanted, NOW, weeks)):
        found[
            group.week, group.contract, group.metric, group.severity, group.project, group.customer,
            group.binding, bool(group.conditional), group.outcome,
        ] += group.number  # fmt: skip
    assert found == expected
    timed = database.read(lambda c: reports.answered(c, "default", wanted, NOW))
    assert len(timed) == sum(row["stopped_at"] is not None for row in plain)
    missed = everything(database, wanted)
    assert {(row.issue_id, row.due_at) for row in missed} == {
        (row["issue_id"], row["at"]) for row in plain if row["outcome"] == "breached"
    }
    assert [row.due_at for row in missed] == sorted((r.due_at for r in missed), reverse=True)
    assert len(missed) == len({row.issue_id for row in missed})


def everything(database: Database, wanted: Wanted) -> list[Missed]:
    """What was missed, in pages of seven."""
    found: list[Missed] = []
    place: Place | None = None
    while True:
        page = database.read(
            lambda c, at=place: reports.missed(  # type: ignore[misc]
                c, "default", wanted, NOW, limit=7, after=at
            )
        )
        found += page
        if len(page) < 7:
            return found
        last = page[-1]
        due = (last.due_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        place = due, last.issue_id, last.metric, last.number


def test_what_is_decided_later_is_told(database: Database) -> None:
    """Of all that began by the end: either it is counted in some span, or it is still undecided."""
    database.write(lambda c: put(c, *some(300)))
    wanted = Wanted(datetime(2000, 1, 1, tzinfo=UTC), NINE + 20 * DAY)
    began = [
        row for row in database.read(lambda c: c.execute(select(cycles)).mappings().all())
        if row["started_at"] < wanted.to_at
    ]  # fmt: skip
    counted = [row for row in decided(database) if row["at"] < wanted.to_at]
    left = database.read(lambda c: reports.undecided(c, "default", wanted, NOW))
    assert left == len(began) - len(counted) > 0


@given(
    st.dates(date(2024, 1, 1), date(2026, 12, 1)),
    st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]),
    st.lists(st.integers(0, 20 * 7 * 86_400 - 1), min_size=1, max_size=5),
)
def test_a_week_is_found_across_the_change_of_clocks_and_year(
    first: date, zone: str, seconds: list[int]
) -> None:
    from_at, to_at = midnight(first, zone), midnight(first + 140 * DAY, zone)
    mondays = mondays_of(from_at, to_at, zone)
    starts = [midnight(day, zone) for day in mondays]
    assert starts[0] <= from_at
    assert to_at <= midnight(mondays[-1] + 7 * DAY, zone)
    instants = [min(from_at + timedelta(seconds=each), to_at) for each in seconds] + starts[1:]
    by_division = _weeks_of(instants, starts)
    assert by_division == [bisect_right(starts, at) - 1 for at in instants]


def _weeks_of(instants: list[datetime], starts: list[datetime]) -> list[int]:
    """As the database says it."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine, tables=[cycles])
    with engine.connect() as connection:
        for nth, at in enumerate(instants):
            connection.execute(cycles.insert(), {
                "site": "s", "issue_id": str(nth), "metric": "m", "number": 1, "state": "met",
                "started_at": at, "ended_at": at,
            })  # fmt: skip
        week = reports.week_of(starts)
        asked = select(cycles.c.issue_id, week)
        found = {int(nth): number for nth, number in connection.execute(asked)}
    engine.dispose()
    return [found[nth] for nth in range(len(instants))]


def test_a_year_without_anything_is_empty(database: Database) -> None:
    assert database.read(lambda c: reports.grouped(c, "default", SPAN, NOW, [NINE])) == []
    assert database.read(lambda c: reports.missed(c, "default", SPAN, NOW, limit=5)) == []
    assert database.read(lambda c: reports.contracts_of(c, "default", "Zoë")) == []
    assert database.read(lambda c: reports.heard(c, "default", set())).promised == {}
