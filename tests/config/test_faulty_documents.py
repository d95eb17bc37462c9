"""Each file in `faulty/` is one document with one fault, named after it.

Its first comment line says which file of a directory it is, the following ones what has to be said
about it: `line:column: path: what is wrong, and what would be right`. ROOT is the directory.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from config.document_sets import gathered
from config.document_sets import load as load_documents
from config.errors import ConfigError
from config.loader import load

LIBRARY = f"holidays {version('holidays')}"
FAULTS = sorted((Path(__file__).parent / "faulty").glob("*.yaml"))


def _comments(text: str) -> list[str]:
    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith("# ")), len(lines))
    return [line.removeprefix("# ") for line in lines[:end]]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda path: path.stem)
def test_a_fault_is_reported_at_its_place(fault: Path, site: Path) -> None:
    text = fault.read_text(encoding="utf-8")
    name, *expected = _comments(text)
    target = site / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as raised:
        load(site)

    said = str(raised.value).replace(str(site), "ROOT").replace(LIBRARY, "holidays VERSION")
    assert said.splitlines() == [f"ROOT/{name}:{line}" for line in expected]


def test_faults_of_all_files_are_reported_together(site: Path) -> None:
    (site / "calendars").mkdir()
    (site / "calendars" / "a.yaml").write_text("time_zone: Nowhere\n", encoding="utf-8")
    (site / "site.yaml").write_text("fields: 1\n", encoding="utf-8")
    (site / "projects.yaml").write_text("projects: {}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as raised:
        load(site)

    files = [Path(problem.file).name for problem in raised.value.problems]
    assert files == ["a.yaml", "projects.yaml", "site.yaml"]
    assert str(raised.value).splitlines() == [str(problem) for problem in raised.value.problems]


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere: is no directory; name the one that holds"):
        load(tmp_path / "nowhere")


def test_no_projects_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"projects\.yaml:1:1: cannot be read \(No such file"):
        load(tmp_path)


def test_a_file_that_is_not_text(site: Path) -> None:
    (site / "projects.yaml").write_bytes(b"projects: \xff\n")
    with pytest.raises(ConfigError, match=r"is not UTF-8 text \(byte 10\); save it as UTF-8"):
        load(site)


@pytest.mark.parametrize("name", ["projects", "site"])
def test_a_single_one_that_would_be_passed_over(site: Path, name: str) -> None:
    (site / f"{name}.yml").write_text("responders: { never: [somebody] }\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{name}\.yml:1:1: is not read; name it {name}\.yaml"):
        load(site)


@pytest.mark.parametrize("name", ["my office.yaml", "büro.yaml", "_office.yaml"])
def test_a_name_that_no_version_can_keep(site: Path, name: str) -> None:
    (site / "calendars").mkdir()
    text = "time_zone: Europe/Berlin\nalways_open: true\n"
    (site / "calendars" / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{name}:1:1: has a name that no version can keep"):
        load(site)


def test_what_an_editor_puts_beside_a_document_is_none(site: Path) -> None:
    before = load(site)
    (site / "calendars").mkdir()
    (site / "calendars" / ".#standard.yaml").symlink_to("ada@host.123")
    (site / "calendars" / "._standard.yaml").write_bytes(b"\0\xff")
    (site / "calendars" / ".standard.yml").write_text("x", encoding="utf-8")
    (site / "calendars" / ".kept.yaml").write_text("time_zone: UTC\n", encoding="utf-8")
    (site / "Holidays 2026.ics").write_text("of no document", encoding="utf-8")
    found = load(site)
    assert found.policy.version == before.policy.version
    kept = gathered(site, found)
    assert not [path for path in kept if "/." in path or " " in path]
    assert load_documents(kept).policy.version == before.policy.version


@pytest.mark.parametrize("name", ["my days.ics", "deep/days.ics", "days.txt"])
def test_a_file_of_holidays_that_no_version_can_keep(site: Path, name: str) -> None:
    file = site / "calendars" / name
    file.parent.mkdir(parents=True)
    file.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n", encoding="utf-8")
    calendar = f"time_zone: UTC\nalways_open: true\nholidays: [{{ icalendar: {name} }}]\n"
    (site / "calendars" / "a.yaml").write_text(calendar, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"names {name}, a file that no version can keep"):
        load(site)


def test_a_file_that_would_be_passed_over(site: Path) -> None:
    (site / "contracts").mkdir()
    (site / "contracts" / "acme.yml").write_text("contract: acme\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"acme\.yml:1:1: is not read; name it acme\.yaml"):
        load(site)
