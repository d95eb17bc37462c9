"""What differs between two versions of the configuration: a line for each document."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from config import contracts
from config.configuration import Configuration

How = Literal[
    "added", "removed", "changed", "now used by a project", "no longer used by any project"
]
_SECTIONS = {
    "contracts": "contract",
    "order_forms": "order forms of",
    "calendars": "calendar",
    "projects": "project",
    "alerts": "alerts",
    "roles": "role",
}
"""What an entry of each section is called."""
_IF_USED = frozenset({_SECTIONS["contracts"], _SECTIONS["calendars"]})
"""What a version holds as far as its projects use it: what is gone may still be in the directory,
and what is in use can be removed by nobody; what comes may have been there before, or be back."""


@dataclass(frozen=True, slots=True)
class Change:
    """A contract, a calendar, a project's mapping or the site, and what became of it."""

    what: str
    """Such as `contract standard`."""
    how: How
    parts: tuple[str, ...] = ()
    """Of what was changed: the sections that differ, such as `metrics`."""

    def __str__(self) -> str:
        return f"{self.what} {self.how}" + (f": {', '.join(self.parts)}" if self.parts else "")


def changes(before: Configuration, after: Configuration) -> list[Change]:
    """What one version has otherwise than another, as each would be published."""
    old, new = _plain(before), _plain(after)
    found = [
        change
        for section, word in _SECTIONS.items()
        for change in _of_section(word, old.get(section, {}), new.get(section, {}))
    ]
    return [*found, *_of_entry("site", old["site"], new["site"])]


class Unchanged(NamedTuple):
    """What two versions say alike, word for word."""

    contracts: frozenset[str] = frozenset()
    """The contracts that are the same, with their order forms, calendars and roles."""
    but_for_metrics: frozenset[str] = frozenset()
    """Those that differ in nothing but what their metrics promise, and on which calendars."""
    alerts: frozenset[str] = frozenset()
    """The projects of which the same people hear the same things, by the same rules."""
    mapping: bool = False
    """Whether every issue has the same contract, tier and severity, whatever is known of it."""


def unchanged(
    before: Configuration, after: Configuration, otherwise: Collection[str] = ()
) -> Unchanged:
    """What no issue can be touched by; nothing where what holds for all of them differs.

    A document counts as changed, too, where one that it names was.

    Args:
        before, after: the versions.
        otherwise: the calendars that are known to differ, such as by the clocks of their zones,
            of which no document tells.
    """
    old, new = _plain(before), _plain(after)
    if any(old.get(name) != new.get(name) for name in ("format", "site", "roles")):
        return Unchanged()
    names = old["calendars"].keys() | new["calendars"].keys()
    calendars = {each for each in names if old["calendars"].get(each) != new["calendars"].get(each)}
    calendars.update(otherwise)

    def is_same(a: Any, b: Any) -> bool:
        return bool(a == b and calendars.isdisjoint(_texts(a)))

    def alerts(plain: Mapping[str, Any], project: str) -> Any:
        rules = plain["projects"].get(project, {})
        named = rules.get("alerts", "default"), rules.get("alerts_for", ())
        known = {name: plain["alerts"].get(name) for name in {*_texts(named)}}
        return bool(rules), *named, known

    whole = {id_: (_forms(old, id_), _forms(new, id_)) for id_ in old["contracts"]}
    return Unchanged(
        frozenset(id_ for id_, (a, b) in whole.items() if is_same(a, b)),
        frozenset(
            id_
            for id_, (a, b) in whole.items()
            if a.keys() == b.keys() and all(_but_for_metrics(a[form], b[form]) for form in a)
        ),
        frozenset(
            project
            for project in old["projects"]
            if is_same(alerts(old, project), alerts(new, project))
        ),
        _mapping(old) == _mapping(new),
    )


_MAPPED_BY = ("contracts", "severities")


def _mapping(plain: Mapping[str, Any]) -> Any:
    """All by which an issue's contract, tier and severity are found, and what that rules out."""
    projects = plain["projects"].items()
    return (
        {key: [rules.get(part) for part in _MAPPED_BY] for key, rules in projects},
        {
            (id_, form): (each.get("coverage"), each.get("severities"))
            for id_ in plain["contracts"]
            for form, each in _forms(plain, id_).items()
        },
    )


def _forms(plain: Mapping[str, Any], contract: str) -> Mapping[str | None, Any]:
    """A contract by customer; None: as it holds for everybody."""
    forms = plain.get("order_forms", {}).get(contract, {})
    return {None: plain["contracts"].get(contract), **forms}


def _but_for_metrics(old: Any, new: Any) -> bool:
    return bool(old and new) and {**old, "metrics": 0} == {**new, "metrics": 0}


def _texts(plain: Any) -> Iterator[str]:
    """Every text in a document, which may be a name."""
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, Mapping):
        for each in plain.values():
            yield from _texts(each)
    elif isinstance(plain, (list, tuple)):
        for each in plain:
            yield from _texts(each)


def _plain(configuration: Configuration) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(configuration.text)
    return contracts.upgraded(plain) if plain["format"] == 1 else plain


def _of_section(word: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        yield from _of_entry(f"{word} {name}", old.get(name), new.get(name))


def _come(what: str) -> How:
    return "now used by a project" if _is_if_used(what) else "added"


def _gone(what: str) -> How:
    return "no longer used by any project" if _is_if_used(what) else "removed"


def _is_if_used(what: str) -> bool:
    return what.partition(" ")[0] in _IF_USED


def _of_entry(what: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if old is None or new is None:
        # Order forms that nobody has are no news.
        if old or new:
            yield Change(what, _come(what) if old is None else _gone(what))
    elif isinstance(old, dict) and isinstance(new, dict):
        parts = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        yield Change(what, "changed", tuple(parts))
    else:
        yield Change(what, "changed")
