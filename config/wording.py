"""The words of Dueline's comments: Markdown with Jinja, the defaults, and what they may mention."""

from __future__ import annotations

from types import MappingProxyType

from config.errors import nearest
from sla.effects import FACTS, FILTERS

_PROMISE = (
    "{{ contract }}{% if severity %}, {{ severity }}{% endif %}: {{ target }}."
    "{% if binding == 'goal' %} It is a goal, not a commitment.{% endif %}"
    "{% if conditional %} It depends on what was not done yet: "
    "{% for line in conditional %}{{ line }} {% endfor %}{% endif %}"
)
_HOLDS_SINCE = " This holds only by the version of the policy in force since {{ since }}."
_SINCE = "{% if since %}" + _HOLDS_SINCE + "{% endif %}"
_LATE = (
    "{% if since %}" + _HOLDS_SINCE + "{% elif late %} This comes {{ late }} late, because "
    "Dueline could not write before.{% endif %}"
)

WARNING = (
    "{{ mentions }} The {{ metric }} to {{ issue }} is due {{ due }}"
    "{% if left %}: {{ left }} of open time left{% endif %}.\n\n" + _PROMISE + _LATE
)
BREACH = (
    "{{ mentions }} The {{ metric }} to {{ issue }} is overdue. It was due {{ due }}.\n\n"
    + _PROMISE
    + _LATE
)
ESCALATION = (
    "{{ mentions }} Level {{ level }}, {{ level_name }}: the {{ metric }} to {{ issue }} is "
    "still missing. It was due {{ due }}.\n\n" + _PROMISE + _LATE
)
CORRECTION = (
    "{{ mentions }} Correction: the {{ metric }} to {{ issue }} was not overdue. "
    "{% if responded %}It came {{ responded }}, and was due {{ due }}."
    "{% else %}Its clock had stopped before {{ due }}.{% endif %}"
)
PUBLIC = (
    "We promised the {{ metric }} to {{ issue }} within {{ target }}, by {{ due }}. "
    "We are on it{% if not left %}, and will be with you as soon as we can{% endif %}." + _SINCE
)
_LINES = "{% for line in LIST %}\n- {{ line }}{% endfor %}"


def _each(name: str) -> str:
    return _LINES.replace("LIST", name)


ACKNOWLEDGEMENT = (
    "We have received your request. Its number is {{ issue }}.\n\n"
    "{{ contract }}{% if severity %}, {{ severity }}{% endif %}{% if promises %}:\n"
    + _each("promises")
    + "{% else %}.{% endif %}{% if duties %}\n\nWhat we need you to do:\n"
    + _each("duties")
    + "{% endif %}{% if contacts %}\n\nYou can also reach us:\n"
    + _each("contacts")
    + "{% endif %}"
)
CHECKLIST = (
    "{% if missing %}To help us solve {{ issue }} sooner, please add to its description "
    "or fields:\n"
    + _each("missing")
    + "{% if given %}\n\nAlready there:\n"
    + _each("given")
    + "{% endif %}{% else %}Thank you: everything that {{ issue }} needs is there.{% endif %}"
)
NOTICE = (
    "{{ mentions }} {{ text }}\n\n{{ issue }}{% if status %} is now {{ status }}{% endif %}"
    "{% if promises %}. Promised:\n" + _each("promises") + "{% else %}.{% endif %}"
)
REQUEST = (
    "{{ mentions }} Level {{ level }}, {{ level_name }}: {{ issue }}, "
    "{% if other %}escalation that has to do with {{ other }}"
    "{% else %}the customer asks for an escalation{% endif %} (clause {{ clause }}). "
    "{{ contract }}{% if severity %}, {{ severity }}{% endif %}." + _LATE
)
REQUESTED = (
    "{% if problems %}{{ issue }} cannot be passed on yet as an escalation"
    "{% if other %} of {{ other }}{% endif %}:\n" + _each("problems") + "{% else %}"
    "{{ issue }} was passed on as an escalation of {{ other }}.{% endif %}"
    "{% if missing %}\n\nPlease also give us:\n" + _each("missing") + "{% endif %}"
)

DEFAULTS = MappingProxyType({
    "warning": WARNING,
    "breach": BREACH,
    "escalation": ESCALATION,
    "correction": CORRECTION,
    "acknowledgement": ACKNOWLEDGEMENT,
    "checklist": CHECKLIST,
    "notice": NOTICE,
    "request": REQUEST,
    "requested": REQUESTED,
    "public": PUBLIC,
})  # fmt: skip
"""For each occasion the words that are used where the site has none of its own.

`public` is for what a clock brings and customers are to read.
"""


def check_template(text: str) -> None:
    """Refuse a template that cannot be read or that mentions what is not known.

    Raises:
        ValueError: with what is wrong and what would be right.
    """
    from jinja2 import Environment, TemplateSyntaxError, meta, nodes

    if not text.strip():
        raise ValueError(
            "is empty, and Jira takes no empty comment; leave it out for the usual words"
        )
    environment = Environment(autoescape=False)  # noqa: S701 - nothing is rendered here
    try:
        tree = environment.parse(text)
        names = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise ValueError(
            f"is no template (its line {error.lineno}: {error.message}); write {{{{ due }}}} for a "
            "fact and {% if late %}...{% endif %} for a condition"
        ) from None
    filters = sorted({used.name for used in tree.find_all(nodes.Filter)} - FILTERS)
    if filters:
        raise ValueError(f"uses the filter `{filters[0]}`; {nearest(filters[0], FILTERS)}")
    unknown = sorted(names - set(FACTS))
    if unknown:
        raise ValueError(f"mentions `{unknown[0]}`, which is no fact; {nearest(unknown[0], FACTS)}")
