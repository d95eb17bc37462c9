"""What Dueline's comments say: a template, the facts of a saying, and out comes Markdown.

A value is escaped where it is written, so that no text from Jira can be markup; only mentions are
meant as such. A template is written by the site's administrator, and still gets at nothing but its
facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connector.errors import WordingError
from connector.markup import escape, mention
from sla.effects import FACTS, FILTERS, URGENT, Fact, Saying
from sla.words import minute

__all__ = ["mention", "plain", "render", "worded"]

_log = structlog.get_logger(__name__)

LONGEST = 20_000
"""Characters of Markdown; Jira takes 32,767 of what becomes of them."""
LATE = timedelta(minutes=5)
"""What is said this long after its instant says so; less is the time that sending takes."""
_PARTS = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name,
    nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call,
    nodes.Keyword, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.CondExpr,
    nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip
"""What a template may consist of: nothing that could refer to itself."""
_METHODS = frozenset(
    {"capitalize", "cycle", "endswith", "lower", "removeprefix", "removesuffix", "split"}
    | {"startswith", "strip", "title", "upper"}
)
"""The methods of a text, and of a loop, that give nothing much longer than what they are given."""


class _Meant(str):
    """Markdown that is meant as such."""

    __slots__ = ()


def _shown(value: object) -> str:
    return value if isinstance(value, _Meant) else escape(str(value))


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which a template has its facts and nothing else."""

    # A text times a number, or a format with a width, could fill the memory.
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, finalize=_shown, autoescape=False)
        self.globals = {}
        self.filters = {name: self.filters[name] for name in FILTERS}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers only."""
        if operator == "**" or not (_is_number(left) and _is_number(right)):
            raise SecurityError(f"`{operator}` is for two numbers, and there is no power here")
        return super().call_binop(context, operator, left, right)


_environment = _Environment()


def plain(name: str) -> str:
    """A name among the mentions that notifies nobody, such as a group that cannot be read."""
    return f"**{escape(name)}**"


def render(
    template: str,
    facts: Mapping[str, Fact],
    mentions: Iterable[str],
    *,
    at: datetime,
    now: datetime,
) -> str:
    """Put a saying into words.

    Args:
        template: Markdown with Jinja; see `FACTS`.
        facts: of the saying, with `issue`: instants as ISO 8601, lengths in seconds.
        mentions: as `mention` makes them.
        at: the instant that the saying is about, aware.
        now: the instant at which it is said, aware.

    Returns:
        Markdown, as `connector.markup` reads it.

    Raises:
        WordingError: the template is broken, or asks for something that is not there.
    """
    shown = {**_readable(facts, at, now), "mentions": _Meant(", ".join(mentions))}
    return _within_bounds(_compiled(template), template, shown).strip()


def worded(
    saying: Saying,
    wording: Mapping[str, str],
    fallback: Mapping[str, str],
    *,
    issue: str | None,
    mentions: Iterable[str],
    now: datetime,
) -> str:
    """A saying in Markdown, by its own template or the site's.

    Args:
        saying: what is said.
        wording: a template for each occasion.
        fallback: the same, known to be good, for a template that fails on some issue's facts.
        issue: the issue's key.
        mentions: as `mention` makes them.
        now: the instant at which it is said, aware.
    """
    facts, mentions = {**saying.facts, "issue": issue}, tuple(mentions)
    kind = _kind_of(saying)
    try:
        template = saying.wording or wording[kind]
        return _not_empty(render(template, facts, mentions, at=saying.at, now=now), template)
    except WordingError as error:
        # Better said in plain words than not at all.
        _log.exception("wording cannot be used", issue=issue, reason=str(error))
        return render(fallback[kind], facts, mentions, at=saying.at, now=now)


def _not_empty(words: str, template: str) -> str:
    if not words:
        raise _broken(template, "it says nothing, and Jira takes no empty comment")
    return words


def _kind_of(saying: Saying) -> str:
    """Which of the site's wordings is meant: what a clock brings is told customers in its own."""
    return "public" if saying.public and saying.occasion in URGENT else saying.occasion


@lru_cache(maxsize=64)
def _compiled(template: str) -> Template:
    try:
        tree = _environment.parse(template)
        names = meta.find_undeclared_variables(tree)
        unknown = sorted(names - set(FACTS))
        if unknown:
            raise _broken(template, f"`{unknown[0]}` is no fact; there are {', '.join(FACTS)}")
        problem = _endless(tree)
        if problem:
            raise _broken(template, problem)
        compiled = _environment.from_string(template)
    except TemplateSyntaxError as error:
        raise _broken(template, f"line {error.lineno}: {error.message}") from None
    except TemplateError as error:
        raise _broken(template, str(error)) from None
    except (RecursionError, SyntaxError, MemoryError):
        raise _broken(template, "it is nested too deeply") from None
    except ValueError:
        raise _broken(template, "it holds a number without end") from None
    return compiled


def _endless(tree: nodes.Template) -> str | None:
    """What keeps a template from being rendered in little time and memory, whatever the facts."""
    checks = (_strange_part(tree), _strange_call(tree), _nested_loop(tree), _growing(tree))
    return next(filter(None, checks), None)


def _strange_part(tree: nodes.Template) -> str | None:
    found = (type(node) for node in tree.find_all(nodes.Node) if not isinstance(node, _PARTS))
    return next((f"no `{kind.__name__.lower()}` can stand here" for kind in found), None)


def _strange_call(tree: nodes.Template) -> str | None:
    for call in tree.find_all(nodes.Call):
        called = call.node
        if not (isinstance(called, nodes.Getattr) and called.attr in _METHODS):
            name = getattr(called, "attr", None) or getattr(called, "name", "this")
            return f"`{name}` cannot be called; only {', '.join(sorted(_METHODS))} can"
    return None


def _nested_loop(tree: nodes.Template) -> str | None:
    loops = list(tree.find_all(nodes.For))
    if any(loop.recursive or loop.find(nodes.For) for loop in loops):
        return "no loop can stand in a loop"
    return None


def _growing(tree: nodes.Template) -> str | None:
    """Whether a name is set to what others were set to, by which texts double and double again."""
    values = [assigned.node for assigned in tree.find_all(nodes.Assign)]
    targets = {
        name.name
        for assigned in tree.find_all(nodes.Assign)
        for name in [assigned.target, *assigned.target.find_all(nodes.Name)]
        if isinstance(name, nodes.Name)
    }
    for value in values:
        inside = [value] if isinstance(value, nodes.Name) else list(value.find_all(nodes.Name))
        again = next((name.name for name in inside if name.name in targets), None)
        if again:
            return f"nothing can be set to what comes from `{again}`, which is set itself"
    return None


def _within_bounds(compiled: Template, template: str, shown: Mapping[str, object]) -> str:
    parts: list[str] = []
    length = 0
    try:
        for part in compiled.generate(shown):
            length += len(part)
            if length > LONGEST:
                raise _broken(template, f"it becomes longer than {LONGEST} characters")
            parts.append(part)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _broken(template, str(error)) from None
    return "".join(parts)


def _broken(template: str, problem: str) -> WordingError:
    start = " ".join(template.split())
    name = start if len(start) <= 60 else f"{start[:60]}…"
    return WordingError(f"The wording “{name}” cannot be used: {problem.rstrip('.')}.")


def _readable(facts: Mapping[str, Fact], at: datetime, now: datetime) -> dict[str, object]:
    """The facts as people read them; each of `FACTS` is there."""
    zone = _zone(facts.get("time_zone"))
    due = _instant(facts.get("due_at"))
    responded = _instant(facts.get("responded_at"))
    since = _instant(facts.get("since_at"))
    # What a version says of a time before it could not be said in time by anybody.
    late = timedelta(0) if since else now - at
    return {
        **{name: _or_empty(facts.get(name)) for name in FACTS},
        "due": minute(due, zone) if due else "",
        "due_utc": f"{due.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if due else "",
        "responded": minute(responded, zone) if responded else "",
        "late": _length(late) if late >= LATE else "",
        "since": minute(since, zone) if since else "",
        "left": _left(facts.get("left"), due, now),
    }


def _left(seconds: Fact, due: datetime | None, now: datetime) -> str:
    if not isinstance(seconds, int | float):
        return ""
    overdue = due is not None and now >= due
    return _length(timedelta(0 if overdue else seconds / 86_400))


def _length(length: timedelta) -> str:
    """Such as `1 h 30 min`, `3 d 2 h` or `45 min`: whole minutes, and no minutes beside days."""
    minutes = round(length.total_seconds() / 60)
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    units = ((days, "d"), (hours, "h"), (0 if days else minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in units if number) or "0 min"


def _instant(text: Fact) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _zone(name: Fact) -> str:
    try:
        return ZoneInfo(str(name or "UTC")).key
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"


def _or_empty(value: Fact) -> object:
    return "" if value is None else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
