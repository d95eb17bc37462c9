"""The board: what is open, how much open time each promise has left, and how many there are."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from sqlalchemy import Connection

from sla.calendar import Calendar
from sla.clock.run import cycles_of
from sla.contract import Contract, in_words
from sla.cycle import Cycle
from sla.danger import in_danger_at
from sla.errors import NeverOpens, SlaError
from sla.mapping import Policy
from sla.recalculated import joined
from sla.store import board
from sla.store.board import NOBODY, Open, Order, Place, State, Wanted
from webhooks.console.questions.folding import Read, read_all
from webhooks.console.standing import Standing

ROWS = 50
MOST_OPTIONS = 50
"""Of each filter; whoever has more customers types the one that he looks for."""
_KNOWN_SHOWN = 20
_MOST_VALUES = 100
_LARGEST = 2**63
_NO_PLACE = "The next page cannot be found: `after` is not what a page gave. Begin without it."
NONE = {
    "project": "No project", "contract": "No contract", "severity": "No severity",
    "metric": "No metric", "assignee": "Nobody", "customer": "No customer",
    "group": "In no group",
}  # fmt: skip
"""What `-` means, by filter."""
_STANDS: Mapping[str, Literal["running", "breached", "paused"]] = {
    "running": "running", "breached": "breached", "paused": "paused",
}  # fmt: skip
_STATES: Mapping[State, str] = {
    "running": "running", "danger": "about to breach", "breached": "breached, still open",
    "paused": "paused",
}  # fmt: skip
STATES = tuple(_STATES.items())
"""The states that can be filtered by, with their words."""
ORDERS: tuple[tuple[Order, str], ...] = (
    ("due", "due next"), ("overdue", "longest overdue"), ("severity", "worst severity"),
    ("newest", "newest"),
)  # fmt: skip
_Asked = TypeVar("_Asked", bound="BoardQuery")


class NotUnderstood(ValueError):  # noqa: N818 - named by meaning
    """A filter that means nothing; the message names it and what is known."""


class BoardQuery(msgspec.Struct, kw_only=True):
    """Which open promises to list, and in which order; each filter may be given several times."""

    project: list[str] = []
    """Keys of projects."""
    contract: list[str] = []
    """Ids of contracts."""
    severity: list[str] = []
    """As the contracts name them; `-` for none."""
    metric: list[str] = []
    """Such as `first_response`."""
    state: list[State] = []
    """`danger` is running and about to breach; `breached` is past its due instant, still open."""
    assignee: list[str] = []
    """Accounts or names; `-` for nobody."""
    customer: list[str] = []
    """As the customer field says; `-` for none."""
    key: str = ""
    """A part of the issue's key."""
    order: Order = "due"
    """`due`: what is missed next first, then what was missed last, then what is paused; `overdue`:
    the longest overdue first; `severity`: the worst severity first; `newest`: what began last."""
    after: str = ""
    """The `next` of the page before."""

    def narrowed_by(self) -> list[tuple[str, str]]:
        """The filters by name and value, without order and place."""
        named = [
            (name, value)
            for name in ("state", *FILTERS)
            for value in getattr(self, name)
        ]  # fmt: skip
        return [*named, *([("key", self.key)] if self.key else [])]


FILTERS = ("project", "contract", "severity", "metric", "assignee", "customer")
"""The filters whose values come from what is open."""


class Row(msgspec.Struct):
    """One open cycle."""

    issue_id: str
    key: str | None
    summary: str | None
    """Null until the issue was decided by a version that keeps it."""
    project: str | None
    contract: str
    """The contract's id."""
    contract_title: str
    severity: str | None
    metric: str
    metric_title: str
    number: int
    """Which run of the metric it is."""
    binding: str
    """commitment or goal."""
    state: Literal["running", "breached", "paused"]
    in_danger: bool
    """Running, and less open time is left than at which its first warning speaks; a quarter of the
    goal where there is no warning."""
    started_at: datetime
    due_at: datetime | None
    """Null while it is paused."""
    time_zone: str
    """The calendar's."""
    goal_seconds: float | None
    """The whole goal, as open time of the calendar; null where it cannot be worked out."""
    left_seconds: float | None
    """Open time left; negative once it is breached."""
    open_now: bool
    """Whether the calendar is open at this instant."""
    opens_at: datetime | None
    """When it opens next, while it is closed; null if it never does."""
    assignee_id: str | None
    assignee: str | None
    """The name, where it was heard."""
    customer: str | None
    problem: str
    """Why the time left cannot be worked out; empty where it can."""

    @property
    def share_left(self) -> float:
        """How much of the goal is left, 0 to 1."""
        if not self.goal_seconds or self.left_seconds is None:
            return 0.0
        return min(max(self.left_seconds / self.goal_seconds, 0.0), 1.0)


class Counts(msgspec.Struct):
    """How many promises are open; the states that were asked for make no difference here."""

    open: int
    running: int
    """Those in danger included."""
    danger: int
    breached: int
    paused: int

    def among(self, states: Sequence[State]) -> int:
        """How many have one of these states; with none named, how many there are."""
        if not states:
            return self.open
        # Those in danger are running, too.
        apart = set(states) - ({"danger"} if "running" in states else set())
        return sum(int(getattr(self, state)) for state in apart)


class Board(msgspec.Struct):
    """A page of the board."""

    at: datetime
    """The instant of the answer."""
    counts: Counts
    rows: list[Row]
    next: str | None
    """What to give as `after` for the next page; null where there is none."""


class Option(msgspec.Struct):
    """A value that a filter can have."""

    value: str
    title: str
    open: int
    """How many open promises have it."""


class Choice(msgspec.Struct):
    """A filter with its values."""

    name: str
    options: list[Option]
    """Those with the most open promises."""
    more: int
    """How many further ones there are."""


class Recorded(msgspec.Struct):
    """What a page is made of, before anything is folded."""

    now: datetime
    counts: Counts
    rows: list[Open]
    next: str | None

    @property
    def mark(self) -> str:
        """Differs where the page would.

        All that is shown comes from these rows and counts, from the issues' histories, and from
        the instant. A history that changes anything is decided in the same transaction, and that
        writes these rows; of the instant the page shows no more than the minute, and what falls
        due within one changes the counts.
        """
        minute = self.now.replace(second=0, microsecond=0)
        told = repr((self.counts, self.rows, self.next, minute))
        # A text of Jira's may hold half a character.
        return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=12).hexdigest()


def understood(
    asked: Mapping[str, Sequence[str]], kind: type[_Asked], standing: Standing
) -> _Asked:
    """What is asked in a URL, as lists of values by name; what is empty asks for nothing.

    Raises:
        NotUnderstood: a name or a value means nothing here; the message says what is known.
    """
    known = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    unknown = sorted(asked.keys() - known.keys())
    if unknown:
        raise NotUnderstood(
            f"Unknown in the address: {_listed(unknown)}. Known are: {', '.join(known)}."
        )
    given: dict[str, list[str]] = {}
    for name, values in asked.items():
        told = list(dict.fromkeys(value.strip() for value in values if value.strip()))
        if len(told) > _MOST_VALUES or any("\0" in value for value in told):
            raise NotUnderstood(f"{name} can have {_MOST_VALUES} values at most, each plain text.")
        if told:
            given[name] = told if get_origin(known[name].type) is list else told[-1:]
    for name, values in given.items():
        among = _literals(known[name].type)
        for value in values if among else ():
            if value not in among:
                raise NotUnderstood(
                    f"{name} cannot be {_shown(value)}. Known are: {', '.join(among)}."
                )
    try:
        one = {
            name: v if get_origin(known[name].type) is list else v[0] for name, v in given.items()
        }
        query = msgspec.convert(one, kind, strict=False)
    except msgspec.ValidationError as error:
        reason = str(error).replace("$.", "")
        raise NotUnderstood(f"The address cannot be understood: {reason}.") from None
    check(query, standing)
    return query


def _literals(kind: Any) -> tuple[str, ...]:
    """What a field can be that takes one or several of a few words; nothing for every other."""
    inner = get_args(kind)[0] if get_origin(kind) is list else kind
    return get_args(inner) if get_origin(inner) is Literal else ()


def check(query: BoardQuery, standing: Standing) -> None:
    """See that each filter means something.

    Whoever has no open issue may still be asked for: people and customers are not checked.

    Raises:
        NotUnderstood: a project, contract, severity or metric that nobody ever heard of, or a
            place that no page gave.
    """
    _place(query.after)
    for name, known in configured(standing.configuration.policy).items():
        for value in getattr(query, name):
            if value == NOBODY or value in known or is_recorded(standing, name, value):
                continue
            raise NotUnderstood(
                f"No {name} is called {_shown(value)}. Known are: {_listed(sorted(known))}."
            )


def is_recorded(standing: Standing, name: str, value: str) -> bool:
    """Whether something of an earlier configuration is called so."""
    site = standing.site
    return standing.database.read(lambda c: board.is_recorded(c, site, name, value))


def configured(policy: Policy) -> Mapping[str, set[str]]:
    """By filter what the version in force calls so."""
    contracts = policy.contracts.values()
    return {
        "project": set(policy.projects),
        "contract": set(policy.contracts),
        "severity": {name for each in contracts for name in each.severities},
        "metric": {metric.name for each in contracts for metric in each.metrics},
    }


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _KNOWN_SHOWN
    told = ", ".join(_shown(name) for name in names[:_KNOWN_SHOWN])
    return f"{told} and {more} more" if more > 0 else told


def _shown(value: str) -> str:
    return value if len(value) <= 100 else f"{value[:100]}..."


def recorded(standing: Standing, query: BoardQuery, rows: int = ROWS) -> Recorded:
    """What is open as it was last decided: a page of it, and how many there are.

    Raises:
        NotUnderstood: the place that it is to go on from is none of this order.
    """
    now, site, wanted = standing.now(), standing.site, _wanted(query)
    severities = _ranked(standing.configuration.policy)
    after = _place(query.after)

    def work(connection: Connection) -> Recorded:
        counts = Counts(*board.counts(connection, site, wanted, now))
        if not counts.among(query.state):
            # Not even looked for: in what is filtered, that is a second walk over all that is open.
            return Recorded(now, counts, [], None)
        found, place = board.page(
            connection, site, wanted, query.order,
            now=now, limit=rows, after=after, severities=severities,
        )  # fmt: skip
        return Recorded(now, counts, found, _after(place) if place else None)

    try:
        return standing.database.read(work)
    except ValueError:
        raise NotUnderstood(_NO_PLACE) from None


def shown(standing: Standing, found: Recorded) -> Board:
    """The same with the open time that each promise has left.

    Worked out from each issue's history, for the rows of the page alone: the recorded instants do
    not tell how much of a goal is used up while a clock rests, nor what a holiday takes.
    """
    reads = read_all(standing, {each.issue_id for each in found.rows})
    runs = {issue_id: _cycles(read, found.now) for issue_id, read in reads.items()}
    rows = [_row(each, *runs[each.issue_id], found.now) for each in found.rows]
    return Board(found.now, found.counts, rows, found.next)


def choices(standing: Standing) -> list[Choice]:
    """What can be filtered by, of what is open now."""
    site = standing.site
    found = standing.database.read(lambda c: board.options(c, site, MOST_OPTIONS))
    contracts = standing.configuration.policy.contracts
    made = []
    for name, (values, number) in found.items():
        titled = [
            Option(value, _title(name, value, called, contracts), open_)
            for value, called, open_ in values
        ]
        made.append(Choice(name, titled, number - len(values)))
    return made


def _title(name: str, value: str, called: str, contracts: Mapping[str, Contract]) -> str:
    if value == NOBODY:
        return NONE[name]
    if name == "contract" and value in contracts:
        return contracts[value].title
    return in_words(value).capitalize() if name == "metric" else called


def has_issues(standing: Standing) -> bool:
    """Whether any issue was ever heard of."""
    site = standing.site
    return standing.database.read(lambda c: board.has_issues(c, site))


def _wanted(query: BoardQuery) -> Wanted:
    return Wanted(
        query.project, query.contract, query.severity, query.metric, query.state, query.assignee,
        query.customer, query.key,
    )  # fmt: skip


def _ranked(policy: Policy) -> list[str]:
    """All severities, the worst first, as the contracts rank them."""
    found: dict[str, int] = {}
    for contract in policy.contracts.values():
        for rank, name in enumerate(contract.severities):
            found[name] = min(rank, found.get(name, rank))
    return sorted(found, key=lambda name: (found[name], name))


def _after(place: Place) -> str:
    told = msgspec.json.encode((place.stretch, *place.values))
    return urlsafe_b64encode(told).decode().rstrip("=")


def _place(after: str) -> Place | None:
    if not after:
        return None
    try:
        told = urlsafe_b64decode(after.encode() + b"=" * (-len(after) % 4))
        stretch, *values = msgspec.json.decode(told, type=list[str | int])
    except (ValueError, msgspec.MsgspecError):
        raise NotUnderstood(_NO_PLACE) from None
    texts = "".join(value for value in values if isinstance(value, str))
    numbers = [value for value in values if isinstance(value, int)]
    if (
        not isinstance(stretch, int)
        or "\0" in texts
        or max(map(abs, numbers), default=0) >= _LARGEST
    ):
        raise NotUnderstood(_NO_PLACE)
    return Place(stretch, tuple(values))


def _cycles(read: Read | LookupError, now: datetime) -> tuple[Policy | None, Sequence[Cycle] | str]:
    """An issue's cycles, judged now, and by what; or why they cannot be.

    Not by `decide`, which works out besides what there is to say: that took half of the time.
    """
    if isinstance(read, LookupError):
        return None, f"The time left cannot be worked out: {read}"
    try:
        return read.policy, joined(read.over, cycles_of(read.timeline, read.policy, now))
    except SlaError as error:
        return read.policy, f"The time left cannot be worked out: {error}"


def _row(each: Open, policy: Policy | None, cycles: Sequence[Cycle] | str, now: datetime) -> Row:
    row = Row(
        issue_id=each.issue_id, key=each.key, summary=each.summary, project=each.project,
        contract=each.contract, contract_title=each.contract, severity=each.severity,
        metric=each.metric, metric_title=in_words(each.metric), number=each.number,
        binding=each.binding, state=_state(each, now),
        in_danger=each.in_danger_at is not None and each.in_danger_at <= now,
        started_at=each.started_at, due_at=each.due_at, time_zone="UTC", goal_seconds=None,
        left_seconds=None, open_now=True, opens_at=None, assignee_id=each.assignee_id,
        assignee=each.assignee, customer=each.customer, problem="",
    )  # fmt: skip
    row.in_danger = row.in_danger and row.state == "running"
    if isinstance(cycles, str):
        row.problem = cycles
        return row
    cycle = next((c for c in cycles if _is_of(c, each)), None)
    if cycle is None or policy is None:
        row.problem = "It is just being judged anew."
        return row
    try:
        _fill(row, cycle, policy, now)
    except SlaError as error:
        row.problem = f"The time left cannot be worked out: {error}"
    return row


def _is_of(cycle: Cycle, each: Open) -> bool:
    return cycle.metric == each.metric and cycle.number == each.number and cycle.ending is None


def _state(each: Open, now: datetime) -> Literal["running", "breached", "paused"]:
    if each.due_at is None:
        return "paused"
    return "breached" if each.due_at <= now else "running"


def _fill(row: Row, cycle: Cycle, policy: Policy, now: datetime) -> None:
    """Put in what the issue's history tells."""
    promise = cycle.promise
    calendar, contract = promise.goal.calendar, promise.coverage.contract
    row.metric_title = cycle.words
    row.contract_title = contract.title if contract else row.contract
    row.binding, row.severity = promise.goal.binding, promise.coverage.severity
    row.time_zone = calendar.time_zone
    row.due_at = cycle.due_at
    row.state = _STANDS[cycle.state]
    left = promise.goal_time - cycle.elapsed
    row.goal_seconds, row.left_seconds = promise.goal_time.total_seconds(), left.total_seconds()
    row.in_danger = False
    if row.state == "running":
        alerts = policy.alerts_for(cycle.metric, promise.coverage)
        row.in_danger = in_danger_at(cycle, alerts) <= now
    row.open_now = calendar.is_open(now)
    if not row.open_now:
        row.opens_at = _next_opening(calendar, now)


def _next_opening(calendar: Calendar, now: datetime) -> datetime | None:
    try:
        return calendar.next_opening(now)
    except NeverOpens:
        return None


__all__ = [
    "FILTERS", "NOBODY", "NONE", "ORDERS", "ROWS", "STATES", "Board", "BoardQuery", "Choice",
    "Counts", "NotUnderstood", "Option", "Recorded", "Row", "check", "choices", "configured",
    "has_issues", "is_recorded", "recorded", "shown", "understood",
]  # fmt: skip
