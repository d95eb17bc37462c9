"""A copy of the database to be put aside, made while the service goes on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console

from config.settings import Settings
from sla.errors import StoreError
from sla.store import restored
from sla.store.backup import backup
from webhooks.copying import progress_of
from webhooks.databases import not_migrated, opened


def back_up(settings: Settings, file: Path, now: datetime, console: Console) -> str:
    """Copy the database that is set into a new file.

    Args:
        settings: with the database's address.
        file: where the copy goes.
        now: the present instant.
        console: where progress is shown, if that is a terminal.

    Returns:
        What was made, in a sentence.

    Raises:
        StoreError: there is such a file already, or the copy cannot be made.
    """
    with not_migrated(settings) as database:
        if database.is_shared:
            with progress_of(database, console) as told:
                size = backup(database, file, now, told)
        else:
            size = backup(database, file, now)
        return f"{database.name} copied to {file}: {size:,} bytes, looked through and whole"


def note_restored(settings: Settings, at: datetime, now: datetime) -> str:
    """Note that a database is a copy of an instant, where other means than `back_up` made it.

    Raises:
        StoreError: the instant is still to come, a service runs on the database file, or it cannot
            be used.
    """
    if at > now:
        raise StoreError(f"{at:%Y-%m-%d %H:%M} UTC is still to come: no copy was made then")
    with opened(settings) as database:
        database.claim()
        database.write(lambda c: restored.mark(c, at))
        return (
            f"{database.name} is taken for a copy of {at:%Y-%m-%d %H:%M} UTC: the next start "
            "reads what Jira knows before it concludes anything"
        )
