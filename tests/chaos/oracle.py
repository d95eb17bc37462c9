"""What one run left in Jira, held against what another did: lost, doubled, more, and different."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.chaos.jira import Comment, Shown

ALLOWED: Mapping[str, re.Pattern[str]] = {
    # A comment that could not be written in time says how late it comes: that is the truth of the
    # run in which it was held up.
    "how late it is": re.compile(
        r" This comes [^.]*? late, because Dueline could not write before\."
    ),
    # A warning that was held up until its promise was broken tells that no open time is left.
    "the open time left": re.compile(r": [^:.\n]*? of open time left"),
}
"""The parts of a comment that may differ between two runs; there is nothing else that may."""


@dataclass
class Findings:
    """Every difference, each with the key of its issue.

    Attributes:
        lost: comments and issues that the calm run has and the other has not.
        doubled: keys that more than one comment carries.
        more: comments that the calm run has not.
        differing: fields, and comments with other words or other readers.
        allowed: how many comments differ in nothing but a part that may.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    allowed: int = 0
    compared: int = 0

    @property
    def broken(self) -> bool:
        """Whether the promise is."""
        return bool(self.lost or self.doubled or self.more or self.differing)

    def lines(self) -> Iterator[str]:
        """Each of them by name."""
        for what in ("lost", "doubled", "more", "differing"):
            for each in getattr(self, what):
                yield f"{what}: {each}"


def compare(calm: Mapping[str, Shown], tried: Mapping[str, Shown]) -> Findings:
    """Hold the Jira of a run that was tried against that of the calm one."""
    found = Findings()
    found.lost += [f"{key}: the issue itself" for key in calm.keys() - tried.keys()]
    found.more += [f"{key}: the issue itself" for key in tried.keys() - calm.keys()]
    for key in sorted(calm.keys() & tried.keys()):
        _compare_issue(found, key, calm[key], tried[key])
    return found


def _compare_issue(found: Findings, key: str, calm: Shown, tried: Shown) -> None:
    for name in calm.fields:
        if calm.fields[name] != tried.fields[name]:
            difference = f"{calm.fields[name]} became {tried.fields[name]}"
            found.differing.append(f"{key}: {name}: {difference}")
    for saying in sorted(calm.said.keys() | tried.said.keys()):
        expected, there = calm.said.get(saying, []), tried.said.get(saying, [])
        if len(there) > 1:
            found.doubled.append(f"{key}: {saying}, {len(there)} times")
        if not there:
            found.lost.append(f"{key}: {saying}")
        elif not expected:
            found.more.append(f"{key}: {saying}: {there[0].words!r}")
        else:
            _compare_words(found, f"{key}: {saying}", expected[0], there[0])


def _compare_words(found: Findings, name: str, calm: Comment, tried: Comment) -> None:
    found.compared += 1
    if calm == tried:
        return
    if _without_allowed(calm) == _without_allowed(tried):
        found.allowed += 1
        return
    found.differing.append(f"{name}: {calm} became {tried}")


def _without_allowed(comment: Comment) -> Comment:
    words = comment.words
    for pattern in ALLOWED.values():
        words = pattern.sub("", words)
    return Comment(words, comment.public)
