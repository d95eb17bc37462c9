"""Channels beyond Jira: told once each, in their hours, and never at Jira's cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from connector.notifier import Notifier
from connector.sending import Message, Sent, send
from connector.simulator import AGENT
from sla.store import notifications, outbox, restored
from tests.scenarios.world import World, a_site, utc, world

HOURS = '[["09:00", "17:00"]]'
DAYTIME = f"""\
time_zone: UTC
weekly: {{ mon: &day {HOURS}, tue: *day, wed: *day, thu: *day, fri: *day }}
"""
ALERTS = {
    "warnings": [{"used": "50%", "actions": {"notify": "team"}}],
    "breach": {"actions": {"notify": ["team", "managers"]}},
    "levels": [{"level": 1, "name": "Lead", "after": "30m", "actions": {"notify": "team"}}],
}
# Where clocks change in the night after a working day.
AWAKE = DAYTIME.replace("UTC", "Africa/Cairo").replace("09:00", "07:00").replace("17:00", "21:00")
FIRST, DUE = utc("2024-07-10 19:15"), utc("2024-07-10 19:30")
SECRET = "xoxb-not-to-be-seen"


class Catcher:
    """A service that takes what apprise posts, or does with it what `then` says."""

    def __init__(self) -> None:
        self.caught: list[dict[str, Any]] = []
        self.then: list[str] = []
        self.waits, self.go_on = Event(), Event()
        catcher = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                then = catcher.then.pop(0) if catcher.then else "take"
                if then == "wait and refuse":
                    catcher.waits.set()
                    catcher.go_on.wait(10)
                if then not in ("refuse", "wait and refuse"):
                    catcher.caught.append({**body, "to": self.path.rpartition("/")[2]})
                if then == "cut":
                    self.close_connection = True
                    return
                self.send_response(200 if then == "take" else 500)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nobody needs to read it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def address(self, name: str) -> str:
        return f"json://dueline:{SECRET}@127.0.0.1:{self.server.server_port}/{name}"

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each["to"], each["title"].partition(": ")[2]) for each in self.caught]


@pytest.fixture(scope="module")
def server() -> Iterator[Catcher]:
    made = Catcher()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def catcher(server: Catcher) -> Catcher:
    server.caught, server.then = [], []
    return server


@contextmanager
def telling(
    directory: Path,
    catcher: Catcher,
    addressed: str = "team managers",
    *,
    at: str = "2024-07-10 19:00",
    **team: Any,
) -> Iterator[World]:
    config = a_site(
        directory, calendars={"daytime": DAYTIME, "awake": AWAKE}, alerts={"default": ALERTS}
    )
    yaml = YAML()
    site = yaml.load(config / "site.yaml")
    site["channels"] = {"team": team, "managers": {}}
    yaml.dump(site, config / "site.yaml")
    lines = "\n".join(f"{name} = {catcher.address(name)}" for name in addressed.split())
    with world(directory, utc(at), config=config, DUELINE_CHANNELS=lines) as made:
        yield made


def report(place: World) -> str:
    return place.report("HLP", {"Support plan": "Enterprise"}, priority="High")


def states(place: World, key: str) -> dict[tuple[str, str], str]:
    issue_id = place.jira.issue(key).id
    rows = place.service.database.read(lambda c: notifications.told(c, "default", issue_id))
    return {(row["channel"], row["key"].rpartition("/")[2]): row["state"] for row in rows}


ALL = [
    ("team", "first response is in danger"),
    ("team", "first response is breached"),
    ("managers", "first response is breached"),
    ("team", "first response escalated to Lead"),
]


def test_each_channel_is_told_of_each_step_once(tmp_path: Path, catcher: Catcher) -> None:
    with telling(tmp_path, catcher) as place:
        key = report(place)
        place.advance(timedelta(hours=3))
        assert catcher.told == ALL
        first = catcher.caught[0]
        assert first["title"].startswith(f"{key}: ")
        assert f"{place.url}/browse/{key}" in first["message"]
        # Whatever is decided again, and however often Dueline starts: nothing is told again.
        place.stop()
        place.start()
        place.jira.edit(key, {"priority": "Highest"}, account=AGENT)
        place.advance(timedelta(days=1))
        assert catcher.told == ALL
        assert place.said(key)


@pytest.mark.one_database("sqlite")
def test_quiet_hours_are_kept_and_what_became_moot_is_not_told(
    tmp_path: Path, catcher: Catcher
) -> None:
    with telling(tmp_path, catcher, hours="daytime") as place:
        answered, open_ = report(place), report(place)
        place.advance(utc("2024-07-10 21:00"))
        assert {to for to, _ in catcher.told} == {"managers"}
        place.jira.add_comment(answered, "We are on it", account=AGENT)
        place.settle()
        place.advance(utc("2024-07-11 08:59"))
        assert {to for to, _ in catcher.told} == {"managers"}
        place.advance(utc("2024-07-11 09:00"))
        told = [each["title"] for each in catcher.caught if each["to"] == "team"]
        # That it was missed is still so; that somebody should act is not.
        assert sorted(told) == sorted(
            [
                f"{answered}: first response is breached",
                f"{open_}: first response is in danger",
                f"{open_}: first response is breached",
                f"{open_}: first response escalated to Lead",
            ]
        )
        assert states(place, answered)["team", "warning-50%"] == "withdrawn"


@pytest.mark.one_database("sqlite")
def test_a_breach_that_turns_out_to_be_none_is_not_told_when_hours_begin(
    tmp_path: Path, catcher: Catcher
) -> None:
    with telling(tmp_path, catcher, hours="daytime") as place:
        key = report(place)
        place.deaf = True
        place.advance(utc("2024-07-10 19:20"))
        place.jira.add_comment(key, "We are on it", account=AGENT)
        place.advance(utc("2024-07-10 21:00"))
        place.deaf = False
        # Jira gets its word in late: the answer had come in time, and the comment is corrected.
        place.advance(utc("2024-07-11 09:00"))
        assert place.states(key, "first_response") == ["met"]
        assert {to for to, _ in catcher.told} == {"managers"}
        assert states(place, key)["team", "breach"] == "withdrawn"


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("is_copy", [True, False])
def test_after_an_absence_jira_is_read_first_and_a_copy_is_in_doubt(
    tmp_path: Path, catcher: Catcher, is_copy: bool
) -> None:
    with telling(tmp_path, catcher, hours="daytime") as place:
        answered, open_ = report(place), report(place)
        place.advance(utc("2024-07-11 09:00") - timedelta(seconds=1))
        now = place.clock.now()
        if is_copy:
            # The one that was lost tells the team at nine, of which the copy knows nothing.
            place.service.database.write(lambda c: restored.mark(c, now))
        place.stop()
        catcher.caught.clear()
        place.deaf = True
        place.clock.at = utc("2024-07-11 10:00")
        place.jira.add_comment(answered, "We are on it", account=AGENT)
        place.start()
        # Nobody is called to act before it is known from Jira whether somebody has to.
        assert sorted(each["title"] for each in catcher.caught) == sorted(
            [
                f"{answered}: first response is breached",
                *(f"{open_}: {what}" for to, what in ALL if to == "team"),
            ]
        )
        doubted = ["you may have had this before" in each["message"] for each in catcher.caught]
        assert set(doubted) == {is_copy}


@pytest.mark.one_database("sqlite")
def test_two_that_are_told_at_once_have_each_their_own_outcome(catcher: Catcher) -> None:
    catcher.then = ["wait and refuse", "cut"]
    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(send, catcher.address("first"), Message("A title", "A text"))
        assert catcher.waits.wait(10)
        second = send(catcher.address("second"), Message("A title", "A text"))
        catcher.go_on.set()
    assert second.outcome == "in_doubt"
    assert first.result().outcome == "failed"


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize(
    ("waking", "told"),
    [
        ({"occasions": ["escalation"]}, {"first response escalated to Lead"}),
        ({"severity": "High"}, {what for to, what in ALL if to == "team"}),
        ({"severity": "Low"}, set()),
    ],
)
def test_what_matters_enough_wakes_people(
    tmp_path: Path, catcher: Catcher, waking: dict[str, Any], told: set[str]
) -> None:
    with telling(tmp_path, catcher, hours="daytime", at_any_hour=waking) as place:
        report(place)
        place.advance(utc("2024-07-10 21:00"))
        assert {what for to, what in catcher.told if to == "team"} == told


@pytest.mark.one_database("sqlite")
def test_a_channel_that_refuses_is_tried_again_and_holds_up_nothing(
    tmp_path: Path, catcher: Catcher
) -> None:
    with telling(tmp_path, catcher, addressed="team") as place:
        key = report(place)
        catcher.then = ["refuse", "refuse"]
        place.advance(FIRST)
        assert len(place.said(key)) == 1
        assert catcher.told == []
        place.advance(FIRST + timedelta(minutes=4))
        assert catcher.told == ALL[:1]
        # A channel without an address is named, and given up at once.
        assert "managers" in place.service.troubles["channels"]
        place.advance(DUE)
        assert states(place, key)["managers", "breach"] == "given_up"
        (waiting,) = place.service.database.read(lambda c: outbox.waiting(c, 10))
        assert (waiting.kind, waiting.what) == ("notification", "managers: first_response/1/breach")
        catcher.then = ["refuse"] * 9
        place.advance(utc("2024-07-11 12:00"))
        assert states(place, key)["team", "level-1"] == "given_up"
        assert place.service.database.write(
            lambda c: outbox.try_again(c, key, place.clock.now())
        )  # fmt: skip
        place.settle()
        assert catcher.told == [*ALL[:2], ALL[3]]


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize(
    ("at", "hours", "since", "given_up_at"),
    [
        ("2024-07-10 19:00", {}, "Wed 10 Jul 2024 19:15", "2024-07-10 21:08"),
        # Tried until the hours end, and again when they begin.
        ("2024-07-10 16:30", {"hours": "daytime"}, "Thu 11 Jul 2024 09:00", "2024-07-11 10:30"),
    ],
    ids=["at any hour", "quiet hours do not count"],
)
def test_what_fails_again_and_again_becomes_too_old(
    tmp_path: Path, catcher: Catcher, at: str, hours: dict[str, str], since: str, given_up_at: str
) -> None:
    with telling(tmp_path, catcher, at=at, give_up_after="1h", **hours) as place:
        key = report(place)
        catcher.then = ["refuse"] * 60
        place.advance(utc(given_up_at) - timedelta(seconds=1))
        assert states(place, key)["team", "warning-50%"] == "pending"
        place.advance(utc(given_up_at))
        assert states(place, key)["team", "warning-50%"] == "given_up"
        given_up = place.service.database.read(lambda c: outbox.waiting(c, 10))
        (warned,) = (each for each in given_up if each.what.endswith("warning-50%"))
        assert warned.error == f"not told within 1 h from {since} UTC on: too old"
        assert warned.attempts == 6
        # Whoever has it tried again has it tried for as long.
        now = place.clock.now()
        place.service.database.write(lambda c: outbox.try_again(c, key, now))
        place.advance(timedelta(minutes=23))
        assert states(place, key)["team", "warning-50%"] == "pending"


@pytest.mark.one_database("sqlite")
def test_what_no_process_could_tell_for_a_day_is_given_up_where_it_is_seen(
    tmp_path: Path, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What waits for longer, by its channel's limit, keeps nothing else from being looked at.
    monkeypatch.setattr("sla.store.notifications._AT_ONCE", 1)
    with telling(tmp_path, catcher, addressed="team", give_up_after="3h") as place:
        addressed, place.settings = place.settings, replace(place.settings, channels={})
        place.stop()
        place.start()
        key, answered = report(place), report(place)
        database = place.service.database

        def passes(time: timedelta) -> dict[tuple[str, str], str]:
            place.advance(time)
            place.service.trim_inbox()
            return states(place, key)

        assert set(passes(timedelta(hours=1)).values()) == {"pending"}
        place.jira.add_comment(answered, "We are on it", account=AGENT)
        for _ in range(3):
            passes(timedelta(hours=1))
        place.advance(timedelta(minutes=55))
        # Another process has the address, and waits for the service's answer.
        last, issue_id = place.clock.now(), place.jira.issue(key).id
        waits = database.read(lambda c: notifications.pending(c, "default", issue_id, last))
        (leaving,) = (each for each in waits if each.saying.key.endswith("level-1"))
        assert database.write(lambda c: notifications.leaves(c, leaving, last))
        assert passes(timedelta(minutes=5))["team", "level-1"] == "pending"
        told = passes(timedelta(hours=1))
        # Of what has nothing to say any more nobody hears as of a failure.
        assert states(place, answered) == {
            ("team", "warning-50%"): "withdrawn",
            ("team", "breach"): "given_up",
            ("managers", "breach"): "pending",
            ("team", "level-1"): "withdrawn",
        }
        # The team's own limit is over, and the managers are no worse off than anybody.
        assert {told[name] for name in told if name[0] == "team"} == {"given_up"}
        assert told["managers", "breach"] == "pending"
        (old, *_) = place.service.database.read(lambda c: outbox.waiting(c, 10))
        assert old.error == "not told within 3 h from Wed 10 Jul 2024 19:15 UTC on: too old"
        # Months later there is an address, and still nobody is told old news, unless he asks.
        place.settings = addressed
        place.stop()
        place.clock.at += timedelta(days=60)
        place.start()
        assert catcher.told == []
        assert states(place, key)["managers", "breach"] == "given_up"
        now = place.clock.now()
        assert place.service.database.write(lambda c: outbox.try_again(c, key, now)) == 4
        place.settle()
        assert catcher.told == [ALL[0], ALL[1], ALL[3]]
        assert "; this was so 1445 h" in catcher.caught[0]["message"]
        assert "because" not in catcher.caught[0]["message"]


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("leaves", [False, True])
def test_a_fault_of_ours_that_stays_is_given_up_after_as_many_tries(
    tmp_path: Path, catcher: Catcher, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    def fails(*_: Any) -> Any:
        raise LookupError("no such word")

    with telling(tmp_path, catcher) as place:
        key = report(place)
        notifier = place.service.lanes["notify"]
        assert isinstance(notifier, Notifier)
        if leaves:
            notifier.send = fails
        else:
            monkeypatch.setattr("connector.notifier._title", fails)
        place.advance(FIRST)
        assert states(place, key) == {("team", "warning-50%"): "pending"}
        place.advance(FIRST + timedelta(minutes=1 + 2 + 5 + 15 + 30 + 60 + 120 + 239))
        assert states(place, key)["team", "warning-50%"] == "pending"
        place.advance(FIRST + timedelta(minutes=1 + 2 + 5 + 15 + 30 + 60 + 120 + 240))
        assert states(place, key)["team", "warning-50%"] == "given_up"
        first = place.service.database.read(lambda c: outbox.waiting(c, 1))[0]
        assert (first.error, first.attempts) == ("LookupError: no such word", 8)


@pytest.mark.one_database("sqlite")
def test_a_fault_takes_nothing_from_another_process_that_has_it_in_hand(
    tmp_path: Path, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with telling(tmp_path, catcher) as place:
        key, database, clock = report(place), place.service.database, place.clock
        in_hand: list[notifications.Pending] = []

        def fails(*_: Any) -> str:
            issue_id, now = place.jira.issue(key).id, clock.now()
            due = database.read(lambda c: notifications.pending(c, "default", issue_id, now))
            for read in (each for each in due if each.attempts == 8 and not in_hand):
                assert database.write(partial(notifications.leaves, pending=read, at=now))
                in_hand.append(replace(read, attempted_at=now))
            raise LookupError("no such word")

        monkeypatch.setattr("connector.notifier._title", fails)
        place.advance(FIRST + timedelta(minutes=1 + 2 + 5 + 15 + 30 + 60 + 120 + 240))
        assert states(place, key)["team", "warning-50%"] == "pending"
        (theirs,) = in_hand
        assert database.write(lambda c: notifications.note(c, theirs, state="sent", try_at=None))
        place.advance(timedelta(hours=1))
        assert states(place, key)["team", "warning-50%"] == "sent"


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize(
    ("day", "opens_at"),
    [("2024-04-25", "2024-04-26 04:00"), ("2024-10-31", "2024-11-01 05:00")],
    ids=["an hour is missing", "an hour is there twice"],
)
def test_quiet_hours_run_across_midnight_and_the_change_of_clocks(
    tmp_path: Path, catcher: Catcher, day: str, opens_at: str
) -> None:
    # In Cairo the day is over; the next one begins at seven, after an hour less or more.
    with telling(tmp_path, catcher, hours="awake", at=f"{day} 19:30") as place:
        report(place)
        place.advance(utc(opens_at) - timedelta(seconds=1))
        assert {to for to, _ in catcher.told} == {"managers"}
        place.advance(utc(opens_at))
        assert sorted(catcher.told) == sorted(ALL)


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("in_doubt", ["repeat", "drop"])
@pytest.mark.parametrize("trouble", ["cut", "killed"])
def test_what_is_in_doubt_is_repeated_and_says_so_or_is_dropped(
    tmp_path: Path, catcher: Catcher, in_doubt: str, trouble: str
) -> None:
    with telling(tmp_path, catcher, in_doubt=in_doubt) as place:
        key = report(place)
        if trouble == "cut":
            catcher.then = ["cut"]
            place.advance(FIRST)
        else:
            notifier = place.service.lanes["notify"]
            assert isinstance(notifier, Notifier)
            sending = notifier.send

            def dies(*told: Any) -> Sent:
                sending(*told)
                raise KeyboardInterrupt

            notifier.send = dies
            with pytest.raises(KeyboardInterrupt):
                place.advance(FIRST)
            place.stop()
            place.start()
        place.advance(FIRST + timedelta(minutes=2))
        if in_doubt == "drop":
            assert catcher.told == ALL[:1]
            assert states(place, key)["team", "warning-50%"] == "given_up"
            now = place.clock.now()
            assert place.service.database.write(lambda c: outbox.try_again(c, key, now)) == 1
            place.settle()
            assert catcher.told == ALL[:1] * 2
        else:
            assert catcher.told == ALL[:1] * 2
            first, second = (each["message"].splitlines()[-1] for each in catcher.caught)
            assert second.startswith(first)
            assert "you may have had this before" in second


@pytest.mark.one_database("sqlite")
def test_no_address_is_ever_shown(
    tmp_path: Path, catcher: Catcher, capfd: pytest.CaptureFixture[str]
) -> None:
    with telling(tmp_path, catcher) as place:
        report(place)
        catcher.then = ["refuse", "cut"] * 6
        place.advance(timedelta(days=1))
        stored = (tmp_path / "dueline.sqlite3").read_bytes()
        wal = Path(f"{tmp_path}/dueline.sqlite3-wal")
        stored += wal.read_bytes() if wal.exists() else b""
        assert SECRET.encode() not in stored
        assert SECRET not in "".join(capfd.readouterr())
        assert SECRET not in repr(place.settings)
