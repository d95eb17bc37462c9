"""What is said about an issue, named for people: `Warning at 75% of the goal: first response`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config import lengths
from sla.contract import in_words

_ALONE = {"acknowledgement": "Acknowledgement", "required-information": "Checklist"}
_RULES = {"breach": "Breach announced", "correction": "Breach taken back"}
_LONGEST = 80


def name_of(key: str, facts: Mapping[str, Any]) -> str:
    """What a saying is, of the key that makes it unique within its issue.

    Args:
        key: such as `first_response/1/warning-75%`, `notice/security`, `acknowledgement`.
        facts: its own, as far as they are known: they give levels and metrics their names.
    """
    first, *rest = key.split("/")
    if first == "notice" and rest:
        return _notice(rest[0], facts)
    if first == "escalation" and len(rest) > 1:
        return _on_request(rest[1], facts)
    if len(rest) < 2:
        return _ALONE.get(first, in_words(first).replace("-", " ").capitalize())
    metric = str(facts.get("metric") or in_words(first))
    cycle = "" if rest[0] == "1" else f" {rest[0]}"
    return f"{_rule(rest[1], facts)}: {metric}{cycle}"


def _notice(id_: str, facts: Mapping[str, Any]) -> str:
    text = str(facts.get("text") or id_.replace("-", " "))
    return f"Notice: {text if len(text) <= _LONGEST else f'{text[:_LONGEST].rstrip()}…'}"


def _on_request(step: str, facts: Mapping[str, Any]) -> str:
    if step == "request":
        return "Asks for an escalation"
    level = f"level-{facts['level']}" if step == "routed" and "level" in facts else step
    return f"Escalation on request{_level(level, facts)}"


def _rule(rule: str, facts: Mapping[str, Any]) -> str:
    kind, _, rest = rule.partition("-")
    if kind == "warning" and rest.endswith("-left"):
        return f"Warning with {lengths.in_words(rest.removesuffix('-left'))} left"
    if kind == "warning":
        return f"Warning at {rest} of the goal"
    if kind == "level":
        return f"Escalation{_level(rule, facts)}"
    return _RULES.get(rule, in_words(rule).capitalize())


def _level(rule: str, facts: Mapping[str, Any]) -> str:
    number = rule.removeprefix("level-")
    if number == rule:
        return ""
    name = facts.get("level_name")
    return f" to level {number}, {name}" if name else f" to level {number}"
