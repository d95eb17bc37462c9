"""What a command imports before it answers; counted, since what is imported is what takes time."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import free_port
from webhooks.to_stay import made_to_stay

_SHOW = """
import json, sys
try:
    {asked}
except SystemExit as ended:
    assert not ended.code, ended.code
finally:
    print("", json.dumps([*sys.modules]), sep="\\n")
"""
_CALL = "from webhooks.cli import main; main({arguments!r})"
_READY = """
    from webhooks.logs import set_up_logs
    set_up_logs()
    import asyncio, hashlib, hmac
    from config.settings import Settings
    from webhooks.databases import opened
    from webhooks.publishing import configuration_in_force
    from sla.known_sites import remember_site
    from webhooks.app import answering
    from webhooks.clock import SystemClock
    from webhooks.serve import kept_address, new_server
    from webhooks.service import DEFAULT_SITE, Service
    settings = Settings.from_environment({
        "DUELINE_JIRA_URL": "http://127.0.0.1:9", "DUELINE_JIRA_USER": "d", "DUELINE_PORT": PORT,
        "DUELINE_JIRA_TOKEN": "t", "DUELINE_WEBHOOK_SECRET": "s",
    })
    from tests.webhooks.rsgi import request
    signed = "sha256=" + hmac.new(b"s", b"{}", hashlib.sha256).hexdigest()
    asked = [
        request("GET", "/readyz"),
        request("POST", "/webhooks/jira", b"{}", X_Hub_Signature=signed),
    ]
    kept = kept_address(settings.host, settings.port)
    with kept as address, opened(settings, make=True) as database:
        remember_site(database, DEFAULT_SITE, "us", {})
        in_force = configuration_in_force(settings, DEFAULT_SITE, database)
        service = Service(settings, in_force, SystemClock(), database=database)
        app = answering(service)
        new_server(app, address, settings.port)
        for each in asked:
            asyncio.run(app.__rsgi__(*each))
        service.close()
    said = [protocol.status for _, protocol in asked]
    assert said == [200, 202], said
"""
_MOST_MODULES = 500
"""Of all kinds, Python's own included."""
QUESTION = ["deadline", "--project", "HLP", "--priority", "High", "--created", "2024-07-10T19:00Z"]
ANSWERS = {"click", "config", "msgspec", "re2", "sla", "typing_extensions", "webhooks"}


def imported(asked: str, tmp_path: Path) -> set[str]:
    """Every module that a new process has after that."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("DUELINE_")}
    ended = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", _SHOW.format(asked=asked)],
        env={**others, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    """Whose they are: ours, and the libraries'; Python's own are left out."""
    tops = {name.partition(".")[0] for name in modules}
    known = {*sys.stdlib_module_names, "__main__", "_distutils_hack", "_editable_impl_dueline"}
    return {top for top in tops - known if not top.startswith(("_", "sitecustomize"))}


def test_help_needs_the_command_line_alone(tmp_path: Path) -> None:
    found = imported(_CALL.format(arguments=["--help"]), tmp_path)
    assert packages(found) == {"click", "webhooks"}


@pytest.mark.parametrize("command", ["serve", "deadline"])
def test_help_on_a_command_looks_for_settings_alone(tmp_path: Path, command: str) -> None:
    found = imported(_CALL.format(arguments=[command, "--help"]), tmp_path)
    assert packages(found) == {"click", "config", "webhooks"}
    assert {name for name in found if name.startswith("config.")} == {
        "config.env_file", "config.errors",
    }  # fmt: skip


def test_a_question_needs_the_core_and_no_documents(tmp_path: Path) -> None:
    asked = _CALL.format(arguments=QUESTION)
    imported(asked, tmp_path)
    found = imported(asked, tmp_path)
    assert packages(found) <= ANSWERS
    assert "config.compiled" in found
    assert "config.loader" not in found


def test_of_the_holidays_only_those_that_are_asked_for_are_imported(tmp_path: Path) -> None:
    found = imported("from config import library, loader; loader.load(library.SHIPPED)", tmp_path)
    countries = {name for name in found if name.startswith("holidays.countries")}
    assert countries == {"holidays.countries.united_states"}


def test_who_asks_for_all_countries_gets_them(tmp_path: Path) -> None:
    asked = (
        "from sla import holiday_sources as s; s.from_library('US', years=[2026]); "
        "from holidays.countries import Germany, UnitedStates; "
        "assert isinstance(s.holidays.country_holidays('US'), UnitedStates)"
    )
    assert "holidays.countries.germany" in imported(asked, tmp_path)


def test_a_service_that_is_ready_has_imported_what_it_hears_with_and_nothing_else(
    tmp_path: Path,
) -> None:
    # The first makes the tables, and what the configuration came to is kept.
    ready = _READY.replace("PORT", repr(str(free_port())))
    imported(ready, tmp_path)
    modules = imported(ready, tmp_path)
    assert packages(modules) <= {
        *ANSWERS, "connector", "cython_runtime", "granian", "greenlet", "sqlalchemy", "structlog",
        "tests",
    }  # fmt: skip
    assert "sqlalchemy.dialects.postgresql" not in modules
    # What decides, reads calls, templates and timers begins with the work.
    assert modules.isdisjoint({"config.loader", "connector.rest", "sla.wakeups", "jinja2"})
    # How a child goes with its parent is for those who have one, and so are international names.
    assert modules.isdisjoint({"ctypes", "webhooks.with_parent", "encodings.idna"})
    assert "sla.store.queue_tables" not in modules
    assert modules.isdisjoint({"sla.engine", "sla.store.issues", "connector.dispatch"})
    assert len(modules) < _MOST_MODULES


def test_of_the_library_for_jira_the_other_products_are_left_out(tmp_path: Path) -> None:
    found = imported("import connector.jira_library", tmp_path)
    products = {name.split(".")[1] for name in found if name.startswith("atlassian.")}
    assert "jira" in products
    assert products & {"bamboo", "bitbucket", "confluence", "insight", "xray"} == set()
    whole = imported("import connector.jira_library; from atlassian import Bitbucket", tmp_path)
    assert "atlassian.bitbucket" in whole


def test_the_collector_leaves_alone_what_stays_and_looks_at_the_rest() -> None:
    before = gc.get_freeze_count()
    with made_to_stay():
        kept = [object()]
        assert not gc.isenabled()
    # Left frozen: to thaw it would thaw the tests themselves, see `tests/conftest.py`.
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert all(each is not kept for each in gc.get_objects())
