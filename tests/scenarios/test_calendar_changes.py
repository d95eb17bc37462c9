"""Another calendar, library or law of summer time: told by its days, before it takes effect."""

from __future__ import annotations

import json
import shutil
import zoneinfo
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from config import calendars as config_calendars
from config import compiled
from config.settings import SHIPPED
from sla import holiday_sources, zones
from sla.holiday_sources import HolidaySet
from sla.store import audit, publications
from tests.scenarios.world import World, a_site, utc, world
from tests.webhooks.console.desk import TOKEN, Desk
from webhooks import moving
from webhooks.applying import Applying
from webhooks.console.access.people import Person
from webhooks.console.questions import publishing as asked
from webhooks.doctor import _calendars
from webhooks.planning import plan
from webhooks.publishing import InForce, configuration_in_force

pytestmark = pytest.mark.one_database("sqlite")
ADA = Person("ada", "Ada", "administrator")
BUSINESS = "bitumio-business"
TEXT = (SHIPPED / "calendars" / f"{BUSINESS}.yaml").read_text("utf-8")
AT = utc("2024-07-10 19:00")


def changed(directory: Path, text: str) -> Path:
    directory.mkdir()
    return a_site(directory, calendars={BUSINESS: text})


def published(made: World) -> list[Any]:
    """What the audit log tells of versions, newest first."""
    return made.service.database.read(lambda c: audit.listed(c, "default", audit.Wanted(), 20))


def restart(made: World, in_force: InForce | None = None) -> None:
    """Start Dueline once more, as a process would that finds other libraries."""
    made.stop()
    found = in_force or configuration_in_force(made.settings, "default")
    made.configuration = found.configuration
    made.start(found)
    while moving.left(made.service.database, "default"):
        made.settle()


def test_a_calendar_changes_by_its_days(tmp_path: Path) -> None:
    other = TEXT.replace("fri: *day", 'fri: [["08:00", "12:00"]]').replace(
        "holidays:\n",
        "holidays:\n  - { date: 2024-07-11, name: Summer party }\n"
        "  - { date: 2190-07-12, name: Far away }\n  - remove: [2024-09-02]\n",
    )
    other += "extra_days:\n  2024-07-13: [['10:00', '12:00']]\n"
    site = changed(tmp_path / "other", other)
    with world(tmp_path, AT, DUELINE_EDITS="apply", DUELINE_CONSOLE_TOKEN=TOKEN) as made:
        made.report("HLP", priority="Low")
        key = made.report("BIT", priority="Low")
        found = plan(made.settings, site, made.clock.now())
        told = {each["calendar"]: each for each in json.loads(found.as_json())["calendars"]}
        mine = told[BUSINESS]
        assert mine["holidays"] == [
            {"what": "2024-07-11", "was": None, "becomes": "Summer party"},
            {"what": "2024-09-02", "was": "Labor Day", "becomes": None},
        ]
        assert mine["hours"] == [{"what": "Fri", "was": "08:00-20:00", "becomes": "08:00-12:00"}]
        assert mine["days"] == [{"what": "2024-07-13", "was": None, "becomes": "10:00-12:00"}]
        assert (mine["beyond"], mine["clocks"]) == (1, [])
        assert mine["issues"] == [key]
        assert mine["deadlines"] == len(found.moves) > 0
        lines = "\n".join(found.lines())
        day = f"calendar {BUSINESS}: 2024-07-11 becomes a holiday: Summer party"
        assert day in lines
        assert f"calendar {BUSINESS}: 1 clock of 1 issue moves" in lines
        desk = Desk(made)
        desk.sign_in()
        publishing = desk.standing.publishing
        draft = publishing.begin(ADA, "Party", {f"calendars/{BUSINESS}.yaml": other})
        asked.begin_preview(desk.standing, draft.id, 1)
        desk.standing.previews.wait()
        shown = desk.page(f"/drafts/{draft.id}")
        assert "2024-07-11 becomes a holiday: Summer party" in shown
        assert "1 clock of 1 open issue would move" in shown
        assert "Would be written to Jira: the fields of 1 issue" in shown
        assert "Were they not recalculated, no clock would change." in shown
        assert "put in force by `dueline apply` alone" in shown
        applying = Applying(made.settings, site, made.clock.now, "Party", "Ada", recalculate=True)
        applying.put_in_force(applying.plan())
        restart(made)
        desk = Desk(made)
        desk.sign_in()
        assert "2024-07-11 becomes a holiday: Summer party" in desk.page("/versions/1/to/2")
        compared = desk.json("/api/versions/2/changes", since=1)
        assert {each["calendar"] for each in compared["calendars"]} == {BUSINESS}


# --- another release of the holidays library ------------------------------------------------------


@pytest.fixture
def another_release(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Gives the holidays of the United States a day more, as of a release that is called 99.0."""
    ours = holiday_sources.from_library

    def from_library(*asked: Any, **more: Any) -> HolidaySet:
        found = ours(*asked, **more)
        days = {**found.days, date(2024, 7, 11): "Founders Day"}
        source = found.source.partition(":")[2]
        return HolidaySet(dict(sorted(days.items())), f"holidays 99.0:{source}")

    def install() -> None:
        libraries = [*compiled._libraries()]
        others = [each for each in libraries if not each.startswith(b"holidays-")]
        monkeypatch.setattr(holiday_sources, "from_library", from_library)
        monkeypatch.setattr(
            compiled, "_libraries", lambda: iter([*others, b"holidays-99.0.dist-info"])
        )
        config_calendars._read_library.cache_clear()

    yield install
    config_calendars._read_library.cache_clear()


def test_another_release_of_the_library_is_told_and_moves_nothing_by_itself(
    tmp_path: Path, another_release: Any
) -> None:
    """Where the database decides the frozen days stay, and it is said what would come of it."""
    with world(tmp_path, AT, DUELINE_EDITS="apply") as made:
        key = made.report("BIT", priority="Low")
        due = made.fields(key)["SLA next due"]
        version = made.service.engine.in_force
        another_release()
        found = plan(made.settings, made.settings.config, made.clock.now())
        mine = next(each for each in found.calendars if each.calendar == BUSINESS)
        assert "2024-07-11 becomes a holiday: Founders Day" in list(mine.lines())
        assert mine.source[1].startswith("holidays 99.0")
        assert mine.issues == [key]
        drift = _calendars(made.service.database, made.clock.now())
        assert (drift.state, "2024-07-11 becomes a holiday: Founders Day" in drift.detail) == (
            "failed", True,
        )  # fmt: skip
        restart(made)
        assert made.service.engine.in_force == version
        assert made.fields(key)["SLA next due"] == due
        health = made.receiver.get("/readyz").get_json()
        assert "2024-07-11 becomes a holiday: Founders Day" in health["troubles"]["calendars"]
        # Published again it decides, and there is nothing left to tell.
        applying = Applying(
            made.settings, made.settings.config, made.clock.now, "99.0", "Ada", recalculate=True
        )
        applying.put_in_force(applying.plan())
        made.settle()
        assert "calendars" not in made.receiver.get("/readyz").get_json()["troubles"]
        assert configuration_in_force(made.settings, "default").drifted is None
        assert _calendars(made.service.database, made.clock.now()).state == "passed"


def test_documents_that_this_release_does_not_take_hold_up_no_start(
    tmp_path: Path, another_release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older release published names that no set of documents has."""
    with world(tmp_path, AT, DUELINE_EDITS="apply") as made:
        another_release()
        documents = {"calendars/büro.yaml": "time_zone: UTC"}
        monkeypatch.setattr(publications, "documents_of", lambda *_: documents)
        assert configuration_in_force(made.settings, "default").drifted is None


def test_where_files_decide_a_restart_tells_the_days(tmp_path: Path, another_release: Any) -> None:
    """The directory is read anew: new promises only, and the audit log names the days."""
    with world(tmp_path, AT) as made:
        key = made.report("BIT", priority="Low")
        due = made.fields(key)["SLA next due"]
        another_release()
        restart(made)
        newest = published(made)[0]
        assert (newest.actor_name, newest.action) == ("the directory", "published")
        assert f"calendar {BUSINESS} changed: holiday_source, holidays" in newest.detail["changes"]
        line = f"calendar {BUSINESS}: 2024-07-11 becomes a holiday: Founders Day"
        assert line in newest.detail["calendars"]
        assert made.fields(key)["SLA next due"] == due
        assert made.fields(made.report("BIT", priority="Low"))["SLA next due"] != due


# --- another release of the zone data -------------------------------------------------------------


@pytest.fixture
def no_more_summer_time(tmp_path: Path) -> Iterator[Any]:
    """Installs zone data by which New York keeps the time of Panama, which knows no summer time."""

    def forget() -> None:
        zoneinfo.ZoneInfo.clear_cache()
        for cached in (zones.zone_clock, zones.changes_in, zones.standard_offset):
            cached.cache_clear()

    def install() -> None:
        source = next(Path(each) for each in zoneinfo.TZPATH if Path(each, "Europe").is_dir())
        other = tmp_path / "zones"
        shutil.copytree(source / "America", other / "America")
        shutil.copytree(source / "Europe", other / "Europe")
        (other / "America" / "New_York").unlink()
        shutil.copy(source / "America" / "Panama", other / "America" / "New_York")
        (other / "tzdata.zi").write_text("# version 2099z\n")
        zoneinfo.reset_tzpath(to=[str(other)])
        forget()

    yield install
    zoneinfo.reset_tzpath()
    forget()


def test_another_release_of_the_zone_data_is_told_by_its_days(
    tmp_path: Path, no_more_summer_time: Any
) -> None:
    """Planned before, it is shown; started with, it is told, and holds for every open issue."""
    with world(tmp_path, utc("2024-11-01 23:00"), DUELINE_EDITS="apply") as made:
        key = made.report("BIT", priority="Low")
        due = made.fields(key)["SLA next due"]
        no_more_summer_time()
        # As a pipeline would ask that has the other release installed, beside the service.
        made.settings = replace(made.settings)
        found = plan(made.settings, made.settings.config, made.clock.now())
        mine = next(each for each in found.calendars if each.calendar == BUSINESS)
        lines = list(mine.lines())
        gone = "2024-11-03 America/New York: clocks go from UTC-04:00 to UTC-05:00 at 02:00"
        assert f"{gone} becomes nothing" in lines
        assert mine.issues == [key]
        moved = {move.metric: move for move in found.moves}["first_response"]
        # Who keeps his promise keeps it by the clocks that there are.
        kept = plan(made.settings, made.settings.config, made.clock.now(), recalculate=False)
        assert (kept.moves, kept.effects) == (found.moves, found.effects)
        assert kept.calendars == found.calendars
        assert found.before == found.after
        assert (
            f"{gone} becomes nothing" in _calendars(made.service.database, made.clock.now()).detail
        )
        before = len(published(made))
        made.configuration = type(made.configuration).from_text(made.configuration.text)
        restart(made, InForce(made.configuration, is_on_record=True))
        told = published(made)
        assert len(told) == before + 1
        assert (told[0].action, told[0].subject) == ("zone data changed", "tzdata 2099z")
        assert f"calendar {BUSINESS}: {gone} becomes nothing" in told[0].detail["calendars"]
        made.settle()
        assert made.fields(key)["SLA next due"] != due
        assert moved.due_to
        assert made.fields(key)["SLA next due"].startswith(f"{moved.due_to:%Y-%m-%dT%H:%M}")
        # The next start finds what it knows.
        restart(made, InForce(made.configuration, is_on_record=True))
        assert len(published(made)) == before + 1
        assert not plan(made.settings, made.settings.config, made.clock.now()).calendars
