"""When something happened in an issue's history that a contract speaks of: acts become moments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import msgspec
import re2

from sla.condition import RESOLVED, Condition, has_one_of, while_holding
from sla.contract import RESPONSE, Act, ActKind, Item
from sla.mapping import Responders
from sla.timeline import Account, Comment, CommentSeen, FieldValue, Timeline, Version, comment_of
from sla.words import iso

_FENCE = re2.compile(r"\{(quote|code|noformat)(?::[^}\n]*)?\}")
_QUOTED_LINE = re2.compile(r"^[ \t]*(?:>|bq\.)")
_SIGNATURE = re2.compile(r"(?m)^--[ \t]*$")
_QUESTION = re2.compile(r"\?(?:[\s)\]}\"'”’»*_!?.,;:]|$)|？")
_WORD = r"[^\pL\pN_]"


class Moment(msgspec.Struct, frozen=True, gc=False):
    """An act happened at this instant, which may be what a clock waits for."""

    met_the_metric: ClassVar[bool] = True

    at: datetime
    what: str
    """In words, without the key."""
    key: str
    """Made of Jira's own ids, so that the same act is known again."""
    by: str | None = None
    """Whose act it was: Jira's id of the account; None where that is not known."""
    whose: str = ""
    """Of a comment, in words: `by a responder`."""

    @property
    def reason(self) -> str:
        """In words."""
        # Put together where somebody reads it, which nobody does of nearly all comments.
        return f"{self.what} {self.key} {self.whose}" if self.whose else self.what


class History:
    """An issue's history as a contract's acts look at it.

    Attributes:
        timeline: what happened to the issue.
        responders: whose public reply counts.
        reported_at: when the issue was reported, which may be before it was created.
    """

    def __init__(self, timeline: Timeline, responders: Responders, reported_at: datetime) -> None:
        self.timeline, self.responders, self.reported_at = timeline, responders, reported_at
        self._found: dict[int, tuple[Act, list[Moment]]] = {}
        self._any_reply: tuple[list[Moment], list[Moment]] | None = None

    def moments(self, act: Act) -> list[Moment]:
        """Every time an act happened, oldest first; not to be changed by the caller."""
        # Several metrics, notices and duties ask for the same act. It is known again by where it
        # is: what it is would take longer to compare than most acts take to find. Kept, it stays.
        known = self._found.get(id(act))
        if known is None or known[0] is not act:
            known = self._found[id(act)] = (act, _in_order(_FINDERS[act.kind](self, act)))
        return known[1]

    def first_response(self) -> Moment | None:
        """The first public comment by a responder; None while there is none."""
        found = self.moments(RESPONSE)
        return found[0] if found else None

    @cached_property
    def replies(self) -> list[Comment]:
        """The public comments that count as a reply of the support."""
        return self._public(is_response)

    @cached_property
    def of_customer(self) -> list[Comment]:
        """The public comments that are the customer's own."""
        return self._public(is_of_customer)

    def _public(self, of: Callable[[Comment, Timeline, Responders], bool]) -> list[Comment]:
        return [
            comment
            for comment in self.timeline.comments
            if comment.public_from is not None and of(comment, self.timeline, self.responders)
        ]

    def any_reply(self) -> tuple[list[Moment], list[Moment]]:
        """The replies of the support and the customer's comments, whatever they say, in order.

        That is what most acts look for. One walk finds both, and without making a `Comment` of what
        has one version, as most have: a third of the time of two walks over `comments`.
        """
        if self._any_reply is not None:
            return self._any_reply
        replies: list[Moment] = []
        of_customer: list[Moment] = []
        timeline, responders, edits = self.timeline, self.responders, self.timeline.edits
        filed: dict[Side | None, tuple[list[Moment], str]] = {
            "support": (replies, _RESPONDER),
            "customer": (of_customer, _CUSTOMER),
        }
        # Whose an account's comments are changes with the reporter alone: of twenty comments by two
        # people two are looked into.
        known: dict[Account | None, tuple[list[Moment], str] | None] = {}
        reporter_stays = len(timeline.values("reporter")) < 2
        for id_, first in timeline.first_versions.items():
            comment: Comment | CommentSeen = first
            at = first.at if first.public else None
            if edits and id_ in edits:
                comment = comment_of([first, *edits[id_]])
                at = comment.public_from
            if at is None:
                continue
            author = comment.author
            place = known.get(author, _NOT_ASKED)
            if place is _NOT_ASKED:
                place = filed.get(side_of(comment, timeline, responders))
                if reporter_stays:
                    known[author] = place
            if place and author:
                moments, whose = place
                moments.append(Moment(at, _COMMENT, id_, author.id, whose))
        if edits:  # which few histories have, and to sort took a third of the time
            replies.sort(key=_IN_ORDER)
            of_customer.sort(key=_IN_ORDER)
        self._any_reply = replies, of_customer
        return self._any_reply


_AT, _IN_ORDER = attrgetter("at"), attrgetter("at", "key")
_NOT_ASKED: Any = object()
_COMMENT, _RESPONDER, _CUSTOMER = "public comment", "by a responder", "by the customer"


Side = Literal["support", "customer"]


def side_of(
    comment: Comment | CommentSeen, timeline: Timeline, responders: Responders
) -> Side | None:
    """Whose a comment is, once it is public: a reply of the support, or the customer's own.

    The support's is never one by an app, a customer's account, the reporter, or somebody whom Jira
    does not name. The customer's is one by the reporter, a customer's account, or, where the
    responders are named, any other person. Somebody whom Jira does not name may have been either:
    such a comment is nobody's.
    """
    author = comment.author
    if author is None or author.kind == "app" or author.id in responders.never:
        return None
    if author.kind == "customer" or author.id == timeline.value("reporter", comment.at):
        return "customer"
    return "support" if responders.only is None or author.id in responders.only else "customer"


def is_response(comment: Comment | CommentSeen, timeline: Timeline, responders: Responders) -> bool:
    """Whether a comment, once public, counts as a reply of the support."""
    return side_of(comment, timeline, responders) == "support"


def is_of_customer(
    comment: Comment | CommentSeen, timeline: Timeline, responders: Responders
) -> bool:
    """Whether a comment is the customer's own."""
    return side_of(comment, timeline, responders) == "customer"


def given(item: Item, timeline: Timeline, at: datetime) -> bool:
    """Whether an issue brings a piece of information at an instant."""
    if any(timeline.value(name, at) for name in item.fields):
        return True
    words = "\n".join(
        text
        for text in (timeline.value(name, at) for name in ("summary", "description"))
        if isinstance(text, str)
    )
    # The same words are asked for at several instants, by notices and by clocks: kept, a fold by a
    # contract with a checklist searches them once for each item.
    asked = words, item.phrases
    found = timeline.said.get(asked)
    if found is None:
        found = timeline.said[asked] = says(words, *item.phrases)
    return found


def says(text: str, *phrases: str) -> bool:
    """Whether a text has one of some phrases in it: whole words, in any case and spacing.

    A phrase between slashes is a regular expression as RE2 reads it.
    """
    # As bytes: of a text RE2's module also works out where in it each group was found.
    encoded = text.encode()
    for pattern in _patterns(phrases):  # noqa: SIM110 - a generator for it takes a sixth more
        if pattern.search(encoded):
            return True
    return False


def asks(text: str) -> bool:
    """Whether a text asks something; what it quotes does not count."""
    # To look for a character takes 30 ns and a search 1.5 us: here, and in whose words they are.
    if "?" not in text and "？" not in text:
        return False
    return bool(_QUESTION.search(_own_words(text)))


def _own_words(text: str) -> str:
    """A comment without what it quotes, in mail style or in wiki markup, and without signature."""
    signature = _SIGNATURE.search(text) if "--" in text else None
    unsigned = text[: signature.start()] if signature else text
    lines = ("".join(_unfenced(unsigned)) if "{" in unsigned else unsigned).splitlines()
    if ">" in unsigned or "bq." in unsigned:
        lines = [line for line in lines if not _QUOTED_LINE.search(line)]
    return "\n".join(lines)


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
def _patterns(phrases: tuple[str, ...]) -> list[Any]:
    """Patterns whose search takes time in proportion to the text, whatever either of them is.

    All plain phrases are one search, which takes RE2 no longer than each of them did: a decision by
    a contract that asks for information has some thirty phrases to look for, and takes a third of
    the time. Expressions stay apart, so that each is as large as it may be.
    """
    plain = [r"\s+".join(map(re2.escape, each.split())) for each in phrases if not _inner(each)]
    found = [re2.compile(f"(?i){_inner(each)}") for each in phrases if _inner(each)]
    if plain:
        found.append(re2.compile(f"(?i)(?:^|{_WORD})(?:{'|'.join(plain)})(?:{_WORD}|$)"))
    return found


def _inner(phrase: str) -> str:
    """The expression between two slashes; empty where a phrase is none."""
    is_one = len(phrase) > 2 and phrase.startswith("/") and phrase.endswith("/")
    return phrase[1:-1] if is_one else ""


# --- how each act is found ------------------------------------------------------------------------


def _reported(history: History, _act: Act) -> _Found:
    return [Moment(history.reported_at, "reported", "reported")]


def _responses(history: History, act: Act) -> _Found:
    return history.any_reply()[0] if act.any_reply else _replies(history, act)


def _replies(history: History, act: Act) -> Iterator[Moment]:
    yield from _moments(history.replies, act, _RESPONDER)
    for mark in act.marks:
        yield from _marked(history, mark, history.replies)


def _marked(history: History, mark: Condition, replies: Sequence[Comment]) -> Iterator[Moment]:
    """A mark is set on the issue and means one reply: the last before it, else the next."""
    public = sorted((reply.public_from, reply.id) for reply in replies if reply.public_from)
    authors = {reply.id: _author(reply) for reply in replies}
    for since, until in while_holding(history.timeline, mark):
        before = [each for each in public if each[0] <= since]
        after = [each for each in public if since < each[0] and (until is None or each[0] < until)]
        for at, id_ in (before[-1:] or after)[:1]:
            yield Moment(at, _COMMENT, id_, authors[id_], f"{_RESPONDER}, marked by {mark}")


def _first_response(history: History, _act: Act) -> _Found:
    return history.moments(RESPONSE)[:1]


def _customer_comments(history: History, act: Act) -> _Found:
    if act.any_reply:
        return history.any_reply()[1]
    return _moments(history.of_customer, act, _CUSTOMER)


def _customer_replies(history: History, act: Act) -> _Found:
    """What the customer says once the support answered; before, it belongs to the report."""
    first = history.first_response()
    if first is None:
        return []
    comments = _in_order(_customer_comments(history, act))
    return comments[bisect_right(comments, first.at, key=_AT) :]


def _resolved(history: History, _act: Act) -> _Found:
    resolved = while_holding(history.timeline, RESOLVED)
    # Who changed what is a walk over all events: not for an issue that was never resolved.
    by = history.timeline.changed_by if resolved else {}
    return [Moment(since, "resolved", iso(since), by.get(since)) for since, _ in resolved]


def _reopened(history: History, _act: Act) -> Iterator[Moment]:
    for _, until in while_holding(history.timeline, RESOLVED):
        if until:
            by = history.timeline.changed_by.get(until)
            yield Moment(until, "opened again", iso(until), by)


def _fields(history: History, act: Act) -> Iterator[Moment]:
    for since, _ in while_holding(history.timeline, act.when):
        by = history.timeline.changed_by.get(since)
        yield Moment(since, str(act.when), iso(since), by)


def _changed(history: History, act: Act) -> Iterator[Moment]:
    for name in act.names:
        for at, value in history.timeline.values(name)[1:]:
            if act.to and not has_one_of(value, act.to):
                continue
            by = history.timeline.changed_by.get(at)
            yield Moment(at, f"{name} became {_text(value)}", f"{name}/{iso(at)}", by)


def _in_order(found: _Found) -> list[Moment]:
    return found if isinstance(found, list) else sorted(found, key=_IN_ORDER)


_Found = Iterator[Moment] | list[Moment]
"""Moments; those of a list are in order already."""
_FINDERS: Mapping[ActKind, Callable[[History, Act], _Found]] = MappingProxyType({
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


def _moments(comments: Iterable[Comment], act: Act, whose: str) -> Iterator[Moment]:
    for comment in comments:
        at = _since(comment, act)
        if at:
            yield Moment(at, _COMMENT, comment.id, _author(comment), whose)


def _author(comment: Comment) -> str | None:
    return comment.author.id if comment.author else None


def _since(comment: Comment, act: Act) -> datetime | None:
    return next((each.at for each in comment.versions if _qualifies(each, act)), None)


def _qualifies(version: Version, act: Act) -> bool:
    """An edit may make a comment count, from the edit on; none can take back what was read."""
    return version.public and (
        (bool(act.phrases) and says(_own_words(version.text), *act.phrases))
        or (act.question and asks(version.text))
    )


def _text(value: FieldValue) -> str:
    return ", ".join(value) if isinstance(value, tuple) else value or "empty"
