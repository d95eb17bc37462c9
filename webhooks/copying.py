"""Moving to another database: everything copied into an empty one, and both held against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy.engine import URL

from config.settings import Settings
from sla.store import copying
from sla.store.checksums import Sum
from sla.store.copying import Told
from sla.store.database import Database, StoreError, address_of
from webhooks.databases import at, not_migrated


def copy_database(settings: Settings, to: str, console: Console) -> Sequence[Sum]:
    """Copy the database that is set into the empty one at an address.

    Args:
        settings: with the address of the source.
        to: the target's address.
        console: where progress is shown, if that is a terminal.

    Returns:
        What both hold now.

    Raises:
        StoreError: the target is the source or holds something, a service is running on either,
            or anything fails; the target is then empty.
    """
    from_address = address_of(settings.database_url.reveal())
    to_address = address_of(to, "--to")
    if from_address == to_address or _is_one_file(from_address, to_address):
        raise StoreError("--to names the very database that DUELINE_DATABASE_URL names")
    with not_migrated(settings) as source, at(to) as target:
        for database in (source, target):
            database.claim()
            _require_quiet(database)
        with progress_of(source, console) as told:
            return copying.copy(source, target, told)


def show(found: Sequence[Sum], console: Console) -> None:
    """What was copied, as a table for people."""
    table = Table("table", title="The same in both")
    table.add_column("rows", justify="right")
    table.add_column("SHA-256", overflow="fold")
    for each in found:
        table.add_row(each.table, str(each.rows), each.checksum)
    console.print(table)


@contextmanager
def progress_of(database: Database, console: Console) -> Iterator[Told]:
    """A bar over all rows of a database, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        total = sum(copying.size(database).values()) if console.is_terminal else 0
        task = bar.add_task("copying", total=total)

        def told(table: str, rows: int) -> None:
            bar.update(task, advance=rows, description=table)

        yield told


def _require_quiet(database: Database) -> None:
    number = copying.others(database)
    if number:
        raise StoreError(
            f"{database.name}: {number} other connections of Dueline are open; stop whatever runs "
            "on it, since what is written meanwhile would not be in the copy"
        )


def _is_one_file(*addresses: URL) -> bool:
    """Whether two files are one, by whatever names."""
    paths = [
        Path(address.database)
        for address in addresses
        if address.database and address.drivername.startswith("sqlite")
    ]
    return len(paths) == 2 and all(path.exists() for path in paths) and paths[0].samefile(paths[1])
