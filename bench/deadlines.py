"""The rows about one due instant: the question that every event, preview and what-if asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bench import office
from bench.office import Answer, Question
from bench.peers import MakesWay, Way, against_peers, one_by_one
from bench.row import Context, Result, Row

_ZONE = ZoneInfo(office.ZONE)


def deadline_row(hours: int, wanted: int) -> Row:
    """The row about so many open hours, to be so many times faster than the judge."""
    amount = timedelta(hours=hours)
    calendar = office.calendar()

    def measure(context: Context) -> Result:
        """Starts in UTC, as the service has them, are judged; others are converted in addition."""
        return against_peers(
            context,
            Question("due", amount),
            {
                "dueline": one_by_one(lambda start: calendar.due(start, amount)),
                "dueline, starts of another zone": in_zone(
                    lambda start: calendar.due(start, amount)
                ),
            },
            wanted,
        )

    return Row(
        id=f"deadline_{hours}h",
        title=f"deadline, {hours} open hours",
        to_reach=f"{wanted} times faster",
        against="django-bizcal, cold",
        measure=measure,
    )


def in_zone(ask: Callable[[datetime], Answer]) -> MakesWay:
    """A way that asks one by one, for starts as the office's own clocks show them."""

    def make(starts: Sequence[datetime]) -> Way:
        local = [start.astimezone(_ZONE) for start in starts]
        return Way(lambda: [ask(start) for start in local], len(local), list)

    return make
