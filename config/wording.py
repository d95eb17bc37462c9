"""The words of Dueline's comments: Markdown with Jinja, the defaults, and what they may mention."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.errors import nearest

FACTS: Mapping[str, str] = MappingProxyType({
    "issue": "the issue's key",
    "metric": "what is measured, in words: first response",
    "contract": "the contract's title",
    "severity": "the contract's own level",
    "target": "the goal as the contract writes it: 2h, 1 business day",
    "due": "the due instant in the calendar's zone, as people write it",
    "due_utc": "the due instant in UTC, ISO 8601",
    "late": "how late this is said, as a length; empty when it is said in time",
    "left": "open time left until the due instant, as a length; empty when none is",
    "level": "the number of the escalation level; empty elsewhere",
    "level_name": "the name of the escalation level; empty elsewhere",
    "mentions": "the people and groups addressed, as mentions; may be empty",
})  # fmt: skip
"""Each name that a template may use, with what stands there."""

WARNING = """\
{{ mentions }} The {{ metric }} to {{ issue }} is due {{ due }}: {{ left }} of open time left.

{{ contract }}, {{ severity }}: {{ target }}.\
{% if late %} This warning comes {{ late }} late, because Dueline was not running.{% endif %}"""

BREACH = """\
{{ mentions }} The {{ metric }} to {{ issue }} is overdue. It was due {{ due }}.

{{ contract }}, {{ severity }}: {{ target }}.\
{% if late %} This comes {{ late }} late, because Dueline was not running.{% endif %}"""

ESCALATION = """\
{{ mentions }} Level {{ level }}, {{ level_name }}: the {{ metric }} to {{ issue }} is still \
missing. It was due {{ due }}.

{{ contract }}, {{ severity }}: {{ target }}.\
{% if late %} This comes {{ late }} late, because Dueline was not running.{% endif %}"""

CORRECTION = """\
{{ mentions }} Correction: the {{ metric }} to {{ issue }} came in time after all, and was not \
overdue. It was due {{ due }}; Jira told of the answer only later."""


def check_template(text: str) -> None:
    """Refuse a template that cannot be read or that mentions what is not known.

    Raises:
        ValueError: with what is wrong and what would be right.
    """
    from jinja2 import Environment, TemplateSyntaxError, meta

    environment = Environment(autoescape=False)  # noqa: S701 - nothing is rendered here
    try:
        names = meta.find_undeclared_variables(environment.parse(text))
    except TemplateSyntaxError as error:
        raise ValueError(
            f"is no template (its line {error.lineno}: {error.message}); write {{{{ due }}}} for a "
            "fact and {% if late %}...{% endif %} for a condition"
        ) from None
    unknown = sorted(names - set(FACTS))
    if unknown:
        raise ValueError(f"mentions `{unknown[0]}`, which is no fact; {nearest(unknown[0], FACTS)}")
