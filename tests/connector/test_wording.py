"""Templates into comments: readable facts, inert values, and a clear word about a broken one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from config import wording
from connector.errors import WordingError
from connector.markup import to_wiki
from connector.wording import LONGEST, mention, render, worded
from sla.contract import Audience
from sla.effects import FACTS as FACTS_BY_NAME
from sla.effects import Occasion, Saying

DEFAULTS: Mapping[Occasion, str] = {
    "warning": wording.WARNING,
    "breach": wording.BREACH,
    "escalation": wording.ESCALATION,
    "correction": wording.CORRECTION,
}
DUE = datetime(2024, 7, 11, 13, tzinfo=UTC)
FACTS: Mapping[str, str | float | None] = {
    "issue": "DEMO-1",
    "metric": "first response",
    "contract": "Standard support",
    "severity": "Severity 1",
    "target": "2h",
    "clause": "4.1",
    "due_at": "2024-07-11T13:00:00+00:00",
    "responded_at": None,
    "time_zone": "America/New_York",
}


def said(
    template: str, *mentions: str, late: timedelta = timedelta(0), **facts: str | float | None
) -> str:
    markdown = render(template, {**FACTS, **facts}, mentions, at=DUE, now=DUE + late)
    # As Data Center shows it, without the escapes.
    return to_wiki(markdown).replace("\\", "")


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ due }}", "Thu 11 Jul 2024 09:00 EDT"),
        ("{{ due_utc }}", "2024-07-11T13:00:00Z"),
        ("{{ late }}", ""),
        ("{{ left }}", ""),
        ("{{ level }}", ""),
        ("{{ responded }}", ""),
        ("{{ metric|upper }}", "FIRST RESPONSE"),
    ],
)
def test_facts_as_people_read_them(template: str, shown: str) -> None:
    assert said(template) == shown


def test_in_a_zone_that_nobody_knows_it_is_utc() -> None:
    assert said("{{ due }}", time_zone="Mars/Olympus") == "Thu 11 Jul 2024 13:00 UTC"


@pytest.mark.parametrize(
    ("late", "shown"),
    [
        (timedelta(minutes=4, seconds=59), ""),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=1, minutes=30), "1 h 30 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=3, hours=2, minutes=7), "3 d 2 h"),
    ],
)
def test_how_late(late: timedelta, shown: str) -> None:
    assert said("{{ late }}", late=late) == shown


@pytest.mark.parametrize(
    ("now", "shown"),
    [(DUE - timedelta(minutes=30), "30 min"), (DUE, "0 min"), (DUE + timedelta(hours=1), "0 min")],
)
def test_nothing_is_left_once_it_is_due(now: datetime, shown: str) -> None:
    at = DUE - timedelta(minutes=30)
    assert render("{{ left }}", {**FACTS, "left": 1800.0}, [], at=at, now=now) == shown


def test_the_defaults() -> None:
    ada, bob = mention("JIRAUSER1"), mention("JIRAUSER2")
    texts = {
        occasion: said(text, ada, bob, level=2, level_name="Manager", left=1800.0)
        for occasion, text in DEFAULTS.items()
    }
    promise = "Standard support, Severity 1: 2h."
    start = "[~JIRAUSER1], [~JIRAUSER2]"
    assert texts["breach"] == (
        f"{start} The first response to DEMO-1 is overdue. "
        f"It was due Thu 11 Jul 2024 09:00 EDT.\n\n{promise}"
    )
    assert texts["escalation"] == (
        f"{start} Level 2, Manager: the first response to DEMO-1 is still missing. "
        f"It was due Thu 11 Jul 2024 09:00 EDT.\n\n{promise}"
    )


def test_the_default_warning_and_correction() -> None:
    facts = {**FACTS, "left": 5400.0}
    at = DUE - timedelta(minutes=90)
    warning = render(DEFAULTS["warning"], facts, [], at=at, now=at)
    assert to_wiki(warning).replace("\\", "") == (
        "The first response to DEMO-1 is due Thu 11 Jul 2024 09:00 EDT: 1 h 30 min of open time "
        "left.\n\nStandard support, Severity 1: 2h."
    )
    assert said(DEFAULTS["correction"], responded_at="2024-07-11T12:59:00+00:00") == (
        "Correction: the first response to DEMO-1 was not overdue. "
        "It came Thu 11 Jul 2024 08:59 EDT, and was due Thu 11 Jul 2024 09:00 EDT."
    )


@pytest.mark.parametrize("occasion", ["breach", "escalation"])
def test_the_defaults_say_how_late_they_come(occasion: Occasion) -> None:
    text = said(DEFAULTS[occasion], late=timedelta(hours=2), level=1, level_name="Lead")
    assert text.endswith("This comes 2 h late, because Dueline could not write before.")


@pytest.mark.parametrize("value", ["**Gold** [x](http://y) {code}", "{{ due }}", "a\n\n# b"])
def test_a_value_is_never_markup(value: str) -> None:
    markdown = render("{{ contract }}", {**FACTS, "contract": value}, [], at=DUE, now=DUE)
    wiki = to_wiki(markdown)
    assert "\n" not in wiki
    assert "*Gold*" not in wiki
    assert "|http" not in wiki


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ due", "line 1"),
        ("{{ deu }}", "`deu` is no fact"),
        ("{{ due.__class__.__mro__ }}", "unsafe"),
        ("{{ due.nothing }}", "no attribute"),
        ("{{ 'a' * 1000000000 }}", "two numbers"),
        ("{{ '%1000000000d' % 1 }}", "two numbers"),
        ("{{ 2 ** 1000 }}", "no power"),
        ("{{ due|center(1000000000) }}", "No filter"),
        ("{% for i in range(9) %}x{% endfor %}", "`range` is no fact"),
        ("{% include 'x' %}", "no `include`"),
        ("{{ due() }}", "`due` cannot be called"),
        ("{{ level + 1 }}", "str"),
        ("x" * (LONGEST + 1), "longer than"),
        ("{% for a in due %}{{ due }}" + "x" * 999 + "{% endfor %}", "longer than"),
        ("{% for a in due %}" * 9 + "{% endfor %}" * 9, "no loop can stand in a loop"),
        ("{% for a in missing recursive %}{{ loop(missing) }}{% endfor %}", "cannot be called"),
        ("{% for a in missing recursive %}{{ a }}{% endfor %}", "no loop can stand"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "no `macro`"),
        ("{% block b %}{{ self.b() }}{% endblock %}", "no `block`"),
        ("{% call due() %}{% endcall %}", "no `callblock`"),
        ("{% set a %}x{% endset %}", "no `assignblock`"),
        ("{{ {'a': 1} }}", "no `dict`"),
        ("{{ 'x'.ljust(1000000000) }}", "`ljust` cannot be called"),
        ("{{ '{:>1000000000}'.format('') }}", "`format` cannot be called"),
        ("{{ (due ~ due).join(due) }}", "`join` cannot be called"),
        ("{% set a = due ~ due %}{% set a = a ~ a %}{{ a }}", "comes from `a`"),
        ("{% set a = due %}{% set b = [a, a] %}{{ b }}", "comes from `a`"),
        ("{% set a = due %}{% set a = a %}", "comes from `a`"),
        ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "too deeply"),
        ("{{ " + "-" * 5000 + "1 }}", "too deeply"),
        ("{% if due %}" * 200 + "{% endif %}" * 200, "too deeply"),
        ("{{ " + "9*" * 3000 + "9 }}", "too deeply"),
        ("{{ " + "9" * 5000 + " }}", "a number without end"),
    ],
)  # fmt: skip
def test_a_broken_template_is_named(template: str, problem: str) -> None:
    with pytest.raises(WordingError, match=problem) as refused:
        said(template)
    assert template[:10] in str(refused.value)


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ metric.upper() }}", "FIRST RESPONSE"),
        ("{{ metric.split(' ')[0] }}", "first"),
        ("{% if issue.startswith('DEMO') %}yes{% endif %}", "yes"),
        ("{% set who = customer or 'you' %}Dear {{ who }}", "Dear you"),
        ("{% for each in [1, 2] %}{% set n = each + 1 %}{{ n }}{% endfor %}", "23"),
        ("{% for a in [1, 2] %}{{ loop.cycle('a', 'b') }}{{ loop.last }} {% endfor %}",
         "aFalse bTrue"),
        ("{{ 'late' if late else 'in time' }}", "in time"),
        ("{{ severity ~ ': ' ~ target }}", "Severity 1: 2h"),
        ("{{ 10 // 3 * 2 % 4 }}", "2"),
    ],
)  # fmt: skip
def test_what_people_write_in_templates_works(template: str, shown: str) -> None:
    assert said(template) == shown


@pytest.mark.parametrize("name", FACTS_BY_NAME)
def test_every_fact_can_be_named(name: str) -> None:
    assert said(f"{{{{ {name} }}}}") is not None


@pytest.mark.parametrize("template", ["", " ", "{% if level %}Level {{ level }}{% endif %}"])
def test_what_comes_to_nothing_is_said_in_the_usual_words(template: str) -> None:
    """Jira takes no empty comment, and the breach would never be told."""
    at = datetime(2026, 11, 20, 15, tzinfo=UTC)
    saying = Saying("first_response/1/breach", "breach", at, Audience())
    usual = {"breach": "{{ issue }} is overdue."}
    said = worded(saying, {"breach": template}, usual, issue="HLP-1", mentions=[], now=at)
    assert said == "HLP\\-1 is overdue."
