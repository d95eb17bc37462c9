"""Reports: kept and missed, how fast answers came, availability, a customer's statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, render_template, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from sla.backtest import Sums
from sla.contract import in_words
from sla.store.board import NOBODY
from sla.words import DAYS, MONTHS, utc
from webhooks.console import csv_export
from webhooks.console.drawing import plots
from webhooks.console.drawing.plots import Point
from webhooks.console.pages.files import csv_file
from webhooks.console.questions import breaches, reports, statement
from webhooks.console.questions.board import NONE
from webhooks.console.questions.breaches import Breach, BreachQuery
from webhooks.console.questions.reports import (
    PERIODS,
    QUARTERS,
    Line,
    NotUnderstood,
    ReportQuery,
    Reports,
    Tally,
    Times,
    UptimeQuery,
    Week,
)
from webhooks.console.questions.statement import StatementQuery
from webhooks.console.standing import Standing, here

blueprint = Blueprint("reports", __name__)
_SHOWN = 20
"""Lines of a table on the page; the export has all."""
_BARS = ("0-25 %", "25-50 %", "50-75 %", "75-100 %", "late")
_TABLES: tuple[tuple[str, str], ...] = (
    ("contracts", "Contract"), ("severities", "Severity"), ("metrics", "Metric"),
    ("projects", "Project"), ("customers", "Customer"), ("responders", "Responder"),
    ("groups", "Responder group"),
)  # fmt: skip
_NARROWING = {
    "contracts": "contract", "severities": "severity", "metrics": "metric", "projects": "project",
    "customers": "customer", "groups": "group",
}  # fmt: skip
"""By table the filter that its names are values of."""
_Asked = TypeVar("_Asked", bound=msgspec.Struct)
Row = Sequence[object]


@blueprint.get("/reports")
def page() -> str | tuple[str, int]:
    """A period: totals, weeks, lines by everything, response times, what was missed."""
    standing = here()
    try:
        query = _asked(BreachQuery)
        found = reports.kept_and_missed(standing, query)
        missed = breaches.breaches(standing, query)
    except NotUnderstood as error:
        typed = {name: value.strip() for name, value in request.args.items()}
        return _shown("report_refused.html", standing, wrong=str(error), typed=typed), 400
    given: dict[str, Any] = query.filters()
    older = (
        url_for(".page", **given, after=missed.next, _anchor="breached") if missed.next else None
    )
    return _shown(
        "reports.html", standing, query=query, typed={"period": query.period, **given},
        given=given, found=found, missed=missed, older=older, tables=_TABLES, most=_SHOWN,
        trend=_trend(found.weeks), kinds=_kinds(found.totals), histograms=_histograms(found.times),
        quarters=QUARTERS, percent=percent, in_period=_in_period(found), day=day,
        narrowing=_NARROWING, narrowed=_narrowed,
        measured=reports.measured(standing.configuration.policy),
    )  # fmt: skip


@blueprint.get("/reports/uptime")
def uptime() -> str | tuple[str, int]:
    """Availability and credit by contract, in a month."""
    standing = here()
    wrong, found = None, []
    try:
        query = _asked(UptimeQuery)
        found = reports.uptimes(standing, query)
    except NotUnderstood as error:
        wrong = str(error)
    typed = {name: request.args.get(name, "").strip() for name in ("month", "contract", "customer")}
    typed["month"] = typed["month"] or f"{standing.now():%Y-%m}"
    policy = standing.configuration.policy
    shown = render_template(
        "report_uptime.html", at=datetime.fromisoformat, found=found, wrong=wrong, typed=typed,
        contracts=[(id_, policy.contracts[id_].title) for id_ in reports.measured(policy)],
        given={name: value for name, value in typed.items() if value},
    )  # fmt: skip
    return (shown, 400) if wrong else shown


@blueprint.get("/reports/statement")
def of_customer() -> str | tuple[str, int]:
    """A customer's month, to be printed; without a customer, the question for one."""
    standing = here()
    typed = {name: request.args.get(name, "").strip() for name in ("customer", "month")}
    typed["month"] = typed["month"] or statement.last_month(standing.now())
    wrong, code, found = None, 200, None
    if typed["customer"]:
        try:
            found = statement.statement(standing, StatementQuery(**typed))
        except NotUnderstood as error:
            wrong, code = str(error), 400
        except LookupError as error:
            wrong, code = str(error.args[0]), 404
    if found is None:
        known = statement.customers(standing)
        asked = {"wrong": wrong, "typed": typed, "customers": known}
        return render_template("statement_asked.html", **asked), code
    return render_template("statement.html", found=found, percent=percent, typed=typed)


@blueprint.get("/reports.csv")
def as_csv() -> Response:
    """One table of a report, with everything that is in it."""
    table = request.args.get("table", "weeks")
    if table not in EXPORTS:
        raise BadRequest(f"table: there is no such one; there are {', '.join(EXPORTS)}.")
    head, rows = EXPORTS[table]
    try:
        text = csv_export.as_csv(chain([head], rows(here())))
    except NotUnderstood as error:
        raise BadRequest(str(error)) from None
    return csv_file(text, f"{table}.csv")


def _narrowed(name: str, value: str) -> str:
    """The address of the same report, of one contract, project or the like alone."""
    asked: dict[str, Any] = {**request.args, name: value}
    asked.pop("after", None)
    return url_for(".page", **asked)


def _asked(kind: type[_Asked]) -> _Asked:
    known = {each.encode_name for each in msgspec.structs.fields(kind)}
    asked = {name: value.strip() for name, value in request.args.items() if value.strip()}
    asked.pop("table", None)
    if unknown := sorted(asked.keys() - known):
        raise NotUnderstood(
            f"Unknown in the address: {', '.join(unknown)[:200]}. Known are: "
            f"{', '.join(sorted(known))}."
        )
    try:
        return msgspec.convert(asked, kind, strict=False)
    except msgspec.ValidationError as error:
        reason = str(error).replace("$.", "")
        raise NotUnderstood(f"The address cannot be understood: {reason}.") from None


def _shown(template: str, standing: Standing, *, typed: Mapping[str, str], **more: Any) -> str:
    """A page with the filters above."""
    return render_template(
        template, typed=typed, periods=PERIODS, choices=_choices(standing, typed), **more
    )


def _choices(
    standing: Standing, typed: Mapping[str, str]
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The filters that are chosen from a list: name, words, values; what is asked is among them."""
    policy = standing.configuration.policy
    contracts = policy.contracts.values()
    offered = {
        "contract": [(each.id, each.title) for each in contracts],
        "project": [(key, key) for key in policy.projects],
        "metric": _once(
            (metric.name, in_words(metric.name).capitalize())
            for each in contracts
            for metric in each.metrics
        ),
        "severity": _once((name, name) for each in contracts for name in each.severities),
    }
    if groups := policy.responders.groups:
        offered["group"] = [*((name, name) for name in groups), (NOBODY, NONE["group"])]
    made = []
    for name, values in offered.items():
        asked = typed.get(name, "")
        if asked and asked not in dict(values):
            values = [*values, (asked, asked[:60])]
        label = "Responder group" if name == "group" else name.capitalize()
        made.append((name, label, [("", "All"), *values]))
    return made


def _once(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(dict(pairs).items())


def percent(tally: Tally | Sums) -> str:
    """The part that was met: `98.3 %`; never rounded up to all of them, nor down to none."""
    if tally.share is None:
        return "–"
    tenths = round(1000 * tally.share)
    if tally.breached:
        tenths = min(tenths, 999)
    if tally.met:
        tenths = max(tenths, 1)
    return f"{tenths // 10}.{tenths % 10} %"


def day(week: Week) -> str:
    """A week's Monday: `2 Nov 2026`."""
    return f"{week.begins.day} {MONTHS[week.begins.month - 1]} {week.begins.year}"


def _in_period(found: Reports) -> tuple[str, str]:
    """Its first and its last day."""
    zone = ZoneInfo(found.zone)
    first = found.from_at.astimezone(zone)
    last = (found.to_at - found.from_at.resolution).astimezone(zone)
    told = [
        f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]} {at.year}" for at in (first, last)
    ]
    return told[0], told[1]


def _kinds(totals: Iterable[Tally]) -> list[tuple[str, Markup]]:
    """Each kind of promise with the mark of its line."""
    return [(tally.kind, plots.key(nth)) for nth, tally in enumerate(totals)]


def _trend(weeks: Sequence[Week]) -> Markup | None:
    """The part met by week; nothing where nothing was met or breached."""
    if not any(week.share is not None for week in weeks):
        return None
    by_kind: dict[str, list[Point]] = {}
    for week in weeks:
        words = f"{week.week}: {percent(week)} of {week.met + week.breached} met ({week.kind})"
        by_kind.setdefault(week.kind, []).append(Point(week.week[5:], week.share, words))
    name = "Part that was met, by week; the table below has the figures"
    return plots.trend(by_kind, name=name)


def _histograms(times: Iterable[Times]) -> list[tuple[Times, Markup]]:
    return [
        (each, plots.histogram(each.used, _BARS, name=_told(each))) for each in times
    ]  # fmt: skip


def _told(times: Times) -> str:
    pairs = zip(times.used, QUARTERS, strict=True)
    counted = ", ".join(f"{number} {words}" for number, words in pairs)
    return f"{times.severity}, {times.kind}: of {times.answers} answers {counted}"


# --- tables to take along -------------------------------------------------------------------------

_TALLY = ("promised_as", "conditional", "met", "breached", "cancelled", "met_percent")


def _tally(tally: Tally) -> Row:
    share = "" if tally.share is None else f"{100 * tally.share:.3f}"
    return (
        tally.binding, "yes" if tally.conditional else "no", tally.met, tally.breached,
        tally.cancelled, share,
    )  # fmt: skip


def _weeks(standing: Standing) -> Iterator[Row]:
    found = reports.kept_and_missed(standing, _asked(ReportQuery))
    return (
        (each.week, each.begins.isoformat(), "yes" if each.whole else "no", *_tally(each))
        for each in found.weeks
    )


def _lines(name: str) -> Callable[[Standing], Iterator[Row]]:
    def rows(standing: Standing) -> Iterator[Row]:
        found: list[Line] = getattr(reports.kept_and_missed(standing, _asked(ReportQuery)), name)
        return ((each.name, each.title, *_tally(each)) for each in found)

    return rows


def _times(standing: Standing) -> Iterator[Row]:
    found = reports.kept_and_missed(standing, _asked(ReportQuery))
    return (
        (
            found.times_metric, each.severity, each.binding, "yes" if each.conditional else "no",
            each.answers, *each.used, each.median_seconds, each.ninety_seconds,
        )
        for each in found.times
    )  # fmt: skip


def _breaches(standing: Standing) -> Iterator[Row]:
    return map(_breach, breaches.all_breaches(standing, _asked(ReportQuery)))


def _breach(each: Breach) -> Row:
    return (
        each.key or each.issue_id, each.summary, each.project, each.customer, each.assignee,
        each.answered_by, each.contract, each.severity, each.metric, each.number, each.binding,
        "yes" if each.conditional else "no", each.goal, each.clause, utc(each.started_at),
        utc(each.due_at), utc(each.done_at) if each.done_at else "", each.late_open_seconds,
        each.late_seconds, each.paused_seconds, "; ".join(each.reasons),
    )  # fmt: skip


_UPTIME = (
    "clause", "month", "time_zone", "customer", "so_far", "total_minutes", "down_minutes",
    "uptime_percent", "commitment_percent", "allowed_minutes", "excess_minutes", "met",
)  # fmt: skip


def _uptime(standing: Standing) -> Iterator[Row]:
    return (
        (
            each.contract, *(each.report.get(name) for name in _UPTIME),
            (each.report.get("credit") or {}).get("amount"),
            (each.report.get("credit") or {}).get("outcome"), each.problem,
        )
        for each in reports.uptimes(standing, _asked(UptimeQuery))
    )  # fmt: skip


EXPORTS: Mapping[str, tuple[Row, Callable[[Standing], Iterator[Row]]]] = {
    "weeks": (("week", "begins", "whole", *_TALLY), _weeks),
    **{
        name: ((words.lower().replace(" ", "_"), "title", *_TALLY), _lines(name))
        for name, words in _TABLES
    },
    "times": (
        (
            "metric", "severity", "promised_as", "conditional", "answers", "up_to_25_percent",
            "25_to_50_percent", "50_to_75_percent", "75_to_100_percent", "late",
            "median_open_seconds", "nine_of_ten_within_open_seconds",
        ),
        _times,
    ),
    "breaches": (
        (
            "issue", "summary", "project", "customer", "assignee", "answered_by", "contract",
            "severity", "metric", "cycle", "promised_as", "conditional", "goal", "clause",
            "started_at", "due_at", "done_at", "late_open_seconds", "late_seconds",
            "paused_seconds", "why",
        ),
        _breaches,
    ),
    "uptime": (("contract", *_UPTIME, "credit", "credit_outcome", "problem"), _uptime),
}  # fmt: skip
"""By name: the head of a table, and what gives its rows for what the address asks."""
