"""What a customer gets: the worked example, the cap, the conditions, and rounding at the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.availability import Availability, Basis, Credit, Downtime, Term, Uptime, uptime
from sla.calendar import Calendar, Opening, WallTime
from sla.credits import CreditError, CreditResult, credit, rounded

DAY = (Opening(WallTime.parse("06:00"), WallTime.parse("21:00")),)
BUSINESS = Calendar("balto-business", "America/Chicago", dict.fromkeys(range(7), DAY))
FEE = Decimal(3000)
INVOICES = Term("invoices_paid", "Outstanding invoices were paid before the Downtime event")
CONTRACT = Term("contract_in_force", "The customer contract is not terminated")
AFFECTED = Term("account_affected", "The account was affected", settled_by="ledger")
TERMS = Credit(
    "Service Credits",
    Decimal(10),
    Decimal(30),
    (INVOICES, CONTRACT, AFFECTED),
    (Term("sole_remedy", "Service Credits are the sole and exclusive remedy"),),
)
ALL_HOLD = {"invoices_paid": True, "contract_in_force": True}
LATER = datetime(2027, 1, 1, tzinfo=UTC)
SIX = datetime.fromisoformat("2026-06-01T06:00-05:00")


def month(
    minutes: int,
    *,
    basis: Basis = "business",
    commitment: str | None = "99.5",
    customer: str | None = "Acme",
    now: datetime = LATER,
) -> Uptime:
    """June 2026 with so many business minutes down, at most 900 a day from the first on."""
    ledger = []
    for day, rest in enumerate(range(minutes, 0, -900)):
        begins = SIX + timedelta(days=day)
        ledger.append(Downtime(f"OPS-{day}", begins, begins + timedelta(minutes=min(rest, 900))))
    promised = None if commitment is None else Decimal(commitment)
    terms = Availability("Uptime Commitment", BUSINESS, promised, basis)
    return uptime(terms, ledger, (2026, 6), customer, now)


def given_for(
    minutes: int,
    facts: Mapping[str, bool | None] = ALL_HOLD,
    fee: Decimal = FEE,
    terms: Credit = TERMS,
    **month_as: Any,
) -> CreditResult:
    return credit(month(minutes, **month_as), fee, terms, facts)


def states(result: CreditResult) -> list[str]:
    return [verdict.state for verdict in result.verdicts]


# -- the formula ----------------------------------------------------------------------------------


def test_the_worked_example_by_business_minutes() -> None:
    result = given_for(336)
    assert result.paid_for_excess == Fraction(201 * 3000, 27_000)
    assert rounded(result.paid_for_excess, 2) == Decimal("22.33")
    assert (result.cap, result.capped) == (Fraction(900), False)
    assert (result.amount, result.outcome) == (Decimal("223.33"), "due")


def test_the_worked_example_by_all_minutes() -> None:
    result = given_for(336, basis="all")
    assert rounded(result.paid_for_excess, 2) == Decimal("8.33")
    assert (result.amount, result.outcome) == (Decimal("83.33"), "due")


def test_only_the_amount_is_rounded_and_only_at_the_end() -> None:
    """Rounded before, ten times 22.33 would be 223.30."""
    assert given_for(336).multiplied == Fraction(670, 3)


def test_the_cap_is_reached_by_945_minutes() -> None:
    """135 allowed, and 3 % of 27,000 in excess: ten times 3 % of the fee is the cap."""
    at_cap, beyond = given_for(945), given_for(946)
    assert (at_cap.amount, at_cap.capped) == (Decimal("900.00"), False)
    assert (beyond.amount, beyond.capped) == (Decimal("900.00"), True)
    assert beyond.multiplied > 900


def test_a_service_that_was_down_all_month_gives_the_cap() -> None:
    assert given_for(27_000).amount == Decimal("900.00")


def test_without_a_cap() -> None:
    result = given_for(27_000, terms=replace(TERMS, cap=None))
    assert (result.cap, result.capped, result.amount) == (None, False, Decimal("29850.00"))


def test_nothing_is_due_when_the_commitment_is_met() -> None:
    result = given_for(135)
    assert (result.amount, result.outcome) == (Decimal("0.00"), "none")
    assert result.reason == "the commitment is met"


def test_nothing_is_due_for_a_month_without_a_minute() -> None:
    closed = Availability("Uptime", Calendar("closed", "UTC"), Decimal("99.5"))
    result = credit(uptime(closed, [], (2026, 6), "Acme", LATER), FEE, TERMS, ALL_HOLD)
    assert (result.amount, result.outcome) == (Decimal("0.00"), "none")


def test_a_month_that_cost_nothing() -> None:
    assert given_for(946, fee=Decimal(0)).amount == Decimal("0.00")


# -- conditions -----------------------------------------------------------------------------------


def test_a_condition_that_is_not_met_leaves_nothing() -> None:
    result = given_for(336, {"invoices_paid": False})
    assert (result.amount, result.outcome) == (Decimal("0.00"), "none")
    assert result.reason == f"a condition is not met: {INVOICES.words}"
    assert states(result) == ["failed", "unknown", "held"]
    assert rounded(result.multiplied, 2) == Decimal("223.33")


@pytest.mark.parametrize("facts", [{"invoices_paid": True}, ALL_HOLD | {"contract_in_force": None}])
def test_what_nobody_knows_makes_the_amount_conditional(facts: dict[str, bool | None]) -> None:
    result = given_for(336, facts)
    assert (result.amount, result.outcome) == (Decimal("223.33"), "conditional")
    assert result.reason == f"not known whether: {CONTRACT.words}"
    assert states(result) == ["held", "unknown", "held"]


def test_the_ledger_knows_whether_the_account_was_affected() -> None:
    assert states(given_for(336))[2] == "held"
    assert states(given_for(0))[2] == "failed"
    assert states(given_for(336, customer=None))[2] == "unknown"


def test_what_somebody_says_has_precedence_over_the_ledger() -> None:
    result = given_for(336, ALL_HOLD | {"account_affected": False})
    assert (result.outcome, states(result)[2]) == ("none", "failed")


def test_without_conditions_it_is_due() -> None:
    result = given_for(336, {}, terms=Credit("1", Decimal(10)))
    assert (result.outcome, result.reason) == ("due", "there are no conditions")


def test_while_the_month_goes_on_it_is_the_credit_so_far() -> None:
    result = given_for(336, now=SIX + timedelta(days=2))
    assert result.uptime.so_far
    assert result.amount == Decimal("223.33")


# -- what makes no sense --------------------------------------------------------------------------


@pytest.mark.parametrize("fee", ["-0.01", "NaN", "Infinity"])
def test_a_fee_that_is_none(fee: str) -> None:
    with pytest.raises(CreditError, match=rf"fee {fee} is no amount; expected 0 or more"):
        given_for(336, fee=Decimal(fee))


def test_a_fact_about_no_condition() -> None:
    with pytest.raises(CreditError) as raised:
        given_for(336, {"invoice_paid": True})
    assert str(raised.value) == (
        "invoice_paid: no such condition of credit 'Service Credits'; there are invoices_paid, "
        "contract_in_force, account_affected"
    )


def test_no_percentage_gives_no_credit() -> None:
    with pytest.raises(CreditError, match="promises no percentage"):
        given_for(336, commitment=None)


# -- laws -----------------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    st.integers(0, 27_000),
    st.integers(0, 27_000),
    st.decimals(0, 10**9, places=2),
    st.sampled_from(["99.5", "99.95", "100", "33.3"]),
)
def test_it_grows_with_the_downtime_up_to_the_cap(
    minutes: int, more: int, fee: Decimal, commitment: str
) -> None:
    one, other = (
        given_for(number, fee=fee, commitment=commitment) for number in sorted((minutes, more))
    )
    assert 0 <= one.amount <= other.amount <= rounded(Fraction(fee) * 3 / 10, 2)


@given(st.fractions(0, 10**12), st.integers(0, 6))
def test_rounding_is_half_up(number: Fraction, places: int) -> None:
    shown = rounded(number, places)
    half = Fraction(1, 2 * 10**places)
    assert -half < number - Fraction(shown) <= half or number - Fraction(shown) == -half
    assert Fraction(shown) > number or number - Fraction(shown) < half
    assert shown.as_tuple().exponent == -places


def test_rounding_at_the_half_and_beyond_what_decimal_computes_with() -> None:
    assert [rounded(Fraction(n, 8), 2) for n in (1, 3, 5)] == [
        Decimal("0.13"), Decimal("0.38"), Decimal("0.63"),
    ]  # fmt: skip
    assert rounded(Fraction(10**40 + 1, 2), 0) == Decimal(10**40 // 2 + 1)
