"""A small directory with nothing wrong in it, and what is found once something is changed there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from config.library import Library
from config.linter import findings
from config.loader import load

TODAY = date(2026, 11, 22)
ACME, HOURS, SITE = "contracts/acme.yaml", "calendars/hours.yaml", "projects.yaml"

CONTRACT = """\
contract: acme
title: Acme Support
source: { publisher: Acme, title: Support }
severities: { High: , Low: }
kinds: { Error: { severities: [High, Low] }, Question: { severities: [Low] } }
parameters:
  slow: { kind: target, clause: "2", what: the time for Low }
  days: { kind: holidays, clause: "3", what: the holidays }
metrics:
  first_response:
    clause: "2"
    goals:
      - { severity: High, target: 2h, calendar: hours, clause: "2" }
      - { severity: Low, target: { parameter: slow }, calendar: hours, clause: "2" }
  periodic_update:
    clause: "2"
    goals:
      - { severity: High, target: 1h, calendar: hours, clause: "2" }
  resolution:
    clause: "2"
    goals:
      - { severity: High, target: 8h, calendar: hours, clause: "2" }
      - { severity: Low, target: 3 business days, calendar: hours, clause: "2" }
escalations:
  - id: climb
    clause: "2"
    on: customer_reply
    levels: [{ level: 1, name: Lead, role: Team lead }]
clauses:
  - { id: "2", gist: Replies within hours., became: rule }
  - { id: "3", gist: "From 9 to 17.", became: [rule, open parameter, ambiguity] }
choices:
  - id: minutes
    clause: "3"
    question: Which minutes?
    readings: { all: All., some: Some. }
    chosen: all
    decided: { by: Ada, on: 2026-01-31 }
    example: None needed.
"""

CALENDAR = """\
title: Hours of Acme
clause: "3"
time_zone: Europe/Berlin
weekly:
  mon: &day [["09:00", "17:00"]]
  tue: *day
  wed: *day
  thu: *day
  fri: *day
holidays:
  - { month: 12, day: 25, name: Christmas }
  - { parameter: days }
"""

PROJECTS = """\
projects:
  ACM:
    contracts:
      - contract: acme
    severities:
      - { type: Question, severity: Low, kind: Question }
      - { priority: High, severity: High, kind: Error }
      - { severity: Low, kind: Error }
parameters:
  acme: { slow: 4h, days: [{ month: 5, weekday: mon, nth: -1 }] }
roles:
  Team lead: { groups: [leads] }
alerts:
  default:
    warnings: [{ used: 75% }, { left: 30m }]
    levels:
      - { level: 1, name: Lead, left: 15m }
      - { level: 2, name: Head, after: 1h, hours: all-hours }
"""


def write(directory: Path) -> None:
    for name in ("contracts", "calendars"):
        (directory / name).mkdir()
    (directory / "contracts" / "acme.yaml").write_text(CONTRACT, encoding="utf-8")
    (directory / "calendars" / "hours.yaml").write_text(CALENDAR, encoding="utf-8")
    (directory / "calendars" / "all-hours.yaml").write_text(
        "time_zone: Europe/Berlin\nalways_open: true\n", encoding="utf-8"
    )
    (directory / "projects.yaml").write_text(PROJECTS, encoding="utf-8")


def found(directory: Path, today: date = TODAY) -> list[str]:
    listed = findings(Library(directory), load(directory), today)
    return [str(each).replace(f"{directory}/", "") for each in listed]


def change(directory: Path, file: str, *pairs: str) -> None:
    path = directory / file
    text = path.read_text(encoding="utf-8")
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def assert_found(sound: Path, file: str, changes: tuple[str, ...], where: str, said: str) -> None:
    """That changes in a sound directory are found in one place, or, with none, are no matter."""
    (sound / "calendars" / "days.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260601\nEND:VEVENT\nEND:VCALENDAR\n",
        encoding="utf-8",
    )
    change(sound, file, *changes)
    lines = found(sound)
    if not where:
        assert lines == []
        return
    placed = [re.sub(r":\d+:\d+: ", ": ", line, count=1) for line in lines]
    matching = [line for line in placed if line.startswith(f"{where}: ") and said in line]
    assert len(matching) == 1, lines
