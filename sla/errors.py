"""The one tree of errors that this package raises."""


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


class UnreadableFactError(SlaError):
    """A stored fact of an issue is none: it was altered by hand, or is of a newer release."""

    def __init__(self, issue_id: str, kind: str, why: object) -> None:
        # As they came: where several processes read, it is made anew of these in another one.
        super().__init__(issue_id, kind, str(why))

    def __str__(self) -> str:
        issue_id, kind, why = self.args
        return f"a stored fact ({kind}) of Jira id {issue_id} cannot be read: {why}"


class UnreadableRowError(SlaError):
    """What a column of an issue's row holds was altered by hand, or is of a newer release."""

    def __init__(self, issue_id: str, column: str, why: object) -> None:
        super().__init__(issue_id, column, str(why))

    def __str__(self) -> str:
        issue_id, column, why = self.args
        return f"the stored {column} of Jira id {issue_id} cannot be read: {why}"
