"""A month's availability and credit as people read it, and as machines do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sla.availability import Availability, Credit, Downtime, Maintenance, Term
from sla.calendar import Calendar, Opening, WallTime
from sla.errors import SlaError
from sla.store.downtimes import Entered
from webhooks.questions import QuestionError
from webhooks.uptime import Report, entered_lines, facts_from, fee_from, month_from, report

CHICAGO = "America/Chicago"
LATER = datetime(2027, 1, 1, tzinfo=UTC)
FEE = Decimal(3000)
TERMS = Credit(
    "Service Credits",
    Decimal(10),
    Decimal(30),
    (
        Term("invoices_paid", "Outstanding invoices were paid before", "Service Credits"),
        Term("account_affected", "The account was affected", settled_by="ledger"),
    ),
    (Term("sole_remedy", "Service Credits are the sole and exclusive remedy"),),
)


def daily(name: str, opens: str, closes: str) -> Calendar:
    opening = Opening(WallTime.parse(opens), WallTime.parse(closes))
    return Calendar(name, CHICAGO, dict.fromkeys(range(7), (opening,)))


def balto(**changes: Any) -> Availability:
    terms: dict[str, Any] = {
        "calendar": daily("balto-business", "06:00", "21:00"),
        "commitment": Decimal("99.5"),
        "excluded": {"Pilot": "products that we identify as pilot"},
        "maintenance": Maintenance(
            "Business Hours", daily("balto-nights", "21:00", "06:00"), "goal", "Maintenance"
        ),
        "credit": TERMS,
    }
    return Availability("Uptime Commitment", **(terms | changes))


def local(text: str) -> datetime:
    day, clock = text.split()
    return datetime.fromisoformat(f"2026-06-{day}T{clock}-05:00")


def down(from_: str, to: str | None, source: str = "OPS-1", **more: Any) -> Downtime:
    return Downtime(source, local(from_), local(to) if to else None, **more)


OVERNIGHT = down("10 20:00", "11 10:36")


def june(*ledger: Downtime, terms: Availability | None = None, **more: Any) -> Report:
    values: dict[str, Any] = {"customer": "Acme", "now": LATER, "fee": FEE} | more
    return report(terms or balto(), ledger, "2026-06", **values)


def text(found: Report) -> str:
    return "\n".join(found.lines())


# -- for people -----------------------------------------------------------------------------------


def test_the_worked_example_in_full() -> None:
    assert (
        text(june(OVERNIGHT, facts={"invoices_paid": True}))
        == """\
Availability in 2026-06 for Acme
  clause: Uptime Commitment
  month: Mon 1 Jun 2026 00:00 CDT to Wed 1 Jul 2026 00:00 CDT
  minutes of the month: 27,000 (open time of calendar balto-business)
  minutes down: 336
  uptime: (27,000 - 336) / 27,000 x 100 = 98.756 %
  promised: 99.5 %, missed
  minutes allowed: 27,000 x (100 - 99.5) / 100 = 135
  minutes in excess: 336 - 135 = 201

Downtime:
  OPS-1: Wed 10 Jun 2026 20:00 CDT to Thu 11 Jun 2026 10:36 CDT
    540 min not counted: outside the hours of calendar balto-business
    336 min counted: downtime

Credit (clause Service Credits): 223.33, due: every condition is met
  paid for the minutes in excess: 201 / 27,000 x 3,000 = 22.33
  times 10: 10 x 201 / 27,000 x 3,000 = 223.33
  cap: 30 % of 3,000 = 900.00, not reached
  held: Outstanding invoices were paid before (clause Service Credits)
  held: The account was affected
  note: Service Credits are the sole and exclusive remedy"""
    )


def test_all_minutes_of_the_worked_example() -> None:
    shown = text(june(OVERNIGHT, terms=balto(basis="all"), facts={"invoices_paid": True}))
    assert "43,200 (all of them; downtime counts while calendar balto-business is open)" in shown
    assert "minutes in excess: 336 - 216 = 120" in shown
    assert "10 x 120 / 43,200 x 3,000 = 83.33" in shown


def test_a_month_that_goes_on_says_so_at_each_figure() -> None:
    shown = text(june(down("20 08:00", None), now=local("20 11:00")))
    assert "so far: up to Sat 20 Jun 2026 11:00 CDT, when 17,400 of the month's minutes" in shown
    for figure in ("minutes down", "uptime", "missed", "minutes in excess", "Credit"):
        assert f"{figure} so far" in shown
    assert "minutes of the month: 27,000" in shown
    assert "to now; it still goes on, and is counted up to Sat 20 Jun 2026 11:00 CDT" in shown


def test_each_entry_with_its_reason() -> None:
    shown = text(
        june(
            down("12 20:00", "12 22:00", kind="Maintenance", note="new\n  switch"),
            down("13 20:00", "13 20:30", "OPS-2", kind="Pilot"),
            down("14 20:00", "14 20:30", "OPS-3", customers=("Duff",)),
            down("15 08:00", "15 08:00", "OPS-4"),
        )
    )
    assert "minutes of scheduled maintenance: 60 inside its windows, 60 outside (a goal," in shown
    assert (
        shown.partition("Downtime:\n")[2].partition("\n\n")[0]
        == """\
  OPS-1: Fri 12 Jun 2026 20:00 CDT to Fri 12 Jun 2026 22:00 CDT
    note: new switch
    scheduled maintenance outside its windows (calendar balto-nights): 60 min
    60 min not counted: scheduled maintenance inside its windows
    60 min counted: downtime: scheduled maintenance outside its windows
  OPS-2: Sat 13 Jun 2026 20:00 CDT to Sat 13 Jun 2026 20:30 CDT
    30 min not counted: Pilot: products that we identify as pilot
  OPS-3: Sun 14 Jun 2026 20:00 CDT to Sun 14 Jun 2026 20:30 CDT
    affected: Duff
    30 min not counted: affected Duff, not Acme
  OPS-4: Mon 15 Jun 2026 08:00 CDT to Mon 15 Jun 2026 08:00 CDT
    0 min"""
    )


def test_the_service_as_such_counts_whomever_it_affected() -> None:
    found = june(down("14 08:00", "14 12:00", customers=("Duff",)), customer=None)
    assert "Availability in 2026-06 for the service as such" in text(found)
    assert found.uptime.down == timedelta(hours=4)


def test_what_cannot_be_read_is_shown() -> None:
    assert text(june(problems=["OPS-9: Restored at: 'noon' is not an instant"])).splitlines()[
        8:
    ] == [
        "",
        "Downtime: none was reported",
        "",
        "Not counted, because it cannot be read:",
        "  OPS-9: Restored at: 'noon' is not an instant",
        "",
        "Credit (clause Service Credits): 0.00, none: the commitment is met",
        "  unknown: Outstanding invoices were paid before (clause Service Credits)",
        "  failed: The account was affected",
        "  note: Service Credits are the sole and exclusive remedy",
    ]


def test_a_percentage_that_rounding_would_turn_into_the_promised_one() -> None:
    second_too_long = Downtime("OPS-1", local("10 06:00"), local("10 08:15") + timedelta(seconds=1))
    shown = text(june(second_too_long))
    assert "99.500 % (rounded up; exactly, it is less than 99.5 %)" in shown
    assert "promised: 99.5 %, missed" in shown
    assert "minutes in excess: 135.017 - 135 = 0.017" in shown


def test_an_uptime_exactly_as_promised() -> None:
    shown = text(june(down("10 06:00", "10 08:15")))
    assert "= 99.500 %\n  promised: 99.5 %, met" in shown
    assert "in excess" not in shown


def test_the_cap() -> None:
    shown = text(june(down("10 06:00", "12 06:00"), facts={"invoices_paid": True}))
    assert "cap: 30 % of 3,000 = 900.00, it is less, so the cap holds" in shown
    assert "Credit (clause Service Credits): 900.00, due" in shown


def test_what_is_not_known_is_said_beside_the_amount() -> None:
    assert (
        "Credit (clause Service Credits): 223.33 due on conditions; not known whether: "
        "Outstanding invoices were paid before\n"
    ) in text(june(OVERNIGHT))


def test_a_condition_that_is_not_met() -> None:
    shown = text(june(OVERNIGHT, facts={"invoices_paid": False}))
    assert (
        "Credit (clause Service Credits): 0.00, none: a condition is not met: Outstanding invoices"
    ) in shown
    assert "  failed: Outstanding invoices were paid before" in shown


def test_without_a_fee_there_is_no_amount() -> None:
    found = june(OVERNIGHT, fee=None)
    assert text(found).endswith("not worked out, since the month's fee is not known")
    assert found.as_dict()["credit"] is None


def test_a_promise_without_percentage_and_credit() -> None:
    always = Calendar("always", "America/New_York", always_open=True)
    terms = Availability("2.1", always, basis="all")
    shown = text(june(OVERNIGHT, terms=terms))
    assert "promised: no percentage" in shown
    assert "(43,200 - 876) / 43,200 x 100 = 97.972 %" in shown
    assert "Credit" not in shown


def test_a_month_without_a_minute() -> None:
    shown = text(june(terms=balto(calendar=Calendar("closed", CHICAGO))))
    assert "uptime: the calendar has no minute in this month" in shown


# -- for machines ---------------------------------------------------------------------------------


def test_the_report_as_json() -> None:
    found = june(OVERNIGHT, facts={"invoices_paid": True}, problems=["OPS-9: odd"])
    shown = json.loads(json.dumps(found.as_dict()))
    assert shown == {
        "clause": "Uptime Commitment",
        "month": "2026-06",
        "time_zone": "America/Chicago",
        "from": "2026-06-01T05:00:00Z",
        "to": "2026-07-01T05:00:00Z",
        "until": "2026-07-01T05:00:00Z",
        "so_far": False,
        "customer": "Acme",
        "calendar": "balto-business",
        "basis": "business",
        "total_minutes": "27000",
        "passed_minutes": "27000",
        "down_minutes": "336",
        "uptime_percent": "98.756",
        "commitment_percent": "99.5",
        "allowed_minutes": "135",
        "excess_minutes": "201",
        "met": False,
        "maintenance_inside_minutes": "0",
        "maintenance_outside_minutes": "0",
        "entries": [
            {
                "source": "OPS-1",
                "confirmed_at": "2026-06-11T01:00:00Z",
                "restored_at": "2026-06-11T15:36:00Z",
                "kind": None,
                "customers": [],
                "note": "",
                "counted_minutes": "336",
                "outside_windows_minutes": None,
                "parts": [
                    {
                        "minutes": "540",
                        "counts": False,
                        "reason": "outside the hours of calendar balto-business",
                    },
                    {"minutes": "336", "counts": True, "reason": "downtime"},
                ],
            }
        ],
        "problems": ["OPS-9: odd"],
        "credit": {
            "clause": "Service Credits",
            "fee": "3000",
            "paid_for_excess": "22.33",
            "multiple": "10",
            "before_cap": "223.33",
            "cap": "900.00",
            "capped": False,
            "amount": "223.33",
            "outcome": "due",
            "reason": "every condition is met",
            "so_far": False,
            "conditions": [
                {
                    "id": "invoices_paid",
                    "words": "Outstanding invoices were paid before",
                    "clause": "Service Credits",
                    "state": "held",
                },
                {
                    "id": "account_affected",
                    "words": "The account was affected",
                    "clause": "",
                    "state": "held",
                },
            ],
            "statements": [
                {
                    "id": "sole_remedy",
                    "words": "Service Credits are the sole and exclusive remedy",
                    "clause": "",
                }
            ],
        },
    }


def test_nothing_in_it_is_a_float() -> None:
    ledger = (down("10 06:00", None), down("12 20:00", "12 22:00", "OPS-2", kind="Maintenance"))
    shown = june(*ledger, now=local("14 09:00")).as_dict()
    json.dumps(shown)
    assert "float" not in {type(value).__name__ for value in _leaves(shown)}
    assert shown["entries"][1]["outside_windows_minutes"] == "60"
    assert (shown["so_far"], shown["until"]) == (True, "2026-06-14T14:00:00Z")
    assert shown["entries"][0]["restored_at"] is None


def test_what_was_not_promised_is_null() -> None:
    always = Calendar("always", "America/New_York", always_open=True)
    shown = june(terms=Availability("2.1", always, basis="all")).as_dict()
    names = ("commitment_percent", "allowed_minutes", "excess_minutes", "met", "credit")
    assert [shown[name] for name in names] == [None] * 5
    assert shown["uptime_percent"] == "100"


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


# -- what is asked --------------------------------------------------------------------------------


def test_a_month() -> None:
    assert month_from("2026-10") == (2026, 10)


@pytest.mark.parametrize(
    "given",
    ["", "2026", "2026-13", "2026-00", "2026-1", "1969-12", "2201-01", "２０２６-10", "2026-10\n"],
)
def test_no_month(given: str) -> None:
    with pytest.raises(QuestionError, match="is not one; expected year and month, such as 2026-10"):
        month_from(given)


def test_a_fee() -> None:
    assert [fee_from(given) for given in ("3000", "0", "12.50")] == [FEE, 0, Decimal("12.50")]


@pytest.mark.parametrize("given", ["", "-1", "3,000", "NaN", "1e9", "$5", "3000.", "9" * 16])
def test_no_fee(given: str) -> None:
    with pytest.raises(QuestionError, match=r"fee: .* is no amount; expected digits"):
        fee_from(given)


def test_facts() -> None:
    given = ["invoices_paid=yes", " account_affected = unknown "]
    assert facts_from(TERMS, given) == {"invoices_paid": True, "account_affected": None}
    assert facts_from(TERMS, ["invoices_paid=no"]) == {"invoices_paid": False}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (["paid=yes"], "no such condition; there are invoices_paid, account_affected"),
        (["invoices_paid"], "expected invoices_paid=yes, invoices_paid=no or"),
        (["invoices_paid=maybe"], "expected invoices_paid=yes"),
        (["invoices_paid=yes", "invoices_paid=no"], "is named twice"),
    ],
)
def test_no_facts(given: list[str], what: str) -> None:
    with pytest.raises(QuestionError, match=what):
        facts_from(TERMS, given)


def test_a_question_that_makes_no_sense() -> None:
    with pytest.raises(SlaError, match="paid: no such condition"):
        june(OVERNIGHT, facts={"paid": True})
    with pytest.raises(QuestionError, match="'June' is not one"):
        report(balto(), [], "June", "Acme", LATER)


def test_what_was_entered_a_line_each() -> None:
    closed = down("10 08:00", "10 09:00", "entered 1", kind="Pilot", customers=("Acme", "Duff"))
    entries = [
        Entered(1, "balto", closed, LATER),
        Entered(2, "BAL", down("11 08:00", None, "entered 2", note="a\nrouter"), LATER),
    ]
    assert list(entered_lines(entries)) == [
        "entered 1: balto; 2026-06-10T13:00:00Z to 2026-06-10T14:00:00Z; Pilot; Acme, Duff",
        "entered 2: BAL; 2026-06-11T13:00:00Z to still down; a router",
    ]
