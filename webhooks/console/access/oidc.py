"""Signing in by a provider of OpenID Connect: authorization code with PKCE, state and nonce.

https://openid.net/specs/openid-connect-core-1_0.html, chapter 3.1, says what has to be checked.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import jwt
import msgspec
from authlib.common.urls import add_params_to_uri
from authlib.integrations.requests_client import OAuth2Session

from config.settings import OpenIdConnect, is_safe_address
from webhooks.console.access import away
from webhooks.console.access.away import Journey, NoRoleError, SignInError
from webhooks.console.access.people import Person, Role

LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""
_ALGORITHMS = frozenset({
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
})  # fmt: skip
"""Those with a key that only the provider has: neither `none`, nor any with our own secret."""
_LONGEST_TOKEN = 50_000
_LONGEST_SUBJECT = 255
_WHO = "The provider"


class _Description(msgspec.Struct):
    """What the issuer says of itself, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    scopes_supported: tuple[str, ...] = ()


def departure(provider: OpenIdConnect, journey: Journey, callback: str) -> str:
    """Where the browser is sent to sign in.

    Raises:
        ProviderAwayError: the issuer does not describe itself.
    """
    with away.asking(_WHO):
        described = _described(provider)
    url, _ = _session(provider, described, callback).create_authorization_url(
        described.authorization_endpoint,
        state=journey.state,
        nonce=journey.nonce,
        code_verifier=journey.verifier,
    )
    return str(url)


def arrival(
    provider: OpenIdConnect,
    journey: Journey,
    callback: str,
    query: Mapping[str, str],
    now: datetime,
) -> Person:
    """Who came back.

    Args:
        query: with which they did; its state was checked.
        now: aware, by the machine's clock.

    Raises:
        SignInError: they did not sign in, or what came is not the provider's.
        NoRoleError: they may not come in.
        ProviderAwayError: the provider does not answer.
    """
    if query.get("iss", provider.issuer) != provider.issuer:
        raise SignInError("The answer is another provider's. Begin again here.")
    if "code" not in query:
        raise SignInError("The provider did not let you in. Begin again here.")
    with away.asking(_WHO):
        described = _described(provider)
        token = _session(provider, described, callback).fetch_token(
            described.token_endpoint,
            grant_type="authorization_code",
            code=query["code"],
            code_verifier=journey.verifier,
            allow_redirects=False,
        )
        keys = away.fetched(described.jwks_uri)
        try:
            claims = _verified(token.get("id_token"), keys, provider, described)
            _check_times(claims, now)
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise SignInError(
                f"The provider's token does not hold ({type(error).__name__}). Begin again here."
            ) from None
        if not hmac.compare_digest(away.text(claims, "nonce").encode(), journey.nonce.encode()):
            raise SignInError("The provider's token is of another sign-in. Begin again here.")
        claims = _with_more(claims, described, away.text(token, "access_token"))
    return _person(provider, claims)


def farewell(provider: OpenIdConnect) -> str | None:
    """Where the browser is sent to end the session at the provider; None: it names no such place.

    https://openid.net/specs/openid-connect-rpinitiated-1_0.html: of somebody who brings no token,
    the provider asks whether they mean it.

    Raises:
        ProviderAwayError: the issuer does not describe itself.
    """
    with away.asking(_WHO):
        there = _described(provider).end_session_endpoint
    return add_params_to_uri(there, [("client_id", provider.client_id)]) if there else None


def _described(provider: OpenIdConnect) -> _Description:
    document = away.fetched(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    described = msgspec.convert(document, _Description)
    if described.issuer != provider.issuer:
        raise ValueError("The issuer calls itself something else.")
    addresses = (
        described.authorization_endpoint, described.token_endpoint, described.jwks_uri,
        described.userinfo_endpoint or described.token_endpoint,
        described.end_session_endpoint or described.token_endpoint,
    )  # fmt: skip
    if not all(map(is_safe_address, addresses)):
        raise ValueError("An address is neither https nor this machine.")
    return described


def _session(provider: OpenIdConnect, described: _Description, callback: str) -> OAuth2Session:
    offered = described.token_endpoint_auth_methods_supported
    # Some let groups stand in a token only where they are asked for; others refuse to be asked.
    groups = " groups" if "groups" in described.scopes_supported else ""
    return OAuth2Session(
        client_id=provider.client_id,
        client_secret=provider.client_secret.reveal(),
        token_endpoint_auth_method=(
            "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        ),
        scope=f"openid email profile{groups}",
        redirect_uri=callback,
        code_challenge_method="S256",
        default_timeout=away.TIMEOUTS,
    )


def _verified(
    token: object, keys: object, provider: OpenIdConnect, described: _Description
) -> dict[str, Any]:
    """What an ID token holds: signed by the provider, of this issuer, for us."""
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        raise jwt.InvalidTokenError("no ID token")
    allowed = sorted(_ALGORITHMS & set(described.id_token_signing_alg_values_supported))
    claims: dict[str, Any] = jwt.decode(
        token,
        _key(jwt.get_unverified_header(token), keys, allowed),
        algorithms=allowed,
        audience=provider.client_id,
        issuer=provider.issuer,
        leeway=LEEWAY,
        options={
            "require": ["exp", "iat", "iss", "aud", "sub", "nonce"],
            # By our one clock instead.
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else provider.client_id) != provider.client_id:
        raise jwt.InvalidAudienceError("made for another client")
    if not 0 < len(away.text(claims, "sub")) <= _LONGEST_SUBJECT:
        raise jwt.InvalidTokenError("no subject")
    return claims


def _key(header: Mapping[str, Any], keys: object, allowed: list[str]) -> jwt.PyJWK:
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in allowed:
        raise jwt.InvalidAlgorithmError("no algorithm of the provider's")
    listed = keys.get("keys") if isinstance(keys, dict) else None
    usable = [
        each
        for each in listed or ()
        if isinstance(each, dict)
        and each.get("use", "sig") == "sig"
        and each.get("alg", algorithm) == algorithm
        and (key_id is None or each.get("kid") == key_id)
    ]
    if len(usable) != 1:
        raise jwt.InvalidKeyError("no key of the provider's, or several")
    return jwt.PyJWK(usable[0], algorithm)


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    ends, made, begins = claims["exp"], claims["iat"], claims.get("nbf", 0)
    if not all(isinstance(each, int | float) for each in (ends, made, begins)):
        raise jwt.InvalidTokenError("times are numbers")
    if at >= ends + leeway:
        raise jwt.ExpiredSignatureError("has ended")
    if max(made, begins) - leeway > at:
        raise jwt.ImmatureSignatureError("is of times to come")


def _with_more(
    claims: dict[str, Any], described: _Description, access_token: str
) -> dict[str, Any]:
    """What the provider tells beside the ID token; several put address and groups there alone."""
    if not described.userinfo_endpoint or not access_token:
        return claims
    told = away.fetched(described.userinfo_endpoint, bearer=access_token)
    if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
        raise ValueError("The provider tells of somebody else.")
    return {**told, **claims}


def _person(provider: OpenIdConnect, claims: Mapping[str, Any]) -> Person:
    subject, address = away.text(claims, "sub"), _address(claims)
    id_ = f"oidc:{subject}"
    names = (away.text(claims, name) for name in ("name", "preferred_username"))
    name = next(filter(None, (*names, address)), subject)
    role = role_of(provider, address, _groups(claims))
    if role is None:
        raise NoRoleError(
            f"The provider knows you as {address or name}, but this console has no role for you. "
            "Ask whoever runs Dueline to name your address or one of your groups in "
            "DUELINE_OIDC_VIEWERS or DUELINE_OIDC_ADMINISTRATORS.",
            id_,
            name,
        )
    return Person(id_, name, role, "oidc")


def role_of(provider: OpenIdConnect, address: str, groups: frozenset[str]) -> Role | None:
    """What somebody may do by their address and their groups; None: not come in.

    What holds an @ names an address and everything else a group, so that neither can stand in for
    the other.
    """
    names = {address.casefold()} if "@" in address else set()
    names |= {group.casefold() for group in groups if "@" not in group}
    if names & provider.administrators:
        return "administrator"
    return "viewer" if provider.viewers is None or names & provider.viewers else None


def _address(claims: Mapping[str, Any]) -> str:
    # An address that nobody checked could be anybody's. Some providers do not tell.
    is_checked = claims.get("email_verified", True) in (True, "true")
    return away.text(claims, "email") if is_checked else ""


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    named = (claims.get(claim) for claim in ("groups", "roles"))
    several = (cast("list[object]", each) for each in named if isinstance(each, list))
    return frozenset(group.strip() for each in several for group in each if isinstance(group, str))
