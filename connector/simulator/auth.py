"""Who is calling: e-mail and token on Cloud; user name, or a personal access token, elsewhere."""

from __future__ import annotations

import base64
import binascii
import hmac

from connector.simulator.model import Account
from connector.simulator.world import World


def account_of(world: World, authorization: str | None) -> Account | None:
    """Return the account behind an Authorization header, or None when it names nobody.

    Basic takes the e-mail address (both) or the user name (Data Center) with the token; Data
    Center takes `Bearer simulator-<name>` as well.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        return _basic(world, credentials.strip())
    if scheme.lower() == "bearer" and not world.cloud:
        return _personal_token(world, credentials.strip())
    return None


def _basic(world: World, credentials: str) -> Account | None:
    try:
        name, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    for account in world.site.accounts.values():
        names = {account.email} if world.cloud else {account.email, account.name}
        if name in names and hmac.compare_digest(token.encode(), account.token.encode()):
            return account
    return None


def _personal_token(world: World, token: str) -> Account | None:
    for account in world.site.accounts.values():
        if hmac.compare_digest(token.encode(), f"{account.token}-{account.name}".encode()):
            return account
    return None
