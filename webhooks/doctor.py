"""What is wrong with an installation and what to do about it: of ourselves, and of our Jira."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import requests
from msgspec.structs import replace
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from config import looking
from config.calendar_changes import told
from config.configuration import Configuration
from config.errors import ConfigError, ConfigurationError, SettingsError
from config.linter import findings
from config.loader import read
from config.settings import JiraAccess, Settings
from connector.base import Flavour, JiraClient
from connector.errors import ConnectorError
from connector.examination import examine
from connector.examination.finding import (
    Check,
    Conclusion,
    Finding,
    State,
    conclusions,
    failed,
    passed,
    unknown,
)
from connector.examination.subject import Heard, Subject
from sla.errors import SlaError
from sla.mapping import Policy
from sla.store import holds, inbox, outbox, sites
from sla.store.database import Database
from sla.store.migrate import newest, version_of
from sla.words import length, utc
from webhooks import round_trip
from webhooks.databases import not_migrated
from webhooks.deciding import Deciding, in_force
from webhooks.jira import client_for
from webhooks.service import DEFAULT_SITE
from webhooks.zone_record import drifted

_PATIENCE = 5
_WIDEST = 26
"""Characters of the first column: what was found needs the room."""
_DAYS = 10
"""How many days that differ are named."""
_WAITED_TOO_LONG = timedelta(minutes=5)
_SERVE = "Start it with `dueline serve`."
_SHOWN: Mapping[State, str] = {"passed": "green", "failed": "bold red", "unknown": "yellow"}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
"""What listens on every address of the machine is asked at its own."""
_EXIT = {"passed": 0, "failed": 1, "not_run": 2}


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks said."""

    conclusions: tuple[Conclusion, ...]
    accepted: frozenset[str] = frozenset()
    """Ids of checks that may fail, with or without a project."""

    @property
    def state(self) -> str:
        """`passed`, also where something is unknown; `failed`; `not_run`: settings are missing.

        What failed and is accepted does not count.
        """
        wrong = [each for each in self.conclusions if each.finding.state == "failed"]
        if any(each.id == "settings" for each in wrong):
            return "not_run"
        counts = [each for each in wrong if not {each.id, each.check.id} & self.accepted]
        return "failed" if counts else "passed"

    @property
    def exit_status(self) -> int:
        """For monitoring: 0 nothing failed, 1 something did, 2 it could not be looked at."""
        return _EXIT[self.state]

    def as_json(self) -> str:
        """One object, with a member for each check and the sums."""
        counted = Counter(each.finding.state for each in self.conclusions)
        checks = [
            {
                "id": each.id,
                "title": each.check.title,
                "state": each.finding.state,
                "detail": each.finding.detail,
                "remedy": each.finding.remedy,
            }
            for each in self.conclusions
        ]
        sums = {state: counted[state] for state in _SHOWN}
        return json.dumps({"checks": checks, **sums, "state": self.state}, ensure_ascii=False)

    def show(self, console: Console) -> None:
        """A table for people; what is the same for several projects stands in one row."""
        table = Table(Column("check", max_width=_WIDEST), "", "what was found")
        for title, finding in self._folded():
            table.add_row(title, Text(finding.state, _SHOWN[finding.state]), _in_words(finding))
        console.print(table)
        counted = Counter(each.finding.state for each in self.conclusions)
        console.print(", ".join(f"{counted[state]} {state}" for state in _SHOWN))

    def _folded(self) -> Iterator[tuple[str, Finding]]:
        """What stands in each row; what was not looked at for the same reason stands in one."""
        for _, group in groupby(self.conclusions, key=_row_of):
            alike = list(group)
            if alike[0].skipped:
                yield ", ".join(each.check.title for each in alike), alike[0].finding
            else:
                yield from _by_finding(alike)


def _row_of(each: Conclusion) -> str:
    return each.finding.detail if each.skipped else each.check.id


def _by_finding(conclusions_: Iterable[Conclusion]) -> Iterator[tuple[str, Finding]]:
    """The answers of one check, those that are the same for several projects once."""
    same: dict[tuple[str, Finding], list[str]] = {}
    for each in conclusions_:
        row = each.check.title, dataclasses.replace(each.finding, project="")
        same.setdefault(row, []).append(each.finding.project)
    for (title, finding), projects in same.items():
        named = ", ".join(filter(None, projects))
        yield f"{title}: {named}" if named else title, finding


def _in_words(finding: Finding) -> Text:
    # What Jira says is shown as it is, and is no markup.
    words = Text(finding.detail)
    if finding.remedy:
        words.append(f"\n→ {finding.remedy}", "italic")
    return words


def examined(
    env: Mapping[str, str],
    now: Callable[[], datetime],
    *,
    issue: str | None = None,
    accepted: Collection[str] = (),
    pause: round_trip.Pause = round_trip.wait,
    directory: Path | None = None,
) -> Report:
    """Make every check.

    Args:
        env: such as `os.environ`.
        now: the clock.
        issue: the key of an issue one of whose fields is changed and put back, to see whether Jira
            tells it.
        accepted: the ids of checks that may fail, such as `notify_users` or `names:HLP`.
        pause: waits for so many seconds.
        directory: held against Jira in place of what decides.
    """
    doctor = _Doctor.of(env, now, issue, pause, directory)
    return Report(tuple(conclusions(map(_guarded, doctor.checks()))), frozenset(accepted))


def _guarded(check: Check) -> Check:
    """The check, whose own faults are a finding as well: the others are to be made all the same."""

    def look() -> Iterator[Finding]:
        try:
            yield from check.look()
        except ConnectorError:
            raise
        except Exception as error:  # noqa: BLE001 - told, and the next check is made
            yield unknown(
                f"The check itself broke ({type(error).__name__}).",
                "Tell the makers of Dueline which Jira it is, and what `dueline doctor` said.",
            )

    return dataclasses.replace(check, look=look)


@dataclass
class _Doctor:
    """One examination."""

    now: Callable[[], datetime]
    issue: str | None
    pause: round_trip.Pause
    problems: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    access: JiraAccess | None = None
    configuration: Configuration | None = None
    faults: ConfigurationError | None = None
    to_look_at: int = 0
    directory: Path | None = None
    """In place of what decides."""
    published: Deciding | None = None
    """What is in force, where that was looked at."""
    unread: str = ""
    """Why what is in force could not be looked at."""

    @classmethod
    def of(
        cls,
        env: Mapping[str, str],
        now: Callable[[], datetime],
        issue: str | None,
        pause: round_trip.Pause,
        directory: Path | None,
    ) -> _Doctor:
        """Read what everything else depends on."""
        doctor = cls(now, issue, pause, directory=directory)
        try:
            doctor.settings = Settings.from_environment(env)
            doctor.access = doctor.settings.require_jira()
        except SettingsError as error:
            doctor.problems = str(error).splitlines()
        doctor.read_configuration()
        return doctor

    def read_configuration(self) -> None:
        """What is in force, where the database decides and can be read; else the directory."""
        try:
            self.published = None if self.directory else in_force(self.settings)
        except SlaError as error:
            self.unread = str(error)
        today = self.now().date()
        if self.published is not None:
            self.configuration = self.published.configuration
            try:
                self.to_look_at = len(looking.warnings(self.published.documents or {}, today))
            except ConfigError as error:
                # A later release may find faults in what an earlier one has published.
                self.to_look_at = len(error.problems)
            return
        try:
            library, self.configuration = read(self.directory or self.settings.config)
            self.to_look_at = len(findings(library, self.configuration, today))
        except ConfigurationError as error:
            self.faults = error

    def checks(self) -> Iterator[Check]:
        """All of them, in order."""
        stored = ("settings", "database", "migrations")
        subject = self._subject()
        yield Check("settings", "Settings", self.look_at_settings)
        yield Check("configuration", "Configuration", self.look_at_configuration, ("settings",))
        yield Check("database", "Database", self.look_at_database, ("settings",))
        yield Check("migrations", "Tables", self.look_at_migrations, ("settings", "database"))
        yield Check("calendars", "Calendars", self.look_at_calendars, stored)
        yield Check("backlog", "Backlog", self.look_at_backlog, stored)
        yield Check("service", "Service", self.look_at_service, ("settings",))
        yield Check("reaching", "Way to the service", self.look_at_the_way, ("settings",))
        yield from examine.checks(subject)
        yield Check(
            "round_trip",
            "Round trip",
            partial(self.look_at_round_trip, subject),
            (*stored, "configuration", "address", "account", "fields"),
        )

    def _subject(self) -> Subject:
        configuration, access = self.configuration, self.access
        site = configuration.site if configuration else None
        public = self.settings.public_url
        return Subject(
            url=self.settings.jira_url,
            sign_in=self._sign_in,
            way="client" if access and access.client_id else "basic" if self._user else "bearer",
            policy=configuration.policy if configuration else Policy("", {}, {}),
            fields=site.fields if site else {},
            internal=site.comments.internal if site else True,
            role=site.comments.role if site else None,
            hook=f"{public}{round_trip.PATH}" if public else None,
            by_webhook=bool(access and (access.webhook_secrets or access.webhook_tokens)),
            links=bool(public and site and site.remote_link),
            now=self.now,
            heard=self._heard,
            flavour=self.settings.jira_flavour,
        )

    @property
    def _user(self) -> str:
        return self.access.user if self.access else ""

    def _sign_in(self, flavour: Flavour | None) -> JiraClient:
        if self.access is None:
            raise ConnectorError("The settings do not say how to sign in.")
        return client_for(replace(self.access, flavour=flavour))

    def _stored(self, look: Callable[[Database], Finding]) -> Iterator[Finding]:
        try:
            with not_migrated(self.settings) as database:
                yield look(database)
        except SlaError as error:
            yield failed(
                f"{error}.".replace("..", "."),
                "Correct DUELINE_DATABASE_URL, or see to the file or server; `dueline serve` makes "
                "a database that is not there yet.",
            )

    def _heard(self) -> Heard | None:
        def look(database: Database) -> Heard:
            since = database.read(lambda c: sites.known(c, DEFAULT_SITE, "installed_at"))
            newest_at = database.read(lambda c: inbox.newest_at(c, DEFAULT_SITE))
            refused = database.read(inbox.counted).get("signature_refused", 0)
            return Heard(datetime.fromisoformat(since) if since else None, newest_at, refused)

        try:
            with not_migrated(self.settings) as database:
                return look(database) if version_of(database) == newest() else None
        except SlaError:
            # The check of the database says why.
            return None

    # --- of ourselves ---------------------------------------------------------------------------

    def look_at_settings(self) -> Iterator[Finding]:
        """Whether everything is set that talking with Jira needs."""
        if self.problems:
            yield failed(
                f"{'; '.join(self.problems)}.",
                "Set what is named in the environment or in dueline.env; `dueline init` asks for "
                "it and writes it down.",
            )
        else:
            yield passed(f"Complete, for {self.settings.jira_url}.")

    def look_at_configuration(self) -> Iterator[Finding]:
        """Whether contracts and projects can be read, and which they are."""
        directory, number = self.directory or self.settings.config, self.to_look_at
        if self.faults is not None:
            first, *more = str(self.faults).splitlines()
            others = f" ({len(more)} more lines)" if more else ""
            yield failed(f"{first}{others}", f"See all of it with `dueline check {directory}`.")
            return
        if self.unread:
            yield unknown(
                f"What is in force cannot be read ({self.unread}): {directory} was looked at.",
                "Mend the database first, and run `dueline doctor` again.",
            )
            return
        what, command = f"{directory} can be read", f"dueline check {directory}"
        if self.published is not None:
            what, command = f"Looked at: {self.published.what}", "dueline check"
        yield Finding(
            "passed",
            f"{what}; {number or 'nothing'} to look at.",
            f"See what is probably a mistake with `{command}`." if number else "",
        )

    def look_at_database(self) -> Iterator[Finding]:
        """Whether the database answers and takes writes."""
        return self._stored(_writable)

    def look_at_migrations(self) -> Iterator[Finding]:
        """Whether it has this version's tables."""
        return self._stored(_up_to_date)

    def look_at_calendars(self) -> Iterator[Finding]:
        """Whether the libraries here give calendars the days that are in force."""
        return self._stored(lambda database: _calendars(database, self.now()))

    def look_at_backlog(self) -> Iterator[Finding]:
        """Whether something waits too long, or was given up."""
        return self._stored(lambda database: _backlog(database, self.now()))

    def look_at_service(self) -> Iterator[Finding]:
        """Whether the service of these settings runs here."""
        host = _ANY.get(self.settings.host, self.settings.host)
        address = f"http://{f'[{host}]' if ':' in host else host}:{self.settings.port}/readyz"
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(address, timeout=_PATIENCE)
        except requests.RequestException:
            yield failed(f"Nothing answers at {address}.", _SERVE)
            return
        yield _how_it_is(address, answer)

    def look_at_the_way(self) -> Iterator[Finding]:
        """Whether the address that Jira posts to leads to the service."""
        if not self.settings.public_url:
            yield unknown(
                "It is not known under which address Jira reaches this service.",
                "Set DUELINE_PUBLIC_URL to it, such as https://dueline.example.com.",
            )
        elif self.access is None or not self.access.webhook_secrets:
            yield unknown(
                "There is no secret to sign a test delivery with.",
                "Set DUELINE_WEBHOOK_SECRET, where Jira can sign.",
            )
        else:
            url = f"{self.settings.public_url}{round_trip.PATH}"
            # The newest of several secrets: the older ones are on their way out.
            secret = self.access.webhook_secrets[-1].reveal()
            outcome = round_trip.send_test_delivery(url, secret)
            if outcome.arrived:
                yield passed(outcome.sentence)
            else:
                yield failed(outcome.sentence, outcome.remedy)

    def look_at_round_trip(self, subject: Subject) -> Iterator[Finding]:
        """Whether a change in Jira comes in as a delivery."""
        if self.issue is None:
            yield unknown(
                "No issue was named to be changed and put back.",
                "Run `dueline doctor --issue KEY` with an issue of a mapped project.",
            )
            return
        issue, found = self.issue, subject.found
        yield from self._stored(
            lambda database: round_trip.through_jira(
                subject.client, found, issue, database, DEFAULT_SITE, self.pause, self.now
            )
        )


def _writable(database: Database) -> Finding:
    kind = "PostgreSQL" if database.is_shared else "SQLite"
    if database.is_shared:
        only = database.read(lambda c: c.exec_driver_sql("SHOW transaction_read_only").scalar())
        if only == "on":
            return failed(
                f"{kind} at {database.name} takes no writes.",
                "Let DUELINE_DATABASE_URL name the server that takes writes, not a copy of it.",
            )
    database.write(lambda _connection: None)
    return passed(f"{kind} at {database.name} answers and takes writes.")


def _up_to_date(database: Database) -> Finding:
    has, wanted = version_of(database), newest()
    if has == wanted:
        return passed(f"The tables are of version {has}, as this program's.")
    return failed(
        f"The tables are of version {has or 'none'}, and this program's are of {wanted}.",
        "Run `dueline migrate`; where a newer Dueline made them, run that one instead.",
    )


def _calendars(database: Database, now: datetime) -> Finding:
    lines = list(told(drifted(database, DEFAULT_SITE, now)))
    if not lines:
        return passed("The holidays and the zone data here give the days that are in force.")
    more = f"; and {len(lines) - _DAYS:,} more" if len(lines) > _DAYS else ""
    return failed(
        f"By the holidays or the zone data here calendars have other days than those in force: "
        f"{'; '.join(lines[:_DAYS])}{more}.",
        "See which deadlines that moves with `dueline plan`. Holidays stay as they were published "
        "until somebody publishes again, or until the next start where a directory decides; what "
        "clocks do holds from the next start on.",
    )


def _backlog(database: Database, now: datetime) -> Finding:
    tally = database.read(inbox.left)
    since = database.read(inbox.waiting_since)
    given_up = sum(kinds.get("given_up", 0) for kinds in database.read(outbox.counts).values())
    held = database.read(lambda c: holds.held(c, now))
    waiting = tally.get("new", 0)
    shown = (
        f"Inbox: {waiting} waiting, {tally.get('not_understood', 0)} not understood, "
        f"{tally.get('failed', 0)} failed. Outbox: {given_up} given up."
    )
    if hold := held.get(DEFAULT_SITE):
        until = utc(hold.until.replace(microsecond=0))
        return failed(
            f"{shown} Jira is left alone until {until}: {hold.reason}",
            "Mend what Jira complains of; it is tried again by itself then.",
        )
    if given_up:
        return failed(shown, "See why with `dueline outbox`, and try again with --retry.")
    if tally.get("failed"):
        return failed(shown, "See why with `dueline inbox`, and try again with --replay.")
    if since is not None and now - since > _WAITED_TOO_LONG:
        return failed(
            f"{shown} The oldest waits for {length(now - since)}.",
            "Look whether the service runs, and what its log says.",
        )
    remedy = "See what was set aside with `dueline inbox`." if tally.get("not_understood") else ""
    return Finding("passed", shown, remedy)


def _how_it_is(address: str, answer: requests.Response) -> Finding:
    told: Any = None
    try:
        told = answer.json()
    except ValueError:
        return failed(
            f"Something else than Dueline answers at {address}.",
            "Set DUELINE_HOST and DUELINE_PORT as the service has them, or free the port.",
        )
    troubles = told.get("troubles") if isinstance(told, dict) else None
    named = troubles.items() if isinstance(troubles, dict) else ()
    shown = "; ".join(f"{name}: {words}" for name, words in named)
    if answer.status_code == 200:
        return passed(f"It runs at {address}. {shown}".strip())
    return failed(
        f"It runs at {address} and cannot work: {shown or answer.status_code}.",
        "Mend what is named; the service goes on by itself then.",
    )
