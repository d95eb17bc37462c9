"""What a choice is worth is worked out by every reading, and is what the contract would do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.examples import Example, worked
from config.library import Library
from config.loader import load

CONTRACT = """\
contract: acme
title: Acme Support
source: { publisher: Acme, title: Support }
severities: { High: , Low: }
parameters:
  slow: { kind: target, clause: "2", what: the time for Low }
metrics:
  first_response:
    clause: "1"
    goals:
      - severity: High
        target: 1 business day
        reading:
          choice: business-day
          readings: { open_hours: open_hours, same_clock: same_clock, end_of_day: end_of_day }
        calendar:
          choice: zone
          readings:
            berlin: { choice: feast, readings: { last: berlin, fourth: berlin-fourth } }
            utc: utc
        clause: "1"
      - severity: Low
        target: { parameter: slow }
        calendar: { choice: zone, readings: { berlin: berlin, utc: utc } }
        clause: "2"
  next_response:
    clause: "1"
    goals:
      - severity: High
        target: { choice: size, readings: { short: 30m, long: 1h 15m 20s } }
        calendar: around
        clause: "1"
  periodic_update:
    clause: "2"
    pause: { choice: rests, readings: { some: [{ filled: [Hold] }], none: [] } }
    goals:
      - severity: { choice: who, readings: { high: High, everybody: [High, Low] } }
        target: { parameter: slow }
        calendar: { choice: same, readings: { one: around, other: around } }
        clause: "2"
clauses:
  - { id: "1", gist: Soon., became: [rule, ambiguity] }
  - { id: "2", gist: Later., became: [rule, open parameter] }
choices:
"""
CHOICE = """\
  - id: {0}
    clause: "1"
    question: Which?
    readings: {{ {1} }}
    chosen: {2}
    decided: {{ by: Ada, on: 2026-01-31 }}
    example: By hand.
"""
CHOICES = {
    "business-day": ("open_hours", "same_clock", "end_of_day"),
    "zone": ("berlin", "utc"),
    "feast": ("last", "fourth"),
    "size": ("short", "long"),
    "rests": ("some", "none"),
    "who": ("high", "everybody"),
    "same": ("one", "other"),
}
CALENDAR = """\
time_zone: {0}
weekly:
  mon: &day [["09:00", "17:00"]]
  tue: *day
  wed: *day
  thu: *day
  fri: *day
holidays: [{{ month: 11, weekday: thu, nth: {1} }}]
"""
PROJECTS = """\
projects:
  ACM: { contracts: [{ contract: acme }], severities: [{ severity: High }] }
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("contracts", "calendars"):
        (tmp_path / name).mkdir()
    text = CONTRACT + "".join(
        CHOICE.format(name, ", ".join(f"{each}: So." for each in readings), readings[0])
        for name, readings in CHOICES.items()
    )
    (tmp_path / "contracts" / "acme.yaml").write_text(text, encoding="utf-8")
    for name, zone, nth in (
        ("berlin", "Europe/Berlin", -1),
        ("berlin-fourth", "Europe/Berlin", 4),
        ("utc", "Etc/UTC", -1),
    ):
        path = tmp_path / "calendars" / f"{name}.yaml"
        path.write_text(CALENDAR.format(zone, nth), encoding="utf-8")
    (tmp_path / "calendars" / "around.yaml").write_text(
        "time_zone: Etc/UTC\nalways_open: true\n", encoding="utf-8"
    )
    (tmp_path / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
    return tmp_path


def examples(site: Path, year: int = 2026) -> dict[tuple[str, str], Example]:
    found = worked(Library(site), load(site), "acme", year)
    by_name = {(each.choice, each.metric): each for each in found}
    assert len(by_name) == len(found)
    return by_name


def test_each_choice_that_drives_a_promise_has_an_example(site: Path) -> None:
    assert list(examples(site)) == [
        ("business-day", "first_response"),
        ("zone", "first_response"),
        ("feast", "first_response"),
        ("size", "next_response"),
        ("who", "periodic_update"),
    ]


def test_a_start_in_office_hours_by_every_reading(site: Path) -> None:
    example = examples(site)["business-day", "first_response"]
    assert example.lines() == [
        "first response, severity High, from Mon 6 Jul 2026 09:00 CEST (2026-07-06T07:00:00Z):",
        "  open_hours (chosen): due Mon 6 Jul 2026 17:00 CEST (2026-07-06T15:00:00Z)",
        "  same_clock: due Tue 7 Jul 2026 09:00 CEST (2026-07-07T07:00:00Z), 16 h later",
        "  end_of_day: due Tue 7 Jul 2026 17:00 CEST (2026-07-07T15:00:00Z), 24 h later",
    ]


def test_the_difference_is_exact(site: Path) -> None:
    example = examples(site)["size", "next_response"]
    assert example.differences() == {
        "short": timedelta(0),
        "long": timedelta(minutes=45, seconds=20),
    }
    assert example.lines()[-1].endswith("45 min 20 s later")


def test_the_due_instants_are_those_of_the_contract_so_settled(site: Path) -> None:
    example = examples(site)["zone", "first_response"]
    assert example.start_at is not None
    for reading, at in example.due_at.items():
        chosen = (
            f"choices: {{ acme: {{ zone: {{ chosen: {reading}, by: Bob, on: 2026-02-01 }} }} }}"
        )
        (site / "projects.yaml").write_text(f"{PROJECTS}{chosen}\n", encoding="utf-8")
        settled = load(site).policy.contracts["acme"].metrics[0].goals[0]
        assert settled.calendar.time_zone == {"berlin": "Europe/Berlin", "utc": "Etc/UTC"}[reading]  # type: ignore[union-attr]
        assert settled.calendar.business_days(example.start_at, 1) == at  # type: ignore[union-attr]


def test_the_sites_own_reading_is_the_chosen_one(site: Path) -> None:
    chosen = "choices: { acme: { zone: { chosen: utc, by: Bob, on: 2026-02-01 } } }\n"
    (site / "projects.yaml").write_text(PROJECTS + chosen, encoding="utf-8")
    found = examples(site)
    assert found["zone", "first_response"].chosen == "utc"
    # Where nobody keeps the feast by Berlin's clocks, it makes no difference to anybody.
    assert ("feast", "first_response") not in found


def test_a_holiday_that_differs_in_few_years_only(site: Path) -> None:
    example = examples(site, 2026)["feast", "first_response"]
    assert example.start_at == datetime(2028, 11, 22, 9, tzinfo=UTC)
    assert set(example.differences().values()) == {timedelta(0), timedelta(days=1)}


def test_no_difference_is_said_so(site: Path) -> None:
    path = site / "calendars" / "berlin-fourth.yaml"
    path.write_text(CALENDAR.format("Europe/Berlin", -1), encoding="utf-8")
    example = examples(site)["feast", "first_response"]
    assert example.start_at is None
    assert example.lines() == ["first response, severity High: no difference found"]


def test_a_promise_that_is_not_in_force(site: Path) -> None:
    example = examples(site)["who", "periodic_update"]
    first, second = example.lines()
    assert first == "periodic update, severity Low: not in force:"
    assert second.startswith(
        "  the parameter `slow` of acme is not set: the time for Low (clause 2)"
    )


def test_an_order_form_makes_up_for_it(site: Path) -> None:
    forms = "customers: { Zoo: { acme: { slow: 2h } } }\n"
    (site / "projects.yaml").write_text(PROJECTS + forms, encoding="utf-8")
    example = examples(site)["who", "periodic_update"]
    assert example.customer == "Zoo"
    assert example.lines()[0].startswith(
        "periodic update, severity Low, with the order form of Zoo"
    )
    assert example.lines()[1:] == [
        "  high (chosen): nothing is promised",
        "  everybody: due Mon 6 Jul 2026 11:00 UTC (2026-07-06T11:00:00Z)",
    ]


def test_a_reading_that_makes_no_contract_is_named(site: Path) -> None:
    path = site / "contracts" / "acme.yaml"
    text = path.read_text(encoding="utf-8").replace("fourth: berlin-fourth", "fourth: nowhere")
    path.write_text(text, encoding="utf-8")
    found = worked(Library(site), load(site), "acme", 2026)
    (example,) = (each for each in found if each.choice == "feast")
    assert "is `nowhere`, and no calendar has that name" in example.missing[0]


def test_a_contract_that_nobody_uses_has_none(site: Path) -> None:
    assert worked(Library(site), load(site), "botron", 2026) == []
