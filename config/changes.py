"""What differs between two versions of the configuration: a line for each document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from config import contracts
from config.configuration import Configuration

How = Literal["added", "removed", "changed"]
_SECTIONS = {
    "contracts": "contract",
    "order_forms": "order forms of",
    "calendars": "calendar",
    "projects": "project",
    "alerts": "alerts",
    "roles": "role",
}
"""What an entry of each section is called."""


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


def _plain(configuration: Configuration) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(configuration.text)
    return contracts.upgraded(plain) if plain["format"] == 1 else plain


def _of_section(word: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        yield from _of_entry(f"{word} {name}", old.get(name), new.get(name))


def _of_entry(what: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if old is None or new is None:
        # Order forms that nobody has are no news.
        if old or new:
            yield Change(what, "added" if old is None else "removed")
    elif isinstance(old, dict) and isinstance(new, dict):
        parts = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        yield Change(what, "changed", tuple(parts))
    else:
        yield Change(what, "changed")
