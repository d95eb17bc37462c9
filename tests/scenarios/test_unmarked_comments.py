"""Data Center does not tell in a webhook who may read a comment of a service project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from connector.simulator import AGENT
from sla.lanes import Key
from sla.store import issues, schema
from tests.scenarios.world import HOOK, World, signature, utc, world

pytestmark = pytest.mark.one_database("sqlite")

SITE = "default"
MARK = "/rest/api/2/comment/{}/properties/sd.public.comment"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[World]:
    """A Data Center with one open issue of a service project, all of which is settled."""
    with world(tmp_path, utc("2024-07-10 19:00"), "datacenter") as made:
        made.report("HLP")
        made.jira.requests.clear()
        yield made


def key_of(place: World) -> Key:
    return SITE, place.jira.issue("HLP-1").id


def asked(place: World) -> list[str]:
    """What Dueline read of issues."""
    paths = [each.path for each in place.jira.requests if each.method == "GET"]
    return [path for path in paths if path.startswith(("/rest/api/2/issue/1", "/rest/api/2/comm"))]


def heard(place: World) -> None:
    """What was posted is taken in and decided; Jira is asked nothing yet."""
    place.jira.deliver()
    place.service.engine.run(key_of(place))
    assert asked(place) == []


def state(place: World) -> object:
    place.settle()
    return place.fields("HLP-1")["SLA state"]


@pytest.mark.parametrize("internal", [True, False])
def test_the_mark_of_the_comment_is_asked_for_and_nothing_else(
    place: World, internal: bool
) -> None:
    note = place.jira.add_comment("HLP-1", "On it.", account=AGENT, internal=internal)
    assert state(place) == ("running" if internal else "met")
    assert asked(place) == [MARK.format(note.id)]


def test_a_mark_may_say_that_everybody_may_read_it(place: World) -> None:
    marks = {"sd.public.comment": {"internal": False}}
    place.jira.add_comment("HLP-1", "On it.", account=AGENT, properties=marks)
    assert state(place) == "met"


def test_of_several_each_is_asked_for_and_counts_for_itself(place: World) -> None:
    first = place.jira.add_comment("HLP-1", "Hm.", account=AGENT, internal=True)
    heard(place)
    second = place.jira.add_comment("HLP-1", "On it.", account=AGENT)
    heard(place)
    assert state(place) == "met"
    assert asked(place) == [MARK.format(first.id), MARK.format(second.id)]


def test_the_second_webhook_of_a_comment_asks_for_nothing(place: World) -> None:
    note = place.jira.add_comment("HLP-1", "On it.", account=AGENT)
    (update,) = (json.loads(each.body) for each in place.jira.pending_deliveries())
    assert state(place) == "met"
    slim = {"webhookEvent": "comment_created", "comment": update["comment"]}
    body = json.dumps(slim).encode()
    assert place.post(HOOK, body, {"X-Hub-Signature": signature(body)}) == 202
    place.settle()
    assert asked(place) == [MARK.format(note.id)]


def gone_from_jira(place: World, comment_id: str) -> None:
    place.jira.webhooks.clear()
    place.jira.delete_comment("HLP-1", comment_id, account=AGENT)


def asked_for_whole(place: World, _: str) -> None:
    database, now = place.service.database, place.clock.now()
    database.write(lambda c: issues.ask_for_history(c, *key_of(place), now, incomplete=False))


def restored(place: World, _: str) -> None:
    first = update(schema.issues).values(**issues.read_first(place.clock.now()))
    place.service.database.write(lambda c: c.execute(first) and None)


def forgotten(place: World, _: str) -> None:
    done = delete(schema.inbox).where(schema.inbox.c.state == "done")
    place.service.database.write(lambda c: c.execute(done) and None)


@pytest.mark.parametrize("happened", [gone_from_jira, asked_for_whole, restored, forgotten])
def test_the_history_is_read_where_the_mark_is_not_all_that_is_missing(
    place: World, happened: Callable[[World, str], None]
) -> None:
    note = place.jira.add_comment("HLP-1", "Hm.", account=AGENT, internal=True)
    heard(place)
    happened(place, note.id)
    assert state(place) == "running"
    assert f"/rest/api/2/issue/{key_of(place)[1]}" in asked(place)
    row = place.service.database.read(lambda c: issues.get(c, *key_of(place)))
    assert row is not None
    assert (row.read_at, row.incomplete, row.unmarked_from) == (None, False, None)


def test_a_mark_that_cannot_be_had_now_is_asked_for_again(place: World) -> None:
    note = place.jira.add_comment("HLP-1", "On it.", account=AGENT)
    heard(place)
    place.jira.faults.error(503, path="/properties/", times=1)
    assert state(place) == "running"
    place.advance(timedelta(minutes=5))
    assert state(place) == "met"
    assert asked(place) == [MARK.format(note.id)] * 2
