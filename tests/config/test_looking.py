"""A set of documents, looked at: by its own paths, and without a trace of where it was written."""

from __future__ import annotations

from datetime import date

import pytest

from config import looking, positions
from config.document_sets import gathered
from config.errors import ConfigError
from config.examples import worked
from config.linter import findings
from config.loader import load, read
from config.settings import SHIPPED

_LIBRARY, _CONFIGURATION = read(SHIPPED)
_WHOLE = gathered(SHIPPED, _CONFIGURATION)
_TODAY = date(2026, 7, 1)


def test_warnings_are_those_of_the_directory_by_the_paths_of_the_set() -> None:
    here = f"{SHIPPED}/"
    expected = [
        (each.file.removeprefix(here), each.line, each.column, each.message)
        for each in findings(_LIBRARY, _CONFIGURATION, _TODAY)
    ]
    found = looking.warnings(_WHOLE, _TODAY)
    assert [(each.file, each.line, each.column, each.message) for each in found] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("projects: [", "projects.yaml"), ("a: " + "[" * 5000, "nests"), ("projekts: {}", "projects")],
)
def test_faults_are_told_by_the_paths_of_the_set(text: str, said: str) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            looking.warnings({**_WHOLE, "projects.yaml": text}, _TODAY)
        assert said in str(caught.value)
        assert "/tmp" not in str(caught.value)  # noqa: S108


@pytest.mark.parametrize("contract", sorted(_CONFIGURATION.policy.contracts))
def test_a_contract_alone_promises_what_it_promises_in_use(contract: str) -> None:
    alone = looking.alone(_WHOLE, contract)
    assert alone
    assert alone.policy.contracts == {contract: _CONFIGURATION.policy.contracts[contract]}
    assert list(looking.examples(_WHOLE, contract, 2026)) == worked(
        _LIBRARY, _CONFIGURATION, contract, 2026
    )


def test_what_is_not_there_is_nothing() -> None:
    assert looking.alone(_WHOLE, "nope") is None
    assert looking.lone_calendar(_WHOLE, "../site") is None
    assert looking.examples(_WHOLE, "nope", 2026) == ()


def test_of_a_set_only_what_was_changed_is_composed_anew() -> None:
    looking.warnings(_WHOLE, _TODAY)
    composed = positions._kept.cache_info().misses
    changed = _WHOLE["projects.yaml"] + "\n# Another line.\n"
    looking.warnings({**_WHOLE, "projects.yaml": changed}, _TODAY)
    assert positions._kept.cache_info().misses == composed + 1


def test_what_is_composed_once_is_no_common_document() -> None:
    text = _WHOLE["projects.yaml"]
    one, other = (positions.parse(text, positions.Document(name)) for name in ("one", "other"))
    one.data.clear()
    one.complain((), "is wrong")
    assert other.data
    assert other.problems == []
    assert other.problem((), "is wrong").file == "other"


def test_a_calendar_alone_is_the_one_in_use() -> None:
    configuration = load(SHIPPED)
    for key, calendar in configuration.calendars.items():
        found = looking.lone_calendar(_WHOLE, key.rpartition("/")[2])
        assert found
        assert found[0].weekly == calendar.weekly
        if "/" not in key:
            assert found[0] == calendar
