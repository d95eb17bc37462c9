"""What `dueline apply` and `dueline rollback` do: publish exactly what a plan shows, or refuse."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from config.compiled import load
from config.configuration import Configuration
from config.document_sets import gathered
from config.errors import ConfigError
from config.settings import Settings
from sla.contract import in_words
from sla.errors import SlaError
from sla.preview import Move
from sla.store import publications
from sla.store.consequences import Effects
from sla.store.database import Database, StoreError
from sla.store.publications import Publication
from sla.words import utc
from webhooks.databases import looked_into
from webhooks.drafting import MovedOn, Publishing, Refused
from webhooks.planning import Plan, configuration_of, plan, way
from webhooks.publishing import DEFAULT_SITE, Program, numbered

MOVED_ON = 5
"""The exit status where the world is not what the plan says; nothing was changed."""
_SHOWN, _NAMED = 10, 3
"""How many differences are told, and how many of the versions that came in between."""


class ApplyError(SlaError):
    """It cannot be put in force as things stand; the message says why and what to do."""


class WorldMovedOnError(SlaError):
    """What would happen is not what the plan says; the message names every difference."""


class _Seen(msgspec.Struct, frozen=True):
    """What is needed of a plan that was printed."""

    before: str
    after: str
    recalculate: bool
    moves: Sequence[Move]
    effects: _SeenEffects
    site: str = ""
    """As plans say it; one that an older release printed does not."""
    publication: int = 0


class _SeenEffects(msgspec.Struct, frozen=True):
    issues: Sequence[Effects]


@dataclass(frozen=True)
class Applying:
    """A configuration that is to come into force.

    Args:
        settings: with the database, and with who decides what is in force.
        target: its directory, or the number of the version that is to come back.
        now: the clock.
        reason: why, in a few words.
        author: who does it; None: whoever is signed in to this machine.
        recalculate: whether the open issues are moved to it, or keep what was promised.
    """

    settings: Settings
    target: Path | int
    now: Callable[[], datetime]
    reason: str
    author: str | None
    recalculate: bool

    def plan(self, seen: Path | None = None) -> Plan:
        """What it would do now.

        Args:
            seen: a plan that was printed as JSON, which has to say the same.

        Raises:
            ConfigurationError: the directory is faulty; with every error.
            StoreError: the database cannot be used, or there is no such version.
            ApplyError: it would be taken back at the next start, there is no reason or author, the
                version is in force already, or the file holds no plan.
            WorldMovedOnError: something else would happen than the plan says.
        """
        if not self.reason.strip():
            raise ApplyError("--reason is empty: say why, since the reason stays with the version")
        self._author()
        printed = _read(seen) if seen else None
        self._refuse_what_is_taken_back()
        found = plan(self.settings, self.target, self.now(), recalculate=self.recalculate)
        if isinstance(self.target, int) and found.before == found.after:
            raise ApplyError(f"version {self.target} is what is in force already")
        if printed:
            self._refuse_another_site(printed, found)
        if printed and not found.does_nothing:
            self._compare(printed, found)
        return found

    def again(self, shown: Plan) -> Plan:
        """The same once more, after somebody took the time to look at it.

        Raises:
            WorldMovedOnError: something else would happen by now.
        """
        found = self.plan()
        printed = msgspec.json.decode(shown.as_json(), type=_Seen)
        self._compare(printed, found)
        return found

    def put_in_force(self, agreed: Plan) -> Publication:
        """Publish it, in one transaction with its line in the audit log.

        Raises:
            WorldMovedOnError: another version came into force, or the directory has changed.
        """
        with looked_into(self.settings) as database:
            configuration, documents = self._whole(database)
            if configuration.policy.version != agreed.after:
                raise WorldMovedOnError(
                    f"{self.target} came to version {agreed.after} when it was planned, and comes "
                    f"to {configuration.policy.version} now: plan again"
                )
            publishing = Publishing(database, DEFAULT_SITE, self.now, self.settings.edits)
            try:
                return publishing.apply(
                    Program("command line", self._author()), configuration, documents, self.reason,
                    before=agreed.before, recalculate=self.recalculate,
                    restored=self.target if isinstance(self.target, int) else None,
                )  # fmt: skip
            except MovedOn as error:
                raise WorldMovedOnError(str(error)) from None
            except Refused as error:
                raise ApplyError(str(error)) from None

    def _refuse_another_site(self, printed: _Seen, found: Plan) -> None:
        if printed.site and printed.site != found.site:
            raise WorldMovedOnError(
                f"the plan is of another site: it was made where Dueline is {printed.site}, and "
                f"this is where it is {found.site}.\nNothing was changed: make the plan here."
            )

    def _compare(self, printed: _Seen, found: Plan) -> None:
        """Refuse unless what would happen is what was shown."""
        lines = list(_differences(printed, found))
        if lines:
            more = [f"and {len(lines) - _SHOWN:,} more"] if len(lines) > _SHOWN else []
            reason = f"the world is not what the plan says: {self._why(printed)}:"
            raise WorldMovedOnError(
                "\n  ".join([reason, *lines[:_SHOWN], *more])
                + "\nNothing was changed: look at a new plan."
            )

    def _why(self, printed: _Seen) -> str:
        """What happened since a plan was made, as far as anybody published; else, that it lived."""
        since: Sequence[Publication] = ()
        if printed.publication:
            with looked_into(self.settings) as database:
                since = database.read(
                    lambda c: publications.since(c, DEFAULT_SITE, printed.publication)
                )
        if not since:
            return "something else would happen by now"
        named = ", ".join(
            f"version {each.id} by {each.author} at {utc(each.published_at.replace(microsecond=0))}"
            for each in since[-_NAMED:]
        )
        earlier = f"{len(since) - _NAMED:,} more and " if len(since) > _NAMED else ""
        return f"{earlier}{named} came into force since"

    def _whole(self, database: Database) -> tuple[Configuration, Mapping[str, str]]:
        """What is to come into force, with its documents."""
        target = self.target
        if isinstance(target, int):
            found = database.read(lambda c: publications.documents_of(c, DEFAULT_SITE, target))
            return numbered(database, DEFAULT_SITE, target), found or {}
        configuration = load(target)
        return configuration, gathered(target, configuration)

    def _author(self) -> str:
        if self.author is not None:
            if not self.author.strip():
                raise ApplyError("--author is empty: name who does it, or leave it out")
            return self.author.strip()
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            raise ApplyError("this machine does not know your name; give it as --author") from None

    def _refuse_what_is_taken_back(self) -> None:
        """Where a directory decides at each start, only what it holds can come into force."""
        if self.settings.edits != "files":
            return
        directory = self.settings.config
        try:
            decides = load(directory).policy.version
        except ConfigError:
            decides = "with faults"
        version = configuration_of(self.settings, self.target)[0].policy.version
        if version != decides:
            raise ApplyError(
                f"DUELINE_EDITS is files, so that {directory} decides at each start: it holds "
                f"version {decides}, and the next start would take version {version} back; put the "
                "change there and start the service again, or set DUELINE_EDITS=apply"
            )


def _read(file: Path) -> _Seen:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Seen)
    except OSError as error:
        raise ApplyError(f"{file}: cannot be read ({error.strerror})") from None
    except msgspec.MsgspecError as error:
        raise ApplyError(
            f"{file}: is no plan ({error}); give what `dueline plan DIR --json` printed"
        ) from None


def _differences(printed: _Seen, found: Plan) -> Iterator[str]:
    if printed.before != found.before:
        yield f"in force: version {printed.before} in the plan, {found.before} now"
    if printed.after != found.after:
        yield f"to come into force: version {printed.after} in the plan, {found.after} now"
    if printed.recalculate != found.recalculate:
        wanted = "--recalculate" if printed.recalculate else "--keep"
        yield f"the plan was made for {wanted}, which is not what was asked for now"
    planned = {(each.issue, each.metric): each for each in printed.moves}
    now = {(each.issue, each.metric): each for each in found.moves}
    for which in sorted(planned.keys() | now.keys()):
        if planned.get(which) != now.get(which):
            name = f"{which[0]} {in_words(which[1])}"
            yield f"{name}: {_move(planned.get(which))} in the plan, {_move(now.get(which))} now"
    yield from _of_effects(printed.effects.issues, found.effects)


def _of_effects(planned: Sequence[Effects], now: Sequence[Effects]) -> Iterator[str]:
    before = {each.issue: _plain(each) for each in planned}
    after = {each.issue: _plain(each) for each in now}
    for issue in sorted(before.keys() | after.keys()):
        was, is_ = before.get(issue, {}), after.get(issue, {})
        for what in sorted(was.keys() | is_.keys()):
            if was.get(what) != is_.get(what):
                of = (_written(was.get(what)), _written(is_.get(what)))
                yield f"{issue} {what}: {of[0]} in the plan, {of[1]} now"


def _plain(effects: Effects) -> dict[str, Any]:
    """What would be written because of an issue, by what it is; what is not, is left out."""
    fields = {
        f"field {role}": [*change]
        for role, change in msgspec.to_builtins(effects.fields).items()
    }  # fmt: skip
    comments = {
        f"comment {each.key}": [each.occasion, utc(each.at), *each.actions]
        for each in effects.comments
    }
    withdrawn = {f"{key} that waits": ["withdrawn"] for key in effects.withdrawn}
    return {**fields, **comments, **withdrawn, **({"link": ["written"]} if effects.link else {})}


def _move(move: Move | None) -> str:
    return way(move) if move else "does not move"


def _written(values: Sequence[Any] | None) -> str:
    return " ".join("empty" if each is None else str(each) for each in values) if values else "none"


__all__ = ["MOVED_ON", "ApplyError", "Applying", "StoreError", "WorldMovedOnError"]
