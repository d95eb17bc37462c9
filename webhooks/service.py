"""The one place where all is wired together: database, policy, engine, Jira, wake-ups, HTTP."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from config.configuration import Configuration
from config.settings import JiraAccess, Settings
from config.wording import DEFAULTS
from connector.errors import ConnectorError
from connector.translate import Translation, translate
from sla.errors import StoreError
from sla.known_sites import SiteFacts, remember_installation, remember_site, remembered_site
from sla.lanes import GivingWay, Key, Lane, drain
from sla.mapping import Policy
from sla.steps import Watcher, unwatch, watch
from sla.store import faults, health, holds, inbox, restored, sites
from sla.store.database import Database
from sla.store.migrate import migrate
from sla.store.publications import IN_FORCE
from sla.timeline import SYSTEM_FIELDS
from webhooks.jira import client_for
from webhooks.publishing import DEFAULT_SITE as DEFAULT_SITE
from webhooks.publishing import MOVING, InForce, last_published, take_directory
from webhooks.rush import Rush
from webhooks.zone_record import take_zone_data

if TYPE_CHECKING:
    from connector.base import Field, JiraClient
    from connector.dispatch import Dispatcher
    from connector.histories import HistoryReader
    from connector.notifier import Notifier
    from connector.outlet import Holds, Outlet
    from connector.reconcile import Reconciler
    from connector.sending import Message, Sent
    from sla.engine.engine import Engine
    from sla.lanes import Call
    from sla.queue import SharedWakeups
    from sla.wakeups import Clock, LocalWakeups, Running, Wakeups

_log = structlog.get_logger(__name__)
# A lost wake-up is repaired this often; everything is woken at its own instant besides.
SWEEP_SECONDS = 5.0
# How long until Jira is asked again who we are and which fields there are.
_KNOWN_FOR = timedelta(hours=1)
_UNKNOWN_FOR = timedelta(seconds=10)
_VERSIONS_IN_MEMORY = 16
_TRIMMED_AT_ONCE = 500
_ROOM = "x" * 200_000
_FILLED_AT_ONCE = 20_000
_TRIM_EVERY = timedelta(hours=1)
# So many steps of having open issues hear of a publication, of a hundred issues each, then a pause.
_STEPS = 10
_BETWEEN_STEPS = timedelta(seconds=0.02)
# Issues at once in one process: what waits for Jira more than for the processor goes side by side.
_SIDE_BY_SIDE = {"decide": 2, "histories": 2, "dispatch": 4, "notify": 2}


if TYPE_CHECKING:
    _made_once = cached_property
else:

    class _made_once(cached_property):  # noqa: N801 - as `cached_property`
        """Made when first asked for, and once, though several threads ask at a time.

        `cached_property` itself lets two of them make it from Python 3.12 on.
        """

        def __get__(self, service: Any, owner: Any = None) -> Any:
            if service is None:
                return self
            with service.making:
                return super().__get__(service, owner)


def _opened(settings: Settings) -> Database:
    database = Database(settings.database_url.reveal())
    migrate(database)
    return database


class Service:
    """One running Dueline: it hears one Jira, decides, and writes back.

    What decides and writes is made when the work begins, or somebody asks for it: its imports take
    a tenth of a start, and hearing Jira needs none of them.

    Args:
        settings: the environment, read.
        in_force: the contracts, the mapping and the site that decide from now on.
        clock: the one clock.
        jitter: a number from 0 to 1; random unless a test says otherwise.
        sending: how a channel beyond Jira is told; None: as `connector.sending` does.
        database: with this version's tables, where it is open already; closed with the service.
    """

    def __init__(
        self,
        settings: Settings,
        in_force: InForce,
        clock: Clock,
        *,
        jitter: Callable[[], float] = random.random,
        sending: Callable[[str, Message], Sent] | None = None,
        database: Database | None = None,
    ) -> None:
        self.settings = settings
        self.access: JiraAccess = settings.require_jira()
        self.configuration = in_force.configuration
        self.clock = clock
        self._jitter, self._sending = jitter, sending
        # One for all: most of what is made asks for the engine.
        self.making = threading.RLock()
        self.database = database or _opened(settings)
        copied_at = self.database.write(lambda c: restored.recognise(c, clock.now()))
        if copied_at:
            _log.warning("begun on a copy of the database", copied_at=copied_at.isoformat())
        self._client: JiraClient | None = None
        self._jira_fields: Sequence[Field] = ()
        self._contact_at: datetime | None = None
        self._ignored_fields: frozenset[str] = frozenset(self.configuration.site.fields.values())
        self.troubles: dict[str, str] = {"jira": "not reached yet"}
        if in_force.refused:
            self.troubles["configuration"] = in_force.refused
        if in_force.drifted:
            self.troubles["calendars"] = in_force.drifted
            _log.warning("calendars would be frozen otherwise now", reason=in_force.drifted)
        self.differs = in_force.differs
        """That the directory holds something else than what was published in the console."""
        if in_force.differs:
            _log.warning("the directory does not decide", reason=in_force.differs)
        self._adopting = threading.Lock()
        self._outlets: dict[str, Outlet] = {}
        self._sites: dict[str, SiteFacts] = {}
        self._publish(in_force)
        self._recall_site()
        self._inbox_days = timedelta(days=settings.inbox_days)
        self._note_channels()
        self.rush = Rush()
        self._watchers: dict[Watcher, Callable[[], None]] = {}
        self._wakeups: Wakeups | None = None
        self._hears = True
        self._looking = threading.Lock()
        self._looked_at: datetime | None = None

    @_made_once
    def engine(self) -> Engine:
        """What decides."""
        from sla.engine.engine import Engine

        version = self.configuration.policy.version
        return Engine(
            self.database, self.clock.now, self._read_delivery, self._policy(), version, self._sites
        )

    @_made_once
    def dispatcher(self) -> Dispatcher:
        """What writes to Jira."""
        from connector.dispatch import Dispatcher

        return Dispatcher(self.database, self.clock.now, self._outlets, self._jitter, self._holds)

    @_made_once
    def histories(self) -> HistoryReader:
        """What reads the histories of issues."""
        from connector.histories import HistoryReader

        return HistoryReader(
            self.database, self.engine, self.clock.now, self._outlets, self._jitter, self._holds
        )

    @_made_once
    def reconciler(self) -> Reconciler:
        """What finds the changes of which no delivery told."""
        from connector.outlet import Judge
        from connector.reconcile import Reconciler

        judge = Judge(self._holds, self.clock.now, self._jitter)
        every = self.settings.reconcile_every
        return Reconciler(self.database, self.engine, self.clock.now, self._outlets, judge, every)

    @_made_once
    def lanes(self) -> dict[str, Lane]:
        """What works on one issue after the other."""
        lanes: dict[str, Lane] = {
            "decide": self.engine,
            "histories": self.histories,
            "dispatch": self.dispatcher,
        }
        return {**lanes, "notify": self._notifier()} if self.settings.channels else lanes

    @_made_once
    def beside(self) -> dict[str, Callable[[], None]]:
        """What is done from time to time, beside the lanes."""
        beside: dict[str, Callable[[], None]] = {
            "contact": self.keep_contact,
            "reconcile": self.reconciler.run,
            "trim": self.trim_inbox,
            "publications": self.follow_publications,
            "limits": self.note_limits,
        }
        if self.access.webhook_tokens:
            from webhooks.renewing import WebhookKeeper

            # An app's own webhooks are never signed: without a token none can come in.
            keeper = WebhookKeeper(
                self.database, self.clock.now, self._outlets, self.reconciler.judge, self.troubles
            )
            beside["webhooks"] = keeper.run
        return beside

    @_made_once
    def _holds(self) -> Holds:
        from connector.outlet import Holds

        return Holds(self.database, self.clock.now)

    def start(self, *, works: bool = True, hears: bool = True) -> Running:
        """Do whatever is due from now on; what piled up is found at once.

        Args:
            works: whether this process does the work itself; else it hands it to those that share
                its database.
            hears: whether Jira's deliveries come to this process.
        """
        self._hears = hears
        self.engine.before_waking = self.look_whether_heard
        wakeups = self._shared_wakeups(works=works) if self.database.is_shared else self._local()
        self._wakeups = wakeups
        self.engine.after_commit = self._call
        wakeups.start()
        wakeups.every("sweep", SWEEP_SECONDS, self._kick_all)
        from sla.store import absence

        wakeups.every("alive", absence.NOTED_EVERY.total_seconds(), self.look_whether_heard)
        return wakeups

    @property
    def secrets(self) -> Mapping[str, tuple[str, ...]]:
        """For each site the webhook secrets that are good at present."""
        return {DEFAULT_SITE: tuple(each.reveal() for each in self.access.webhook_secrets)}

    def look_whether_heard(self) -> None:
        """After an absence: have read what happened to the issues in which something fell due.

        Asked before anything is decided because of time alone, since a machine may have slept, or
        the receivers may be away while a worker goes on.
        """
        from sla.store import absence

        now = self.clock.now()
        real_now = self.clock.real_time(now)
        with self._looking:
            since = real_now - self._looked_at if self._looked_at else absence.NOTED_EVERY
            if timedelta(0) <= since < absence.NOTED_EVERY:
                return
            self._looked_at = real_now
        away = self.database.write(
            lambda c: absence.come_back(c, DEFAULT_SITE, now, real_now, hears=self._hears)
        )
        if away:
            _log.warning("nobody heard jira for a while", seconds=round(away.total_seconds()))

    def _local(self) -> LocalWakeups:
        # APScheduler comes with them, which a service that begins to hear has no need of yet.
        from sla.wakeups import LocalWakeups

        lanes = {name: partial(self._drain, name) for name in self.lanes}
        at_once = {name: partial(self._do_at_once, name) for name in ("decide", "dispatch")}
        return LocalWakeups(self.clock, {**lanes, **self.beside}, at_once, self.rush.hurry)

    def _shared_wakeups(self, *, works: bool) -> SharedWakeups:
        # Only PostgreSQL needs the queue, and its import takes a tenth of a second.
        from sla.queue import SharedWakeups

        crews = {
            name: (self._giving_way(name), _SIDE_BY_SIDE[name] if works else 0)
            for name in self.lanes
        }
        # Behind deliveries that wait in the queue, what falls due would be said when they are done.
        pressing = {"decide": self.engine.pressing}
        return SharedWakeups(
            self.database, self.clock, crews, self.beside, pressing, self.rush.hurry
        )

    def _giving_way(self, name: str) -> GivingWay:
        return GivingWay(self.lanes[name], self._give_way, partial(self._pressing, name))

    def _give_way(self) -> None:
        # A job may have been queued before the machine slept, and takes along what fell due since.
        self.look_whether_heard()
        self.rush.give_way()

    def _pressing(self, name: str) -> Collection[Key]:
        """What a clock brought, which gives way to no rush; without a rush nothing has to."""
        if not self.rush.is_on or name == "histories":
            return ()
        return self.engine.pressing() if name == "decide" else self.dispatcher.pressing()

    def _do_at_once(self, name: str, key: Key) -> None:
        """Do one issue's work that has just come, as `_drain` would."""
        if self.rush.is_on or key[0] not in self._sites:
            self._drain(name)
            return
        self.look_whether_heard()
        self.lanes[name].run(key)

    def _drain(self, name: str) -> None:
        lane, pressing = self._giving_way(name), partial(self._pressing, name)
        # Each delivery kicks a lane: to look what is due after each would take most of a rush.
        if not pressing():
            self.rush.give_way()
        # A file has one writer: deciding side by side would only wait for it.
        drain(lane, 1 if name == "decide" else _SIDE_BY_SIDE[name], pressing)
        next_run = lane.next_run()
        # What is due still, though it was just run, waits for the sweep.
        if next_run is not None and next_run > self.clock.now() and self._wakeups:
            self._wakeups.wake_at(name, next_run)

    def _call(self, call: Call) -> None:
        """Pass on which lane has work; a process that does nothing but answer needs none."""
        if self._wakeups is None or call.lane not in self.lanes:
            return
        if call.at <= self.clock.now():
            self._wakeups.kick(call.lane, call.key, urgent=call.urgent)
        else:
            self._wakeups.wake_at(call.lane, call.at)

    def trim_inbox(self) -> None:
        """Forget deliveries that were handled, once old enough; with it, what is done as seldom."""
        now = self.clock.now()
        if not self.database.write(
            lambda c: sites.take_turn(c, DEFAULT_SITE, "trim_next_at", now, _TRIM_EVERY)
        ):
            return
        before = now - self._inbox_days
        while self.database.write(lambda c: inbox.trim(c, before, _TRIMMED_AT_ONCE)):
            pass
        self.fill_in()
        if "notify" not in self.lanes:
            self._notifier().give_up_what_is_too_old()

    def fill_in(self) -> None:
        """Have decided what a process of the release before decided without all that lists show."""
        from sla.store import issues

        now = self.clock.now()
        if self.database.write(lambda c: issues.fill_in(c, DEFAULT_SITE, now, _FILLED_AT_ONCE)):
            self._kick_all()

    def _kick_all(self) -> None:
        if self._wakeups:
            for lane in (*self.lanes, *self.beside):
                self._wakeups.kick(lane)

    def heard(self, site: str, issue_id: str | None) -> None:
        """Called when a delivery was kept, with the issue that it is about, if it names one."""
        if self._wakeups:
            self._wakeups.kick("decide", (site, issue_id or ""))

    def be_watched_by(
        self, watcher: Watcher, at_the_end: Callable[[], None] = lambda: None
    ) -> None:
        """Have the steps of this process told to a watcher for as long as this runs."""
        watch(watcher)
        self._watchers[watcher] = at_the_end

    def note_limits(self) -> None:
        """Keep what Jira's answers said since the last time of how much it may be asked."""
        from webhooks import limits

        for site, outlet in tuple(self._outlets.items()):
            told, now = outlet.client.limits.take(), self.clock.now()
            if told:
                self.database.write(partial(limits.keep, site=site, told=told, now=now))

    def close(self) -> None:
        """Finish what is being written, and let go of the database."""
        for watcher, at_the_end in self._watchers.items():
            unwatch(watcher)
            at_the_end()
        self.database.close()

    @property
    def ready(self) -> bool:
        """Whether deliveries can be taken and judged: the database answers, and this Jira was
        reached, now or at an earlier start."""
        return self.database.trouble is None and DEFAULT_SITE in self._sites

    def health(self) -> dict[str, object]:
        """What waits, what failed and what is wrong, for people and for monitoring."""
        self._look_whether_it_writes()
        troubles = {**self.troubles, **self._refused_fields()}
        try:
            counts = self._counts()
        except SQLAlchemyError as error:
            return {"troubles": {**troubles, "database": faults.reason(error)}}
        if self.database.trouble:
            troubles["database"] = self.database.trouble
        return {"troubles": troubles, **counts, "policy_version": self.configuration.policy.version}

    def _counts(self) -> dict[str, object]:
        now = self.clock.now()
        held = self.database.read(lambda c: holds.held(c, now))
        return {
            "holds": {
                site: {"until": hold.until.isoformat(), "reason": hold.reason}
                for site, hold in held.items()
            },
            "inbox": self.database.read(inbox.left),
            "sayings": self.database.read(health.sayings_left),
            "counters": self.database.read(inbox.counted),
        }

    def _look_whether_it_writes(self) -> None:
        """After a fault, find out whether the database takes writes again."""
        if self.database.trouble:
            with suppress(SQLAlchemyError, StoreError):
                # More than the free room within a file: only a disk with space takes it.
                self.database.write(lambda c: sites.learn(c, DEFAULT_SITE, "room", _ROOM))
                self.database.write(lambda c: sites.learn(c, DEFAULT_SITE, "room", ""))

    def _note_roles(self, roles: list[str]) -> None:
        """Have written what waited for a field, when Jira has others than before."""
        from sla.store import outbox

        now = self.clock.now()

        def work(connection: Connection) -> None:
            if sites.known(connection, DEFAULT_SITE, "roles") != roles:
                sites.learn(connection, DEFAULT_SITE, "roles", roles)
                outbox.fields_are_there(connection, DEFAULT_SITE, now)

        self.database.write(work)

    def _refused_fields(self) -> dict[str, str]:
        """The fields and links that Jira does not take, with its words."""
        outlets = self._outlets.values()
        fields = {name: words for each in outlets for name, words in each.refused.items()}
        links = {key: words for each in outlets for key, words in each.refused_links.items()}
        return {
            **{f"field {name}": words for name, words in fields.items()},
            **{f"links in {project}": words for project, words in links.items()},
        }

    def _notifier(self) -> Notifier:
        from connector.notifier import Channels, Notifier
        from connector.sending import send

        return Notifier(
            self.database,
            self.clock.now,
            lambda: Channels(
                self.configuration.site.channels, self.configuration.site.wording, DEFAULTS
            ),
            {name: address.reveal() for name, address in self.settings.channels.items()},
            self._sending or send,
            lambda key: f"{self.access.url}/browse/{key}",
            (DEFAULT_SITE,),
            self.look_whether_heard,
        )

    def _note_channels(self) -> None:
        """Say which channels have no address here, so that nobody can be told by them."""
        without = sorted(self.configuration.site.channels.keys() - self.settings.channels.keys())
        if without:
            self.troubles["channels"] = (
                f"DUELINE_CHANNELS has no address for {', '.join(without)}: nobody is told there"
            )
        else:
            self.troubles.pop("channels", None)

    def _publish(self, in_force: InForce) -> None:
        now = self.clock.now()
        remember_installation(self.database, DEFAULT_SITE, now)
        take_directory(self.database, self.settings, DEFAULT_SITE, in_force, now)
        take_zone_data(self.database, DEFAULT_SITE, in_force.configuration, now)

    def follow_publications(self) -> None:
        """Judge by what is in force, whoever published it, and have open issues hear of it."""
        version = self.database.read(lambda c: sites.known(c, DEFAULT_SITE, IN_FORCE))
        if version != self.engine.in_force:
            published = last_published(self.database, DEFAULT_SITE)
            if published:
                self.adopt(published)
        if self.database.read(lambda c: sites.known(c, DEFAULT_SITE, MOVING)):
            goes_on = self._move_open_issues()
            if self._wakeups:
                self._wakeups.kick("decide")
                if goes_on:
                    self._wakeups.wake_at("publications", self.clock.now() + _BETWEEN_STEPS)

    def _move_open_issues(self) -> bool:
        """Take some steps of `webhooks.moving`; returns whether there are more."""
        # Imported when there is something to do: most starts have nothing.
        from webhooks import moving

        for _ in range(_STEPS):
            # Deliveries that rush in go before.
            self.rush.give_way()
            if not moving.step(self.database, DEFAULT_SITE, self.clock.now(), engine=self.engine):
                return False
        return True

    def adopt(self, configuration: Configuration) -> None:
        """Judge by another version from now on.

        What is being decided just now is judged as a whole by the version before: a decision asks
        once which one is in force.
        """
        with self._adopting:
            if configuration.policy.version == self.engine.in_force:
                return
            _log.info("another version is in force", version=configuration.policy.version)
            self.configuration = configuration
            self.engine.in_force = configuration.policy.version
            self.troubles.pop("configuration", None)
            self.troubles.pop("calendars", None)
            self._put_outlet()
            self._note_channels()
            # What Jira has of the fields that it names is asked at the next look.
            self._contact_at = None
        if self._wakeups:
            self._wakeups.kick("contact")

    def _policy(self) -> Callable[[str], Policy]:
        @lru_cache(maxsize=_VERSIONS_IN_MEMORY)
        def policy(version: str) -> Policy:
            if version == self.configuration.policy.version:
                return self.configuration.policy
            text = self.database.read(lambda c: sites.published(c, version))
            if text is None:
                raise LookupError(f"policy version {version} is not in the database")
            return Configuration.from_text(text).policy

        return policy

    def _read_delivery(self, body: bytes) -> Translation:
        return translate(body, ignored_fields=self._ignored_fields)

    def _recall_site(self) -> None:
        known = remembered_site(self.database, DEFAULT_SITE)
        if known:
            self._sites[DEFAULT_SITE] = known

    def keep_contact(self) -> None:
        """Ask Jira who we are and which fields it has; again when that may have changed."""
        now = self.clock.now()
        if self._contact_at and now < self._contact_at:
            return
        if not self._holds.open([DEFAULT_SITE]):
            # It asks for patience, or takes no credentials: asking on would lock the account.
            return
        try:
            self._learn_site()
        except ConnectorError as error:
            if self.troubles.get("jira") != str(error):
                _log.warning("jira cannot be used", reason=str(error))
            self.troubles["jira"] = str(error)
            self._contact_at = now + _UNKNOWN_FOR
            self.reconciler.judge.judge(DEFAULT_SITE, error, 0)
            return
        self.troubles.pop("jira", None)
        self._holds.let_in(DEFAULT_SITE)
        complete = not self.troubles.keys() & {"fields", "rules"}
        self._contact_at = now + (_KNOWN_FOR if complete else _UNKNOWN_FOR)
        self._kick_all()

    def _note(self, trouble: str, missing: Iterable[str], what: str) -> None:
        """Name fields that Jira should have, or that all of them are there by now."""
        if names := ", ".join(missing):
            self.troubles[trouble] = f"Jira has no field {names}: {what}"
        else:
            self.troubles.pop(trouble, None)

    def _learn_site(self) -> None:
        client = self._client or client_for(self.access)
        self._client = client
        account, fields = client.myself(), client.fields()
        self._jira_fields = fields
        found, missing = self._found_fields()
        self._note("fields", missing, "run `dueline setup` to make it")
        spelled = {text for field in fields for text in (field.id, field.name.casefold())}
        ruled = self.configuration.policy.field_names
        unheard = sorted(name for name in ruled if name.casefold() not in spelled | SYSTEM_FIELDS)
        self._note("rules", unheard, "no rule that asks for it can match")
        custom = {field.id: field.name for field in fields if field.custom}
        remember_site(self.database, DEFAULT_SITE, account, custom)
        self._recall_site()
        self._note_roles(sorted(found))
        self._put_outlet()

    def _found_fields(self) -> tuple[dict[str, Field], tuple[str, ...]]:
        """By role the field that Jira has for it, and the names for which it has none."""
        # Like all that speaks with Jira, imported when it does.
        from connector.setup import find_fields

        return find_fields(self._jira_fields, self.configuration.site.fields)

    def _put_outlet(self) -> None:
        """Write to Jira as the version in force has it, once it is known which fields there are."""
        site = self.configuration.site
        found, _ = self._found_fields()
        self._ignored_fields = frozenset(
            [*site.fields.values(), *(field.id for field in found.values())]
        )
        if self._client is None or not self._jira_fields:
            return
        from connector.outlet import Outlet
        from webhooks.explanation_links import remote_links

        links = self.settings.public_url and site.remote_link
        self._outlets[DEFAULT_SITE] = Outlet(
            client=self._client,
            fields=found,
            wording=site.wording,
            fallback=DEFAULTS,
            internal=site.comments.internal,
            role=site.comments.role,
            own_fields=self._ignored_fields,
            links=(
                remote_links(self.database, DEFAULT_SITE, self.settings.public_url)
                if links
                else None
            ),
        )
