"""Whether a call comes from our Forge app: the invocation token that Forge sends with each.

https://developer.atlassian.com/platform/forge/remote/essentials/ tells what such a token holds. The
keys that sign it are fetched from Atlassian, and kept; a token never says where they are.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import jwt
import requests
import structlog

Verdict = Literal["good", "bad", "no keys"]

_log = structlog.get_logger(__name__)
ISSUER = "forge/invocation-token"
APP = "ari:cloud:ecosystem::app/"
KEPT_FOR = timedelta(hours=1)
"""How long keys are used without looking whether they are still the same."""
KEPT_AT_MOST = timedelta(days=1)
"""How long they are used while nobody tells whether they are still the same."""
ASKED_EVERY = timedelta(minutes=1)
"""How often keys are fetched at most, however many tokens name unknown ones: a new key is published
before it signs anything."""
ASKED_AGAIN = timedelta(seconds=5)
"""How soon after keys could not be had."""
LEEWAY = timedelta(seconds=30)
_LONGEST_TOKEN = 20_000
_LONGEST_KEY_SET = 1_000_000
_AT_ONCE = 65_536
# Forge waits for five seconds in all.
_TIMEOUTS = (1.5, 1.5)


class InvocationTokens:
    """Judges the tokens of one Forge app. Any number of threads may share it.

    Args:
        app: the app, by its id or by its whole ARI.
        keys_url: where the key set is.
        now: the present instant.
        fetch: gives the key set's document; raises `OSError` or `ValueError` when there is none.
    """

    def __init__(
        self,
        app: str,
        keys_url: str,
        now: Callable[[], datetime],
        fetch: Callable[[str], Any] | None = None,
    ) -> None:
        self._audience = app if app.startswith("ari:") else APP + app
        self._keys_url = keys_url
        self._now = now
        self._fetch = fetch or fetched
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._had_at: datetime | None = None
        self._asked_at: datetime | None = None

    def judge(self, token: str) -> Verdict:
        """Whether a token is Forge's, for this app, and holds now.

        Returns:
            `no keys` where that cannot be told for the time being.
        """
        key_id = _key_id(token)
        if key_id is None:
            return "bad"
        looked = self._look_for(key_id)
        known = self._knows_keys()
        key = self._keys.get(key_id) if known else None
        if key is None:
            return "bad" if known and looked else "no keys"
        return "good" if self._holds(token, key) else "bad"

    def _holds(self, token: str, key: jwt.PyJWK) -> bool:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=ISSUER,
                options={
                    "require": ["exp", "iss", "aud"],
                    # By our one clock instead, below.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return False
        now = self._now().timestamp()
        leeway = LEEWAY.total_seconds()
        begins, ends = claims.get("nbf", now), claims["exp"]
        if not all(isinstance(each, int | float) for each in (begins, ends)):
            return False
        return bool(begins - leeway <= now < ends + leeway)

    def _look_for(self, key_id: str) -> bool:
        """See to it that the keys are up to date; False while another thread does."""
        if self._is_fresh() and key_id in self._keys:
            return True
        # Anybody may name a key that there is not: one thread may wait for Atlassian, not all.
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._look()
        finally:
            self._lock.release()
        return True

    def _is_fresh(self) -> bool:
        return self._had_within(KEPT_FOR)

    def _knows_keys(self) -> bool:
        return self._had_within(KEPT_AT_MOST)

    def _had_within(self, length: timedelta) -> bool:
        # A clock that was set back makes them old too.
        return self._had_at is not None and self._had_at <= self._now() < self._had_at + length

    def _look(self) -> None:
        """Fetch the keys, unless that was tried just now."""
        now, asked_at = self._now(), self._asked_at
        pause = ASKED_EVERY if self._had_at == asked_at else ASKED_AGAIN
        if asked_at is not None and asked_at <= now < asked_at + pause:
            return
        self._asked_at = now
        try:
            self._keys = _usable(self._fetch(self._keys_url))
        except (OSError, ValueError, jwt.PyJWTError) as error:
            _log.warning("forge keys could not be had", reason=type(error).__name__)
            return
        self._had_at = now


def fetched(url: str) -> Any:
    """A key set's document.

    Raises:
        OSError: nobody answered.
        ValueError: what was answered is no JSON, or too long.
    """
    with requests.get(url, timeout=_TIMEOUTS, allow_redirects=False, stream=True) as answer:
        answer.raise_for_status()
        body = b""
        for part in answer.iter_content(_AT_ONCE):
            body += part
            if len(body) > _LONGEST_KEY_SET:
                raise ValueError("The key set is too long.")
    return json.loads(body)


def _usable(document: Any) -> Mapping[str, jwt.PyJWK]:
    """By their ids the keys that can have signed a token."""
    found = jwt.PyJWKSet.from_dict(document if isinstance(document, dict) else {}).keys
    usable = {each.key_id: each for each in found if each.key_id and each.key_type == "RSA"}
    if not usable:
        raise ValueError("The key set holds no key for RS256.")
    return usable


def _key_id(token: str) -> str | None:
    """Which key a token says that it was signed with; None where it cannot be one of Forge's."""
    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError):
        return None
    key_id = head.get("kid")
    return key_id if head.get("alg") == "RS256" and isinstance(key_id, str) else None
