"""Whether something was missed, by what a search shows of an issue's past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from sla.gaps import Held, Shown, certain_until, is_behind
from sla.timeline import Account, Changed, CommentSeen, Created, Event, Linked
from tests.sla.example import at

US = "dueline"
STORY: Sequence[Event] = (
    Created(at(0)),
    Changed(at(1), "7", "priority", "Low", "High"),
    CommentSeen(at(2), "5", at(2), Account("agent"), public=True),
    Linked(at(3), "9", "10002"),
)
SHOWN = Shown(tuple(STORY), latest_at=at(3))


def held(*facts: Event, **more: Any) -> Held:
    return Held({each.identity: each.at for each in facts}, **{"seen_at": at(2), **more})


def behind(
    known: Held,
    shown: Shown | None = SHOWN,
    updated: float | None = 3,
    checked: float | None = None,
) -> bool:
    return is_behind(
        known,
        shown,
        None if updated is None else at(updated),
        None if checked is None else at(checked),
        US,
    )


def test_where_all_was_heard_nothing_is_missing() -> None:
    assert not behind(held(*STORY))


@pytest.mark.parametrize("lost", STORY)
def test_each_fact_that_was_not_heard_is_missing(lost: Event) -> None:
    assert behind(held(*(each for each in STORY if each != lost)))


def test_a_later_version_of_a_comment_is_another_fact() -> None:
    edited = CommentSeen(at(2), "5", at(4), Account("agent"), public=True)
    assert behind(held(*STORY), Shown((*STORY, edited), at(4)), updated=4)


def test_own_comments_need_not_be_heard() -> None:
    own = CommentSeen(at(4), "6", at(4), Account(US), public=False)
    assert not behind(held(*STORY), Shown((*STORY, own), at(4)), updated=4)


def test_what_was_heard_as_later_than_it_was_is_not_known() -> None:
    late = {each.identity: each.at for each in STORY} | {"change:7:priority": at(2)}
    assert behind(Held(late, at(2)))
    # A webhook is stamped a little later than what it tells.
    stamped = late | {"change:7:priority": at(1) + timedelta(milliseconds=40)}
    assert not behind(Held(stamped, at(2)))


def test_an_update_that_nothing_explains_was_one_of_the_fields() -> None:
    assert behind(held(*STORY), updated=5)
    assert not behind(held(*STORY, seen_at=at(5)), updated=5)


def test_a_long_past_is_known_where_it_was_compared_before() -> None:
    newest = Shown(tuple(STORY), at(3), whole_since=at(1))
    assert behind(held(*STORY), newest)
    assert behind(held(*STORY), newest, checked=0.5)
    assert not behind(held(*STORY), newest, checked=1)


def test_what_shows_no_past_or_no_update_or_was_deleted_is_read() -> None:
    assert behind(held(*STORY), None)
    assert behind(held(*STORY), updated=None)
    assert behind(held(*STORY, gone=True))


def test_what_was_updated_just_now_may_be_updated_again_within_the_same_tick() -> None:
    assert certain_until(at(1), at(1) + timedelta(seconds=1)) == at(1) - timedelta(seconds=2)
    assert certain_until(at(1), at(2)) == at(1)
