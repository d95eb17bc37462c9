"""A month's availability and credit, as people read it and as machines do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sla.availability import (
    Availability,
    Credit,
    Downtime,
    Entry,
    Term,
    Uptime,
    minutes_of,
    uptime,
)
from sla.credits import CreditResult, credit, rounded
from sla.store.downtimes import Entered
from sla.words import local, utc
from sla.zones import FIRST_YEAR, LAST_YEAR
from webhooks.questions import QuestionError

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_FACTS = {"yes": True, "no": False, "unknown": None}
_OUTCOMES = {"due": "due", "conditional": "due on conditions", "none": "none"}


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a month."""

    uptime: Uptime
    credit: CreditResult | None
    """None where the contract gives none, or the fee is not known."""
    problems: tuple[str, ...] = ()
    """Entries that could not be counted, a sentence each."""

    def lines(self) -> list[str]:
        """The report for people; instants in the zone of the availability."""
        return [
            *_month(self.uptime),
            *_ledger(self.uptime),
            *_problems(self.problems),
            *_credit(self.uptime, self.credit),
        ]

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON.

        Numbers are decimal text, so that none becomes a float: minutes and percentages rounded half
        up to 3 places, amounts to 2. Instants are in UTC with `Z`.
        """
        return {
            **_month_as_dict(self.uptime),
            "entries": [_entry_as_dict(entry) for entry in self.uptime.entries],
            "problems": list(self.problems),
            "credit": _credit_as_dict(self.credit) if self.credit else None,
        }


def report(
    availability: Availability,
    downtimes: Iterable[Downtime],
    month: str,
    customer: str | None,
    now: datetime,
    *,
    fee: Decimal | None = None,
    facts: Mapping[str, bool | None] | None = None,
    problems: Iterable[str] = (),
) -> Report:
    """Work out a month's availability and credit for a customer.

    Args:
        availability: what was promised.
        downtimes: the ledger, in any order.
        month: such as `2026-10`, in the availability's zone.
        customer: by the name that the entries use; None: the service as such.
        now: aware.
        fee: what the customer paid for the month; None: the credit is not worked out.
        facts: which conditions of the credit are met, see `facts_from`.
        problems: what `downtimes_of` could not read, to be shown.

    Raises:
        QuestionError: the month is none.
        SlaError: the fee is negative, a fact is about no condition, or the month is out of range.
    """
    found = uptime(availability, downtimes, month_from(month), customer, now)
    terms = availability.credit
    result = None if terms is None or fee is None else credit(found, fee, terms, facts or {})
    return Report(found, result, tuple(problems))


def month_from(text: str) -> tuple[int, int]:
    """Year and month of a text such as `2026-10`.

    Raises:
        QuestionError: it is no month.
    """
    match = _MONTH.fullmatch(text)
    year, month = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12):
        raise QuestionError(
            f"month: {text!r} is not one; expected year and month, such as 2026-10, from "
            f"{FIRST_YEAR}-01 to {LAST_YEAR}-12"
        )
    return year, month


def fee_from(text: str) -> Decimal:
    """An amount of money from a text such as `3000` or `3000.50`.

    Raises:
        QuestionError: it is none.
    """
    if not _AMOUNT.fullmatch(text):
        raise QuestionError(
            f"fee: {text!r} is no amount; expected digits and perhaps a point, such as 3000.00"
        )
    return Decimal(text)


def facts_from(terms: Credit, texts: Iterable[str]) -> dict[str, bool | None]:
    """Which conditions of a credit are met, from texts such as `invoices_paid=yes`.

    Raises:
        QuestionError: there is no such condition, it is named twice, or the answer is not `yes`,
            `no` or `unknown`.
    """
    known = [term.id for term in terms.conditions]
    facts: dict[str, bool | None] = {}
    for text in texts:
        name, _, answer = (part.strip() for part in text.partition("="))
        if name not in known:
            raise QuestionError(
                f"fact {text!r}: no such condition; there are {', '.join(known) or 'none'}"
            )
        if answer not in _FACTS:
            raise QuestionError(f"fact {text!r}: expected {name}=yes, {name}=no or {name}=unknown")
        if name in facts:
            raise QuestionError(f"fact {text!r}: {name} is named twice; give one answer")
        facts[name] = _FACTS[answer]
    return facts


def entered_lines(entries: Iterable[Entered]) -> Iterator[str]:
    """What was entered by hand, a line each; instants in UTC with `Z`."""
    for entry in entries:
        downtime = entry.downtime
        ends = utc(downtime.restored_at) if downtime.restored_at else "still down"
        more = (downtime.kind, ", ".join(downtime.customers), _one_line(downtime.note))
        span = f"{utc(downtime.confirmed_at)} to {ends}"
        yield "; ".join([f"{downtime.source}: {entry.scope}", span, *filter(None, more)])


# -- for people -----------------------------------------------------------------------------------


def _month(found: Uptime) -> Iterator[str]:
    promised, zone = found.availability, found.availability.time_zone
    yield f"Availability in {_month_text(found)} for {found.customer or 'the service as such'}"
    yield f"  clause: {promised.clause}"
    yield f"  month: {local(found.from_at, zone)} to {local(found.to_at, zone)}"
    if found.so_far:
        yield (
            f"  so far: up to {local(found.until, zone)}, when {_minutes(found.passed)} of the "
            "month's minutes had passed; the figures count its downtime so far against the whole "
            "month"
        )
    yield f"  minutes of the month: {_minutes(found.total)} ({_basis(promised)})"
    yield f"  minutes down{_so_far(found)}: {_minutes(found.down)}"
    yield from _measure(found)
    yield from _maintenance(found)


def _basis(promised: Availability) -> str:
    name = promised.calendar.id
    if promised.basis == "business":
        return f"open time of calendar {name}"
    return f"all of them; downtime counts while calendar {name} is open"


def _measure(found: Uptime) -> Iterator[str]:
    total, down = _minutes(found.total), _minutes(found.down)
    if found.percent is None:
        yield "  uptime: the calendar has no minute in this month, so there is none to be up in"
    else:
        yield f"  uptime{_so_far(found)}: ({total} - {down}) / {total} x 100 = {_percent(found)}"
    commitment = found.availability.commitment
    if commitment is None or found.allowed is None or found.excess is None:
        yield "  promised: no percentage"
        return
    yield f"  promised: {_plain(commitment)} %, {_verdict(found)}{_so_far(found)}"
    allowed = _number(found.allowed)
    yield f"  minutes allowed: {total} x (100 - {_plain(commitment)}) / 100 = {allowed}"
    if found.excess:
        yield f"  minutes in excess{_so_far(found)}: {down} - {allowed} = {_number(found.excess)}"


def _percent(found: Uptime) -> str:
    """Rounded for show; where that would hide a miss, the verdict is said beside it."""
    percent, commitment = found.percent, found.availability.commitment
    if percent is None:
        return "none"
    shown = rounded(percent, 3)
    if commitment is not None and percent < Fraction(commitment) <= Fraction(shown):
        return f"{shown:f} % (rounded up; exactly, it is less than {_plain(commitment)} %)"
    return f"{shown:f} %"


def _verdict(found: Uptime) -> str:
    return "met" if found.met else "missed"


def _maintenance(found: Uptime) -> Iterator[str]:
    maintenance = found.availability.maintenance
    if maintenance is None or not (found.inside_windows or found.outside_windows):
        return
    yield (
        f"  minutes of scheduled maintenance: {_minutes(found.inside_windows)} inside its windows, "
        f"{_minutes(found.outside_windows)} outside (a {maintenance.binding}, clause "
        f"{maintenance.clause})"
    )


def _ledger(found: Uptime) -> Iterator[str]:
    yield ""
    yield "Downtime:" if found.entries else "Downtime: none was reported"
    for entry in found.entries:
        yield from _entry(entry, found)


def _entry(entry: Entry, found: Uptime) -> Iterator[str]:
    downtime, zone = entry.downtime, found.availability.time_zone
    if downtime.restored_at:
        ends = local(downtime.restored_at, zone)
    else:
        ends = f"now; it still goes on, and is counted up to {local(found.until, zone)}"
    yield f"  {downtime.source}: {local(downtime.confirmed_at, zone)} to {ends}"
    if downtime.customers:
        yield f"    affected: {', '.join(downtime.customers)}"
    if downtime.note:
        yield f"    note: {_one_line(downtime.note)}"
    if entry.outside_windows and found.availability.maintenance:
        windows = found.availability.maintenance.windows
        yield (
            f"    scheduled maintenance outside its windows (calendar {windows.id}): "
            f"{_minutes(entry.outside_windows)} min"
        )
    for part in entry.parts:
        took = "counted" if part.counts else "not counted"
        yield f"    {_minutes(part.length)} min {took}: {part.reason}"
    if not entry.parts:
        yield "    0 min"


def _problems(problems: Iterable[str]) -> Iterator[str]:
    sentences = [f"  {problem}" for problem in problems]
    if sentences:
        yield from ["", "Not counted, because it cannot be read:", *sentences]


def _credit(found: Uptime, result: CreditResult | None) -> Iterator[str]:
    terms = found.availability.credit
    if terms is None:
        return
    yield ""
    if result is None:
        yield f"Credit (clause {terms.clause}): not worked out, since the month's fee is not known"
        return
    yield f"Credit{_so_far(found)} (clause {terms.clause}): {_amount(result)}"
    if found.excess:
        yield from _steps(found, result)
    for verdict in result.verdicts:
        yield f"  {verdict.state}: {_term(verdict.term)}"
    for statement in terms.statements:
        yield f"  note: {_term(statement)}"


def _amount(result: CreditResult) -> str:
    outcome = _OUTCOMES[result.outcome]
    if result.outcome == "conditional":
        return f"{result.amount:,f} {outcome}; {result.reason}"
    return f"{result.amount:,f}, {outcome}: {result.reason}"


def _steps(found: Uptime, result: CreditResult) -> Iterator[str]:
    """The formula with the numbers filled in; only the last amount is rounded before it is used."""
    share = f"{_number(found.excess or Fraction(0))} / {_minutes(found.total)} x {result.fee:,f}"
    yield f"  paid for the minutes in excess: {share} = {_money(result.paid_for_excess)}"
    multiple = _plain(result.terms.multiple)
    yield f"  times {multiple}: {multiple} x {share} = {_money(result.multiplied)}"
    if result.cap is not None and result.terms.cap is not None:
        became = "it is less, so the cap holds" if result.capped else "not reached"
        yield (
            f"  cap: {_plain(result.terms.cap)} % of {result.fee:,f} = {_money(result.cap)}, "
            f"{became}"
        )


def _term(term: Term) -> str:
    return f"{term.words} (clause {term.clause})" if term.clause else term.words


def _so_far(found: Uptime) -> str:
    return " so far" if found.so_far else ""


def _month_text(found: Uptime) -> str:
    year, month = found.month
    return f"{year:04}-{month:02}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _minutes(amount: timedelta) -> str:
    return _number(minutes_of(amount))


def _number(number: Fraction) -> str:
    """For people: `27,000` or `12.5`, rounded half up to 3 places."""
    return _stripped(f"{rounded(number, 3):,f}")


def _money(amount: Fraction) -> str:
    return f"{rounded(amount, 2):,f}"


def _plain(number: Decimal) -> str:
    return _stripped(f"{number:f}")


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- for machines ---------------------------------------------------------------------------------


def _month_as_dict(found: Uptime) -> dict[str, Any]:
    promised = found.availability
    return {
        "clause": promised.clause,
        "month": _month_text(found),
        "time_zone": promised.time_zone,
        "from": utc(found.from_at),
        "to": utc(found.to_at),
        "until": utc(found.until),
        "so_far": found.so_far,
        "customer": found.customer,
        "calendar": promised.calendar.id,
        "basis": promised.basis,
        "total_minutes": _decimal(minutes_of(found.total)),
        "passed_minutes": _decimal(minutes_of(found.passed)),
        "down_minutes": _decimal(minutes_of(found.down)),
        "uptime_percent": _decimal(found.percent),
        "commitment_percent": None if promised.commitment is None else _plain(promised.commitment),
        "allowed_minutes": _decimal(found.allowed),
        "excess_minutes": _decimal(found.excess),
        "met": found.met,
        "maintenance_inside_minutes": _decimal(minutes_of(found.inside_windows)),
        "maintenance_outside_minutes": _decimal(minutes_of(found.outside_windows)),
    }


def _entry_as_dict(entry: Entry) -> dict[str, Any]:
    downtime, outside = entry.downtime, entry.outside_windows
    return {
        "source": downtime.source,
        "confirmed_at": utc(downtime.confirmed_at),
        "restored_at": utc(downtime.restored_at) if downtime.restored_at else None,
        "kind": downtime.kind,
        "customers": list(downtime.customers),
        "note": downtime.note,
        "counted_minutes": _decimal(minutes_of(entry.counted)),
        "outside_windows_minutes": None if outside is None else _decimal(minutes_of(outside)),
        "parts": [
            {
                "minutes": _decimal(minutes_of(part.length)),
                "counts": part.counts,
                "reason": part.reason,
            }
            for part in entry.parts
        ],
    }


def _credit_as_dict(result: CreditResult) -> dict[str, Any]:
    return {
        "clause": result.terms.clause,
        "fee": f"{result.fee:f}",
        "paid_for_excess": f"{rounded(result.paid_for_excess, 2):f}",
        "multiple": _plain(result.terms.multiple),
        "before_cap": f"{rounded(result.multiplied, 2):f}",
        "cap": None if result.cap is None else f"{rounded(result.cap, 2):f}",
        "capped": result.capped,
        "amount": f"{result.amount:f}",
        "outcome": result.outcome,
        "reason": result.reason,
        "so_far": result.uptime.so_far,
        "conditions": [
            _term_as_dict(each.term) | {"state": each.state} for each in result.verdicts
        ],
        "statements": [_term_as_dict(term) for term in result.terms.statements],
    }


def _term_as_dict(term: Term) -> dict[str, str]:
    return {"id": term.id, "words": term.words, "clause": term.clause}


def _decimal(number: Fraction | None) -> str | None:
    return None if number is None else _stripped(f"{rounded(number, 3):f}")
