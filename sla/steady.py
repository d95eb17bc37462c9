"""What an issue's fields were all along, in short: enough for most mappings, without its history.

Most fields of most issues never change. What these are is noted when an issue is decided, and a
preview of another mapping asks that note which promise the issue would have, at every instant of
its life. Of a field that ever changed, or of which the note would be long, it says that it does not
know; then the history is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from sla.timeline import SYSTEM_FIELDS, Changed, Event, FieldValue, Seen

_LONGEST, _LONGEST_NOTE = 100, 2_000
"""Characters of a value, and of a whole note: a mapping looks at choices, and not at prose."""
# Whom an issue is about, and its prose, are left to the history, where a person can be forgotten;
# so is what changes in nearly every issue: a note that is written anew is work for each event.
_LEFT_OUT = frozenset({
    "key", "summary", "description", "assignee", "creator", "reporter", "status", "resolution",
})  # fmt: skip
_CUSTOM = "customfield_"


class Steady(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is noted of an issue, fields by Jira's own ids of them."""

    values: Mapping[str, FieldValue]
    """Of the fields that never changed and are not empty."""
    unsteady: set[str]
    """Those of which it knows nothing; every other field was empty all along."""

    def knows_of(self, changed: Iterable[str]) -> bool:
        """Whether it was written with these fields known to have changed."""
        return all(each in self.unsteady or each in _LEFT_OUT for each in changed)

    def at_all_times(self, ids: Iterable[str]) -> tuple[FieldValue, ...] | None:
        """What some fields were as long as the issue lives; None: that is not known of each."""
        wanted = [*ids]
        if not self.unsteady.isdisjoint(wanted) or not _LEFT_OUT.isdisjoint(wanted):
            return None
        return tuple([self.values.get(each) for each in wanted])


def read(text: str | None) -> Steady | None:
    """A note as it is kept; None: there is none, or it cannot be read, and the history tells."""
    try:
        return _decode(text) if text else None
    except msgspec.MsgspecError:
        return None


_decode = msgspec.json.Decoder(Steady).decode


def noted(facts: Iterable[Event]) -> str | None:
    """The note of an issue as it is kept; None: it would be too long.

    Args:
        facts: all that is known of it, fields by Jira's own ids.
    """
    shown, unsteady = _shown(facts)
    values: dict[str, FieldValue] = {}
    # Most are empty.
    for name, value in [each for each in shown.items() if each[1] is not None]:
        if name in unsteady or name in _LEFT_OUT:
            continue
        if _is_choice(name, value):
            values[name] = value
        else:
            unsteady.add(name)
    note = _encode(Steady(values, unsteady - _LEFT_OUT))
    return note.decode() if len(note) <= _LONGEST_NOTE else None


def _shown(facts: Iterable[Event]) -> tuple[dict[str, FieldValue], set[str]]:
    """What each field was shown as at first, and which were otherwise, too."""
    shown: dict[str, FieldValue] = {}
    otherwise: set[str] = set()
    for fact in facts:
        if type(fact) is Changed:
            otherwise.add(fact.field)
        elif type(fact) is not Seen:
            continue
        elif not shown:
            shown = dict(fact.fields)
        # Nearly every payload shows what the ones before it showed.
        elif not fact.fields.items() <= shown.items():
            for name, value in fact.fields.items():
                if shown.setdefault(name, value) != value:
                    otherwise.add(name)
    return shown, otherwise


_encode = msgspec.json.Encoder(order="deterministic").encode


def _is_choice(name: str, value: FieldValue) -> bool:
    """Whether a value is one that a mapping may look at, of a field that goes by Jira's own id."""
    length = len(value) if isinstance(value, str) else sum(map(len, value or ()))
    return length <= _LONGEST and (name in SYSTEM_FIELDS or name.startswith(_CUSTOM))
