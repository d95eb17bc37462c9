"""What tests of several packages share."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Generator, Hashable, Iterator
from pathlib import Path
from types import MethodType
from typing import Any

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from connector.simulator import server
from connector.simulator.wire import Wire
from sla import steps
from sla.store import database as databases
from tests.contract import documents
from tests.contract.verdict import verdict
from tests.contract.watch import Ear, Overheard
from tests.postgres import PostgresServer, postgres_server
from webhooks import logs
from webhooks.to_stay import made_to_stay

_SHARED = Path(__file__).parents[2] / "shared"
# No law is about time, and an example takes as long as what else the machine does lets it.
settings.register_profile("dueline", deadline=None)
settings.load_profile("dueline")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have the collector of garbage look at what tests make, seldom, and not at the tests.

    They stay to the end, thousands of them: it took a quarter of collecting them, and a sixth of
    the time that they ran.
    """
    gc.set_threshold(50_000)
    with made_to_stay():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the reference material is, what reads it must run: a part of it may be missing."""
    report = yield
    if report.skipped and item.get_closest_marker("shared") and _SHARED.is_dir():
        report.outcome = "failed"
        report.longrepr = f"skipped, though {_SHARED} is there: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def kept_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep for the next time is not kept among the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_proxy_before_what_runs_here() -> Iterator[None]:
    """Ask no proxy of the user's for the simulators.

    Where nothing says so, requests goes through all of the environment twice for each call.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        patch.setenv("no_proxy", "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session", autouse=True)
def routes_compiled_once() -> Iterator[None]:
    """Keep what Werkzeug makes of a route, for the next application that has it.

    It takes each route apart, and writes and compiles two functions for it: half of the time of
    those thousands of applications that are made here, all of which have the same routes.
    """
    compile_anew, known = Rule.compile, dict[Hashable, Rule]()

    def compiled(rule: Rule) -> None:
        told = (rule.rule, rule.subdomain, rule.host, rule.is_leaf, rule.merge_slashes)
        if rule.defaults or told not in known:
            compile_anew(rule)
            if not rule.defaults:
                known[told] = rule
            return
        like = known[told]
        for name in ("_parts", "_trace", "_converters"):
            setattr(rule, name, getattr(like, name))
        for name in ("_build", "_build_unknown"):
            setattr(rule, name, MethodType(getattr(like, name).__func__, rule))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", compiled)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """Keep what SQLAlchemy makes of a statement for the next database of the same kind.

    By itself each engine compiles all of them anew, and so each of thousands of databases.
    """
    opened_anew = databases._engine
    dialects, compiled = dict[str, Dialect](), LRUCache[Any, Any](5_000)

    def opened(url: str) -> Engine:
        engine = opened_anew(url)
        known = dialects.get(engine.dialect.name)
        # One that never connected does not know yet what its server can do.
        if known is None or known.server_version_info is None:
            known = dialects[engine.dialect.name] = engine.dialect
        engine.dialect, engine._compiled_cache = known, compiled
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "_engine", opened)
        yield


@pytest.fixture(scope="session", autouse=True)
def ear() -> Iterator[Ear]:
    """Hears all that any simulator of the tests is asked and answers."""
    heard = Ear()
    with pytest.MonkeyPatch.context() as patch:
        if documents.here():
            patch.setattr(server, "Wire", lambda app, sim: Wire(Overheard(app, sim, heard), sim))
        yield heard


@pytest.fixture(scope="session", autouse=True)
def tracebacks_in_plain() -> Iterator[None]:
    """Show what goes wrong as Dueline's own logs do, where a test has set up none.

    A traceback in frames, with colours and local variables, takes half a second to draw.
    """
    shown = structlog.get_config()["processors"][-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shown, "exception_formatter", structlog.dev.plain_traceback)
        yield


@pytest.fixture(scope="session", autouse=True)
def loggers_that_listen_again() -> Iterator[None]:
    """Let no command that a test types fix for ever where this process's loggers write."""
    configure = structlog.configure

    def not_for_ever(**how: Any) -> None:
        configure(**{**how, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", not_for_ever)
        yield


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Leave the process's logs as they were, whatever a command set up."""
    level, handlers = logging.root.level, list(logging.root.handlers)
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        steps.unwatch(logs._STEPS)
        logging.root.setLevel(level)
        logging.root.handlers[:] = handlers


@pytest.fixture
def asks_what_jira_refuses() -> bool:
    """Whether the tests are about refusals, so that requests break the contract on purpose."""
    return False


@pytest.fixture(autouse=True)
def contract(ear: Ear, asks_what_jira_refuses: bool) -> Iterator[None]:
    """Fail the test during which a request or an answer is not as Atlassian's documents say."""
    yield
    broken = verdict(ear.judge(), lenient=asks_what_jira_refuses)
    assert not broken, broken


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; a test asks it for a database of its own."""
    with postgres_server(free_port()) as server:
        yield server


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
