"""Folds stored histories range by range, in as many processes as there are processors."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from config.configuration import Configuration
from sla.known_sites import SiteFacts, remembered_site
from sla.mapping import Policy
from sla.store import sites
from sla.store.database import Database, StoreError
from sla.store.open_issues import Facts, Range
from webhooks.publishing import DEFAULT_SITE, last_published
from webhooks.to_stay import made_to_stay

_VERSIONS_IN_MEMORY = 16
_Found = TypeVar("_Found")
_Found_co = TypeVar("_Found_co", covariant=True)


def in_force(database: Database, otherwise: str = "") -> tuple[Configuration, SiteFacts]:
    """What decides at present, and what is known of the Jira.

    Args:
        database: the service's.
        otherwise: what else there is to do where it holds nothing, for the end of the sentence.

    Raises:
        StoreError: no service ever reached a Jira with it.
    """
    published, known = (
        last_published(database, DEFAULT_SITE),
        remembered_site(database, DEFAULT_SITE),
    )
    if published is None or known is None:
        raise StoreError(
            f"{database.name}: holds no issue yet, since no service ever reached its Jira;"
            f" DUELINE_DATABASE_URL names the database of the service{otherwise}"
        )
    return published, known


class Rules(NamedTuple):
    """A version as it judges the issues of a site."""

    policy: Policy
    facts: Facts
    """Makes timelines of what it looks at."""


class Versions:
    """The versions of the configuration that judge a site's issues, each built once.

    Args:
        database: where they are kept.
        site: what was learned of the Jira.
    """

    def __init__(self, database: Database, site: SiteFacts) -> None:
        self._database, self._site = database, site
        self.published = lru_cache(maxsize=_VERSIONS_IN_MEMORY)(self._published)

    def rules(self, policy: Policy) -> Rules:
        """A version that is at hand, published or not."""
        for_site = self._site.applied_to(policy)
        return Rules(for_site, Facts(for_site, self._site.names_for(policy)))

    def _published(self, version: str) -> Rules:
        """A version by its name.

        Raises:
            LookupError: it is not in the database.
        """
        text = self._database.read(lambda c: sites.published(c, version))
        if text is None:
            raise LookupError(f"policy version {version} is not in the database")
        return self.rules(Configuration.from_text(text).policy)


class Folder(Protocol[_Found_co]):
    """Folds ranges of issues, in one process."""

    @property
    def database(self) -> Database:
        """It is closed when all is done."""

    def range(self, within: Range) -> _Found_co:
        """What is found of the issues of a range: something that can be packed."""


def side_by_side(
    make: Callable[[], Folder[_Found]], cuts: Sequence[Range], kind: type[_Found], processes: int
) -> Iterator[_Found]:
    """What each range comes to, in order, folded side by side where that can be.

    Args:
        make: makes a folder, in the process that uses it; no database may be open by then.
        cuts: the ranges.
        kind: the type of what is found of each.
        processes: how many fold at once; 0: one for each processor.
    """
    processes = processes or processors()
    if processes == 1 or len(cuts) < 2 or not _can_fork():
        here = make()
        with closing(here.database):
            yield from map(here.range, cuts)
        return
    packed = msgspec.msgpack.Decoder(kind)
    # Forked, so that nothing is imported and no policy built a second time: 0.8 s each.
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, fork, initializer=_begin, initargs=(make,)) as pool:
        parts = pool.map(_fold, cuts)
        # It refers to nothing in a circle, and lasts: to look through all that was found again and
        # again took 0.5 of the 0.7 s that it takes to gather it from 100,000 issues.
        with made_to_stay():
            yield from map(packed.decode, parts)


def processors() -> int:
    """How many may be used."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_here: Folder[Any]


def _begin(make: Callable[[], Folder[Any]]) -> None:
    global _here
    # What is there now stays: to look through it for garbage again and again took 7 %. What is made
    # of an issue refers to nothing in a circle: to look for circles after each few took 4 %, and
    # found none. They are looked for once in each range.
    gc.freeze()
    gc.disable()
    _here = make()


def _fold(within: Range) -> bytes:
    # Packed in a third of the time that pickling takes.
    folded = msgspec.msgpack.encode(_here.range(within))
    gc.collect()
    return folded


def _can_fork() -> bool:
    """A thread that holds a lock while another forks holds it in the child for ever."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
