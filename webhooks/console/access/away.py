"""Signing in elsewhere: what is remembered while somebody is away, and how others are asked.

Addresses come from the settings and from the issuer's own description, never from a request.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import requests
from authlib.integrations.base_client import OAuthError
from flask import session

from config.settings import is_safe_address

_KEPT = "away"
_LONGEST = timedelta(minutes=10)
TIMEOUTS = (3.05, 5)
_LONGEST_ANSWER = 1_000_000
_LONGEST_ONWARDS = 1000
_AT_ONCE = threading.BoundedSemaphore(4)
"""Who hears Jira shares its threads with the console: a provider that hangs must not take them."""


class SignInError(Exception):
    """Somebody could not be let in; the message is for them to read."""

    status = 403


class ProviderAwayError(SignInError):
    """Nobody can sign in this way for the time being."""

    status = 503


class NoRoleError(SignInError):
    """They are who they say, and may not come in.

    Args:
        message: for them to read.
        id_: what the audit log calls them by.
        name: for people to read.
    """

    def __init__(self, message: str, id_: str, name: str) -> None:
        super().__init__(message)
        self.id, self.name = id_, name


class Journey(msgspec.Struct):
    """What is remembered of somebody who was sent away to sign in, in their own session."""

    via: str
    state: str
    """Comes back with them: an answer that this browser did not ask for has another one."""
    nonce: str
    """Stands in the token that was made for this journey, and in no other one."""
    verifier: str
    """Whoever got hold of the code cannot use it without this (PKCE)."""
    onwards: str
    """Where they wanted to go."""
    began_at: datetime


def depart(via: str, onwards: str, now: datetime) -> Journey:
    """Send somebody away; of several journeys of one browser the last one counts."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    # A cookie that is too long is not kept at all.
    onwards = onwards if len(onwards) <= _LONGEST_ONWARDS else ""
    journey = Journey(via, state, nonce, verifier, onwards, now)
    session[_KEPT] = msgspec.to_builtins(journey)
    return journey


def arrive(via: str, state: str, now: datetime) -> Journey:
    """Somebody came back. Each journey ends once, whatever comes of it.

    Raises:
        SignInError: this browser was not sent there, or too long ago.
    """
    kept = session.pop(_KEPT, None)
    try:
        journey = msgspec.convert(kept, Journey)
    except msgspec.ValidationError:
        journey = None
    if (
        journey is None
        or journey.via != via
        or not hmac.compare_digest(journey.state.encode(), state.encode("utf-8", "replace"))
    ):
        raise SignInError(
            "This answer belongs to no sign-in that was begun in this browser, or to an earlier "
            "one. Begin again here."
        )
    if not timedelta(0) <= now - journey.began_at < _LONGEST:
        raise SignInError("Signing in took longer than ten minutes. Begin again here.")
    return journey


@contextmanager
def asking(who: str) -> Iterator[None]:
    """Ask others, a few at a time.

    Raises:
        ProviderAwayError: they did not answer, or not as they should.
    """
    if not _AT_ONCE.acquire(blocking=False):
        raise ProviderAwayError("Too many people sign in just now. Try again in a moment.")
    try:
        yield
    except OAuthError as error:
        # What they say of it may repeat what they were sent.
        code = error.error if str(error.error).isidentifier() else "no reason"
        raise SignInError(f"{who} refused the sign-in ({code}). Begin again here.") from None
    except (requests.RequestException, msgspec.MsgspecError, ValueError) as error:
        answer = getattr(error, "response", None)
        if answer is not None and 400 <= answer.status_code < 500:
            told = f"{who} refused the sign-in ({answer.status_code}). Begin again here."
            raise SignInError(told) from None
        raise ProviderAwayError(
            f"{who} does not answer as it should ({type(error).__name__}). Try again later, or "
            "sign in another way."
        ) from None
    finally:
        _AT_ONCE.release()


def fetched(url: str, *, bearer: str | None = None, json: object = None) -> Any:
    """What somebody answers, as JSON.

    Args:
        url: https, or of this machine.
        bearer: an access token.
        json: what is posted; None: nothing, it is a GET.

    Raises:
        requests.RequestException: nobody answered, or with an error, or with a redirect.
        ValueError: the answer is too long or no JSON, or the address is not safe.
    """
    if not is_safe_address(url):
        raise ValueError("The address is neither https nor this machine.")
    headers = {"Accept": "application/json"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    with requests.request(
        "GET" if json is None else "POST",
        url,
        json=json,
        headers=headers,
        timeout=TIMEOUTS,
        allow_redirects=False,
        stream=True,
    ) as answer:
        answer.raise_for_status()
        if answer.is_redirect:
            raise requests.TooManyRedirects("No redirect is followed.")
        body = b""
        for part in answer.iter_content(65_536):
            body += part
            if len(body) > _LONGEST_ANSWER:
                raise ValueError("The answer is too long.")
    return msgspec.json.decode(body)


def text(members: object, name: str) -> str:
    """A member that is a text; empty where there is none."""
    value = members.get(name) if isinstance(members, dict) else None
    return value.strip() if isinstance(value, str) else ""
