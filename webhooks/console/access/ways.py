"""The ways to sign in elsewhere that the settings name, and the road there and back.

What each needs is imported when somebody takes it: most consoles have one of them or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from config.settings import Settings
from webhooks.console.access.people import Person

Way = Literal["oidc", "atlassian"]


def offered(settings: Settings) -> dict[Way, str]:
    """What the buttons say."""
    ways: dict[Way, str] = {}
    if settings.atlassian_sign_in:
        ways["atlassian"] = "Sign in with Atlassian"
    if settings.oidc:
        ways["oidc"] = f"Sign in at {urlsplit(settings.oidc.issuer).hostname}"
    return ways


def leave(settings: Settings, way: Way, onwards: str, callback: str, now: datetime) -> str:
    """Begin a sign-in elsewhere.

    Args:
        onwards: where they go afterwards.
        callback: the address at which they come back.
        now: aware, by the machine's clock.

    Returns:
        The address to which the browser is sent.

    Raises:
        SignInError: that cannot be done at present.
    """
    from webhooks.console.access import away

    journey = away.depart(way, onwards, now)
    if way == "oidc" and settings.oidc:
        from webhooks.console.access import oidc

        return oidc.departure(settings.oidc, journey, callback)
    from webhooks.console.access import atlassian

    return atlassian.departure(settings, journey, callback)


def farewell(settings: Settings) -> str | None:
    """Where somebody ends their session at the provider, too; None: there is no such place.

    Raises:
        SignInError: the provider does not answer.
    """
    if settings.oidc is None:
        return None
    from webhooks.console.access import oidc

    return oidc.farewell(settings.oidc)


def arrive(
    settings: Settings, way: Way, callback: str, query: Mapping[str, str], now: datetime
) -> tuple[Person, str]:
    """Who came back, and where they wanted to go.

    Args:
        callback: as it was when they left.
        query: with which they came.
        now: aware, by the machine's clock.

    Raises:
        SignInError: they did not sign in, or may not come in; the message is for them.
    """
    from webhooks.console.access import away

    journey = away.arrive(way, query.get("state", ""), now)
    if way == "oidc" and settings.oidc:
        from webhooks.console.access import oidc

        return oidc.arrival(settings.oidc, journey, callback, query, now), journey.onwards
    from webhooks.console.access import atlassian

    return atlassian.arrival(settings, callback, query), journey.onwards
