"""Keeps what a backtest found, so that others can look at it in the console."""

from __future__ import annotations

import zlib
from datetime import datetime

import msgspec

from config.settings import Settings
from sla.store import backtests
from sla.store.backtests import Kept
from sla.store.database import Database
from webhooks.backtesting import Backtest
from webhooks.databases import opened
from webhooks.publishing import DEFAULT_SITE
from webhooks.questions import QuestionError

_LONGEST_NAME = 200


def check_name(name: str) -> str:
    """The name under which a backtest is to be kept.

    Raises:
        QuestionError: it is none, or too long.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise QuestionError(f"--save: a name has 1 to {_LONGEST_NAME} characters, on one line")
    return name


def keep(settings: Settings, name: str, found: Backtest, now: datetime) -> str:
    """Keep a backtest; where it is to be found, in words.

    Raises:
        StoreError: the database cannot be used.
    """
    summary = {
        "period": found.period,
        "before": found.before,
        "after": found.after,
        "cost": " ".join(found.cost()),
    }
    packed = zlib.compress(msgspec.msgpack.encode(found))
    with opened(settings) as database:
        id_ = database.write(lambda c: backtests.add(c, DEFAULT_SITE, name, now, summary, packed))
    return f"Kept as backtest {id_}: /backtests/{id_} in the console"


def read(database: Database, site: str, id_: int) -> tuple[Kept, Backtest] | None:
    """A backtest that was kept; None where there is none of that number."""
    found = database.read(lambda c: backtests.get(c, site, id_))
    if found is None:
        return None
    kept, packed = found
    return kept, msgspec.msgpack.decode(zlib.decompress(packed), type=Backtest)
