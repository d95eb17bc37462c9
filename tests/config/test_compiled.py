"""What a directory came to is kept, and never outlives anything that it follows from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import compiled, loader
from config.configuration import Configuration
from config.errors import ConfigError
from config.library import Library
from tests.config.conftest import SMALLEST


class Reading:
    """Loads a directory, and counts how often its documents were read for that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self._really = loader.read
        monkeypatch.setattr(loader, "read", self._read)

    def _read(self, directory: Path) -> tuple[Library, Configuration]:
        self.times += 1
        return self._really(directory)


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(made))
    return made


@pytest.fixture
def reading(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


def kept_in(cache: Path) -> Path:
    (kept,) = cache.glob("dueline/*.json")
    return kept


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_directory_is_read_once(site: Path, reading: Reading) -> None:
    first, second = compiled.load(site), compiled.load(site)
    assert reading.times == 1
    assert second == first == loader.load(site)


def test_each_directory_is_kept_for_itself(
    site: Path, tmp_path_factory: pytest.TempPathFactory, reading: Reading
) -> None:
    other = tmp_path_factory.mktemp("other")
    write(other / "projects.yaml", SMALLEST.replace("BOT", "TOB"))
    for _ in range(2):
        assert set(compiled.load(site).policy.projects) == {"BOT"}
        assert set(compiled.load(other).policy.projects) == {"TOB"}
    assert reading.times == 2


CALENDAR = "time_zone: UTC\nweekly: { mon: [['09:00', '17:00']] }\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("projects.yaml", SMALLEST + "# said otherwise\n"),
        ("site.yaml", "reported_at: Reported at\n"),
        ("calendars/botron.yaml", CALENDAR),
        ("calendars/of-nobody.yaml", CALENDAR),
    ],
)
def test_a_document_that_changed_or_came_is_read(
    site: Path, reading: Reading, file: str, text: str
) -> None:
    compiled.load(site)
    write(site / file, text)
    assert compiled.load(site) == loader.load(site)
    assert reading.times == 3


def test_one_that_was_taken_away_is_gone(site: Path, reading: Reading) -> None:
    write(site / "calendars" / "botron.yaml", CALENDAR)
    own = compiled.load(site)
    (site / "calendars" / "botron.yaml").unlink()
    assert compiled.load(site).policy.version != own.policy.version
    assert reading.times == 2


@pytest.mark.parametrize("file", ["projects.yaml", "site.yml", "contracts/misnamed.yml"])
def test_a_fault_is_told_each_time(site: Path, reading: Reading, file: str) -> None:
    good = compiled.load(site)
    good_text = (site / "projects.yaml").read_text("utf-8")
    write(site / file, "projects: {BOT: {}}\n")
    for _ in range(2):
        with pytest.raises(ConfigError):
            compiled.load(site)
    (site / file).unlink()
    write(site / "projects.yaml", good_text)
    assert compiled.load(site) == good
    # The good one is kept still.
    assert reading.times == 3


@pytest.mark.parametrize("part", ["_code", "_libraries"])
def test_other_code_reads_it_anew(
    site: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    compiled.load(site)
    monkeypatch.setattr(compiled, part, lambda: iter([b"another"]))
    compiled.load(site)
    assert reading.times == 2


def test_the_libraries_are_known_by_their_versions() -> None:
    names = b" ".join(compiled._libraries())
    assert b"holidays-" in names
    assert b"ruamel" in names


def test_one_that_is_saved_while_it_is_read_is_not_kept(
    site: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = loader.read

    def read(directory: Path) -> tuple[Library, Configuration]:
        found = really(directory)
        write(site / "projects.yaml", SMALLEST.replace("BOT", "TOB"))
        return found

    monkeypatch.setattr(loader, "read", read)
    compiled.load(site)
    assert list(cache.rglob("*")) == []


def test_a_directory_that_names_a_file_is_read_each_time(site: Path, reading: Reading) -> None:
    holiday = "BEGIN:VEVENT\nSUMMARY:Founders' day\nDTSTART;VALUE=DATE:20260601\nEND:VEVENT\n"
    write(site / "calendars/days.ics", f"BEGIN:VCALENDAR\n{holiday}END:VCALENDAR\n")
    write(site / "calendars/botron.yaml", CALENDAR + 'holidays: [{ "\\x69calendar": days.ics }]\n')
    for _ in range(2):
        compiled.load(site)
    assert reading.times == 2


def damages(kept: Path) -> Iterator[bytes]:
    whole = kept.read_bytes()
    yield b""
    yield whole[:-1]
    yield whole.replace(b"BOT", b"TOB")
    yield whole.partition(b"\n")[2]
    yield b"\xff" * 100


def test_a_damaged_one_is_read_anew_and_replaced(site: Path, cache: Path, reading: Reading) -> None:
    good = compiled.load(site)
    for number, damaged in enumerate(damages(kept_in(cache)), 2):
        kept_in(cache).write_bytes(damaged)
        assert compiled.load(site) == good
        assert reading.times == number
        assert compiled.load(site) == good
        assert reading.times == number


def test_one_that_others_may_have_written_is_not_used(
    site: Path, cache: Path, reading: Reading
) -> None:
    compiled.load(site)
    kept = kept_in(cache)
    assert kept.stat().st_mode & 0o777 == 0o600
    for path in (kept, kept.parent):
        path.chmod(path.stat().st_mode | 0o022)
        before = reading.times
        compiled.load(site)
        assert reading.times == before + 1


def test_one_that_lies_elsewhere_is_not_used(
    site: Path, cache: Path, reading: Reading, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compiled.load(site)
    kept = kept_in(cache)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "text"
    kept.rename(elsewhere)
    kept.symlink_to(elsewhere)
    compiled.load(site)
    assert reading.times == 2
    assert not kept_in(cache).is_symlink()


@pytest.mark.parametrize("home", ["", "relative", "/dev/null"])
def test_without_a_place_it_is_read_each_time(
    site: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", home)
    assert compiled.load(site) == compiled.load(site)
    assert reading.times == 2


def test_a_file_that_stands_in_the_way_does_no_harm(
    site: Path, cache: Path, reading: Reading
) -> None:
    (cache / "dueline").write_text("in the way")
    assert compiled.load(site) == compiled.load(site)
    assert reading.times == 2


def test_it_leaves_nothing_beside_it(site: Path, cache: Path) -> None:
    compiled.load(site)
    write(site / "site.yaml", "reported_at: Reported at\n")
    compiled.load(site)
    assert os.listdir(cache / "dueline") == [kept_in(cache).name]  # noqa: PTH208
