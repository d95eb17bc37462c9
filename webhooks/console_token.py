"""The console's token on the terminal of whoever starts the service, or asks for another one.

It goes to a terminal and nowhere else: what a service prints elsewhere is kept as its log, and that
is read by many. Where there is no terminal none is made, and the command that makes one is named.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config.settings import Settings
    from sla.store.database import Database


def first_told(database: Database, site: str, settings: Settings, now: datetime) -> None:
    """Make the first token and show it, this once; say nothing where there is one."""
    if settings.console_token:
        return
    from webhooks.console.access import local_token

    if database.read(lambda c: local_token.kept(c, site)):
        return
    terminals = [stream for stream in (sys.stderr, sys.stdout) if stream.isatty()]
    if terminals:
        token = database.write(lambda c: local_token.make_first(c, site, settings, now))
        if token:
            click.echo(shown(token, settings), file=terminals[0])
    elif not (settings.oidc or settings.atlassian_sign_in):
        told = "Nobody can sign in to the console yet: `dueline console-token` makes a token."
        click.echo(told, file=sys.stderr)


def another(settings: Settings, site: str, now: datetime) -> tuple[str, str]:
    """Make a token in place of the one before.

    Returns:
        The token, and the database whose service it opens: in another directory it is another one.

    Raises:
        TokenError: it is set in the environment.
        StoreError: the database is not there, or cannot be used.
    """
    from webhooks.console.access import local_token
    from webhooks.databases import opened

    with opened(settings) as database:
        token = database.write(lambda c: local_token.make(c, site, settings, now))
        return token, database.name


def shown(token: str, settings: Settings) -> str:
    """The token with what it is for."""
    return (
        f"Sign in to the console at {address(settings)} with this token, which is not shown "
        f"again:\n\n  {token}\n\n`dueline console-token` makes another one."
    )


def address(settings: Settings) -> str:
    """Where people open the console."""
    return f"{settings.public_url or f'http://{settings.host}:{settings.port}'}/"
