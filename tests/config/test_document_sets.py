"""Documents as a set of texts: they come to what their directory does, and merge by document."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import document_sets
from config.document_sets import LARGEST, applied, as_zip, between, check, differing, merged
from config.errors import ConfigError, ConfigurationError
from config.loader import load
from config.settings import SHIPPED
from tests.scenarios.world import a_site

PATHS = ("projects.yaml", "site.yaml", "contracts/a.yaml", "calendars/b.yaml")
SETS = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["one\n", "two\n", "three\n"]))


def test_a_directory_with_files_of_its_own_keeps_the_shipped_ones_that_it_uses(
    tmp_path: Path,
) -> None:
    hours = (
        (SHIPPED / "calendars" / "standard.yaml").read_text("utf-8").replace("standard", "own", 1)
    )
    site = a_site(tmp_path, calendars={"own": hours})
    there = load(site)
    (site / "notes.txt").write_text("not read")
    (site / "latin.ics").write_bytes("Feiertag für alle".encode("latin-1"))
    documents = document_sets.gathered(site, there)
    assert {"projects.yaml", "site.yaml", "calendars/own.yaml"} < documents.keys()
    assert {"contracts/standard.yaml", "calendars/balto-weekend.yaml"} < documents.keys()
    assert not documents.keys() & {"notes.txt", "latin.ics"}
    assert document_sets.load(documents).text == there.text


@given(st.text("ab.-_ é:\n", max_size=30))
def test_a_calendar_is_named_where_its_id_stands_as_a_word(text: str) -> None:
    ids = ("a", "ab", "a-b", "b_a")
    words = re.findall(r"[\w.-]+", text)
    named = [id_ for id_ in ids if re.search(document_sets._as_word(id_), text)]
    assert named == [id_ for id_ in ids if id_ in words]


def test_faults_are_named_by_the_paths_of_the_set() -> None:
    with pytest.raises(ConfigError) as error:
        document_sets.load({"projects.yaml": "projects: 3\n", "contracts/x.yaml": "a: ["})
    assert {problem.file for problem in error.value.problems} == {
        "projects.yaml", "contracts/x.yaml",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"^projects\.yaml: cannot be read|projects\.yaml:1:1"):
        document_sets.load({})


def test_what_nests_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^projects\.yaml:1:\d+: nests too deeply"):
        document_sets.load({"projects.yaml": "a: " + "[" * 20_000 + "]" * 20_000 + "\n"})
    # Of aliases that stand for each other none is deep.
    chain = (f"a{n}: &a{n} {'[' * 50}*a{n - 1}{']' * 50}\n" for n in range(1, 30))
    with pytest.raises(ConfigError, match=r"^projects\.yaml:3:5: a2: nests too deeply"):
        document_sets.load({"projects.yaml": "a0: &a0 []\n" + "".join(chain)})


def test_an_escape_that_stands_for_no_character_is_told() -> None:
    for escape in ("FFFFFFFF", "00110000"):
        with pytest.raises(ConfigError, match=r"projects\.yaml:1:1: .*no character"):
            document_sets.load({"projects.yaml": f'projects: "\\U{escape}"\n'})


def test_a_text_that_is_too_long_or_no_text_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="characters; at most"):
        check({"site.yaml": "x" * (LARGEST + 1)})
    with pytest.raises(ConfigurationError, match="half a character"):
        check({"site.yaml": "\ud800"})


@given(SETS)
def test_a_zip_holds_the_set_and_is_the_same_each_time(documents: dict[str, str]) -> None:
    packed = as_zip(documents)
    assert packed == as_zip(dict(reversed(documents.items())))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == documents


@given(SETS, SETS)
def test_the_changes_between_two_sets_lead_from_one_to_the_other(
    before: dict[str, str], after: dict[str, str]
) -> None:
    assert applied(before, between(before, after)) == after


@given(SETS, SETS, SETS)
def test_a_merge_loses_nothing_of_either_side(
    base: dict[str, str], theirs: dict[str, str], wanted: dict[str, str]
) -> None:
    mine = between(base, wanted)
    found = merged(base, theirs, mine)
    result = applied(theirs, found.changes)
    for path in PATHS:
        if path in found.both:
            assert base.get(path) != theirs.get(path) != wanted.get(path) != base.get(path)
        elif path in mine:
            assert result.get(path) == wanted.get(path)
        else:
            assert result.get(path) == theirs.get(path)
    settled = merged(base, theirs, mine, dict.fromkeys(found.both, "theirs"))
    assert settled.both == ()
    assert all(applied(theirs, settled.changes).get(p) == theirs.get(p) for p in found.both)
    assert differing(theirs, found.changes) == found.changes
