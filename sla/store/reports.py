"""How promises were kept, counted in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, case, func, select

from sla.store.schema import cycles


@dataclass(frozen=True, slots=True)
class Line:
    """The cycles of one contract, metric, severity, binding and condition."""

    contract: str
    metric: str
    severity: str | None
    binding: str
    conditional: bool
    """Whether they depend on a duty that nobody did."""
    met: int
    breached: int
    open: int
    """Running or paused, and not overdue."""
    cancelled: int

    @property
    def share(self) -> Fraction | None:
        """Of those that are decided, the part that was kept; None while none is."""
        decided = self.met + self.breached
        return Fraction(self.met, decided) if decided else None


def counted(
    connection: Connection, site: str, span: tuple[datetime, datetime] | None
) -> list[Line]:
    """Count the cycles of a site.

    Args:
        connection: to the database.
        site: the site.
        span: only those that started in `[from, to)`; None: all.

    Returns:
        Commitments first, then goals; within them by contract, metric and severity.
    """
    groups = [
        cycles.c[name] for name in ("contract", "metric", "severity", "binding", "conditional")
    ]
    states = [("met",), ("breached",), ("running", "paused"), ("cancelled",)]
    counts = [func.sum(case((cycles.c.state.in_(each), 1), else_=0)) for each in states]
    statement = select(*groups, *counts).where(cycles.c.site == site).group_by(*groups)
    if span:
        statement = statement.where(cycles.c.started_at >= span[0], cycles.c.started_at < span[1])
    lines = [Line(*row) for row in connection.execute(statement)]
    return sorted(
        lines,
        key=lambda it: (it.binding, it.contract, it.metric, it.severity or "", it.conditional),
    )
