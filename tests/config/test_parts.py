"""The small parts: lengths, rules that can matter, wording, and the schema that editors get."""

from __future__ import annotations

from datetime import timedelta

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from config import lengths
from config.contracts import condition, field_name
from config.documents import DOCUMENTS, json_schema
from config.positions import read
from config.reachability import matters, meet
from config.settings import SHIPPED
from config.site_schema import WordingDocument
from sla.effects import FACTS
from sla.mapping import Condition


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h", 7200), ("1h 30m", 5400), ("1h30m", 5400), ("45m", 2700), ("90s", 90), ("1h 1s", 3601)],
)
def test_lengths(text: str, seconds: int) -> None:
    assert lengths.length(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "30m 1h", "2 hours", "1d", "0m"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(ValueError, match=r"no length|no time at all"):
        lengths.length(text)


@given(st.integers(1, 366 * 86_400))
def test_the_short_form_reads_back(seconds: int) -> None:
    amount = timedelta(seconds=seconds)
    assert lengths.length(lengths.short(amount)) == amount


def test_targets() -> None:
    assert lengths.target("1 business day") == 1
    assert lengths.target("3 business days") == 3
    assert lengths.target("2h") == timedelta(hours=2)


# --- rules that can matter ----------------------------------------------------------------------


def rules(*conditions: dict[str, tuple[str, ...]]) -> list[Condition]:
    return [Condition(each) for each in conditions]


def test_a_rule_below_one_that_takes_everything() -> None:
    found = rules({"priority": ("High",)}, {}, {"issuetype": ("Bug",)})
    assert [matters(found, number) for number in range(3)] == [True, True, False]


def test_a_rule_below_several_that_take_its_values_between_them() -> None:
    found = rules({"p": ("A",)}, {"p": ("b", "c")}, {"p": ("a", "B")}, {"p": ("a", "D")})
    assert [matters(found, number) for number in range(4)] == [True, True, False, True]


_VALUES = st.lists(st.sampled_from("ABC"), min_size=1, max_size=3, unique=True).map(tuple)
_RULES = st.lists(
    st.dictionaries(st.sampled_from("pqr"), _VALUES, max_size=2).map(Condition),
    min_size=1,
    max_size=5,
)


def _first(found: list[Condition], issue: dict[str, str]) -> int | None:
    return next((n for n, rule in enumerate(found) if rule.holds(issue)), None)


_ISSUES = [
    {"p": p, "q": q, "r": r} for p in "ABC-" for q in "ABC-" for r in "ABC-"
]  # `-` is a value that no rule asks for


@given(_RULES)
def test_a_rule_matters_just_when_some_issue_gets_it(found: list[Condition]) -> None:
    got = {_first(found, issue) for issue in _ISSUES}
    assert {n for n in range(len(found)) if matters(found, n)} == got - {None}


@given(_RULES, _RULES)
def test_two_rules_meet_just_when_some_issue_gets_both(
    one: list[Condition], other: list[Condition]
) -> None:
    got = {(_first(one, issue), _first(other, issue)) for issue in _ISSUES}
    for i in range(len(one)):
        for j in range(len(other)):
            assert meet(one, i, other, j) == ((i, j) in got)


# --- wording ------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", ["", "2h"])
@pytest.mark.parametrize("occasion", list(WordingDocument.model_fields))
def test_the_default_wording_uses_only_facts(occasion: str, late: str) -> None:
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    template = environment.from_string(getattr(WordingDocument(), occasion))
    facts: dict[str, object] = {**{name: name for name in FACTS}, "late": late, "since": ""}
    lists = ("promises", "duties", "contacts", "missing", "given", "problems")
    facts |= {name: [f"{name} {number}" for number in (1, 2)] for name in lists}
    text = template.render(facts)
    assert "issue" in text
    of_a_cycle = occasion in ("warning", "breach", "escalation", "correction", "public")
    assert ("due" in text.replace("duties", "")) == of_a_cycle
    says_late = occasion in ("warning", "breach", "escalation", "request")
    assert ("2h late" in text) == (bool(late) and says_late)
    # What a later version alone says could not have been written before.
    in_hindsight = template.render(facts | {"since": "Monday"})
    assert "2h late" not in in_hindsight
    assert ("in force since Monday" in in_hindsight) == (says_late or occasion == "public")


# --- the schema for editors -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(DOCUMENTS))
def test_the_shipped_documents_meet_the_published_schema(kind: str) -> None:
    schema = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    pattern = f"{kind}s/*.yaml" if kind in {"contract", "calendar"} else f"{kind}.yaml"
    files = list(SHIPPED.glob(pattern))
    assert files
    for path in files:
        jsonschema.validate(read(path, path.name).data, schema)


@pytest.mark.parametrize("kind", list(DOCUMENTS))
def test_the_published_schema_knows_no_other_key(kind: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"colour": "red"}, json_schema(kind))


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("Status", "status"),
        ("Type", "issuetype"),
        ("Issue Type", "issuetype"),
        ("LABELS", "labels"),
        ("Support plan", "Support plan"),
        ("customfield_10050", "customfield_10050"),
    ],
)
def test_jiras_own_fields_are_known_however_they_are_written(written: str, known: str) -> None:
    assert field_name(written) == known
    found = condition({"fields": {written: ["x"]}, "filled": [written], "empty": [written]})
    assert found.names == {known}
