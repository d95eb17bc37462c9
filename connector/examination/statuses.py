"""Whether a project has the statuses in which clocks rest, and which other conditions name.

A status that Jira writes otherwise is no fault that anything else would find: its condition never
holds, and a clock that is to rest in it goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from connector.examination.finding import Finding, failed, passed, unknown
from connector.examination.subject import Subject
from sla.calendar import Calendar
from sla.condition import Condition
from sla.contract import Act, Request
from sla.mapping import Policy, ProjectRules
from sla.words import closest

_STATUS = "status"
_CONSEQUENCE = "a clock that is to rest in such a status goes on, and a rule for it never holds"


def statuses(subject: Subject) -> Iterator[Finding]:
    """Whether each project has the statuses that its rules and contracts name."""
    for key in subject.visible:
        named = list(dict.fromkeys(_named(subject.policy, subject.policy.projects[key])))
        if not named:
            yield passed("No rule asks for a status.", key)
            continue
        there = subject.statuses(key)
        if not there:
            yield unknown(
                "Jira does not say which statuses the project has.",
                "Compare by hand the statuses that projects.yaml and the contracts name.",
                key,
            )
            continue
        yield _compared(key, named, there)


def _compared(
    key: str, named: Collection[tuple[str, tuple[str, ...]]], there: Collection[str]
) -> Finding:
    known = {name.casefold() for name in there}
    strange: dict[tuple[str, str], None] = {}
    elsewhere: dict[str, None] = {}
    for where, wanted in named:
        lacking = [name for name in wanted if name.casefold() not in known]
        is_of_several = len(lacking) < len(wanted)
        for name in lacking:
            # A contract of several projects may name what each of their workflows calls it.
            if is_of_several and _meant(name, wanted, there) is None:
                elsewhere[name] = None
            else:
                strange[where, name] = None
    if strange:
        shown = "; ".join(
            f"{where} names “{name}”{_nearest(name, there)}" for where, name in strange
        )
        return failed(
            f"The project has no such status: {shown}. So {_CONSEQUENCE}.",
            f"Write it as Jira does; the project has {', '.join(there)}.",
            key,
        )
    others = f" Others are named beside them: {', '.join(elsewhere)}." if elsewhere else ""
    return passed(f"A status of each rule that asks for one is there.{others}", key)


def _nearest(name: str, there: Collection[str]) -> str:
    meant = closest(name, there)
    return f" (nearest: “{meant}”)" if meant else ""


def _meant(name: str, wanted: Collection[str], there: Collection[str]) -> str | None:
    """The status of Jira that was probably meant, unless it is named as well."""
    meant = closest(name, there)
    is_named = meant is not None and meant.casefold() in {each.casefold() for each in wanted}
    return None if is_named else meant


def _named(policy: Policy, rules: ProjectRules) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Where statuses are named for a project's issues, and which: one of each would do."""
    yield from (("projects.yaml", names) for names in _asked_for(rules.conditions))
    for id_ in dict.fromkeys(rule.contract for rule in rules.contracts):
        for contract in (policy.contracts[id_], *policy.order_forms.get(id_, {}).values()):
            yield from ((f"contract {id_}", names) for names in _asked_for(contract))


def _asked_for(value: Any) -> Iterator[tuple[str, ...]]:
    """The statuses of every condition and act in a part of a contract."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Condition) and each.fields.get(_STATUS):
            yield each.fields[_STATUS]
        elif isinstance(each, Act) and each.names == (_STATUS,) and each.to:
            yield each.to
        waiting += _below(each)


def _below(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, msgspec.Struct) and not isinstance(value, Calendar):
        for name in value.__struct_fields__:
            # An issue that asks for an escalation may be one of another project.
            if not (isinstance(value, Request) and name == "by_issue"):
                yield getattr(value, name)
