"""Which calls to Jira a change brings with it, counted at the simulated Jira."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import structlog

from bench.row import Context, Figure, Result, Row
from connector.simulator import AGENT, CUSTOMER, Simulator
from tests.scenarios.world import Flavour, World, signature, utc, world

_BEGAN = utc("2024-07-10 19:00")
_REPORTED = {"summary": "Help", "Support plan": "Enterprise"}
_SITE, _KEY, _BUSY = "default", "HLP-1", 40
_CHANGES: Mapping[str, Callable[[Simulator], object]] = {
    "a comment by an agent": lambda jira: jira.add_comment(_KEY, "On it.", account=AGENT),
    "a comment by the customer": lambda jira: jira.add_comment(_KEY, "And?", account=CUSTOMER),
    "another severity": lambda jira: jira.edit(_KEY, priority="Highest"),
    "another status": lambda jira: jira.transition(_KEY, "In Progress", account=AGENT),
    "another assignee": lambda jira: jira.assign(_KEY, AGENT),
    "the solution": lambda jira: jira.transition(_KEY, "Done", account=AGENT),
}
# Whose zone a query is read in, and which fields there are: asked for by the poll and the hour.
_NOT_OF_AN_ISSUE = ("/myself", "/field", "/search")
_UNMARKED = (
    "Data Center's webhooks do not say who may read a comment in a service project: the mark of "
    "that one comment is read."
)


class Calls(NamedTuple):
    """What Jira was asked and told about issues."""

    writes: int
    reads: int


def measure(context: Context) -> Result:  # noqa: ARG001 - it takes no longer than a second look
    """Change issues one way at a time, with the webhooks of what was written and a poll after."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    cloud, datacenter = dict(_told_by_webhooks("cloud")), dict(_told_by_webhooks("datacenter"))
    thin, lost, polls = _thin(), _lost(), _polls()
    comments = [name for name in datacenter if name.startswith("a comment")]
    steady = {f"Cloud, {name}": calls for name, calls in cloud.items()} | {
        f"Data Center, {name}": calls for name, calls in datacenter.items()
    }
    unmarked = {f"Data Center, {name}" for name in comments}
    told = [calls for name, calls in steady.items() if name not in unmarked]
    reached = (
        all(calls.writes <= 1 and calls.reads == 0 for calls in told)
        and thin == Calls(1, 1)
        and all(steady[name].reads <= 1 for name in unmarked)
    )
    most = max(steady[name].reads for name in unmarked)
    return Result(
        (
            *(
                Figure(f"{name}: {what}", getattr(calls, what), "calls")
                for name, calls in {
                    **steady,
                    "Cloud, a notice that names the issue alone": thin,
                    "Cloud, an answer whose webhook was lost": lost,
                }.items()
                for what in Calls._fields
            ),
            Figure(f"a poll after {_BUSY} issues changed", polls, "calls"),
        ),
        reached,
        f"{max(calls.writes for calls in told)} write, {max(calls.reads for calls in told)} reads; "
        f"thin: {thin.reads} read; Data Center, unmarked comment: {most} read",
        notes=(
            "Each change has its webhook, that of what was written for it, and a poll after it.",
            _UNMARKED,
        ),
    )


def _told_by_webhooks(flavour: Flavour) -> Iterator[tuple[str, Calls]]:
    with _settled(flavour) as made:
        yield "a new issue", _calls(made, lambda jira: jira.create_issue(_REPORTED, project="HLP"))
        for name, change in _CHANGES.items():
            yield name, _calls(made, change)


def _thin() -> Calls:
    """A notice such as that of an automation rule, in place of Jira's own webhook."""
    with _settled("cloud") as made:
        made.jira.webhooks.clear()

        def answered(jira: Simulator) -> None:
            jira.add_comment(_KEY, "On it.", account=AGENT)
            notice = json.dumps({"issue": {"id": jira.issue(_KEY).id, "key": _KEY}}).encode()
            headers = {"X-Hub-Signature": signature(notice)}
            made.receiver.post("/webhooks/jira", data=notice, headers=headers)

        return _calls(made, answered)


def _lost() -> Calls:
    with _settled("cloud") as made:
        made.jira.faults.webhook("drop", times=1)
        return _calls(made, _CHANGES["a comment by an agent"])


def _polls() -> int:
    """All calls of a poll that finds many issues changed, of which webhooks told."""
    with _settled("cloud") as made:
        keys = [made.jira.create_issue(_REPORTED, project="HLP").key for _ in range(_BUSY)]
        made.settle()
        for key in keys:
            made.jira.add_comment(key, "On it.", account=AGENT)
        made.settle()
        made.clock.at += timedelta(minutes=1)
        made.jira.requests.clear()
        made.service.reconciler.poll(_SITE)
        made.settle()
        return len(made.jira.requests)


@contextmanager
def _settled(flavour: Flavour) -> Iterator[World]:
    """A world with one issue of which all was written, and to which a first poll came."""
    with (
        tempfile.TemporaryDirectory() as directory,
        world(Path(directory), _BEGAN, flavour) as made,
    ):
        made.report("HLP", _REPORTED)
        made.service.reconciler.poll(_SITE)
        made.settle()
        yield made


def _calls(made: World, change: Callable[[Simulator], object]) -> Calls:
    made.clock.at += timedelta(minutes=1)
    made.settle()
    made.jira.requests.clear()
    change(made.jira)
    made.settle()
    made.clock.at += timedelta(minutes=1)
    made.settle()
    made.service.reconciler.poll(_SITE)
    made.settle()
    asked = [each for each in made.jira.requests if not _is_general(each.path)]
    reads = sum(each.method == "GET" for each in asked)
    return Calls(len(asked) - reads, reads)


def _is_general(path: str) -> bool:
    return any(part in path for part in _NOT_OF_AN_ISSUE)


ROW = Row(
    "calls_per_change",
    "Jira calls per change",
    "one write, no read in the steady state; at most one read for a thin payload",
    "counted",
    measure,
)
