"""What an answer of Jira means, or that there was none: data, or an error with cause and remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from ssl import SSLCertVerificationError, SSLError
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from connector import advice
from connector.errors import (
    Blocked,
    Call,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
    NotJira,
    NotPermitted,
)

Json = Any

LONGEST_WAIT = timedelta(hours=1)
"""No `Retry-After` is believed beyond it: Data Center writes 2**63 - 1 for a blocked user."""
_LONGEST_SENTENCE = 500
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?", re.ASCII)
# What is longer means the longest wait, and would take its time to read as a number.
_LONGEST_NUMBER = 15


def read(call: Call, response: requests.Response, secrets: tuple[str, ...]) -> Json:
    """Return the data of an answer; None when it is empty, as it should be.

    Args:
        call: what was being done.
        response: the answer, whole.
        secrets: texts that must appear in no error.

    Raises:
        JiraRefused, JiraUncertain: it is no data.
    """
    status, data = response.status_code, json_of(response)
    sentence = shown(secrets, sentence_of(response, data))
    holds_data = data is not None or not response.content.strip()
    if _was_nobodys(response, sentence, holds_data=holds_data):
        raise JiraRefused(
            call,
            "The credentials were not accepted.",
            status=401,
            advice=advice.on_credentials(response),
        )
    if 200 <= status < 300 and holds_data:
        return data
    # A page instead of data, after a write, says as little as a broken gateway.
    writes = (response.request.method or "GET") != "GET"
    kind: type[JiraError] = _refusal(response, sentence)
    if writes and (status >= 500 or 200 <= status < 300):
        kind = JiraUncertain
    raise kind(
        call,
        sentence,
        status=status,
        retry_after=retry_after(response),
        reason=response.headers.get("RateLimit-Reason"),
        fields=_of_fields(secrets, data),
        advice=advice.on_answer(response, sentence),
    )


def _refusal(response: requests.Response, sentence: str) -> type[JiraRefused]:
    if advice.is_not_jira(response, sentence):
        return NotJira
    if response.status_code == 401 and not refuses_credentials(response):
        return NotPermitted
    return JiraRefused


def if_jira_takes_us(error: JiraRefused, response: requests.Response) -> type[JiraRefused] | None:
    """What an error is where Jira takes other calls of ours; None: the same whether it does or not.

    Data Center answers 401 to who may not assign, with what it says of the field; a proxy that
    hides the account's name leaves open whether it means that. Of no other 401 it is asked: with a
    bad password that would lock the account.
    """
    if isinstance(error, NotJira):
        return Blocked
    of_a_field = response.status_code == 401 and error.fields
    if of_a_field and refuses_credentials(response) and not is_nobodys(response):
        return NotPermitted
    return None


def refuses_credentials(response: requests.Response) -> bool:
    """Whether it is the credentials that a site does not take, in this place or any more.

    Jira answers 401 also to an account that it knows and that may not do something.
    """
    if response.status_code == 401:
        known = advice.is_somebodys(response)
        return not known and advice.SCOPE_MISSING not in advice.body_text(response).lower()
    if response.status_code == 403 and advice.NO_BEARER_HERE in advice.body_text(response).lower():
        return True
    return is_nobodys(response)


def is_nobodys(response: requests.Response) -> bool:
    """Whether Jira took a signed call as nobody's, which it does with a bad token now and then."""
    login = response.headers.get("X-Seraph-LoginReason", "")
    return response.headers.get("X-AUSERNAME") == "anonymous" or any(
        sign in login for sign in ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")
    )


def _was_nobodys(response: requests.Response, sentence: str, *, holds_data: bool) -> bool:
    """Whether an answer is as it is because nobody asked, and not for a reason of its own."""
    status = response.status_code
    if not is_nobodys(response) or (status == 403 and "basic auth" in sentence.lower()):
        return False
    return (200 <= status < 300 and holds_data) or status in (400, 403, 404)


class NoAuthorities(requests.exceptions.SSLError):
    """The certificates by which others are judged cannot be read."""


def none_came(call: Call, error: requests.RequestException) -> JiraError:
    """Why no answer came, and whether the call can have reached Jira."""
    if isinstance(error, NoAuthorities):
        return JiraUnreachable(call, str(error).rstrip("."), advice=advice.AUTHORITIES)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return JiraUnreachable(call, "no connection in time", advice=advice.FIREWALL)
    if isinstance(error, requests.exceptions.ProxyError):
        return JiraUnreachable(call, "the proxy does not let it through", advice=advice.PROXY)
    if isinstance(error, requests.exceptions.Timeout):
        return JiraUncertain(call, "no answer in time", advice=advice.SLOW)
    host = urlsplit(getattr(error.request, "url", None) or "").netloc.rpartition("@")[2]
    for cause in _causes(error):
        if found := _before_anything_was_sent(cause, host):
            sentence, remedy = found
            return JiraUnreachable(call, sentence, advice=remedy)
    if isinstance(error, ValueError):
        return JiraUnreachable(call, "its address is not one")
    return JiraUncertain(call, "the connection broke", advice=advice.on_a_break(error.request))


def _before_anything_was_sent(cause: BaseException, host: str) -> tuple[str, str] | None:
    if isinstance(cause, SSLCertVerificationError):
        return advice.on_certificate(getattr(cause, "verify_code", 0), host)
    if isinstance(cause, SSLError) and advice.speaks_no_tls(cause):
        return f"{host} does not speak https there", advice.PLAIN_HTTP
    if isinstance(cause, NameResolutionError):
        return f"the name {host} is not known", advice.NAME
    if isinstance(cause, NewConnectionError):
        return f"no connection to its address {host}", advice.NOBODY_LISTENS
    return None


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


def json_of(response: requests.Response) -> Json:
    """The data in an answer; None when it holds none."""
    try:
        if response.encoding is not None:
            return json.loads(response.text)
        try:
            return json.loads(response.content)
        except UnicodeDecodeError:
            # `requests` would guess the encoding, too, and not keep it.
            return json.loads(advice.body_text(response))
    except ValueError:
        return None


def sentence_of(response: requests.Response, data: Json) -> str:
    """Jira's own words in an error, whichever of its forms they come in."""
    if 300 <= response.status_code < 400:
        target = urlsplit(response.headers.get("Location", "")).hostname
        return f"a redirect to {target or 'another page'}"
    if not isinstance(data, dict):
        title = advice.title_of(response)
        named = f', titled "{title}"' if title else ""
        return f"a page that is not JSON{named}" if data is None and response.content else ""
    messages = data.get("errorMessages")
    listed = messages if isinstance(messages, list) else []
    found = [text for text in listed if isinstance(text, str)]
    errors = data.get("errors")
    if isinstance(errors, dict):
        found += [f"{name}: {text}" for name, text in errors.items()]
    for name in ("message", "errorMessage", "error_description", "error"):
        if not found and isinstance(data.get(name), str):
            found = [data[name]]
    return " ".join(" ".join(found).split())


def _of_fields(secrets: tuple[str, ...], data: Json) -> Mapping[str, str]:
    """What Jira says of single fields."""
    errors = data.get("errors") if isinstance(data, dict) else None
    if not isinstance(errors, dict):
        return {}
    return {str(name): shown(secrets, str(text)) for name, text in errors.items()}


def shown(secrets: tuple[str, ...], text: str) -> str:
    """A text as it may stand in an error: with each secret in it hidden, and not too long."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text[:_LONGEST_SENTENCE]


def retry_after(response: requests.Response) -> timedelta | None:
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


def request_of(request: Any) -> str:
    """Method and path of a request, for people; never its query, its body or its headers."""
    method = getattr(request, "method", None) or "call"
    path = urlsplit(getattr(request, "url", None) or "").path
    return f"{method} {path}".strip()
