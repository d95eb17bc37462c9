"""How promises were kept in a month: commitments apart from goals, conditional ones apart too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from config.settings import Settings
from sla.contract import in_words
from sla.store import reports
from sla.store.reports import Line
from webhooks.databases import opened
from webhooks.service import DEFAULT_SITE
from webhooks.uptime import month_from


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the promises that started in a month (by UTC), or of all."""

    lines: Sequence[Line]

    def as_json(self) -> str:
        """A list of objects, one for each contract, metric, severity, binding and condition."""
        return json.dumps([_as_dict(line) for line in self.lines])

    def show(self, console: Console) -> None:
        """A table for people, commitments first."""
        table = Table("contract", "metric", "severity", "promised as")
        for name in ("met", "breached", "open", "cancelled", "met %"):
            table.add_column(name, justify="right")
        for line in self.lines:
            table.add_row(*_cells(line))
        console.print(table if self.lines else "No promise was made in that time.")


def kept(settings: Settings, month: str | None) -> Kept:
    """Count the promises.

    Args:
        settings: with the database's address.
        month: such as `2026-10`; None: all that are known.

    Raises:
        QuestionError: the month is none.
        StoreError: the database cannot be used.
    """
    span = _span(*month_from(month)) if month else None
    with opened(settings) as database:
        return Kept(database.read(lambda c: reports.counted(c, DEFAULT_SITE, span)))


def _span(year: int, month: int) -> tuple[datetime, datetime]:
    following = (year + month // 12, month % 12 + 1)
    return datetime(year, month, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)


def _cells(line: Line) -> Iterator[str]:
    yield line.contract
    yield in_words(line.metric)
    yield line.severity or ""
    yield line.binding + (", conditional" if line.conditional else "")
    yield from map(str, (line.met, line.breached, line.open, line.cancelled))
    yield "" if line.share is None else f"{100 * float(line.share):.1f}"


def _as_dict(line: Line) -> dict[str, Any]:
    return {
        "contract": line.contract,
        "metric": line.metric,
        "severity": line.severity,
        "binding": line.binding,
        "conditional": line.conditional,
        "met": line.met,
        "breached": line.breached,
        "open": line.open,
        "cancelled": line.cancelled,
    }
