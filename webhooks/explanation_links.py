"""The addresses of the pages that explain issues, which nobody can guess."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from sqlalchemy import Connection

from connector.remote_link import RemoteLinks
from sla.store import sites
from sla.store.database import Database

_KEY = "explanation_key"


def remote_links(database: Database, site: str, public_url: str) -> RemoteLinks:
    """What the links on a site's issues lead to.

    Args:
        database: keeps the key of the tokens, made at first use.
        site: the site.
        public_url: where people reach this service, without a slash at its end.
    """

    def made(connection: Connection) -> str:
        sites.learn_once(connection, site, _KEY, secrets.token_hex(32))
        return str(sites.known(connection, site, _KEY))

    key = database.write(made)
    return RemoteLinks(
        page=lambda issue_id: f"{public_url}/explain/{_token(key, site, issue_id)}/{issue_id}",
        icon=lambda state: f"{public_url}/states/{state}.png",
    )


def token_key(database: Database, site: str) -> str | None:
    """The key of a site's tokens, which never changes; None before its first link."""
    key: str | None = database.read(lambda c: sites.known(c, site, _KEY))
    return key


def is_token(key: str, site: str, issue_id: str, token: str) -> bool:
    """Whether a token is that of an issue's page."""
    return hmac.compare_digest(_token(key, site, issue_id).encode(), token.encode())


def _token(key: str, site: str, issue_id: str) -> str:
    return hmac.new(key.encode(), f"{site}/{issue_id}".encode(), sha256).hexdigest()
