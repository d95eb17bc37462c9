"""The one way over which a call goes to Jira and comes back as data, or as an error with a meaning.

The library signs and sends; nothing else of it is relied upon. Its own retry stays off, since it
would send a comment twice, and no redirect is followed, since it would carry the token elsewhere.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from email.utils import parsedate_to_datetime
from ssl import SSLCertVerificationError
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from connector.errors import (
    Call,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
    TakenOver,
)

Json = Any
Client = Any
"""A client of the library, whose methods are only partly typed."""

LONGEST_WAIT = timedelta(hours=1)
"""No `Retry-After` is believed beyond it: Data Center writes 2**63 - 1 for a blocked user."""
_LONGEST_SENTENCE = 500
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?", re.ASCII)
# What is longer means the longest wait, and would take its time to read as a number.
_LONGEST_NUMBER = 15
_may_leave: ContextVar[Callable[[], bool] | None] = ContextVar("may_leave", default=None)

# At level DEBUG the library logs the bodies of requests and answers.
logging.getLogger("atlassian").setLevel(logging.INFO)


class Session(requests.Session):
    """A session that never leaves the address it was given."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=0))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect."""


@contextmanager
def asking_before(may_leave: Callable[[], bool]) -> Iterator[None]:
    """Within it `may_leave` is asked right before each change is sent, in this thread.

    Where it says no, nothing is sent, and `TakenOver` is raised.
    """
    before = _may_leave.set(may_leave)
    try:
        yield
    finally:
        _may_leave.reset(before)


class Rest:
    """Calls to one site, safe to share between threads: each has its own client of the library.

    Args:
        make: builds a client whose calls return the raw response.
        secrets: texts that must appear in no error.
    """

    def __init__(self, make: Callable[[], Client], secrets: tuple[str, ...]) -> None:
        self._make = make
        self._secrets = secrets
        self._threads = threading.local()

    def ask(self, what: str, issue: str | None, call: Callable[[Client], object]) -> Json:
        """Ask Jira something; raises `JiraRefused` or `JiraUnreachable`."""
        try:
            answer = self._call(what, issue, call)
        except JiraUncertain as error:
            # A question changes nothing, so that nothing is uncertain about it.
            kind = JiraRefused if error.status else JiraUnreachable
            raise _as(kind, error) from None
        if answer is None:
            # Taken for an answer, an empty page would mean that there is no comment, no issue.
            raise JiraRefused(Call(what, issue, "GET"), "an empty answer", status=200)
        return answer

    def tell(
        self,
        what: str,
        issue: str | None,
        call: Callable[[Client], object],
        *,
        secret: str | None = None,
    ) -> Json:
        """Have Jira change something; raises `JiraUncertain` too, when it may have been done."""
        may_leave = _may_leave.get()
        if may_leave and not may_leave():
            raise TakenOver(f"{what} of {issue} is another process's work by now; nothing was sent")
        return self._call(what, issue, call, secret)

    def _call(
        self,
        what: str,
        issue: str | None,
        call: Callable[[Client], object],
        secret: str | None = None,
    ) -> Json:
        try:
            response = call(self._client)
        except requests.RequestException as error:
            # The cause is left out: a proxy's address in it may hold a password.
            raise _unanswered(Call(what, issue, _request_of(error.request)), error) from None
        if not isinstance(response, requests.Response):
            raise TypeError("The library's client must be made with advanced_mode=True.")
        told = Call(what, issue, _request_of(response.request))
        return _answer(told, response, (*self._secrets, *([secret] if secret else [])))

    @property
    def _client(self) -> Client:
        client: Client = getattr(self._threads, "client", None)
        if client is None:
            client = self._threads.client = self._make()
        return client


def pages(read: Callable[[int], Json], name: str) -> Iterator[Json]:
    """Every element of a list that Jira gives page by page.

    Args:
        read: asks for the page that starts at a position.
        name: the member with the elements.
    """
    start = 0
    while True:
        page = read(start)
        found = page.get(name) if isinstance(page, dict) else None
        if not isinstance(found, list) or not found:
            return
        yield from found
        start += len(found)
        if page.get("isLast") is True or start >= page.get("total", start + 1):
            return


def _unanswered(call: Call, error: requests.RequestException) -> JiraError:
    """Whether a call that brought no answer can have reached Jira."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return JiraUnreachable(call, "no connection in time")
    if isinstance(error, requests.exceptions.ProxyError):
        return JiraUnreachable(call, "the proxy does not let it through")
    if isinstance(error, requests.exceptions.Timeout):
        return JiraUncertain(call, "no answer in time")
    causes = list(_causes(error))
    if any(isinstance(cause, SSLCertVerificationError) for cause in causes):
        return JiraUnreachable(call, "its certificate is not trusted here")
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return JiraUnreachable(call, "no connection to its address")
    if isinstance(error, ValueError):
        return JiraUnreachable(call, "its address is not one")
    return JiraUncertain(call, "the connection broke")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it wraps: requests and urllib3 put causes in `args` and in `reason`."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
            waiting += cause.args


def _answer(call: Call, response: requests.Response, secrets: tuple[str, ...]) -> Json:
    status, data = response.status_code, _json(response)
    if _anonymous(response):
        raise JiraRefused(call, "The credentials were not accepted.", status=401)
    if 200 <= status < 300 and (data is not None or not response.content.strip()):
        return data
    sentence = _without(secrets, _sentence(response, data))[:_LONGEST_SENTENCE]
    # A page instead of data, after a write, says as little as a broken gateway.
    writes = (response.request.method or "GET") != "GET"
    kind = JiraUncertain if writes and (status >= 500 or 200 <= status < 300) else JiraRefused
    raise kind(
        call,
        sentence,
        status=status,
        retry_after=_retry_after(response),
        reason=response.headers.get("RateLimit-Reason"),
        fields=_of_fields(secrets, data),
    )


def _json(response: requests.Response) -> Json:
    try:
        return response.json()
    except ValueError:
        return None


def _anonymous(response: requests.Response) -> bool:
    """Whether Jira took a signed call as nobody's, which it does with a bad token now and then."""
    login = response.headers.get("X-Seraph-LoginReason", "")
    return response.headers.get("X-AUSERNAME") == "anonymous" or any(
        sign in login for sign in ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")
    )


def _sentence(response: requests.Response, data: Json) -> str:
    """Jira's own words in an error, whichever of its forms they come in."""
    if 300 <= response.status_code < 400:
        target = urlsplit(response.headers.get("Location", "")).hostname
        return f"a redirect to {target or 'another page'}"
    if not isinstance(data, dict):
        return "a page that is not JSON" if data is None and response.content else ""
    messages = data.get("errorMessages")
    listed = messages if isinstance(messages, list) else []
    found = [text for text in listed if isinstance(text, str)]
    errors = data.get("errors")
    if isinstance(errors, dict):
        found += [f"{name}: {text}" for name, text in errors.items()]
    for name in ("message", "error"):
        if not found and isinstance(data.get(name), str):
            found = [data[name]]
    return " ".join(" ".join(found).split())


def _of_fields(secrets: tuple[str, ...], data: Json) -> Mapping[str, str]:
    """What Jira says of single fields."""
    errors = data.get("errors") if isinstance(data, dict) else None
    if not isinstance(errors, dict):
        return {}
    return {
        str(name): _without(secrets, str(text))[:_LONGEST_SENTENCE] for name, text in errors.items()
    }


def _without(secrets: tuple[str, ...], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _retry_after(response: requests.Response) -> timedelta | None:
    """How long Jira asks to wait: seconds, or a date that counts from the answer's own."""
    header = response.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(header):
        seconds = float(header) if len(header) <= _LONGEST_NUMBER else LONGEST_WAIT.total_seconds()
        return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
    try:
        until = parsedate_to_datetime(header)
        asked = until - parsedate_to_datetime(response.headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(timedelta(0), min(asked, LONGEST_WAIT))


def _request_of(request: Any) -> str:
    method = getattr(request, "method", None) or "call"
    path = urlsplit(getattr(request, "url", None) or "").path
    return f"{method} {path}".strip()


_Kind = TypeVar("_Kind", bound=JiraError)


def _as(kind: type[_Kind], error: JiraError) -> _Kind:
    return kind(
        error.call,
        error.sentence,
        status=error.status,
        retry_after=error.retry_after,
        reason=error.reason,
        fields=error.fields,
    )
