"""What happens in Jira during a run: a function of the seed, so that two runs hear the same.

Nothing in it may depend on how fast Dueline is. Therefore an issue is touched once in a step, and
each step is at a millisecond of its own within its minute (see `Step.at`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

What = Literal[
    "create", "reply", "note", "ask", "edit", "transition", "assign", "link", "move", "delete",
    "rewrite",
]  # fmt: skip
# Tuesday, 10 in the morning in New York.
BEGIN = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
_PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
_PROJECTS = (("BOT", 3), ("BIT", 5), ("HLP", 5), ("BTL", 1), ("BAL", 1))
_KINDS = ("Bug", "Bug", "Bug", "Question", "Task")
_STATUSES = ("To Do", "In Progress", "In Progress", "Waiting for customer", "Done")
_PEOPLE = ("agent@example.com", "lead@example.com", None)
_REPLIES = (
    "We are on it.",
    "Which version do you use?",
    "A substantive response: the cause is a full disk; a fix follows.",
    "There is a work-around: restart the service at night.",
)
_QUESTIONS = (
    "Is there any news?",
    "Please escalate this.",
    "Here is the log file with the error message: disk full.",
    "Can you raise the priority of this?",
    "Thank you, it works.",
)
_TEXTS = (
    "",
    "Version 4.2. Steps to reproduce: sign in twice. Nothing was changed before.",
    "Since the upgrade the export stops; error message: no space left on device.",
)
_WHAT: tuple[tuple[What, int], ...] = (
    ("reply", 8),
    ("note", 3),
    ("ask", 5),
    ("edit", 5),
    ("transition", 5),
    ("assign", 2),
    ("link", 2),
    ("move", 1),
    ("delete", 1),
    ("rewrite", 1),
)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody does, to an issue that goes by its number in the script."""

    what: What
    issue: int
    how: dict[str, Any] = field(default_factory=dict)
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one instant.

    Attributes:
        at: 50 seconds and as many milliseconds past a minute as there were steps. Lengths and
            opening hours being whole quarters of a minute, nothing that an earlier step started
            falls due from here on until five seconds later; so whether Dueline hears of this step
            before or after that is no matter of chance.
        actions: each concerns other issues than the rest.
    """

    at: datetime
    actions: tuple[Action, ...]


@dataclass
class _Known:
    project: str
    status: str = "To Do"
    priority: str = "Medium"


class Script:
    """Steps without end.

    Args:
        seed: the same seed, the same steps.
        issues: how many issues are alive at a time.
        gaps: the minutes that pass between steps, to draw from; 7 at least.
    """

    def __init__(self, seed: int, issues: int, gaps: Sequence[int]) -> None:
        self._random = random.Random(seed)
        self._wanted = issues
        self._gaps = gaps
        self._alive: dict[int, _Known] = {}
        self._made = 0

    def steps(self) -> Iterator[Step]:
        """Every step, in order."""
        minute = BEGIN
        number = 0
        while True:
            minute += timedelta(minutes=self._random.choice(self._gaps))
            number += 1
            at = minute + timedelta(seconds=50, milliseconds=number)
            yield Step(at, tuple(self._actions()))

    def _actions(self) -> Iterator[Action]:
        free = list(self._alive)
        self._random.shuffle(free)
        for _ in range(min(len(free), max(4, self._wanted // 2))):
            if not free:
                return
            yield self._act(free)
        for _ in range(min(self._wanted - len(self._alive), max(4, self._wanted // 4))):
            yield self._create()

    def _create(self) -> Action:
        draw = self._random
        self._made += 1
        [(project, _)] = draw.choices(_PROJECTS, [weight for _, weight in _PROJECTS])
        known = self._alive[self._made] = _Known(project, priority=draw.choice(_PRIORITIES))
        how = {
            "project": project,
            "issuetype": draw.choice(_KINDS),
            "priority": known.priority,
            "summary": f"Trouble {self._made}",
            "description": draw.choice(_TEXTS),
            "Support plan": draw.choice(("Standard", "Enterprise")),
        }
        return Action("create", self._made, how)

    def _act(self, free: list[int]) -> Action:
        draw = self._random
        number = free.pop()
        [(what, _)] = draw.choices(_WHAT, [weight for _, weight in _WHAT])
        if what == "link":
            return Action(what, number, other=free.pop()) if free else Action("note", number)
        if what == "delete" and len(self._alive) < self._wanted // 2:
            what = "reply"
        return Action(what, number, self._how(what, number))

    def _how(self, what: What, number: int) -> dict[str, Any]:
        draw, known = self._random, self._alive[number]
        match what:
            case "reply":
                return {"body": draw.choice(_REPLIES)}
            case "ask":
                return {"body": draw.choice(_QUESTIONS)}
            case "transition":
                known.status = draw.choice([s for s in _STATUSES if s != known.status])
                return {"to": known.status}
            case "assign":
                return {"to": draw.choice(_PEOPLE)}
            case "move":
                known.project = draw.choice([p for p, _ in _PROJECTS if p != known.project])
                return {"project": known.project}
            case "delete":
                del self._alive[number]
                return {}
            case "rewrite":
                return {"summary": f"Trouble {number}, seen again"}
            case "edit":
                known.priority = draw.choice([p for p in _PRIORITIES if p != known.priority])
                return {"priority": known.priority}
        return {}
