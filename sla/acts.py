"""When something happened in an issue's history that a contract speaks of: acts become moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import re2

from sla.condition import Condition, has_one_of, while_holding
from sla.contract import Act, ActKind, Item
from sla.mapping import Responders
from sla.timeline import Comment, FieldValue, Timeline, Version

_FENCE = re2.compile(r"\{(quote|code|noformat)(?::[^}\n]*)?\}")
_QUOTED_LINE = re2.compile(r"^[ \t]*(?:>|bq\.)")
_SIGNATURE = re2.compile(r"(?m)^--[ \t]*$")
_QUESTION = re2.compile(r"\?(?:[\s)\]}\"'”’»*_!?.,;:]|$)|？")
_WORD = r"[^\pL\pN_]"


@dataclass(frozen=True, slots=True)
class Moment:
    """An act happened at this instant."""

    at: datetime
    reason: str
    """In words."""
    key: str
    """Made of Jira's own ids, so that the same act is known again."""


@dataclass(frozen=True)
class History:
    """An issue's history as a contract's acts look at it."""

    timeline: Timeline
    responders: Responders
    reported_at: datetime
    """When the issue was reported, which may be before it was created."""

    def moments(self, act: Act) -> list[Moment]:
        """Every time an act happened, oldest first."""
        found = _FINDERS[act.kind](self, act)
        return sorted(found, key=lambda moment: (moment.at, moment.key))

    def first_response(self) -> Moment | None:
        """The first public comment by a responder; None while there is none."""
        return next(iter(self.moments(Act("response"))), None)


def is_response(comment: Comment, timeline: Timeline, responders: Responders) -> bool:
    """Whether a comment, once public, counts as a reply of the support.

    Never by an app, a customer's account, the reporter, or somebody whom Jira does not name.
    """
    author = comment.author
    if author is None or author.kind != "person" or author.id in responders.never:
        return False
    if responders.only is not None and author.id not in responders.only:
        return False
    return author.id != timeline.value("reporter", comment.at)


def is_of_customer(comment: Comment, timeline: Timeline, responders: Responders) -> bool:
    """Whether a comment is the customer's own: by the reporter, a customer's account, or, where the
    responders are named, any other person.

    Somebody whom Jira does not name may have been either: such a comment counts as neither.
    """
    author = comment.author
    if author is None or author.kind == "app" or author.id in responders.never:
        return False
    if author.kind == "customer" or author.id == timeline.value("reporter", comment.at):
        return True
    return responders.only is not None and author.id not in responders.only


def given(item: Item, timeline: Timeline, at: datetime) -> bool:
    """Whether an issue brings a piece of information at an instant."""
    if any(timeline.value(name, at) for name in item.fields):
        return True
    words = "\n".join(
        text
        for text in (timeline.value(name, at) for name in ("summary", "description"))
        if isinstance(text, str)
    )
    return any(says(words, phrase) for phrase in item.phrases)


def says(text: str, phrase: str) -> bool:
    """Whether a text has a phrase in it: whole words, in any case and spacing.

    A phrase between slashes is a regular expression as RE2 reads it.
    """
    return bool(_pattern(phrase).search(text))


def asks(text: str) -> bool:
    """Whether a text asks something; what it quotes does not count."""
    return bool(_QUESTION.search(_own_words(text)))


def _own_words(text: str) -> str:
    """A comment without what it quotes, in mail style or in wiki markup, and without signature."""
    signature = _SIGNATURE.search(text)
    unsigned = text[: signature.start()] if signature else text
    lines = "".join(_unfenced(unsigned)).splitlines()
    return "\n".join(line for line in lines if not _QUOTED_LINE.search(line))


def _unfenced(text: str) -> Iterator[str]:
    fences = list(_FENCE.finditer(text))
    last = {fence[1]: fence.start() for fence in fences}
    shown_from, within = 0, ""
    for fence in fences:
        kind = fence[1]
        if not within and fence.start() < last[kind]:
            # One that nothing closes is no fence.
            yield text[shown_from : fence.start()]
            within = kind
        elif kind == within:
            shown_from, within = fence.end(), ""
    yield text[shown_from:]


@lru_cache(maxsize=1024)
def _pattern(phrase: str) -> Any:
    """A pattern whose search takes time in proportion to the text, whatever either of them is."""
    if len(phrase) > 2 and phrase.startswith("/") and phrase.endswith("/"):
        return re2.compile(f"(?i){phrase[1:-1]}")
    words = r"\s+".join(re2.escape(word) for word in phrase.split())
    return re2.compile(f"(?i)(?:^|{_WORD}){words}(?:{_WORD}|$)")


# --- how each act is found ------------------------------------------------------------------------


def _reported(history: History, _act: Act) -> Iterator[Moment]:
    yield Moment(history.reported_at, "reported", "reported")


def _responses(history: History, act: Act) -> Iterator[Moment]:
    replies = [c for c in history.timeline.comments if _counts(history, c, is_response)]
    found = [_moment(reply, act, "public comment {} by a responder") for reply in replies]
    yield from (moment for moment in found if moment)
    for mark in act.marks:
        yield from _marked(history, mark, replies)


def _marked(history: History, mark: Condition, replies: Sequence[Comment]) -> Iterator[Moment]:
    """A mark is set on the issue and means one reply: the last before it, else the next."""
    public = sorted((reply.public_from, reply.id) for reply in replies if reply.public_from)
    for since, until in while_holding(history.timeline, mark):
        before = [each for each in public if each[0] <= since]
        after = [each for each in public if since < each[0] and (until is None or each[0] < until)]
        for at, id_ in (before[-1:] or after)[:1]:
            yield Moment(at, f"public comment {id_} by a responder, marked by {mark}", id_)


def _first_response(history: History, _act: Act) -> Iterator[Moment]:
    found = history.first_response()
    if found:
        yield found


def _customer_comments(history: History, act: Act) -> Iterator[Moment]:
    for comment in history.timeline.comments:
        if _counts(history, comment, is_of_customer):
            moment = _moment(comment, act, "public comment {} by the customer")
            if moment:
                yield moment


def _customer_replies(history: History, act: Act) -> Iterator[Moment]:
    """What the customer says once the support answered; before, it belongs to the report."""
    first = history.first_response()
    if first:
        yield from (each for each in _customer_comments(history, act) if each.at > first.at)


def _resolved(history: History, _act: Act) -> Iterator[Moment]:
    for since, _ in while_holding(history.timeline, Condition(filled=("resolution",))):
        yield Moment(since, "resolved", since.isoformat())


def _reopened(history: History, _act: Act) -> Iterator[Moment]:
    for _, until in while_holding(history.timeline, Condition(filled=("resolution",))):
        if until:
            yield Moment(until, "opened again", until.isoformat())


def _fields(history: History, act: Act) -> Iterator[Moment]:
    for since, _ in while_holding(history.timeline, act.when):
        yield Moment(since, str(act.when), since.isoformat())


def _changed(history: History, act: Act) -> Iterator[Moment]:
    for name in act.names:
        for at, value in history.timeline.values(name)[1:]:
            if act.to and not has_one_of(value, act.to):
                continue
            yield Moment(at, f"{name} became {_text(value)}", f"{name}/{at.isoformat()}")


_FINDERS: Mapping[ActKind, Callable[[History, Act], Iterator[Moment]]] = MappingProxyType({
    "reported": _reported,
    "first response": _first_response,
    "response": _responses,
    "customer comment": _customer_comments,
    "customer reply": _customer_replies,
    "resolved": _resolved,
    "reopened": _reopened,
    "fields": _fields,
    "changed": _changed,
})  # fmt: skip


def _counts(
    history: History, comment: Comment, of: Callable[[Comment, Timeline, Responders], bool]
) -> bool:
    return comment.public_from is not None and of(comment, history.timeline, history.responders)


def _moment(comment: Comment, act: Act, reason: str) -> Moment | None:
    version = next((each for each in comment.versions if _qualifies(each, act)), None)
    return Moment(version.at, reason.format(comment.id), comment.id) if version else None


def _qualifies(version: Version, act: Act) -> bool:
    """An edit may make a comment count, from the edit on; none can take back what was read."""
    if not version.public:
        return False
    any_reply = not (act.phrases or act.question or act.marks)
    return (
        any_reply
        or any(says(_own_words(version.text), phrase) for phrase in act.phrases)
        or (act.question and asks(version.text))
    )


def _text(value: FieldValue) -> str:
    return ", ".join(value) if isinstance(value, tuple) else value or "empty"
