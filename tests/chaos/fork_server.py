"""A small process with all of Dueline imported, which forks services under test when told to.

It has no threads of its own, so that forking is safe. On its standard input comes a JSON list a
line, each answered with a line: `["start", environment, log, role]` with the child's process id,
`["kill", id]` and `["alive", id]` with whether it ran.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from config.configuration import Configuration
from config.loader import load
from config.settings import Settings
from connector import attempt, client
from sla import queue
from sla.store import database
from sla.store.database import Database
from sla.store.migrate import migrate
from tests.chaos import clock as chaos_clock
from tests.chaos.clock import SharedClock
from tests.chaos.sky import CLIENT_PATIENCE
from webhooks import publishing, serve, service, working
from webhooks.databases import opened
from webhooks.logs import set_up_logs
from webhooks.publishing import DEFAULT_SITE, configuration_in_force
from webhooks.with_parent import belong_to_parent

_SWEEP_SECONDS = 0.25
# Whoever is silent for so long is taken for dead: all of these are a fifth of what they are in
# earnest, so that who hung does not speak, and who waits does not speak too early.
_QUICK = 0.2


def main(config: str) -> None:
    """Obey until nobody is there to tell."""
    _quicken(load(Path(config)))
    _import_the_rest()
    _say("here")
    for line in sys.stdin:
        word, *more = json.loads(line)
        if word == "start":
            _say(_fork(*more))
        else:
            _say(_ended(*more) if word == "kill" else _runs(*more))


def _ended(child: int) -> bool:
    """Kill a child; false when there was none by then."""
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        return False
    return True


def _runs(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


def _quicken(configuration: Configuration) -> None:
    """All that makes this service another than the one of every day: what it need not wait for."""
    connect = client.connect
    _replace(publishing, "load", lambda _directory: configuration)
    _replace(service, "SWEEP_SECONDS", _SWEEP_SECONDS)
    for module, name in (
        (queue, "_HEARTBEAT_SECONDS"),
        (queue, "_STALE_SECONDS"),
        (queue, "_TAKE_OVER_SECONDS"),
        (attempt, "_FRESH_SECONDS"),
    ):
        _replace(module, name, getattr(module, name) * _QUICK)
    _replace(database, "_AWAKE", "SET LOCAL idle_in_transaction_session_timeout = '0.8s'")
    _replace(
        client,
        "connect",
        lambda *args, **more: connect(*args, **{**more, "timeout": CLIENT_PATIENCE}),
    )
    _replace(
        serve,
        "clock_from",
        lambda environment: SharedClock(Path(environment[chaos_clock.VARIABLE])),
    )


def _replace(module: ModuleType, name: str, value: object) -> None:
    # Quietly replacing nothing would test another service than we think.
    if not hasattr(module, name):
        raise AttributeError(f"{module.__name__} has no {name} any more")
    setattr(module, name, value)


def _import_the_rest() -> None:
    """Have that imported which is only imported when it is used."""
    for name in ("connector.client", "connector.wording", "sla.wakeups", "webhooks.receiving"):
        import_module(name)
    with tempfile.TemporaryDirectory() as directory:
        # Its thread has ended before anything is forked.
        made = Database(f"sqlite:///{Path(directory) / 'unused.sqlite3'}")
        migrate(made)
        made.close()


def _fork(told: Mapping[str, str], log: str, role: str) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.environ.clear()
        os.environ.update(told)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        for stream in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        belong_to_parent(parent)
        _be(role, Settings.from_environment(os.environ))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(1)


def _be(role: str, settings: Settings) -> None:
    clock = serve.clock_from(os.environ)
    if role == "worker":
        working.work(settings, clock)
        return
    # As in earnest, but for the command around it.
    set_up_logs()
    with (
        serve.kept_address(settings.host, settings.port) as address,
        opened(settings, make=True) as database,
    ):
        database.claim()
        in_force = configuration_in_force(settings, DEFAULT_SITE, database)
        serve.serve(settings, database, in_force, clock, address)


def _say(answer: object) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
