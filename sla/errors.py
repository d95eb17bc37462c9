"""The one tree of errors that this package raises."""

from __future__ import annotations

from typing import ClassVar


class SlaError(Exception):
    """Something about a promise, a calendar or a history is wrong; the message says what."""


class CalendarError(SlaError):
    """A calendar, or what was asked of one, makes no sense."""


class NaiveInstant(CalendarError):  # noqa: N818 - named by meaning
    """An instant without a time zone was handed in; nobody can know which instant it is."""


class OutOfRange(CalendarError):  # noqa: N818 - named by meaning
    """An instant before 1970 or after 2200 was handed in, or would be the answer."""


class NeverOpens(CalendarError):  # noqa: N818 - named by meaning
    """A calendar has no open time left where the answer would have to be."""


class StoreError(SlaError):
    """The database cannot be used; the message names the address (without password) and why."""


class _UnreadableError(SlaError):
    """What is stored of an issue was altered by hand, or is of a newer release."""

    what: ClassVar[str]

    def __init__(self, issue_id: str, name: str, why: object) -> None:
        # As they came: where several processes read, it is made anew of these in another one.
        super().__init__(issue_id, name, str(why))

    def __str__(self) -> str:
        issue_id, name, why = self.args
        return f"{self.what.format(name)} of Jira id {issue_id} cannot be read: {why}"


class UnreadableFactError(_UnreadableError):
    """A stored fact of an issue is none; named by its kind."""

    what = "a stored fact ({})"


class UnreadableRowError(_UnreadableError):
    """What a column of an issue's row holds is not of its kind; named by the column."""

    what = "the stored {}"
