"""The one tree of errors this package raises: what was tried, what came, what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

_NOTHING: Mapping[str, str] = MappingProxyType({})


class ConnectorError(Exception):
    """Something between Dueline and Jira is wrong; the message says what."""


class SetupError(ConnectorError):
    """The SLA fields cannot be found or made as asked."""


class WordingError(ConnectorError):
    """A comment's template is broken, or asks for something that is not there."""


class TakenOver(ConnectorError):  # noqa: N818 - named by meaning
    """Nothing was sent: this process was held up, and another one has the work now."""


class Call(msgspec.Struct, frozen=True):
    """What was being done, in words for people and as sent; never with a body or a header."""

    what: str
    """Such as `writing fields`."""
    issue: str | None
    request: str
    """Method and path."""

    def __str__(self) -> str:
        subject = f"{self.what} of {self.issue}" if self.issue else self.what
        return f"{subject} ({self.request})"


class JiraError(ConnectorError):
    """A call to Jira came to nothing.

    Attributes:
        call: what was being done.
        status: the HTTP status, if there was an answer.
        sentence: Jira's own words, shortened; empty if it gave none.
        retry_after: how long Jira asks to wait; None if it does not say.
        reason: which limit was hit, as `RateLimit-Reason` names it.
        fields: what Jira says of single fields, by their ids.
        advice: the next step, where more is known than what the status says.
    """

    def __init__(
        self,
        call: Call,
        sentence: str = "",
        *,
        status: int | None = None,
        retry_after: timedelta | None = None,
        reason: str | None = None,
        fields: Mapping[str, str] = _NOTHING,
        advice: str = "",
    ) -> None:
        self.call = call
        self.status = status
        self.sentence = sentence
        self.retry_after = retry_after
        self.reason = reason
        self.fields = fields
        self.advice = advice
        super().__init__(self._message())

    def _message(self) -> str:
        raise NotImplementedError


class JiraRefused(JiraError):  # noqa: N818 - named by meaning
    """Jira answered, and did not do it."""

    def _message(self) -> str:
        advice = self.advice or _advice(self.status)
        return f"Jira answered {self.status} to {self.call}{self._said()}. {advice}"

    def _said(self) -> str:
        return f': "{self.sentence.rstrip(".")}"' if self.sentence else ""


class NotJira(JiraRefused):
    """What answered is not this Jira: a firewall, a server without it, a site that is shut.

    It says nothing of the call, which is made again when the Jira is back.
    """


class Blocked(NotJira):
    """Something before Jira stops this one call, while Jira answers others, which need not wait."""

    def _message(self) -> str:
        return (
            f"Something before Jira answered {self.status} to {self.call}{self._said()}, and lets "
            "other calls through. Have it let this one through too: a firewall's log names the "
            "rule that stopped it."
        )


class NotPermitted(JiraRefused):
    """A 401 of which it is known that it speaks of a right or a scope: the credentials are good."""


class SignInRefused(JiraRefused):
    """A client's id and secret brought no access token; no call can be signed."""

    def _message(self) -> str:
        return (
            f"The client id and secret brought no access token, {self.call}{self._said()}. "
            f"{self.advice}"
        )


class JiraUnreachable(JiraError):  # noqa: N818 - named by meaning
    """Nothing was done: the call never reached Jira, or it only asked and no answer came."""

    def _message(self) -> str:
        advice = self.advice or "Check its address, the network and the proxy."
        return f"Jira could not be reached for {self.call}: {self.sentence}. {advice}"


class JiraUncertain(JiraError):  # noqa: N818 - named by meaning
    """The call was sent, and whether Jira did it is not known: look before sending it again."""

    def _message(self) -> str:
        answer = f"answered {self.status}" if self.status else "gave no answer"
        return (
            f"Jira {answer} to {self.call}: {self.sentence or 'no reason given'}. "
            "It may have been done all the same; that is looked up before it is sent again."
        )


_ADVICE = {
    400: "Check that the value fits the field, and that the account may edit issues and comment.",
    401: "The account's e-mail address and a valid token are needed; tokens expire after a year.",
    403: "The account needs the permission for it, and the site must allow this kind of sign-in.",
    404: "It must exist, and the account must be allowed to see it.",
    405: "The address must be that of Jira itself, as its own pages show it.",
    407: "The proxy wants credentials.",
    410: "This Jira no longer offers the call; a newer version of Dueline is needed.",
    413: "It must be shorter, or the issue has reached its limit of comments.",
    429: "Jira asks for fewer calls for a while.",
}


def _advice(status: int | None) -> str:
    code = status or 0
    if code < 400:
        return (
            "An answer in JSON was due: the address must be that of Jira itself, without a detour."
        )
    return _ADVICE.get(
        code, "Its own log tells why." if code >= 500 else "The call must fit this Jira."
    )
