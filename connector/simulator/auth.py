"""Who is calling: by which token, good where, with which scopes."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

from connector.simulator.model import Account
from connector.simulator.world import World


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, and what its token is good for; no `scopes`: all that the account may do."""

    account: Account
    scopes: frozenset[str] | None = None


def account_of(world: World, authorization: str | None, *, gateway: bool = False) -> Account | None:
    """Return the account behind an Authorization header, or None when it names nobody."""
    caller = caller_of(world, authorization, gateway=gateway)
    return caller.account if caller else None


def caller_of(world: World, authorization: str | None, *, gateway: bool = False) -> Caller | None:
    """Return whom an Authorization header lets in, or None when it names nobody.

    Basic takes the e-mail address (both) or the user name (Data Center) with a token; bearer takes
    personal and access tokens on Data Center, and at the `gateway` of Cloud, where alone tokens
    with scopes are good. `simulator-<name>` is a personal token of each account of Data Center.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "basic" and (world.cloud or world.takes_passwords):
        return _basic(world, credentials.strip(), gateway=gateway)
    if scheme.lower() == "bearer" and (gateway or not world.cloud):
        return _bearer(world, credentials.strip())
    return None


def _basic(world: World, credentials: str, *, gateway: bool) -> Caller | None:
    try:
        name, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    for account in world.site.accounts.values():
        names = {account.email} if world.cloud else {account.email, account.name}
        if name in names:
            made = _made(world, token) if world.cloud else None
            if made and made.account == account and (gateway or made.scopes is None):
                return made
            if _same(token, account.token):
                return Caller(account)
    return None


def _bearer(world: World, token: str) -> Caller | None:
    if made := _made(world, token):
        return made
    for account in world.site.accounts.values():
        if not world.cloud and _same(token, f"{account.token}-{account.name}"):
            return Caller(account)
    return None


def _made(world: World, text: str) -> Caller | None:
    for token in world.tokens:
        ended = token.ends_at is not None and token.ends_at <= world.now()
        if _same(text, token.text) and not ended:
            return Caller(world.account(token.email), token.scopes)
    return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
