"""What a customer gets for a month in which the service was down longer than allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from sla.availability import AvailabilityError, Credit, Term, Uptime, minutes_of

__all__ = ["CreditError", "CreditResult", "Held", "Outcome", "Verdict", "credit", "rounded"]

Held = Literal["held", "failed", "unknown"]
Outcome = Literal["due", "conditional", "none"]


class CreditError(AvailabilityError):
    """A credit cannot be worked out from what was handed in; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition, and whether it is met."""

    term: Term
    state: Held


@dataclass(frozen=True, slots=True)
class CreditResult:
    """A credit with every step to it. Amounts are in the currency of the fee."""

    terms: Credit
    uptime: Uptime
    fee: Decimal
    """What the customer paid for the month."""
    paid_for_excess: Fraction
    """`excess minutes / total minutes x fee`, exact."""
    multiplied: Fraction
    """That times the multiple, exact, before the cap."""
    cap: Fraction | None
    """The most that is credited, exact; None: there is no cap."""
    verdicts: tuple[Verdict, ...]
    outcome: Outcome
    """`due`; `conditional`: due if the conditions hold of which that is not known; `none`."""
    amount: Decimal
    """Rounded half up to the cent; 0 when `none`."""
    reason: str

    @property
    def capped(self) -> bool:
        """Whether the cap makes it less."""
        return self.cap is not None and self.multiplied > self.cap


def credit(
    uptime: Uptime, fee: Decimal, credit: Credit, facts: Mapping[str, bool | None]
) -> CreditResult:
    """Work out a month's credit for the customer of an uptime.

    `multiple x (excess minutes / total minutes x fee)`, at most the cap's share of the fee, and
    nothing where a condition is not met. Source: Balto, "Service Credits": "10 times the amount
    that the customer paid for the period Balto was down in excess of the Uptime Commitment",
    "capped at a maximum of 30% of paid service during the month". That the amount paid for a
    period is its share of the fee by minutes is a reading: the text does not say.

    Args:
        uptime: the month; its total is what the share is of.
        fee: paid for the month, at least 0.
        credit: the terms.
        facts: by the id of a condition whether it is met, None or left out where nobody knows. A
            condition that the ledger settles needs none, and one that is given has precedence.

    Raises:
        CreditError: no percentage was promised, the fee is no amount, or a fact is about no
            condition.
    """
    excess = _excess(uptime)
    _check(fee, credit, facts)
    share = excess / minutes_of(uptime.total) if excess else Fraction(0)
    paid_for_excess = share * Fraction(fee)
    multiplied = paid_for_excess * Fraction(credit.multiple)
    cap = None if credit.cap is None else Fraction(credit.cap) / 100 * Fraction(fee)
    verdicts = tuple(Verdict(term, _state(term, uptime, facts)) for term in credit.conditions)
    outcome, reason = _outcome(uptime, verdicts)
    due = multiplied if cap is None else min(multiplied, cap)
    return CreditResult(
        credit,
        uptime,
        fee,
        paid_for_excess,
        multiplied,
        cap,
        verdicts,
        outcome,
        rounded(Fraction(0) if outcome == "none" else due, 2),
        reason,
    )


def rounded(number: Fraction, places: int) -> Decimal:
    """A number of at least 0 to so many decimal places, half up, however large it is."""
    # By whole numbers: what Decimal computes is bound to the precision of its context.
    units = (number * 10**places + Fraction(1, 2)) // 1
    return Decimal(f"{units}E-{places}")


def _excess(uptime: Uptime) -> Fraction:
    if uptime.excess is None:
        raise CreditError(
            f"availability {uptime.availability.clause!r} promises no percentage, so no time is "
            "in excess of it and there is no credit"
        )
    return uptime.excess


def _check(fee: Decimal, credit: Credit, facts: Mapping[str, bool | None]) -> None:
    if not fee.is_finite() or fee < 0:
        raise CreditError(f"fee {fee} is no amount; expected 0 or more, such as 3000.00")
    known = [term.id for term in credit.conditions]
    if unknown := sorted(facts.keys() - set(known)):
        raise CreditError(
            f"{unknown[0]}: no such condition of credit {credit.clause!r}; there are "
            f"{', '.join(known) or 'none'}"
        )


def _state(term: Term, uptime: Uptime, facts: Mapping[str, bool | None]) -> Held:
    holds = facts.get(term.id)
    # Without a customer nobody's account is spoken of, so the ledger cannot tell.
    if holds is None and term.settled_by == "ledger" and uptime.customer is not None:
        holds = bool(uptime.down)
    if holds is None:
        return "unknown"
    return "held" if holds else "failed"


def _outcome(uptime: Uptime, verdicts: tuple[Verdict, ...]) -> tuple[Outcome, str]:
    if uptime.met:
        return "none", "the commitment is met"
    failed, unknown = (
        "; ".join(each.term.words for each in verdicts if each.state == state)
        for state in ("failed", "unknown")
    )
    if failed:
        return "none", f"a condition is not met: {failed}"
    if unknown:
        return "conditional", f"not known whether: {unknown}"
    return "due", "every condition is met" if verdicts else "there are no conditions"
