"""What a form changes in `projects.yaml` is changed there, and no other line."""

from __future__ import annotations

import random
from difflib import ndiff
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.mapping_edits import NotByForm, edited, even, in_one_line, read
from config.positions import Place, Plain
from config.settings import SHIPPED

TEXT = (SHIPPED / "projects.yaml").read_text(encoding="utf-8")
SHIPPED_PROJECTS = cast("dict[str, dict[str, Any]]", read(TEXT)["projects"])
RULES = {
    key: cast("list[Plain]", project["severities"])
    for key, project in cast("dict[str, dict[str, Plain]]", read(TEXT)["projects"]).items()
}


def differing(before: str, after: str) -> list[str]:
    lines = ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def at(text: str, *place: str) -> Any:
    found: Any = read(text)
    for part in place:
        found = found[part]
    return found


def test_one_rule_more_is_one_line_more() -> None:
    rules = RULES["BTL"]
    more: Plain = {"type": "Outage", "severity": "Urgent", "kind": "Error"}
    after = edited(TEXT, {("projects", "BTL", "severities"): [more, *rules]})
    assert differing(TEXT, after) == ["+       - { type: Outage, severity: Urgent, kind: Error }"]


def test_a_rule_that_goes_takes_the_comment_above_it_and_leaves_the_others() -> None:
    after = edited(TEXT, {("projects", "BIT", "severities"): RULES["BIT"][1:]})
    gone = differing(TEXT, after)
    assert [line[:20].split()[1] for line in gone] == ["#", "-"]
    assert "# What the texts leave open, contract by contract." in after


def test_a_project_comes_and_goes_and_its_neighbours_stay() -> None:
    new: Plain = {
        "contracts": [{"contract": "botron", "fields": {"Support plan": ["A, b", "C"]}}],
        "severities": [{"severity": "All"}],
        "alerts": "proactive",
    }
    place: Place = ("projects", "NEW")
    more = edited(TEXT, {place: new})
    assert even(at(more, *map(str, place))) == even(new)
    assert all(line.startswith("+") for line in differing(TEXT, more))
    assert edited(more, {place: None}).replace("\n\n\n", "\n\n") == TEXT
    less = edited(TEXT, {("projects", "HLP"): None})
    assert all(line.startswith("-") for line in differing(TEXT, less))
    assert "HLP" not in at(less, "projects")


def test_values_are_set_replaced_and_taken_out_wherever_they_stand() -> None:
    form = ("customers", "Acme & Söhne: #1", "balto", "monthly-fee")
    after = edited(TEXT, {form: "1000 EUR", ("choices", "botron", "assessment"): {
        "chosen": "separate", "by": "Ada", "on": "2024-07-01",
    }})  # fmt: skip
    assert at(after, *form) == "1000 EUR"
    assert after.startswith(TEXT)
    second = edited(after, {(*form[:3], "support-hours"): "bitumio", form: None})
    assert at(second, *form[:3]) == {"support-hours": "bitumio"}
    # What is left empty goes, since an empty mapping is a fault.
    assert "customers" not in read(edited(second, {(*form[:3], "support-hours"): None}))
    none = edited(TEXT, {("projects", "BAL", "alerts"): None})
    assert differing(TEXT, none) == ["-     alerts: proactive"]


def test_a_comment_behind_a_value_stays() -> None:
    text = TEXT.replace("alerts: proactive", "alerts: proactive # as agreed")
    after = edited(text, {("projects", "BAL", "alerts"): "default"})
    assert "    alerts: default # as agreed\n" in after


def test_what_does_not_change_is_not_touched_even_where_it_is_written_otherwise() -> None:
    text = "projects: {A: {contracts: [{contract: x}], severities: [{severity: y}]}}\n"
    same: Plain = [{"contract": "x"}]
    assert edited(text, {("projects", "A", "contracts"): same}) == text
    with pytest.raises(NotByForm, match="in one line"):
        edited(text, {("projects", "A", "contracts"): [{"contract": "z"}]})


def test_a_document_with_anchors_is_left_to_a_person() -> None:
    text = (
        "projects:\n  A:\n    contracts: [{ contract: x }]\n    severities: &s\n"
        "      - severity: y\n  B:\n    contracts: [{ contract: x }]\n    severities: *s\n"
    )
    with pytest.raises(NotByForm):
        edited(text, {("projects", "A", "severities"): [{"severity": "z"}, {"severity": "q"}]})


NAMES = st.text(max_size=12).filter(lambda text: bool(text.strip())).map(str.strip)
CONDITIONS = st.fixed_dictionaries(
    {"severity": NAMES},
    optional={
        "type": st.lists(NAMES, min_size=1, max_size=3),
        "priority": NAMES,
        "fields": st.dictionaries(NAMES, NAMES, min_size=1, max_size=2),
    },
)


@given(
    st.sampled_from(sorted(RULES)),
    st.lists(CONDITIONS, min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_any_rules_are_written_so_that_they_are_read(
    key: str, new: list[Plain], chance: random.Random
) -> None:
    rules = [*RULES[key], *new]
    chance.shuffle(rules)
    after = edited(TEXT, {("projects", key, "severities"): rules})
    found = read(after)["projects"]
    assert isinstance(found, dict)
    written = found.pop(key)
    assert isinstance(written, dict)
    assert even(written["severities"]) == even(rules)
    assert found == {name: each for name, each in SHIPPED_PROJECTS.items() if name != key}
    for line in TEXT.splitlines():
        if line.lstrip().startswith("#") and line.startswith(("#", "  #")):
            assert line in after


@given(st.recursive(st.one_of(NAMES, st.booleans()), lambda below: st.lists(below, max_size=3)))
@settings(max_examples=100, deadline=None)
def test_a_value_in_one_line_is_the_value(value: Plain) -> None:
    assert read(f"it: {in_one_line(value)}\n") == {"it": value}
