"""Which errors are the storage's own, so that nobody takes them for a fault of what was stored."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from sla.errors import StoreError

# A server that only reads; a transaction that it took back for another's sake or for its length.
_OF_THE_SERVER = frozenset({"25006", "25P03", "40001", "40P01"})


def storage_fault(error: BaseException) -> Exception | None:
    """An error as the storage's own; None where it is the fault of what was to be done.

    What a driver files under another heading (a damaged page, a server that only reads) comes back
    as an OperationalError, for which everybody looks.
    """
    if isinstance(error, OperationalError | StoreError | NoConnectionFree):
        return error
    if isinstance(error, DBAPIError) and error.orig is not None and _is_own(error.orig):
        return OperationalError(None, None, error.orig, hide_parameters=True)
    return None


def reason(error: BaseException) -> str:
    """What is wrong, in a line without what was to be stored."""
    text = str(getattr(error, "orig", None) or error)
    return text.strip().partition("\n")[0]


def _is_own(cause: BaseException) -> bool:
    # Of this very class are "malformed" and "not a database"; faults of a statement are not.
    return (
        type(cause) is sqlite3.DatabaseError or getattr(cause, "sqlstate", None) in _OF_THE_SERVER
    )
