"""A copy of the database in one file, made while the service goes on writing."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from sla.store import copying, restored
from sla.store.copying import Told
from sla.store.database import Database, StoreError


def backup(
    database: Database,
    file: Path,
    now: datetime,
    told: Told = lambda _table, _rows: None,
) -> int:
    """Copy a database into a new SQLite file, as it is at one instant, and look the file through.

    It is there under its name only when it is whole and on disk.

    Args:
        database: of either kind; whoever uses it goes on meanwhile.
        file: where the copy goes.
        now: the present instant.
        told: told of each table while a server's rows are copied.

    Returns:
        The file's size in bytes.

    Raises:
        StoreError: there is such a file already, it cannot be written, or the database is damaged.
    """
    if file.exists() or file.is_symlink():
        raise StoreError(f"{file}: is there already; name a new file, or remove this one")
    with _beside(file) as growing:
        if database.is_shared:
            _from_server(database, growing, told)
        else:
            _from_file(database, growing)
        _using(growing, lambda copy: copy.write(lambda c: restored.mark(c, now)))
        _check(growing)
        _flush(growing)
        _give_name(growing, file)
        _flush(file.parent)
    return file.stat().st_size


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A file of another name for what is not whole yet; nobody else may read what it will hold."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    except OSError as error:
        raise StoreError(f"{file}: cannot be made there: {error.strerror}") from error
    os.close(handle)
    growing = Path(name)
    try:
        yield growing
    except OSError as error:
        raise StoreError(f"{file}: the backup could not be written: {error.strerror}") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(f"{file}: the backup could not be made: {cause}") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            growing.with_name(growing.name + suffix).unlink(missing_ok=True)


def _from_file(database: Database, growing: Path) -> None:
    # In one reading transaction: a writer neither waits for it nor makes it begin again, as it
    # would with copying page by page. And what was deleted is not copied with its free pages.
    with closing(database.engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM INTO ?", (str(growing),))


def _from_server(database: Database, growing: Path, told: Told) -> None:
    _using(growing, lambda copy: copying.copy(database, copy, told))


def _using(file: Path, act: Callable[[Database], object]) -> None:
    with closing(Database(f"sqlite:///{file}")) as copy:
        act(copy)


def _check(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        # One file without another beside it, which can be read from a disk that nobody writes to.
        connection.execute("PRAGMA journal_mode=DELETE")
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise StoreError(f"the copy is damaged, so that it was not kept: {'; '.join(found)}")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _give_name(growing: Path, file: Path) -> None:
    """Name a file for good, unless the name was taken meanwhile."""
    try:
        os.link(growing, file)
    except FileExistsError as error:
        raise StoreError(f"{file}: somebody made it meanwhile; name another file") from error
    except OSError:
        # Not every disk can give a file two names.
        if file.exists():
            raise StoreError(f"{file}: somebody made it meanwhile; name another file") from None
        growing.rename(file)
