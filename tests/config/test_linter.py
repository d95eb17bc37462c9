"""What is probably a mistake is found where it stands, and a sound directory is left in peace."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from config.library import Library
from config.linter import findings
from config.loader import load

TODAY = date(2026, 11, 22)

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


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A small directory with nothing wrong in it."""
    for name in ("contracts", "calendars"):
        (tmp_path / name).mkdir()
    (tmp_path / "contracts" / "acme.yaml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "calendars" / "hours.yaml").write_text(CALENDAR, encoding="utf-8")
    (tmp_path / "calendars" / "all-hours.yaml").write_text(
        "time_zone: Europe/Berlin\nalways_open: true\n", encoding="utf-8"
    )
    (tmp_path / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
    return tmp_path


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


ACME, HOURS, SITE = "contracts/acme.yaml", "calendars/hours.yaml", "projects.yaml"


def test_nothing_is_found_in_a_sound_directory(sound: Path) -> None:
    assert found(sound) == []


@given(days=st.integers(0, 3650))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_day_is(sound: Path, days: int) -> None:
    assert found(sound, TODAY + timedelta(days)) == []


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            SITE, ("- { severity: Low, kind: Error }",
                   "- { priority: Low, severity: Low, kind: Error }",
                   "type: Question,", "type: Question, priority: [Low, Medium],"),
            "projects.yaml: projects.ACM.severities",
            "gives no severity to any other type with priority Medium, so that",
            id="a hole",
        ),
        pytest.param(
            SITE, ("- { severity: Low, kind: Error }", "",
                   "High, severity", "[High, Low], severity"),
            "", "", id="no hole where every named priority is spoken for",
        ),
        pytest.param(
            ACME, ("severity: Low, target: 3 business days", "severity: High, target: 4h",
                   "severity: High, target: 8h", "severity: High, tier: Gold, target: 8h"),
            "projects.yaml: projects.ACM.severities[0].severity",
            "is Low, for which acme promises no resolution while it does for others",
            id="a severity without a goal",
        ),
        pytest.param(
            ACME, ("    on: customer_reply", "    on: { filled: [Boss], empty: [Boss] }"),
            "contracts/acme.yaml: escalations[0].on[0]", "can never hold",
            id="a condition against itself",
        ),
        pytest.param(
            ACME, ("    on: customer_reply",
                   "    on: customer_reply\n    kind: Question\n    severity: High"),
            "contracts/acme.yaml: escalations[0]", "speaks of nothing: Question is never High",
            id="a severity that a kind of work cannot have",
        ),
        pytest.param(
            SITE, ("alerts:\n", "alerts:\n  spare: { warnings: [{ used: 50% }] }\n"),
            "projects.yaml: alerts.spare", "is used by no project", id="alerts of nobody",
        ),
        pytest.param(
            SITE, ("left: 30m", "left: 30h"),
            "projects.yaml: alerts.default.warnings[1].left",
            "is 30h, and the longest promise has 24 h, so that it never speaks; give less",
            id="a warning before the start",
        ),
        pytest.param(
            SITE, ("left: 15m", "left: 24h"),
            "projects.yaml: alerts.default.levels[0].left", "so that it speaks at once",
            id="a level before the start",
        ),
        pytest.param(
            SITE, ("left: 15m", "left: 15m, hours: all-hours"),
            "projects.yaml: alerts.default.levels[0].hours", "does nothing",
            id="hours that a proactive level does not look at",
        ),
        pytest.param(
            SITE, ("left: 15m", "after: 0m", "after: 1h, hours: all-hours", "used: 90%"),
            "projects.yaml: alerts.default.levels[1]",
            "is level 2 and fires before the due instant, level 1 after it",
            id="levels out of order",
        ),
        pytest.param(
            "calendars/all-hours.yaml",
            ("always_open: true", 'extra_days: { 2020-01-01: [["09:00", "17:00"]] }'),
            "projects.yaml: alerts.default.levels[1].hours", "which never opens again",
            id="a level in hours that are over",
        ),
        pytest.param(
            SITE, ("  Team lead: { groups: [leads] }", "  Boss: { groups: [leads] }"),
            "contracts/acme.yaml: escalations[0].levels[0].role",
            "is `Team lead`, and projects.yaml",
            id="a role of nobody",
        ),
        pytest.param(
            SITE, ("{ groups: [leads] }", "{}"),
            "projects.yaml: roles.Team lead", "addresses nobody, and acme escalates to it",
            id="a role without people",
        ),
        pytest.param(
            HOURS, ("  tue: *day\n  wed: *day\n  thu: *day\n  fri: *day\n", "",
                    "  - { parameter", "  - 2026-11-23\n  - 2026-11-30\n  - { parameter"),
            "calendars/hours.yaml: weekly", "has no opening in the 14 days from 2026-11-22",
            id="a calendar that stays closed",
        ),
        pytest.param(
            SITE, ("days: [{ month: 5, weekday: mon, nth: -1 }]",
                   "days: [2027-01-01, 2027-02-20, 2026-12-26]"),
            "projects.yaml: parameters.acme.days[1]", "the list ends with 2027-02-20",
            id="a list that ends in 90 days",
        ),
        pytest.param(
            SITE, ("days: [{ month: 5, weekday: mon, nth: -1 }]", "days: [2027-02-21]"),
            "", "", id="a list that ends in 91 days",
        ),
        pytest.param(
            HOURS, ("- { parameter: days }", "- 2026-01-01\n  - { parameter: days }"),
            "", "", id="a date beside rules",
        ),
        pytest.param(
            HOURS, ("- { parameter: days }", "- { icalendar: days.ics }\n  - { parameter: days }"),
            "calendars/hours.yaml: holidays[1]", "the list ended with 2026-06-01",
            id="a file that ended",
        ),
        pytest.param(
            HOURS, ("month: 12, day: 25", "month: 11, weekday: thu, nth: -1"),
            "calendars/hours.yaml: holidays[0]",
            "the last Thursday of November, which is not the fourth in 2028, 2029, 2034 and 2035",
            id="Thanksgiving",
        ),
        pytest.param(
            HOURS, ("month: 12, day: 25", "month: 2, weekday: mon, nth: 5"),
            "calendars/hours.yaml: holidays[0]",
            "is a fifth weekday, which the month does not",
            id="a fifth Monday",
        ),
        pytest.param(
            HOURS, ("title: Hours of Acme", "note: Closed on the last Thursday of November.",
                    "month: 12, day: 25", "month: 11, weekday: thu, nth: 4"),
            "calendars/hours.yaml: note",
            "the calendar acme/hours is closed on the fourth one in 2028, 2029, 2034 and 2035",
            id="the last, as the text says",
        ),
        pytest.param(
            ACME, ("From 9 to 17.", "From 9 to 17 CET."),
            "contracts/acme.yaml: clauses[1].gist",
            "says CET, and Europe/Berlin shows CET in January and CEST in July; use Etc/GMT-1 if "
            "CET is meant all year round (calendar acme/hours); nothing to do where this is what "
            "was decided: `minutes` (all)",
            id="winter time in summer",
        ),
        pytest.param(
            ACME, ("From 9 to 17.", "From 9 to 17 CET or CEST."), "", "", id="both halves",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "Hours of Acme (GMT)"),
            "calendars/hours.yaml: title", "says GMT, and Europe/Berlin never shows that",
            id="another zone",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "Hours of Acme (GMT)", "Europe/Berlin", "Etc/UTC"),
            "", "", id="GMT all year round",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "Western European Time (GMT)", "Europe/Berlin", "Etc/UTC"),
            "calendars/hours.yaml: title",
            "says “Western European Time”, whose clocks change, and Etc/UTC never does",
            id="a region on a fixed zone",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "5AM PST to 8PM EST", "Europe/Berlin", "America/New_York",
                    '["09:00", "17:00"]',
                    '["05:00 America/Los_Angeles", "20:00 America/New_York"]'),
            "calendars/hours.yaml: title",
            "says PST, and America/Los_Angeles shows PST in January and PDT in July; use Etc/GMT+8 "
            "if PST is meant all year round; says EST, and America/New_York",
            id="two coasts",
        ),
        pytest.param(
            HOURS, ("Europe/Berlin", "Etc/GMT+5"),
            "calendars/hours.yaml: time_zone",
            "is Etc/GMT+5, 5 h behind UTC all year round: in summer these hours are an hour later "
            "by the clocks of America/New_York; name a place such as America/New_York unless",
            id="an offset for a zone",
        ),
        pytest.param(
            ACME, ("severity: High, target: 1h", "severity: High, target: 9h"),
            "contracts/acme.yaml: metrics.periodic_update.goals[0].target",
            "is 9h, longer than the resolution goal of 8h for severity High",
            id="updates after the resolution",
        ),
        pytest.param(
            ACME, ("severity: High, target: 1h", "severity: High, target: 8h"),
            "", "", id="an update as late as the resolution",
        ),
        pytest.param(
            SITE, ("used: 75% }", "used: 75%, actions: { priority: High } }"),
            "projects.yaml: alerts.default.warnings[0].actions.priority",
            "is High, which by the mapping changes the severity and so the promise (ACM: Low "
            "becomes High); leave it if that is meant, or add a label",
            id="a priority that changes the promise",
        ),
        pytest.param(
            SITE, ("used: 75% }", "used: 75%, actions: { priority: Medium } }"),
            "projects.yaml: alerts.default.warnings[0].actions.priority",
            "(ACM: High becomes Low)",
            id="a priority that weakens the promise",
        ),
        pytest.param(
            SITE, ("{ priority: High, severity: High", "{ fields: { Impact: all }, severity: High",
                   "used: 75% }", "used: 75%, actions: { priority: Highest, labels: late } }"),
            "", "", id="a priority that means nothing to the mapping",
        ),
        pytest.param(
            SITE, ("slow: 4h, ", ""),
            "projects.yaml: projects.ACM.contracts[0].contract",
            "is acme, which does not promise first response for Low: the parameter `slow` of acme "
            "is not set: the time for Low (clause 2); set `parameters.acme.slow`, or ",
            id="a parameter that is not set",
        ),
        pytest.param(
            ACME, ("    chosen: all\n    decided: { by: Ada, on: 2026-01-31 }\n", ""),
            "contracts/acme.yaml: choices[0]",
            "is undecided: Which minutes? Settle it as one of all, some",
            id="an undecided choice",
        ),
        pytest.param(
            ACME, ('    clause: "3"\n    question', '    clause: "2"\n    question'),
            "contracts/acme.yaml: clauses[1].became", "is an ambiguity that no choice cites",
            id="an ambiguity without a choice",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
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


def test_each_mistake_is_found_alone(sound: Path) -> None:
    change(sound, HOURS, "Europe/Berlin", "EST")
    (line,) = found(sound)
    assert line.startswith("calendars/hours.yaml:3:12: time_zone: is EST, 5 h behind UTC")


def test_a_parameter_of_an_order_form_and_one_beside_the_promises(sound: Path) -> None:
    change(
        sound, ACME,
        "escalations:",
        "duties:\n  - { id: call, who: customer, clause: '2', text: Call., done: response,\n"
        "      phone: { parameter: phone } }\nescalations:",
        "metrics:", "  phone: { kind: text, clause: '2', what: the number }\nmetrics:",
    )  # fmt: skip
    (line,) = found(sound)
    assert "is acme, which shows the duty `call` without a telephone number: the parameter" in line
    change(sound, SITE, "roles:", "customers: { Zoo: { acme: { phone: '1' } } }\nroles:")
    assert found(sound) == []


def test_alerts_without_any_promise_never_speak(sound: Path) -> None:
    change(sound, SITE, "slow: 4h, ", "")
    text = (sound / ACME).read_text(encoding="utf-8")
    start, end = text.index("  periodic_update:"), text.index("escalations:")
    text = text[:start] + text[end:]
    text = text.replace('- { severity: High, target: 2h, calendar: hours, clause: "2" }', "", 1)
    (sound / ACME).write_text(text, encoding="utf-8")
    assert any(
        "alerts.default: never speaks: no promise is in force in ACM" in line
        for line in found(sound)
    )


def test_a_goal_of_zero_is_an_error(sound: Path) -> None:
    change(sound, ACME, "target: 2h", "target: 0h")
    with pytest.raises(ConfigError, match=r"goals\[0\].target: is `0h`, no time at all"):
        load(sound)


def test_overlapping_openings_are_an_error(sound: Path) -> None:
    change(sound, HOURS, '[["09:00", "17:00"]]', '[["09:00", "17:00"], ["16:00", "18:00"]]')
    with pytest.raises(ConfigError, match="overlap"):
        load(sound)


def test_a_rule_that_can_never_match_is_an_error(sound: Path) -> None:
    rule = "- { severity: Low, kind: Error }"
    change(sound, SITE, rule, f"{rule}\n      - {{ empty: [Plan], severity: Low, kind: Error }}")
    with pytest.raises(ConfigError, match=r"severities\[3\]: never matters"):
        load(sound)
