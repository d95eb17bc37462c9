"""Signing in by Atlassian's own accounts (OAuth 2.0 3LO), for a site on Cloud.

https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/ tells how. Atlassian documents
neither PKCE nor an ID token for it: the state ties the answer to the browser, and who it is is
asked with the access token, which is forgotten at once. No lasting access is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from config.settings import AtlassianSignIn, Settings
from webhooks.console.access import away
from webhooks.console.access.away import Journey, NoRoleError, SignInError
from webhooks.console.access.people import Person

_NEEDED = "read:jira-user"
_SCOPES = f"read:me {_NEEDED}"
"""Who it is, and which Jira sites they may use; nothing of what is in them."""
_WHO = "Atlassian"


def departure(settings: Settings, journey: Journey, callback: str) -> str:
    """Where the browser is sent to sign in."""
    query = {
        "audience": "api.atlassian.com",
        "client_id": _client(settings).client_id,
        "scope": _SCOPES,
        "redirect_uri": callback,
        "state": journey.state,
        "response_type": "code",
        "prompt": "consent",
    }
    return f"{settings.atlassian_auth}/authorize?{urlencode(query)}"


def arrival(settings: Settings, callback: str, query: Mapping[str, str]) -> Person:
    """Who came back.

    Args:
        query: with which they did; its state was checked.

    Raises:
        SignInError: they did not sign in.
        NoRoleError: they have no access to this Jira.
        ProviderAwayError: Atlassian does not answer.
    """
    if "code" not in query:
        raise SignInError("Atlassian did not let you in. Begin again here.")
    way = _client(settings)
    with away.asking(_WHO):
        token = away.fetched(
            f"{settings.atlassian_auth}/oauth/token",
            json={
                "grant_type": "authorization_code",
                "client_id": way.client_id,
                "client_secret": way.client_secret.reveal(),
                "code": query["code"],
                "redirect_uri": callback,
            },
        )
        bearer = away.text(token, "access_token")
        if not bearer:
            raise ValueError("No access token.")
        gateway = settings.atlassian_gateway
        account = away.fetched(f"{gateway}/me", bearer=bearer)
        sites = away.fetched(f"{gateway}/oauth/token/accessible-resources", bearer=bearer)
    id_ = away.text(account, "account_id")
    if not id_:
        raise SignInError("Atlassian does not tell who you are. Begin again here.")
    return _person(settings, way, id_, account, sites)


def _client(settings: Settings) -> AtlassianSignIn:
    if settings.atlassian_sign_in is None:
        raise SignInError("This console does not take Atlassian's accounts.")
    return settings.atlassian_sign_in


def _person(
    settings: Settings, way: AtlassianSignIn, id_: str, account: object, sites: object
) -> Person:
    address = away.text(account, "email")
    name = away.text(account, "name") or address or id_
    person = Person(f"atlassian:{id_}", name, "viewer", "atlassian")
    if away.text(account, "account_status") not in ("", "active"):
        raise NoRoleError("Your Atlassian account is not active.", person.id, name)
    if not any(_is_ours(settings, each) for each in (sites if isinstance(sites, list) else ())):
        raise NoRoleError(
            f"Atlassian knows you as {address or name}, but you have no access to "
            f"{settings.jira_url}, or did not choose it when you were asked. Choose it, or ask its "
            "administrator.",
            person.id,
            name,
        )
    if {id_.casefold(), address.casefold()} & way.administrators:
        return Person(person.id, name, "administrator", "atlassian")
    return person


def _is_ours(settings: Settings, site: object) -> bool:
    scopes = site.get("scopes") if isinstance(site, dict) else None
    if not isinstance(scopes, list) or _NEEDED not in scopes:
        return False
    cloud_id = away.text(site, "id")
    at_the_gateway = f"{settings.atlassian_gateway}/ex/jira/{cloud_id}" if cloud_id else ""
    ours = settings.jira_url.rstrip("/").casefold()
    return ours in {away.text(site, "url").rstrip("/").casefold(), at_the_gateway.casefold()} - {""}
