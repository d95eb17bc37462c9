"""`dueline check` says what holds and what became of every clause, in words for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.configuration import Configuration
from config.examples import worked
from config.library import Library
from config.loader import load
from config.summary import carried_out, contract_page, summary, unaccounted

CONTRACT = """\
contract: acme
title: Acme Support
source: { publisher: Acme, title: Support }
severities: { High: , Low: }
kinds: { Error: { severities: [High, Low] } }
parameters:
  slow: { kind: target, clause: "2", what: the time for Low }
  days: { kind: holidays, clause: "3", what: the holidays }
  fee: { kind: money, clause: "8", what: the fee }
metrics:
  first_response:
    clause: "1"
    goals:
      - severity: High
        kind: Error
        target: 1 business day
        reading: { choice: day, readings: { late: end_of_day, early: open_hours } }
        calendar: hours
        clause: "1"
      - { severity: Low, tier: Gold, target: { parameter: slow }, calendar: hours, clause: "2" }
  resolution:
    clause: "1"
    goals: [{ target: 8h, calendar: hours, binding: goal, clause: "1" }]
    pause_statuses: [Waiting]
    until: [{ filled: [Work-around] }]
coverage:
  - { id: phone, clause: "4", text: calls, excludes: { fields: { Channel: Phone } } }
  - { id: paid, clause: "4", text: unpaid work, requires: { fields: { Paid: Yes } },
      metrics: [resolution] }
duties:
  - { id: call, who: customer, clause: "5", text: Call us., severity: High, done: response,
      effect: conditional, metrics: [first_response] }
acknowledgement: { clause: "6" }
contacts: [{ id: line, clause: "6", text: Call 1, hours: hours }]
required_information:
  clause: "6"
  items: [{ id: log, text: a log file, phrases: [log] }]
  pauses: [first_response]
notices: [{ id: bug, clause: "6", on: [{ changed: [status] }, first_response], text: Seen. }]
escalations:
  - { id: up, clause: "7", issue: { type: Escalation },
      levels: [{ level: 1, name: Lead, role: L }] }
availability:
  clause: "8"
  calendar: hours
  commitment: 99.5%
  excluded: { Beta: It was one. }
  maintenance: { clause: "8", windows: hours }
  credit: { clause: "8", multiple: 10, cap: 30%, fee: { parameter: fee } }
clauses:
  - { id: "1", gist: Within a day., became: [rule, ambiguity] }
  - { id: "2", gist: As agreed., became: [rule, open parameter] }
  - { id: "3", gist: Holidays., became: open parameter }
  - { id: "4", gist: Not covered., became: rule }
  - { id: "5", gist: Call., became: manual duty, by: the customer }
  - { id: "6", gist: Words., became: rule }
  - { id: "7", gist: Up., became: rule }
  - { id: "8", gist: Up 99.5 %., became: rule }
  - { id: "9", gist: Law., became: out of scope }
  - { id: "10", gist: Mail., became: [rule, ambiguity], by: Jira }
choices:
  - id: day
    clause: "1"
    question: When does the day end?
    readings: { late: In the evening., early: After its hours. }
    chosen: late
    why: It is kinder.
    decided: { by: Ada, on: 2026-01-31 }
    example: An example.
  - { id: mail, clause: "10", question: By mail?, readings: { yes: Yes., no: No. }, example: E. }
"""
CALENDAR = """\
time_zone: Etc/UTC
clause: "3"
weekly: { mon: &day [["09:00", "17:00"]], tue: *day, wed: *day, thu: *day, fri: *day }
holidays: [{ parameter: days }]
"""
PROJECTS = """\
projects:
  ACM:
    contracts: [{ contract: acme, tier: Gold, fields: { Plan: Gold } }]
    severities: [{ priority: High, severity: High, kind: Error }]
parameters: { acme: { days: [2026-12-24] } }
customers: { Zoo: { acme: { slow: 4h } }, Inn: { acme: { fee: 3000 } } }
roles: { L: { groups: [leads] } }
alerts:
  default:
    warnings: [{ used: 75% }]
    levels:
      - { level: 1, name: Lead, left: 15m }
      - { level: 2, name: Head, after: 1h, hours: around }
      - { level: 3, name: Boss, after: 0m }
"""
SLOW = (
    "the parameter `slow` of acme is not set: the time for Low (clause 2); set "
    "`parameters.acme.slow`, or `customers.CUSTOMER.acme.slow`, in projects.yaml"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("contracts", "calendars"):
        (tmp_path / name).mkdir()
    (tmp_path / "contracts" / "acme.yaml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "calendars" / "hours.yaml").write_text(CALENDAR, encoding="utf-8")
    (tmp_path / "calendars" / "around.yaml").write_text(
        "time_zone: Etc/UTC\nalways_open: true\n", encoding="utf-8"
    )
    (tmp_path / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
    return tmp_path


def test_the_summary_names_every_part(site: Path) -> None:
    assert summary(load(site)) == [
        "project ACM",
        "  contract 1: acme, tier Gold (Plan Gold)",
        "  severity 1: High, kind Error (priority High)",
        (
            "  alerts: warning-75%, breach, level 1 Lead (15 min left), "
            "level 2 Head (1 h after on around), level 3 Boss (at once)"
        ),
        "",
        "contract acme: Acme Support",
        (
            "  first response: High, kind Error: 1 business day (end_of_day) on hours, "
            "commitment, clause 1"
        ),
        "  first response: Low, tier Gold: not in force, clause 2",
        f"    not in force: {SLOW}",
        "  resolution: every severity: 8h on hours, goal, clause 1",
        "    the clock rests while status Waiting",
        "    nothing is owed while Work-around filled in",
        "  order form of Zoo",
        (
            "    first response: High, kind Error: 1 business day (end_of_day) on hours, "
            "commitment, clause 1"
        ),
        "    first response: Low, tier Gold: 4h on hours, commitment, clause 2",
        "  order form of Inn",
        "    promises the same",
        "  not covered: calls, when Channel Phone, clause 4",
        "  not covered (only resolution): unpaid work, unless Paid Yes, clause 4",
        (
            "  duty of the customer for High: Call us; until then first response is conditional, "
            "clause 5"
        ),
        "  acknowledgement: a public comment, clause 6",
        "  contact on hours: Call 1, clause 6",
        "  required information: 1 item; first response waits for them, clause 6",
        "  notice on a change of status or first response: Seen, clause 6",
        "  escalation by an issue (type Escalation) that refers to it: level 1 Lead, clause 7",
        "  availability: 99.5% of the minutes of hours, clause 8",
        "    does not count: Beta: It was one.",
        "    maintenance on hours, commitment, clause 8",
        "    credit: 10 times the amount paid for the excess, at most 30% of the fee, clause 8",
        (
            "  10 clauses: 7 rules, 1 manual duty, 1 out of scope, 2 open parameters, "
            "2 ambiguities (some clauses are several of these); nothing unaccounted for"
        ),
        "  choice day: late, by Ada, 2026-01-31",
        "  undecided: mail: By mail? (yes, no)",
        "",
        "calendar acme/hours: Etc/UTC, 1 holiday (1 date by hand)",
        "calendar acme@Inn/hours: Etc/UTC, 1 holiday (1 date by hand)",
        "calendar acme@Zoo/hours: Etc/UTC, 1 holiday (1 date by hand)",
        "calendar around: Etc/UTC, always open",
    ]


def test_what_carries_out_each_clause(site: Path) -> None:
    found = carried_out(load(site), "acme")
    assert found == {
        "1": [
            "metric first response",
            "goal first response: High, kind Error: 1 business day",
            "metric resolution",
            "goal resolution: every severity: 8h",
            "choice day",
        ],
        "2": ["goal first response: Low, tier Gold: not in force", "parameter slow"],
        "3": ["calendar acme/hours", "parameter days"],
        "4": ["limit phone", "limit paid"],
        "5": ["duty call"],
        "6": ["acknowledgement", "contact line", "required information", "notice bug"],
        "7": ["escalation up"],
        "8": ["availability", "maintenance", "credit", "parameter fee"],
        "10": ["choice mail"],
    }


def test_the_register_of_a_contract(site: Path) -> None:
    configuration = load(site)
    page = contract_page(configuration, "acme", worked(Library(site), configuration, "acme", 2026))
    assert page[:9] == [
        "contract acme: Acme Support",
        "  Acme: Support",
        (
            "  10 clauses: 7 rules, 1 manual duty, 1 out of scope, 2 open parameters, "
            "2 ambiguities (some clauses are several of these); nothing unaccounted for"
        ),
        "",
        "Clauses",
        "  1",
        "    Within a day.",
        "    became: rule, ambiguity",
        "    carried out by: metric first response",
    ]
    assert page[page.index("Choices") :] == [
        "Choices",
        "  day (decided, by Ada, 2026-01-31), clause 1",
        "    When does the day end?",
        "    * late: In the evening.",
        "    - early: After its hours.",
        "    why: It is kinder.",
        "    example: An example.",
        (
            "    worked out: first response, severity High, tier Gold, kind Error, from "
            "Mon 6 Jul 2026 09:00 UTC (2026-07-06T09:00:00Z):"
        ),
        "      late (chosen): due Tue 7 Jul 2026 17:00 UTC (2026-07-07T17:00:00Z)",
        "      early: due Mon 6 Jul 2026 17:00 UTC (2026-07-06T17:00:00Z), 24 h earlier",
        "  mail (undecided), clause 10",
        "    By mail?",
        "    people follow the reading; no value of the contract depends on it",
        "    - yes: Yes.",
        "    - no: No.",
        "    example: E.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "clause", "said"),
    [
        ('became: rule }\n  - { id: "5"', 'became: ambiguity }\n  - { id: "5"', "4", "no choice"),
        ("became: out of scope }", "became: open parameter }", "9", "`parameters` does not have"),
    ],
)
def test_a_clause_that_nothing_shows(
    site: Path, old: str, new: str, clause: str, said: str
) -> None:
    (site / "contracts" / "acme.yaml").write_text(CONTRACT.replace(old, new, 1), encoding="utf-8")
    configuration = load(site)
    ((found, what),) = unaccounted(configuration, "acme")
    assert found == clause
    assert said in what
    assert f"unaccounted for: {clause}: {what}" in "\n".join(summary(configuration))


def test_a_contract_that_no_project_uses(site: Path) -> None:
    with pytest.raises(KeyError):
        contract_page(load(site), "botron")


def test_a_published_version_says_the_same(site: Path) -> None:
    configuration = load(site)
    assert summary(Configuration.from_text(configuration.text)) == summary(configuration)
