"""What webhooks lose is found again, and what was open before us is taken over without a shout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from sqlalchemy import select

from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator
from connector.simulator.errors import JiraError
from sla.decide import Ledger, decide
from sla.engine import catching_up
from sla.engine.decided import as_json
from sla.known_sites import SiteFacts
from sla.store import issues, sites
from sla.store.schema import cycles
from sla.timeline import Timeline
from tests.scenarios.world import World, a_site, utc, world
from webhooks import reconciling
from webhooks.questions import QuestionError

# What Jira shows or refuses, and what is said then; that either database keeps it is told by the
# other stories here.
about_jira_alone = pytest.mark.one_database("sqlite")

ENTERPRISE = {"Support plan": "Enterprise"}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SITE = "default"
QUIET = Console(file=StringIO(), width=100)


def poll(made: World, *, thorough: bool = False) -> None:
    """One reconcile, and whatever follows from it."""
    made.service.reconciler.poll(SITE)
    if thorough:
        made.service.reconciler.look_for_the_lost(SITE)
    made.settle()


def lose(made: World) -> None:
    """From now on every delivery is lost."""
    made.jira.faults.webhook("drop", times=1_000_000)


# -- single losses -----------------------------------------------------------------------------


def test_an_issue_of_which_nothing_was_heard_is_found(anywhere: World) -> None:
    lose(anywhere)
    key = anywhere.report("HLP", ENTERPRISE)
    assert anywhere.fields(key)["SLA state"] is None
    poll(anywhere)
    assert anywhere.fields(key)["SLA state"] == "running"
    # And what is due afterwards is said as for any other.
    anywhere.advance(HOUR)
    assert anywhere.fields(key)["SLA state"] == "breached"
    assert len(anywhere.said(key)) >= 2


@about_jira_alone
def test_a_lost_answer_is_found_and_takes_nothing_back_that_was_said(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(25 * MINUTE)
    said = anywhere.said(key)
    lose(anywhere)
    anywhere.jira.add_comment(key, "On it.", account=AGENT)
    poll(anywhere)
    assert anywhere.fields(key)["SLA state"] == "met"
    assert anywhere.said(key) == said


def test_while_it_runs_it_reconciles_by_itself(anywhere: World) -> None:
    lose(anywhere)
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.service.reconciler.run()
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "running"
    again = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(9 * MINUTE)
    anywhere.service.reconciler.run()
    anywhere.settle()
    # Its turn comes every ten minutes.
    assert anywhere.fields(again)["SLA state"] is None
    anywhere.advance(2 * MINUTE)
    anywhere.service.reconciler.run()
    anywhere.settle()
    assert anywhere.fields(again)["SLA state"] == "running"


def test_at_its_start_it_asks_what_it_missed_while_it_was_away(anywhere: World) -> None:
    anywhere.service.reconciler.run()
    anywhere.stop()
    lose(anywhere)
    key = anywhere.jira.create_issue({"summary": "Help", **ENTERPRISE}, project="HLP").key
    anywhere.clock.at += 3 * MINUTE
    anywhere.start()
    anywhere.service.reconciler.run()
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "running"


def test_what_was_answered_while_nobody_listened_is_not_called_broken(anywhere: World) -> None:
    """Jira tells it again, but later than the clock runs out."""
    answered, open_still = anywhere.report("HLP", ENTERPRISE), anywhere.report("HLP", ENTERPRISE)
    anywhere.stop()
    lose(anywhere)
    anywhere.clock.at += 10 * MINUTE
    anywhere.jira.add_comment(answered, "On it.", account=AGENT)
    anywhere.clock.at += 2 * HOUR
    anywhere.start()
    assert anywhere.states(answered, "first_response") == ["met"]
    assert not [words for words in anywhere.said(answered) if "missed" in words.lower()]
    assert anywhere.states(open_still, "first_response") == ["breached"]
    assert len(anywhere.said(open_still)) > len(anywhere.said(answered))


def test_after_an_absence_nothing_is_said_while_jira_is_down_but_intake_goes_on(
    anywhere: World,
) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.stop()
    anywhere.clock.at += 2 * HOUR
    anywhere.jira.faults.error(503, times=1_000_000)
    anywhere.start()
    other = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(MINUTE)
    assert anywhere.states(other, "first_response") == ["running"]
    anywhere.jira.faults.clear()
    anywhere.advance(5 * MINUTE)
    assert anywhere.fields(key)["SLA state"] == "breached"


@about_jira_alone
def test_an_issue_that_was_deleted_unheard_is_looked_for(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    issue_id = anywhere.jira.issue(key).id
    lose(anywhere)
    anywhere.jira.delete_issue(key)
    poll(anywhere, thorough=True)
    query = select(cycles.c.state).where(cycles.c.issue_id == issue_id)
    states = anywhere.service.database.read(lambda c: c.execute(query).scalars().all())
    assert set(states) == {"cancelled"}


@about_jira_alone
def test_an_issue_out_of_sight_is_not_taken_for_deleted(anywhere: World) -> None:
    """Permissions that were taken away must not end every clock."""
    key = anywhere.report("HLP", ENTERPRISE)
    issue_id = anywhere.jira.issue(key).id
    anywhere.jira.deny(DUELINE, "BROWSE_PROJECTS")
    catching_up.look_for(anywhere.service.engine, SITE, [issue_id])
    anywhere.settle()
    row = anywhere.service.database.read(lambda c: issues.get(c, SITE, issue_id))
    assert row is not None
    assert row.read_error is not None
    query = select(cycles.c.state).where(cycles.c.issue_id == issue_id)
    assert "running" in anywhere.service.database.read(lambda c: c.execute(query).scalars().all())


def test_a_poll_that_breaks_off_is_made_again_from_where_it_began(anywhere: World) -> None:
    reconciler = anywhere.service.reconciler
    poll(anywhere)
    before = reconciler.watermark(SITE)
    lose(anywhere)
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(HOUR)
    anywhere.jira.faults.error(503, path="/search", times=1)
    reconciler.run()
    assert reconciler.watermark(SITE) == before
    assert anywhere.service.health()["holds"]
    anywhere.advance(11 * MINUTE)
    reconciler.run()
    anywhere.settle()
    assert reconciler.watermark(SITE) > before
    assert anywhere.fields(key)["SLA state"] == "breached"


@about_jira_alone
def test_while_jira_is_down_reconciling_holds_up_no_clock(anywhere: World) -> None:
    """An issue whose history is asked for again is decided by what is known."""
    key = anywhere.report("HLP", ENTERPRISE)
    issue_id = anywhere.jira.issue(key).id
    catching_up.look_for(anywhere.service.engine, SITE, [issue_id])
    anywhere.jira.faults.error(503, times=1_000_000)
    anywhere.advance(HOUR)
    assert anywhere.states(key, "first_response") == ["breached"]


def test_what_was_read_is_not_read_again_and_again(anywhere: World) -> None:
    keys = [anywhere.report("HLP", ENTERPRISE) for _ in range(5)]
    lose(anywhere)
    for key in keys:
        anywhere.jira.add_comment(key, "On it.", account=AGENT)
    anywhere.advance(5 * MINUTE)
    assert anywhere.service.reconciler.poll(SITE) == 5
    anywhere.settle()
    anywhere.advance(MINUTE)
    assert anywhere.service.reconciler.poll(SITE) == 0


def reads(made: World) -> int:
    """How often something of one issue was asked for since the last time."""
    asked = [each for each in made.jira.requests if each.method == "GET" and "/issue/" in each.path]
    made.jira.requests.clear()
    return len(asked)


def test_of_what_webhooks_told_no_history_is_read(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    # Its clocks run out first, so that own comments are among what the search shows.
    anywhere.advance(HOUR)
    assert anywhere.said(key)
    for name, change in ACTIONS.items():
        anywhere.advance(MINUTE)
        if name != "resolve":
            change(anywhere.jira, key)
        anywhere.settle()
    anywhere.advance(MINUTE)
    reads(anywhere)
    assert anywhere.service.reconciler.poll(SITE) == 0
    anywhere.settle()
    assert reads(anywhere) == 0


@about_jira_alone
def test_what_was_lost_before_something_that_was_heard_is_found(anywhere: World) -> None:
    """By its instant of update alone an issue does not show that something is missing."""
    key = anywhere.report("HLP", ENTERPRISE)
    lose(anywhere)
    anywhere.jira.add_comment(key, "On it.", account=AGENT)
    anywhere.settle()
    anywhere.jira.faults.clear()
    anywhere.advance(MINUTE)
    anywhere.jira.edit(key, priority="Low")
    anywhere.settle()
    assert anywhere.states(key, "first_response") == ["running"]
    assert anywhere.service.reconciler.poll(SITE) == 1
    anywhere.settle()
    assert anywhere.states(key, "first_response") == ["met"]


@about_jira_alone
def test_where_pasts_are_not_shown_each_history_is_read(anywhere: World) -> None:
    """A search that fails by what it is to show is asked again for less."""
    key = anywhere.report("HLP", ENTERPRISE)
    lose(anywhere)
    anywhere.jira.add_comment(key, "On it.", account=AGENT)
    anywhere.advance(MINUTE)
    anywhere.jira.faults.error(500, path="/search", times=1)
    poll(anywhere)
    assert anywhere.states(key, "first_response") == ["met"]


@about_jira_alone
def test_projects_without_a_contract_are_left_alone(tmp_path: Path) -> None:
    config = a_site(tmp_path, projects={"BOT": None})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as made:
        lose(made)
        ours = made.jira.create_issue({"summary": "Ours"}, project="BOT").key
        poll(made)
        issue_id = made.jira.issue(ours).id
        assert made.service.database.read(lambda c: issues.get(c, SITE, issue_id)) is None


# -- whatever gets lost --------------------------------------------------------------------------


@dataclass
class Post:
    """The way from Jira to Dueline, on which each delivery has a fate that the test draws."""

    made: World
    fates: list[str] = field(default_factory=list)
    kept: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        fate = self.fates.pop() if self.fates else "delivered"
        if fate == "late":
            self.kept.append((url, body, headers))
        if fate in ("late", "lost"):
            return 202
        for _ in range(2 if fate == "doubled" else 1):
            status = World.post(self.made, url, body, headers)
        return status

    def bring_the_rest(self) -> None:
        late, self.kept = self.kept[::-1], []
        for delivery in late:
            World.post(self.made, *delivery)


Action = Callable[[Simulator, str], object]
ACTIONS: dict[str, Action] = {
    "answer": lambda jira, key: jira.add_comment(key, "We are on it.", account=AGENT),
    "note": lambda jira, key: jira.add_comment(key, "Hm.", account=AGENT, internal=True),
    "question": lambda jira, key: jira.add_comment(key, "Any news?", account=CUSTOMER),
    "raise": lambda jira, key: jira.edit(key, priority="Highest"),
    "lower": lambda jira, key: jira.edit(key, priority="Low"),
    "progress": lambda jira, key: jira.transition(key, "In Progress"),
    "resolve": lambda jira, key: jira.transition(key, "Done"),
    "plan": lambda jira, key: jira.edit(key, {"Support plan": "Standard"}),
    "assign": lambda jira, key: jira.assign(key, AGENT),
}
FATES = st.sampled_from(["delivered", "lost", "late", "doubled"])
STEPS = st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 90)), max_size=6)


@pytest.mark.one_database("sqlite")
@given(steps=STEPS, fates=st.lists(FATES, max_size=12), early=st.booleans())
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_after_a_reconcile_the_state_is_the_fold_of_jiras_history(
    anywhere: World, steps: list[tuple[str, int]], fates: list[str], *, early: bool
) -> None:
    post = Post(anywhere, list(fates))
    anywhere.post = post  # type: ignore[method-assign]
    key = anywhere.report("HLP", ENTERPRISE)
    for name, minutes in steps:
        anywhere.advance(minutes * MINUTE)
        with suppress(JiraError):  # there is no way from Done to In Progress, and the like
            ACTIONS[name](anywhere.jira, key)
        anywhere.settle()
    anywhere.advance(MINUTE)
    if early:
        post.bring_the_rest()
    poll(anywhere)
    assert held(anywhere, key) == folded(anywhere, key)
    post.bring_the_rest()
    anywhere.settle()
    assert held(anywhere, key) == folded(anywhere, key)


def held(made: World, key: str) -> tuple[Any, Any]:
    """What Dueline holds of an issue: the fields in Jira's mind, and its cycles."""
    issue_id = made.jira.issue(key).id
    row = made.service.database.read(lambda c: issues.get(c, SITE, issue_id))
    assert row is not None
    columns = [
        cycles.c[name]
        for name in ("metric", "number", "state", "started_at", "due_at", "stopped_at")
    ]
    query = select(*columns).where(cycles.c.issue_id == issue_id).order_by(*columns[:2])
    found = made.service.database.read(lambda c: [tuple(each) for each in c.execute(query)])
    assert row.fields_wanted is not None
    return json.loads(row.fields_wanted), found


def folded(made: World, key: str) -> tuple[Any, Any]:
    """The same from nothing but what Jira's history says at present."""
    service = made.service
    client = service.dispatcher.outlets[SITE].client
    site: SiteFacts = service.engine.sites[SITE]
    history = client.read_history(key, ignored_fields=service.dispatcher.outlets[SITE].own_fields)
    policy = site.applied_to(service.configuration.policy)
    named = [issues.named(event, site.names_for(policy)) for event in history.events]
    now = made.clock.now()
    decision = decide(Timeline.of(named), policy, Ledger(), now, issue_id=history.issue_id)
    assert decision.fields is not None
    found = sorted(
        (each.metric, each.number, each.state, each.started_at, each.due_at, each.stopped_at)
        for each in decision.cycles
    )
    return json.loads(as_json(decision.fields)), found


# -- taking over -------------------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path, flavour: str) -> Any:
    with world(tmp_path, utc("2024-07-10 12:00"), flavour) as made:  # type: ignore[arg-type]
        made.stop()
        made.jira.faults.webhook("drop", times=1_000_000)
        yield made


@pytest.fixture(params=["cloud", "datacenter"])
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def installed(made: World, directory: Path) -> None:
    """Dueline comes to a Jira that has been running for days."""
    made.clock.at += timedelta(days=2)
    made.begin_anew(directory)
    made.start()
    made.jira.faults.clear()


def test_open_issues_are_taken_over_and_nothing_past_is_announced(
    old: World, tmp_path: Path
) -> None:
    fields = {"summary": "Old", **ENTERPRISE}
    keys = [old.jira.create_issue(fields, project="HLP").key for _ in range(3)]
    done = old.jira.create_issue(fields, project="HLP").key
    old.jira.transition(done, "Done")
    installed(old, tmp_path / "anew")
    # Some time after the installation: what passed between is no news either.
    old.advance(timedelta(days=1))
    assert backfilled(old)[0] == "3 open issues that were not known"
    old.settle()
    for key in keys:
        assert old.fields(key)["SLA state"] == "breached"
        assert old.said(key) == []
    assert old.fields(done)["SLA state"] is None
    assert backfilled(old)[0] == "0 open issues that were not known"


def test_what_falls_due_after_it_was_taken_over_is_announced(old: World, tmp_path: Path) -> None:
    installed(old, tmp_path / "anew")
    lose(old)
    key = old.jira.create_issue({"summary": "New", **ENTERPRISE}, project="HLP").key
    backfilled(old)
    old.jira.faults.clear()
    old.advance(2 * HOUR)
    assert old.fields(key)["SLA state"] == "breached"
    assert old.said(key)


def test_a_backfill_that_was_broken_off_goes_on(old: World, tmp_path: Path) -> None:
    fields = {"summary": "Old", **ENTERPRISE}
    keys = [old.jira.create_issue(fields, project="HLP").key for _ in range(5)]
    installed(old, tmp_path / "anew")

    class BrokenOff(Exception):  # noqa: N818
        pass

    def stop(_seconds: float) -> None:
        raise BrokenOff

    # Jira answers two histories, and is down then.
    old.jira.faults.error(503, path="/issue/", times=1_000_000)
    with pytest.raises(BrokenOff):
        list(reconciling.backfill(old.settings, old.clock, QUIET, projects=(), wait=stop))
    old.jira.faults.clear()
    old.advance(HOUR)
    backfilled(old)
    old.settle()
    assert [old.fields(key)["SLA state"] for key in keys] == ["breached"] * 5


@about_jira_alone
def test_a_jira_that_asks_for_patience_is_waited_for(old: World, tmp_path: Path) -> None:
    old.jira.create_issue({"summary": "Old", **ENTERPRISE}, project="HLP")
    installed(old, tmp_path / "anew")
    old.jira.faults.rate_limit(7, path="/search", times=2)
    assert backfilled(old) == ["1 open issues that were not known", "1 histories read"]


@about_jira_alone
def test_a_history_that_always_fails_ends_the_command_all_the_same(
    old: World, tmp_path: Path
) -> None:
    old.jira.create_issue({"summary": "Old", **ENTERPRISE}, project="HLP")
    old.jira.create_issue({"summary": "Old", **ENTERPRISE}, project="HLP")
    installed(old, tmp_path / "anew")
    old.jira.faults.error(500, path="/issue/10000", times=1_000_000)
    assert backfilled(old) == [
        "2 open issues that were not known",
        "1 histories read",
        "1 fail again and again; the service goes on trying",
    ]


@about_jira_alone
def test_only_the_projects_that_were_named(old: World, tmp_path: Path) -> None:
    old.jira.create_issue({"summary": "Old", **ENTERPRISE}, project="HLP")
    old.jira.create_issue({"summary": "Old"}, project="BOT")
    installed(old, tmp_path / "anew")
    assert backfilled(old, "BOT")[0] == "1 open issues that were not known"
    with pytest.raises(QuestionError, match=r"NIX: in no mapping; projects\.yaml has BAL"):
        backfilled(old, "NIX")


@about_jira_alone
def test_the_command_says_what_it_found(old: World, tmp_path: Path) -> None:
    installed(old, tmp_path / "anew")
    lose(old)
    old.jira.create_issue({"summary": "Lost", **ENTERPRISE}, project="HLP")
    lines = list(
        reconciling.reconcile(old.settings, old.clock, QUIET, thorough=True, wait=old.advance_by)
    )
    assert lines[1:] == [
        "0 that should be open and are not to be found",
        "1 issues to be read",
        "1 histories read",
    ]
    watermark = old.service.database.read(lambda c: sites.known(c, SITE, "reconciled_at"))
    assert watermark is not None


def backfilled(made: World, *projects: str) -> list[str]:
    return list(
        reconciling.backfill(
            made.settings, made.clock, QUIET, projects=projects, wait=made.advance_by
        )
    )
