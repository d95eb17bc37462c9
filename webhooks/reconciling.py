"""Commands that ask Jira what was missed, and that take over what was open before us."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from config.settings import Settings
from connector.errors import ConnectorError
from sla.lanes import drain
from sla.store import issues
from sla.wakeups import Clock
from sla.words import utc
from webhooks.publishing import configuration_published
from webhooks.questions import QuestionError
from webhooks.service import DEFAULT_SITE, Service

_READERS = 4
_TRIES = 5
_LONGEST_WAIT = 5.0
_UNREADABLE = "`dueline outbox` names them"


def patiently(seconds: float) -> None:
    """Wait in real time."""
    threading.Event().wait(seconds)


@dataclass
class Reading:
    """Histories that are being read, for people who wait for it.

    Attributes:
        service: in this process, with Jira in reach.
        wait: waits for some seconds; a test moves its clock instead.
    """

    service: Service
    wait: Callable[[float], object]

    def to_the_end(self, tell: Callable[[int], None]) -> None:
        """Read every history that is asked for.

        Args:
            tell: told again and again how many are left.
        """
        histories = self.service.histories
        while left := self.left():
            tell(left)
            if drain(histories, _READERS) == 0:
                # Jira asks for patience, or another process is at it.
                now, next_run = self.service.clock.now(), histories.next_run()
                pause = (next_run - now).total_seconds() if next_run else _LONGEST_WAIT
                self.wait(min(max(pause, 0.1), _LONGEST_WAIT))
        tell(0)

    def left(self) -> int:
        """How many histories are still to be read."""
        return self.service.database.read(lambda c: issues.to_be_read(c, DEFAULT_SITE, _TRIES))

    def failing(self) -> int:
        """How many fail again and again, which the service goes on trying."""
        everything = self.service.database.read(lambda c: issues.to_be_read(c, DEFAULT_SITE))
        return everything - self.left()

    def patiently(self, work: Callable[[], int]) -> int:
        """Ask Jira for something, as often and as long as it asks for patience.

        Raises:
            ConnectorError: it refuses for good, or again and again.
        """
        attempts = 0
        while True:
            try:
                return work()
            except ConnectorError as error:
                found = self.service.reconciler.judge.judge(DEFAULT_SITE, error, attempts)
                attempts += 1
                if found.kind == "give_up" or attempts >= _TRIES:
                    raise
                self.wait(found.after.total_seconds())


def reconcile(
    settings: Settings,
    clock: Clock,
    console: Console,
    *,
    thorough: bool,
    wait: Callable[[float], object] = patiently,
) -> Iterator[str]:
    """Ask Jira what was updated since the last time, and read it; what it came to, in lines.

    Args:
        settings: the environment.
        clock: the one clock.
        console: where progress is shown.
        thorough: look for open issues as well that Jira has no more.
        wait: waits for some seconds.

    Raises:
        QuestionError: Jira cannot be reached.
    """
    with _in_reach(settings, clock) as service:
        reconciler = service.reconciler
        yield f"Asking for what was updated since {utc(reconciler.watermark(DEFAULT_SITE))}"
        reading = Reading(service, wait)
        found = reading.patiently(lambda: reconciler.poll(DEFAULT_SITE))
        if thorough:
            lost = reading.patiently(lambda: reconciler.look_for_the_lost(DEFAULT_SITE))
            yield f"{lost} that should be open and are not to be found"
        yield f"{found} issues to be read"
        yield from _read(reading, console, "Reading")


def backfill(
    settings: Settings,
    clock: Clock,
    console: Console,
    *,
    projects: Sequence[str],
    wait: Callable[[float], object] = patiently,
) -> Iterator[str]:
    """Take over the open issues that were never heard of; what it came to, in lines.

    Args:
        settings: the environment.
        clock: the one clock.
        console: where progress is shown.
        projects: their keys; none: all of the mapping.
        wait: waits for some seconds.

    Raises:
        QuestionError: a project is in no mapping, or Jira cannot be reached.
    """
    with _in_reach(settings, clock) as service:
        mapped = sorted(service.configuration.policy.projects)
        if unknown := sorted(set(projects) - set(mapped)):
            raise QuestionError(
                f"{', '.join(unknown)}: in no mapping; projects.yaml has {', '.join(mapped)}"
            )
        with console.status("Looking for open issues") as status:
            reading = Reading(service, wait)
            new = reading.patiently(
                lambda: service.reconciler.take_over(
                    DEFAULT_SITE,
                    projects or mapped,
                    lambda number: status.update(f"Looking for open issues: {number}"),
                )
            )
        yield f"{new} open issues that were not known"
        yield from _read(reading, console, "Taking over")


def _read(reading: Reading, console: Console, what: str) -> Iterator[str]:
    total = reading.left()
    columns = (
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("histories"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        try:
            reading.to_the_end(lambda left: progress.update(task, completed=total - left))
        except KeyboardInterrupt:
            yield f"{reading.left()} histories are left; run the command again to go on"
            raise
    given_up = reading.service.database.read(lambda c: issues.unread(c, DEFAULT_SITE))
    yield f"{total - reading.failing()} histories read"
    if reading.failing():
        yield f"{reading.failing()} fail again and again; the service goes on trying"
    if given_up:
        yield f"{given_up} cannot be read: {_UNREADABLE}"


@contextmanager
def _in_reach(settings: Settings, clock: Clock) -> Iterator[Service]:
    """A service that runs nothing by itself, with Jira in reach."""
    in_force = configuration_published(settings, DEFAULT_SITE)
    service = Service(settings, in_force, clock)
    try:
        service.keep_contact()
        if trouble := service.troubles.get("jira"):
            raise QuestionError(trouble)
        yield service
    except ConnectorError as error:
        raise QuestionError(str(error)) from error
    finally:
        service.close()
