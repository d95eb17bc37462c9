"""Two changes of one document: what one side alone changed is kept, the rest is to be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.mapping_edits import read
from config.merging import MergedText, merged_text
from config.settings import SHIPPED

STANDARD = (SHIPPED / "contracts" / "standard.yaml").read_text("utf-8")
KEYS = ("AAA", "BIT", "BOT", "HLP", "MMM")
SHAPES = (
    "    contracts: [{ contract: standard }]  # since May\n",
    "    contracts:\n      # Two.\n      - contract: botron\n      - contract: bitumio\n",
    "    contracts: []\n    alerts: loud\n",
)
MAPPED = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(SHAPES))
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.sampled_from((None, *SHAPES)))
Changes = Mapping[str, str | None]
PROJECTS = "# Of all.\nprojects:\n  KEPT: {}\n  BIT: {}\n  BOT: {}\n# The end.\n"


def written(base: Mapping[str, str], changes: Changes) -> str:
    """What a person made of it; what is new stands at the end, as the form puts it."""
    found = {key: changes.get(key, each) for key, each in {**base, **changes}.items()}
    mapped = "".join(f"\n  # {key}.\n  {key}:\n{each}" for key, each in found.items() if each)
    return f"# Of all.\nprojects:\n  KEPT: {{}}\n{mapped}\nalerts: {{}}\n# The end.\n"


def must_merge(base: str, mine: str, theirs: str) -> MergedText:
    found = merged_text(base, mine, theirs)
    assert found
    return found


@settings(max_examples=50)
@given(MAPPED, CHANGES, CHANGES)
def test_changes_of_different_projects_are_both_kept_in_either_order(
    there: dict[str, str], mine: dict[str, str | None], others: dict[str, str | None]
) -> None:
    theirs = {key: each for key, each in others.items() if key not in mine}
    base, one, other = written(there, {}), written(there, mine), written(there, theirs)
    found = must_merge(base, one, other)
    assert found.text == must_merge(base, other, one).text
    both = written(there, {**mine, **theirs})
    assert sorted(found.text.splitlines()) == sorted(both.splitlines())
    assert read(found.text) == read(both)
    assert found.both == ()
    assert set(found.mine) == {f"projects.{k}" for k in mine if mine[k] != there.get(k)}
    assert set(found.theirs) == {f"projects.{k}" for k in theirs if theirs[k] != there.get(k)}


@settings(max_examples=50)
@given(MAPPED, CHANGES, CHANGES)
def test_what_both_changed_is_named_and_all_else_is_kept_of_both(
    there: dict[str, str], mine: dict[str, str | None], theirs: dict[str, str | None]
) -> None:
    base, one, other = written(there, {}), written(there, mine), written(there, theirs)
    contested = {
        key
        for key in mine.keys() & theirs.keys()
        if there.get(key) != mine[key] != theirs[key] != there.get(key)
    }
    for prefer, settled in (("mine", {**theirs, **mine}), ("theirs", {**mine, **theirs})):
        found = merged_text(base, one, other, "mine" if prefer == "mine" else "theirs")
        assert found
        assert set(found.both) == {f"projects.{key}" for key in contested}
        for key in settled.keys() - contested:
            was = there.get(key)
            changed = [side[key] for side in (mine, theirs) if side.get(key, was) != was]
            settled[key] = changed[0] if changed else was
        assert read(found.text) == read(written(there, settled))


def test_comments_and_what_projects_share_are_kept_as_each_side_wrote_them() -> None:
    base = dedent("""\
        # Of all.
        projects:
          BIT:
            contracts: [{ contract: bitumio }]  # since May

          # The second.
          BOT:
            contracts: [{ contract: botron }]

        parameters:
          gold:
            hours: 1h
            money: 10 EUR
        # The end.
        """)
    mine = base.replace("  # since May", "  # since June").replace("hours: 1h", "hours: 2h")
    mine = mine.replace("parameters:", "customers:\n  Ann:\n    gold: { hours: 3h }\n\nparameters:")
    theirs = base.replace("# The second.", "# The last.").replace("10 EUR", "20 EUR")
    found = must_merge(base, mine, theirs)
    expected = mine.replace("# The second.", "# The last.").replace("10 EUR", "20 EUR")
    assert found.text == expected
    assert found.mine == ("projects.BIT", "customers", "parameters.gold.hours")
    assert found.theirs == ("projects.BOT", "parameters.gold.money")
    assert found.both == ()


def test_a_contracts_parts_are_merged_and_its_severities_order_is_not_guessed() -> None:
    mine = STANDARD.replace("title: ", "title: Our ", 1)
    theirs = STANDARD.replace("  Medium: The", "  Medium: Whenever the", 1)
    assert must_merge(STANDARD, mine, theirs).text == mine.replace(
        "  Medium: The", "  Medium: Whenever the", 1
    )
    low = "  Low: "
    one = STANDARD.replace(low, f"  Lower: x\n{low}", 1)
    other = STANDARD.replace(low, f"  Middling: x\n{low}", 1)
    assert must_merge(STANDARD, one, other).both == ("severities",)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "",
        "{ projects: {} }\n",
        PROJECTS + "projects: {}\n",
        PROJECTS.replace("\n", "\r\n"),
        PROJECTS + "x: " + "[" * 150 + "]" * 150 + "\n",
    ],
    ids=["no YAML", "empty", "one line", "a key twice", "other line ends", "too deep"],
)
def test_what_cannot_be_cut_is_not_merged(text: str) -> None:
    mine = PROJECTS.replace("  BOT: {}\n", "")
    assert merged_text(PROJECTS, mine, text) is None
    assert merged_text(PROJECTS, text, mine) is None
    assert merged_text(text, PROJECTS, mine) is None


def test_entries_that_one_side_put_into_another_order_are_left_to_be_chosen() -> None:
    base = "projects:\n  A: 1\n  B: 2\n"
    moved = "projects:\n  B: 2\n  A: 1\n"
    assert must_merge(base, moved, "projects:\n  A: 3\n  B: 2\n").both == ("projects",)


def test_a_side_that_indents_otherwise_is_never_mixed_with_the_other() -> None:
    base = "projects:\n  A: 1\n"
    mine = "projects:\n    A: 1\n"
    found = merged_text(base, mine, "projects:\n  A: 1\n  B: 2\n")
    assert found is None
