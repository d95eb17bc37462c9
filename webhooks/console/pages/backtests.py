"""Backtests that were kept: plots and tables of a period under another contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from sla.backtest import Sums
from webhooks.backtesting import Week
from webhooks.console.drawing import plots
from webhooks.console.drawing.plots import Point
from webhooks.console.pages.files import csv_file
from webhooks.console.pages.reports import percent
from webhooks.console.questions import backtests
from webhooks.console.questions.backtests import PAGE, Compared, Seen
from webhooks.console.standing import here

blueprint = Blueprint("backtests", __name__)
_SIDES = ("Today", "Other")


@blueprint.get("/backtests")
def page() -> str:
    """All of them."""
    return render_template("backtests.html", kept=backtests.listed(here()))


@blueprint.get("/backtests/<int:id_>")
def one(id_: int) -> str:
    """One: what both versions come to, week by week, by severity, and the promises that differ."""
    found = _seen(id_)
    number = max(request.args.get("page", 1, int), 1)
    differing = found.result.differing[(number - 1) * PAGE : number * PAGE]
    return render_template(
        "backtest.html", kept=found.kept, found=found.result, by=found.by, percent=percent,
        trends=list(_trends(found.result.weeks)), bars=_bars(found.by[0][1]), sides=_sides(),
        differing=differing, page=number, pages=-(-len(found.result.differing) // PAGE),
    )  # fmt: skip


@blueprint.get("/backtests/<int:id_>/differing.csv")
def differing(id_: int) -> Response:
    """Every promise that differs."""
    return csv_file(_seen(id_).result.differing_as_csv(), f"backtest-{id_}-differing.csv")


@blueprint.get("/backtests/<int:id_>/counts.csv")
def counts(id_: int) -> Response:
    """The counts."""
    return csv_file(_seen(id_).result.lines_as_csv(), f"backtest-{id_}.csv")


def _seen(id_: int) -> Seen:
    try:
        return backtests.seen(here(), id_)
    except LookupError as error:
        raise NotFound(str(error.args[0])) from None


def _sides() -> list[tuple[str, Markup]]:
    return [(words, plots.key(nth)) for nth, words in enumerate(_SIDES)]


def _trends(weeks: Sequence[Week]) -> Iterator[tuple[str, Markup, Sequence[Week]]]:
    """For each kind of promise the part that was met by week, a line for each version."""
    for kind in dict.fromkeys(week.kind for week in weeks):
        mine = [week for week in weeks if week.kind == kind]
        lines = {
            words: [_point(week, side, words) for week, side in zip(mine, sides, strict=True)]
            for words, sides in zip(
                _SIDES, ([week.today for week in mine], [week.other for week in mine]), strict=True
            )
        }
        name = f"Part of the promises ({kind}) that was met, by week; the table has the figures"
        yield kind, plots.trend(lines, name=name), mine


def _point(week: Week, sums: Sums, words: str) -> Point:
    told = f"{week.week}, {words.lower()}: {percent(sums)} of {sums.met + sums.breached} met"
    return Point(week.week[5:], sums.share, told)


def _bars(severities: Sequence[Compared]) -> Markup | None:
    """The part that was met of each severity, today's bar above the other's."""
    rows = [
        (
            f"{each.name} ({each.kind})",
            [(sums.share, f"{percent(sums)} of {sums.met + sums.breached}") for sums in each[2:]],
        )
        for each in severities
    ]
    name = "Part that was met by severity, today's and the other's; the table has the figures"
    return plots.bars(rows, name=name) if rows else None
