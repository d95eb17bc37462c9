"""What `dueline backtest` says: what a period would have come to under another contract."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from config.changes import changes
from config.compiled import load
from config.configuration import Configuration
from config.document_sets import applied, completed, read_from
from config.document_sets import load as load_documents
from config.errors import ConfigurationError, nearest
from config.settings import Settings
from sla.backtest import Comparison, Counted, Difference, Period, Sums, stand
from sla.clock.run import cycles_of
from sla.contract import in_words
from sla.known_sites import SiteFacts
from sla.mapping import Policy
from sla.store import histories, open_issues, publications
from sla.store.database import Database
from sla.store.open_issues import Range
from sla.words import length, utc
from webhooks.console.csv_export import as_csv
from webhooks.console.questions.reports import kind_of, midnight, mondays_of, zone_of
from webhooks.databases import faults_told, looked_into
from webhooks.folding import Versions, in_force, side_by_side
from webhooks.progress import Told
from webhooks.publishing import DEFAULT_SITE
from webhooks.questions import QuestionError

_SHOWN = 40
"""How many differing promises people are shown; a program gets them all."""
_LONGEST = timedelta(days=10 * 366)
_DAY = timedelta(days=1)
_CONTRACT = re.compile(r"""^contract:\s*["']?([A-Za-z0-9._-]+)""", re.MULTILINE)
Source = Literal["recorded", "jira"]


class Line(msgspec.Struct, frozen=True):
    """Promises of one contract, metric, severity, binding and condition, by both versions."""

    contract: str
    metric: str
    severity: str | None
    binding: str
    conditional: bool
    """Whether they depend on a duty that nobody did."""
    today: Sums
    other: Sums

    @property
    def kind(self) -> str:
        """What they were promised as, in words."""
        return kind_of(self.binding, conditional=self.conditional)


class Week(msgspec.Struct, frozen=True):
    """Promises of one binding and condition in one ISO week, by both versions."""

    week: str
    """Such as `2026-W45`."""
    begins: date
    """Its Monday."""
    binding: str
    conditional: bool
    today: Sums
    other: Sums

    @property
    def kind(self) -> str:
        """What they were promised as, in words."""
        return kind_of(self.binding, conditional=self.conditional)


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """A period under another version, side by side with today's; `late` is in microseconds."""

    at: datetime
    """The instant of judgement: what was open then is breached once its due instant had come."""
    from_at: datetime
    to_at: datetime
    """The first instant that does not count any more."""
    zone: str
    """In which its days and weeks begin."""
    source: Source
    """recorded: today's side is what is on record; jira: what the version in force makes of the
    histories as Jira tells them."""
    before: str
    """The version in force."""
    after: str
    """The version that is tried."""
    changes: Sequence[str]
    """A line for each contract, calendar and project that is another."""
    looked_at: int
    """How many issues."""
    unread: int
    """How many further ones: their histories are still to be read, or could not be."""
    lines: Sequence[Line]
    weeks: Sequence[Week]
    moved: int
    """How many promises would have been due at another instant, and have the same fate."""
    differing: Sequence[Difference]
    """The promises that would have had another fate, the issues in order."""

    def as_json(self) -> str:
        """One object, with every promise that differs."""
        return msgspec.json.encode(self).decode()

    @property
    def newly_breached(self) -> Sequence[Difference]:
        """The promises that are met today, and would have been breached."""
        return [
            each
            for each in self.differing
            if (each.outcome_from, each.outcome_to) == ("met", "breached")
        ]

    @property
    def period(self) -> str:
        """Its first and its last day."""
        zone = ZoneInfo(self.zone)
        last = (self.to_at - timedelta.resolution).astimezone(zone).date()
        return f"{self.from_at.astimezone(zone).date()} to {last} ({self.zone})"

    def cost(self) -> Iterator[str]:
        """What the other promise would have asked for, in sentences."""
        newly = self.newly_breached
        safe = sum(
            (each.outcome_from, each.outcome_to) == ("breached", "met") for each in self.differing
        )
        yield (
            f"Promises with another fate: {len(self.differing):,}; of them {len(newly):,} met ones"
            f" breached, {safe:,} breached ones met. {self.moved:,} more would have been due at"
            " another instant."
        )
        sooner = [each.sooner_seconds for each in newly if each.sooner_seconds]
        if sooner:
            whom = "one that was" if len(sooner) == 1 else f"{len(sooner):,} that were"
            yield (
                f"To meet the {whom} answered too late for it, answers would have had to come"
                f" {_seconds(sum(sooner))} of open time sooner in all,"
                f" {_seconds(median(sooner))} in the middle, {_seconds(max(sooner))} at most."
            )

    def show(self, console: Console) -> None:
        """The same for people, with the first of the promises that differ."""

        def say(text: str) -> None:
            # What no terminal cuts is one line for whoever searches it.
            console.print(text, highlight=False, markup=False, soft_wrap=True)

        today = "as recorded" if self.source == "recorded" else "as Jira tells it"
        say(f"{self.period}, judged at {utc(self.at)}.")
        say(f"Today: {self.before}, {today}. Other: {self.after}.")
        for change in self.changes or ("nothing differs",):
            say(f"  {change}")
        say(f"{self.looked_at:,} issues looked at.")
        if self.unread:
            say(f"{self.unread:,} more are not: their histories are not known.")
        if self.lines:
            console.print(_table(self.lines))
        else:
            say("No promise was decided in it.")
        for sentence in self.cost():
            say(sentence)
        for each in self.differing[:_SHOWN]:
            say(f"  {_told(each)}")
        if len(self.differing) > _SHOWN:
            say(f"  and {len(self.differing) - _SHOWN:,} more; --differing FILE has all of them")

    def lines_as_csv(self) -> str:
        """The counts."""
        head = (
            "contract", "metric", "severity", "promised_as", "conditional", "today_met",
            "today_breached", "today_cancelled", "other_met", "other_breached", "other_cancelled",
            "today_late_open_seconds", "other_late_open_seconds",
        )  # fmt: skip
        rows = (
            (
                each.contract, each.metric, each.severity, each.binding,
                "yes" if each.conditional else "no", each.today.met, each.today.breached,
                each.today.cancelled, each.other.met, each.other.breached, each.other.cancelled,
                each.today.late / 1e6, each.other.late / 1e6,
            )
            for each in self.lines
        )  # fmt: skip
        return as_csv([head, *rows])

    def differing_as_csv(self) -> str:
        """Every promise that differs."""
        head = Difference.__struct_fields__
        rows = (
            [
                utc(value) if isinstance(value, datetime) else value
                for value in msgspec.structs.astuple(each)
            ]
            for each in self.differing
        )
        return as_csv([head, *rows])


class Days(NamedTuple):
    """A period as people ask for it: both days count."""

    first: date
    last: date


def backtest(
    settings: Settings,
    contract: Path,
    days: Days,
    now: datetime,
    told: Told = lambda _done, _whole: None,
    *,
    processes: int = 0,
    at_once: int = open_issues.AT_ONCE,
) -> Backtest:
    """Replay what is recorded under another contract.

    Args:
        settings: with the database's address.
        contract: a configuration directory, or one contract's document that takes the place of
            that contract in what is in force.
        days: which promises count.
        now: the instant of judgement, aware UTC.
        told: how many parts are done.
        processes: how many fold at once; 0: one for each processor.
        at_once: how many issues each takes at a time.

    Raises:
        ConfigurationError: the directory or the document is faulty; with every error.
        QuestionError: the days are none.
        StoreError: the database cannot be used, or no service ever reached a Jira with it.
    """
    url = settings.database_url.reveal()
    with looked_into(settings) as database, closing(database):
        before, known = in_force(database, ", and --from-jira asks Jira")
        after = tried(contract, before, lambda: _documents(database, settings, before))
        cuts = database.read(lambda c: open_issues.ranges(c, DEFAULT_SITE, at_once))
        unread = database.read(lambda c: open_issues.unread(c, DEFAULT_SITE))
    question = asked(before, days, now)
    whole = Whole(question)
    told(0, len(cuts))
    here = _Asked(url, known, after.policy, question)
    found = side_by_side(lambda: _Folding(here), cuts, Part, processes)
    for done, part in enumerate(found, 1):
        whole.add(part)
        told(done, len(cuts))
    return whole.result(before, after, "recorded", unread)


def tried(
    contract: Path, before: Configuration, documents: Callable[[], dict[str, str]]
) -> Configuration:
    """The configuration that is to be tried.

    Args:
        contract: a directory, or one contract's document.
        before: what is in force.
        documents: gives the documents of that.

    Raises:
        ConfigurationError: it is neither, or faulty.
    """
    if not contract.is_file():
        return load(contract)
    try:
        text = contract.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{contract}: cannot be read: {error}") from error
    named = _CONTRACT.search(text)
    id_ = named[1] if named else contract.stem
    if id_ not in before.policy.contracts:
        raise ConfigurationError(
            f"{contract}: takes the place of contract {id_}, which is not in force;"
            f" {nearest(id_, before.policy.contracts)}. A new contract needs a directory whose"
            " projects.yaml names it"
        )
    return load_documents(applied(documents(), {f"contracts/{id_}.yaml": text}))


def _documents(database: Database, settings: Settings, before: Configuration) -> dict[str, str]:
    """The documents of what is in force, as they were written."""

    def published(connection: Connection) -> dict[str, str] | None:
        there = publications.last(connection, DEFAULT_SITE)
        if there is None or there.version != before.policy.version:
            return None
        return publications.documents_of(connection, DEFAULT_SITE, there.id)

    return database.read(published) or documents_of(settings)


def documents_of(settings: Settings) -> dict[str, str]:
    """The documents of the directory that is set."""
    return completed(read_from(settings.config), load(settings.config))


def refuse_unless_writable(*files: Path | None) -> None:
    """Say before all the work that a file cannot be written after it.

    Raises:
        QuestionError: its directory is not there, or nobody here may write into it.
    """
    for file in filter(None, files):
        if not file.parent.is_dir():
            raise QuestionError(f"{file}: cannot be written: there is no directory {file.parent}")
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise QuestionError(f"{file}: cannot be written: permission denied")


def write_into(file: Path, text: str) -> None:
    """Write a file as it is.

    Raises:
        QuestionError: it cannot be written.
    """
    try:
        file.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise QuestionError(f"{file}: cannot be written: {error.strerror}") from None


class Question(NamedTuple):
    """A period, with the weeks that it is cut into."""

    period: Period
    zone: str
    mondays: Sequence[date]
    starts: Sequence[datetime]

    def comparison(self) -> Comparison:
        """Nothing counted yet."""
        return Comparison(self.period, self.starts)


def asked(before: Configuration, days: Days, now: datetime) -> Question:
    """A period as reports know it: its days begin in the zone of the calendars in force.

    Raises:
        QuestionError: it has no day, too many, or has not begun.
    """
    zone = zone_of(before.policy, ())
    first, last = days
    if last < first:
        raise QuestionError(f"--to {last}: lies before --from {first}")
    if last - first > _LONGEST or not 1971 <= first.year <= last.year <= 2199:
        raise QuestionError(
            f"{first} to {last}: a period can be ten years long at most, up to 2199"
        )
    from_at, to_at = midnight(first, zone), midnight(last + _DAY, zone)
    if from_at > now:
        raise QuestionError(f"--from {first}: has not come yet; it is {utc(now)}")
    mondays = mondays_of(from_at, to_at, zone)
    starts = [midnight(day, zone) for day in mondays]
    return Question(Period(from_at, to_at, now), zone, mondays, starts)


class Part(NamedTuple):
    """What some of the issues came to."""

    looked_at: int
    moved: int
    counted: list[Counted]
    differing: list[Difference]

    @classmethod
    def of(cls, looked_at: int, comparison: Comparison) -> Part:
        """What was compared."""
        return cls(looked_at, comparison.moved, comparison.counted, comparison.differing)


class Whole:
    """What all issues came to, part by part."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._looked_at = self._moved = 0
        self._lines: dict[tuple[str, str, str, str, bool], Line] = {}
        self._weeks: dict[tuple[int, str, bool], tuple[Sums, Sums]] = {}
        self._differing: list[Difference] = []

    def add(self, part: Part) -> None:
        """Take in one more part."""
        self._looked_at += part.looked_at
        self._moved += part.moved
        self._differing += part.differing
        for each in part.counted:
            week, contract, metric, severity, binding, conditional = each.kind
            line = self._lines.setdefault(
                (binding, contract, metric, severity or "", conditional),
                Line(contract, metric, severity, binding, conditional, Sums(), Sums()),
            )
            sums = self._weeks.setdefault((week, binding, conditional), (Sums(), Sums()))
            for side in ((line.today, line.other), sums):
                side[0].add(each.today)
                side[1].add(each.other)

    def result(
        self, before: Configuration, after: Configuration, source: Source, unread: int
    ) -> Backtest:
        """All of it."""
        question = self._question
        return Backtest(
            at=question.period.now, from_at=question.period.from_at, to_at=question.period.to_at,
            zone=question.zone, source=source, before=before.policy.version,
            after=after.policy.version, changes=[str(each) for each in changes(before, after)],
            looked_at=self._looked_at, unread=unread,
            lines=[self._lines[each] for each in sorted(self._lines)],
            weeks=list(self._by_week()), moved=self._moved,
            differing=sorted(self._differing, key=_in_order),
        )  # fmt: skip

    def _by_week(self) -> Iterator[Week]:
        """Every week with every kind that there is, those in which nothing was decided too."""
        kinds = sorted({(binding, conditional) for _, binding, conditional in self._weeks})
        for nth, monday in enumerate(self._question.mondays):
            year, number, _ = monday.isocalendar()
            for kind in kinds:
                today, other = self._weeks.get((nth, *kind), (Sums(), Sums()))
                yield Week(f"{year:04}-W{number:02}", monday, *kind, today, other)


_KEY = re.compile(r"(.*?)(\d*)$")


def _in_order(each: Difference) -> tuple[str, int, str, str]:
    """By project and number, as people count issues."""
    project, number = _KEY.fullmatch(each.issue).groups()  # type: ignore[union-attr]
    return project, int(number or 0), each.metric, str(each.due_from or each.due_to)


# --- folding --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every process has to know."""

    url: str
    site: SiteFacts
    after: Policy
    question: Question


class _Folding:
    """Folds ranges of issues, in one process."""

    def __init__(self, asked: _Asked) -> None:
        self.database = Database(asked.url)
        self._question = asked.question
        self._policy, self._facts = Versions(self.database, asked.site).rules(asked.after)

    def range(self, within: Range) -> Part:
        """What the issues of a range come to."""
        with faults_told(self.database):
            return self.database.read(
                lambda c: self._compared(histories.every(c, DEFAULT_SITE, within))
            )

    def _compared(self, issues: Iterable[histories.Recorded]) -> Part:
        comparison, looked_at, now = self._question.comparison(), 0, self._question.period.now
        for issue in issues:
            looked_at += 1
            found = cycles_of(self._facts.timeline(issue.facts), self._policy, now)
            comparison.add(issue.name, issue.cycles, [stand(cycle) for cycle in found])
        return Part.of(looked_at, comparison)


# --- for people -----------------------------------------------------------------------------------


def _table(lines: Sequence[Line]) -> Table:
    table = Table("contract", "metric", "severity", "promised as")
    for side in ("today", "other"):
        for name in ("met", "breached", "met %"):
            table.add_column(f"{side}\n{name}", justify="right")
    for line in lines:
        table.add_row(
            line.contract, in_words(line.metric), line.severity or "", line.kind,
            *(cell for side in (line.today, line.other) for cell in _cells(side)),
        )  # fmt: skip
    return table


def _cells(sums: Sums) -> tuple[str, str, str]:
    share = "" if sums.share is None else f"{100 * sums.share:.1f}"
    return f"{sums.met:,}", f"{sums.breached:,}", share


def _told(each: Difference) -> str:
    severities = dict.fromkeys(filter(None, (each.severity_from, each.severity_to)))
    due = " -> ".join(utc(at) if at else "-" for at in (each.due_from, each.due_to))
    answered = f", answered {utc(each.answered_at)}" if each.answered_at else ", not answered"
    sooner = f", {_seconds(each.sooner_seconds)} of open time late" if each.sooner_seconds else ""
    return (
        f"{each.issue} {in_words(each.metric)} ({' -> '.join(severities) or 'no severity'}): "
        f"{each.outcome_from} -> {each.outcome_to}, due {due}{answered}{sooner}"
    )


def _seconds(number: float) -> str:
    return length(timedelta(seconds=round(number)))
