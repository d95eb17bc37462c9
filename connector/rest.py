"""The one way over which a call goes to Jira and comes back as data, or as an error with a meaning.

The library builds and sends; nothing else of it is relied upon. Its own retry stays off, since it
would send a comment twice, and no redirect is followed, since it would carry the token elsewhere.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests

from connector import advice, answer, sign_in
from connector.errors import (
    Call,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
)
from connector.facts import Json
from connector.leaving import leave
from connector.limits import Limits
from connector.sign_in import WayIn
from sla.steps import Step

Client = Any
"""A client of the library, whose methods are only partly typed."""

_MYSELF = "rest/api/2/myself"
"""In both flavours."""

# At level DEBUG the library logs the bodies of requests and answers.
logging.getLogger("atlassian").setLevel(logging.INFO)


class Session(sign_in.Session):
    """What a client of the library sends with: to the one place where the way in leads, signed.

    Args:
        way_in: None sends unsigned, to the address that the client has.
    """

    def __init__(self, way_in: WayIn | None = None) -> None:
        super().__init__()
        self._way_in = way_in
        if way_in:
            self.auth = way_in

    def request(  # type: ignore[override]
        self, method: str, url: str, **parts: Any
    ) -> requests.Response:
        """Send a request, to where the way in leads by now."""
        there = self._way_in.address_of(url) if self._way_in else url
        return super().request(method, there, **parts)


class Answer(NamedTuple):
    """What came back to a question, whatever its status."""

    status: int
    """401 too where Jira took a signed call as nobody's."""
    headers: Mapping[str, str]
    """By name, in any case."""
    data: Json
    """None where it is no JSON."""
    path: str
    """Of the address that was asked; at Atlassian's gateway it names the site."""


class Rest:
    """Calls to one site, safe to share between threads: each has its own client of the library.

    Args:
        make: builds a client whose calls return the raw response.
        way_in: what its sessions are signed with, whose secrets appear in no error; None: nothing.

    Attributes:
        limits: what the site last said of how much it may be asked.
    """

    def __init__(self, make: Callable[[], Client], way_in: WayIn | None = None) -> None:
        self._make = make
        self._way_in = way_in
        self._threads = threading.local()
        self.limits = Limits()

    def ask(self, what: str, issue: str | None, call: Callable[[Client], object]) -> Json:
        """Ask Jira something; raises `JiraRefused` or `JiraUnreachable`."""
        try:
            found = self._call(what, issue, call)
        except JiraUncertain as error:
            # A question changes nothing, so that nothing is uncertain about it.
            kind = JiraRefused if error.status else JiraUnreachable
            raise _as(kind, error) from None
        if found is None:
            # Taken for an answer, an empty page would mean that there is no comment, no issue.
            raise JiraRefused(Call(what, issue, "GET"), "an empty answer", status=200)
        return found

    def look(self, what: str, call: Callable[[Client], object]) -> Answer:
        """Ask Jira something, and take whatever it answers.

        Raises:
            SignInRefused, JiraUnreachable: nothing was answered.
        """
        try:
            response = self._answered(what, None, call)
        except JiraUncertain as error:
            raise _as(JiraUnreachable, error) from None
        status = 401 if answer.is_nobodys(response) else response.status_code
        path = urlsplit(response.url or "").path
        return Answer(status, response.headers, answer.json_of(response), path)

    def tell(
        self,
        what: str,
        issue: str | None,
        call: Callable[[Client], object],
        *,
        secret: str | None = None,
    ) -> Json:
        """Have Jira change something; raises `JiraUncertain` too, when it may have been done."""
        if self._way_in:
            # To be noted as leaving and then to wait for a token would be to leave too late.
            self._way_in.ready()
        leave(what, issue)
        secrets = (secret,) if secret else ()
        return self._call(what, issue, call, *secrets, before_again=lambda: leave(what, issue))

    def _call(
        self,
        what: str,
        issue: str | None,
        call: Callable[[Client], object],
        *more_secrets: str,
        before_again: Callable[[], None] = lambda: None,
    ) -> Json:
        response = self._answered(what, issue, call, before_again)
        told = Call(what, issue, answer.request_of(response.request))
        try:
            return answer.read(told, response, (*self._secrets, *more_secrets))
        except JiraRefused as error:
            kind = answer.if_jira_takes_us(error, response)
            if kind is None or not self._takes_us():
                raise
            raise _as(kind, error, advice.LACKS_RIGHT) from None

    def _takes_us(self) -> bool:
        """Whether Jira answers us at all, as the account that we are."""
        if self._way_in is None:
            return False
        try:
            myself = self.look("reading the account", lambda client: client.get(_MYSELF))
        except JiraError:
            return False
        return myself.status == 200 and isinstance(myself.data, dict)

    def _answered(
        self,
        what: str,
        issue: str | None,
        call: Callable[[Client], object],
        before_again: Callable[[], None] = lambda: None,
    ) -> requests.Response:
        """What came back; to a call that was refused its credentials, once more with others."""
        response = self._sent(what, issue, call)
        way_in = self._way_in
        if way_in and answer.refuses_credentials(response) and way_in.another(response.request):
            before_again()
            return self._sent(what, issue, call)
        return response

    def _sent(
        self, what: str, issue: str | None, call: Callable[[Client], object]
    ) -> requests.Response:
        with Step("call", what=what, issue=issue) as step:
            try:
                response = call(self._client)
            except requests.RequestException as error:
                # The cause is left out: a proxy's address in it may hold a password.
                told = Call(what, issue, answer.request_of(error.request))
                raise answer.none_came(told, error) from None
            if not isinstance(response, requests.Response):
                raise TypeError("The library's client must be made with advanced_mode=True.")
            step.outcome = str(response.status_code)
            step.facts["method"] = response.request.method
        self.limits.note(response.status_code, response.headers)
        return response

    @property
    def _secrets(self) -> tuple[str, ...]:
        return self._way_in.secrets if self._way_in else ()

    @property
    def _client(self) -> Client:
        client: Client = getattr(self._threads, "client", None)
        if client is None:
            client = self._threads.client = self._make()
        return client


_Kind = TypeVar("_Kind", bound=JiraError)


def _as(kind: type[_Kind], error: JiraError, advice_: str | None = None) -> _Kind:
    return kind(
        error.call,
        error.sentence,
        status=error.status,
        retry_after=error.retry_after,
        reason=error.reason,
        fields=error.fields,
        advice=error.advice if advice_ is None else advice_,
    )
