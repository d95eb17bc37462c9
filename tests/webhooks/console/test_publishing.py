"""From a draft to the version in force, and back: nobody overwrites another, nothing is lost."""

from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, delete, text

from config import document_sets
from config.errors import ConfigError
from config.loader import load
from config.settings import SHIPPED
from connector.simulator import AGENT
from sla import recalculated
from sla.store import audit, drafts, issues, publications, sites
from sla.store.database import Database
from sla.store.drafts import Draft
from sla.store.publications import Publication
from sla.store.schema import policies
from sla.store.schema import publications as publications_table
from tests.postgres import PostgresServer
from tests.scenarios import world as worlds
from tests.scenarios.world import World, utc, world
from tests.waiting import eventually
from tests.webhooks.console.desk import TOKEN, Desk, words
from webhooks import moving, previews
from webhooks.console.access.people import Person
from webhooks.console.questions import mapping
from webhooks.console.questions import publishing as asked
from webhooks.drafting import PublishedMeanwhile, Publishing, ReadOnly, Refused, SavedMeanwhile
from webhooks.planning import plan_for
from webhooks.previews import Preview
from webhooks.publishing import (
    DEFAULT_SITE,
    MOVING,
    InForce,
    configuration_in_force,
    take_directory,
)

ADA = Person("ada", "Ada", "administrator")
BEN = Person("ben", "Ben", "administrator")
ENTERPRISE = "contracts/enterprise.yaml"


@pytest.fixture(params=["sqlite", "postgresql"])
def two_databases(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """For the stories that one database might tell otherwise than the other."""
    kind = str(request.param)
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        monkeypatch.setattr(worlds, "database_in", lambda _directory: server.database())
    return kind


@pytest.fixture
def either(two_databases: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on either database; nobody signed in."""
    assert two_databases
    at = utc("2024-07-10 19:00")
    with world(tmp_path, at, DUELINE_CONSOLE_TOKEN=TOKEN, DUELINE_EDITS="console") as made:
        yield Desk(made)


def goal_of(minutes: str, text: str) -> str:
    """The contract `enterprise` with another goal for the first response."""
    assert text.count("target: 30m") == 1
    return text.replace("target: 30m", f"target: {minutes}")


def with_goal(publishing: Publishing, minutes: str) -> dict[str, str | None]:
    """The change that gives it that goal."""
    documents = publishing.documents(publishing.in_force().id)
    first = publishing.documents(publishing.publications()[-1].id)
    assert ENTERPRISE in documents
    return {ENTERPRISE: goal_of(minutes, first[ENTERPRISE])}


def previewed(desk: Desk, draft: Draft) -> Draft:
    """The draft, once its preview was worked out; here, and not in a process of its own."""
    publishing, database = desk.standing.publishing, desk.world.service.database
    after = publishing.checked(publishing.to_be_previewed(draft.id, draft.revision)).configuration
    assert after is not None
    url, now = desk.world.settings.database_url.reveal(), desk.world.clock.now()
    found = plan_for(Database(url), url, after, now, processes=1)
    preview = Preview(
        revision=draft.revision, base=draft.base, state="done", asked_at=now, sign_at=now,
        after=found.after, counts=found.counts, looked_at=found.looked_at,
    )  # fmt: skip
    database.write(lambda c: drafts.note_preview(c, DEFAULT_SITE, draft.id, preview.noted()))
    return draft


def published(desk: Desk, minutes: str, *, recalculate: bool = False) -> Publication:
    """The goal of the first response, changed by somebody who looked at the preview."""
    publishing = desk.standing.publishing
    draft = previewed(desk, publishing.begin(ADA, minutes, with_goal(publishing, minutes)))
    return publishing.publish(ADA, draft.id, 1, f"{minutes} it is", recalculate=recalculate)


def enterprise_issue(made: World) -> str:
    return made.report("HLP", {"issuetype": "Task", "Support plan": "Enterprise"})


def due(made: World, key: str) -> str:
    return str(made.fields(key)["First response due"])[11:16]


# --- the first version ----------------------------------------------------------------------------


def test_what_a_service_starts_with_is_the_first_version(either: Desk) -> None:
    publishing = either.standing.publishing
    (first,) = publishing.publications()
    assert (first.source, first.author) == ("directory", "the directory")
    assert first.version == either.world.configuration.policy.version
    either.world.stop()
    either.world.start()
    assert publishing_of(either).publications() == [first]


def test_what_an_older_release_had_in_force_is_no_news_to_open_issues(either: Desk) -> None:
    made = either.world
    database = made.service.database
    database.write(lambda c: c.execute(delete(publications_table)))
    enterprise_issue(made)
    version = made.configuration.policy.version
    take_directory(
        database, made.settings, DEFAULT_SITE, InForce(made.configuration), made.clock.now()
    )
    (first,) = publications_of(made)
    assert (first.version, first.source) == (version, "directory")
    assert moving.left(database, DEFAULT_SITE) == []


def test_what_an_older_release_had_open_is_decided_once_more(either: Desk) -> None:
    made = either.world
    key = enterprise_issue(made)
    database = made.service.database
    found = database.read(lambda c: issues.by_key(c, DEFAULT_SITE, key))
    assert found is not None
    id_ = found.issue_id
    nothing = dict.fromkeys(("project", "summary", "issue_type"))
    database.write(lambda c: issues.change(c, DEFAULT_SITE, id_, **nothing))
    job = {
        "publication": 1, "version": made.service.engine.in_force, "recalculate": False,
        "everything": True, "at": "1970-01-01T00:00:00Z", "after": None,
    }  # fmt: skip
    database.write(lambda c: sites.learn(c, DEFAULT_SITE, MOVING, [job]))
    said = made.said(key)
    made.service.follow_publications()
    made.settle()
    row = database.read(lambda c: issues.get(c, DEFAULT_SITE, id_))
    assert row is not None
    assert (row.project, row.issue_type) == ("HLP", "Task")
    assert made.said(key) == said
    assert moving.left(database, DEFAULT_SITE) == []


def publishing_of(desk: Desk) -> Publishing:
    """As it is after a restart: another service on the same database."""
    return dataclasses.replace(
        desk.standing.publishing,
        database=desk.world.service.database,
        published=desk.world.service.follow_publications,
    )


def test_its_documents_come_to_the_same_version_anywhere(desk: Desk) -> None:
    publishing = desk.standing.publishing
    documents = publishing.documents(publishing.in_force().id)
    assert document_sets.load(documents).policy.version == publishing.in_force().version
    answer = desk.get("/versions/1.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == documents
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dueline-version-1.zip"'


# --- publishing -----------------------------------------------------------------------------------


def test_a_new_version_holds_for_new_issues_and_spares_the_open_ones(either: Desk) -> None:
    made = either.world
    before = enterprise_issue(made)
    version = published(either, "2h")
    after = enterprise_issue(made)
    assert made.service.engine.in_force == version.version
    assert (due(made, before), due(made, after)) == ("19:30", "21:00")


def test_open_issues_are_recalculated_and_what_was_promised_stays_on_record(
    either: Desk,
) -> None:
    made = either.world
    key = enterprise_issue(made)
    published(either, "2h", recalculate=True)
    made.settle()
    assert due(made, key) == "21:00"
    assert [at for _, at in made.promised(key)] == ["2024-07-10T19:30:00.000+0000"]
    either.sign_in()
    shown = either.page(f"/issues/{key}")
    assert "recalculated by version 2 (2h it is); goal 2 h instead of 30 min; due 1 h 30" in shown
    assert "facts show" not in shown


def test_what_is_over_stays_as_it_was_judged(either: Desk) -> None:
    made = either.world
    key = made.report("BIT", {"issuetype": "Bug", "priority": "Highest"})
    made.advance(timedelta(hours=1))
    made.jira.add_comment(key, "We are looking at it.", account=AGENT)
    made.settle()
    assert made.states(key, "first_response") == ["met"]
    assert str(made.fields(key)["SLA next due"])[11:16] == "21:00"
    said = made.said(key)

    publishing = either.standing.publishing
    first = publishing.in_force()
    text = publishing.documents(first.id)["contracts/bitumio.yaml"]
    stricter = text.replace("target: 2h", "target: 5m").replace("target: 1h", "target: 3h")
    draft = publishing.begin(ADA, "", {"contracts/bitumio.yaml": stricter})
    previewed(either, draft)
    found = publishing.preview(draft)
    assert found is not None
    assert (found.counts["moved"], found.counts["newly_breached"]) == (1, 0)
    publishing.publish(ADA, draft.id, 1, "stricter", recalculate=True)
    made.settle()
    assert made.states(key, "first_response") == ["met"]
    assert str(made.fields(key)["First response due"])[11:16] == "21:00"
    assert str(made.fields(key)["SLA next due"])[11:16] == "23:00"
    assert made.said(key) == said

    # Whatever comes next: the answer that is long over is not judged anew.
    made.jira.add_comment(key, "Still looking.", account=AGENT)
    made.settle()
    row = row_of(made, key)
    assert recalculated.read(row.earlier_versions) == (
        recalculated.Earlier(first.version, made.clock.at),
    )
    made.advance(timedelta(hours=30))
    assert made.states(key, "first_response") == ["met"]
    assert not [words for words in made.said(key) if "first response to" in words]


def test_a_preview_tells_apart_what_a_version_that_let_issues_stay_would_move(desk: Desk) -> None:
    enterprise_issue(desk.world)
    published(desk, "20m")
    publishing = desk.standing.publishing
    site = publishing.documents(2)["site.yaml"]
    draft = publishing.begin(ADA, "", {"site.yaml": f"{site}remote_link: false\n"})
    asked.begin_preview(desk.standing, draft.id, 1)
    desk.standing.previews.wait()
    shown = desk.page(f"/drafts/{draft.id}")
    told = "of the 1 open issue, were all of them recalculated. 1 of these moves by the version in"
    assert told in shown
    assert "1 clock of 1 issue changes" in shown


def test_where_nothing_was_over_no_version_before_is_asked_again(desk: Desk) -> None:
    made = desk.world
    key = enterprise_issue(made)
    first, moved_at = desk.standing.publishing.in_force(), made.clock.at
    newest = published(desk, "1h", recalculate=True)
    made.settle()
    row = row_of(made, key)
    assert recalculated.read(row.earlier_versions) == (
        recalculated.Earlier(newest.version, moved_at),
    )
    # Whoever asked for it would find nothing.
    gone = delete(policies).where(policies.c.version == first.version)
    made.service.database.write(lambda c: c.execute(gone))
    made.stop()
    made.start()
    made.advance(timedelta(minutes=61))
    assert made.states(key, "first_response") == ["breached"]
    assert len(overdue(made, key)) == 1


def row_of(made: World, key: str) -> issues.IssueRow:
    found = made.service.database.read(lambda c: issues.by_key(c, DEFAULT_SITE, key))
    assert found is not None
    return found


def publications_of(made: World) -> list[Publication]:
    return list(made.service.database.read(lambda c: publications.listed(c, DEFAULT_SITE, 50)))


def overdue(made: World, key: str) -> list[str]:
    return [each for each in made.said(key) if "is overdue" in each]


def test_a_breach_is_not_said_again(either: Desk) -> None:
    made = either.world
    key = enterprise_issue(made)
    made.advance(timedelta(minutes=31))
    breached = overdue(made, key)
    assert made.states(key, "first_response") == ["breached"]
    assert len(breached) == 1
    published(either, "20m", recalculate=True)
    made.settle()
    assert made.states(key, "first_response") == ["breached"]
    made.advance(timedelta(minutes=5))
    published(either, "40m", recalculate=True)
    made.settle()
    assert made.states(key, "first_response") == ["running"]
    made.advance(timedelta(minutes=10))
    assert made.states(key, "first_response") == ["breached"]
    assert overdue(made, key) == breached


def test_what_was_missed_stays_missed_when_its_project_is_taken_out(either: Desk) -> None:
    made = either.world
    late = enterprise_issue(made)
    made.advance(timedelta(minutes=31))
    early = enterprise_issue(made)
    said = made.said(late)
    publishing = either.standing.publishing
    documents = publishing.documents(publishing.in_force().id)
    mapping = documents["projects.yaml"]
    without = mapping.replace("  HLP:\n", "  ELSEWHERE:\n", 1)
    assert without != mapping
    draft = previewed(either, publishing.begin(ADA, "", {"projects.yaml": without}))
    found = publishing.preview(draft)
    assert found is not None
    assert (found.counts["no_longer_promised"], found.counts["newly_safe"]) == (2, 0)
    publishing.publish(ADA, draft.id, 1, "not ours any more", recalculate=True)
    made.settle()
    # It was announced before, and nothing is said of it any more.
    assert (made.states(late, "first_response"), made.said(late)) == (["breached"], said)
    assert made.states(early, "first_response") == []
    made.advance(timedelta(hours=1))
    either.sign_in()
    assert either.json("/api/board")["counts"]["open"] == 0
    totals = either.json("/api/reports", project="HLP")["totals"]
    assert [(each["met"], each["breached"], each["cancelled"]) for each in totals] == [(0, 1, 0)]
    (missed,) = either.json("/api/reports/breaches", project="HLP")["rows"]
    assert (missed["key"], missed["done_at"], missed["late_seconds"]) == (late, None, 60)
    story = either.page(f"/issues/{late}")
    assert "was due, and breached" in story
    assert "Recalculated by version 2, published by Ada: not ours any more" in story
    assert "a version was published under which nothing is owed for it any more" in story
    # Where the project comes back the clock goes on.
    back = previewed(either, publishing.begin(ADA, "", {"projects.yaml": mapping}))
    found = publishing.preview(back)
    assert found is not None
    assert found.counts["newly_promised"] == 2
    publishing.publish(ADA, back.id, 1, "ours after all", recalculate=True)
    made.settle()
    assert either.json("/api/board")["counts"]["breached"] == 2
    assert (len(overdue(made, late)), overdue(made, early)) == (1, [])


def test_an_open_issue_that_nothing_covered_is_covered_at_once(either: Desk) -> None:
    made = either.world
    publishing = either.standing.publishing
    documents = publishing.documents(publishing.in_force().id)
    mapping = documents["projects.yaml"]
    without = mapping.replace("  BOT:\n", "  ELSEWHERE:\n", 1)
    assert without != mapping
    draft = previewed(either, publishing.begin(ADA, "", {"projects.yaml": without}))
    publishing.publish(ADA, draft.id, 1, "not any more", recalculate=False)
    key = made.report("BOT", {"issuetype": "Question"})
    assert made.states(key, "first_response") == []
    back = previewed(either, publishing.begin(ADA, "", {"projects.yaml": mapping}))
    found = publishing.preview(back)
    assert found is not None
    assert found.counts["newly_promised"] == 1
    publishing.publish(ADA, back.id, 1, "again", recalculate=False)
    made.settle()
    assert made.states(key, "first_response") == ["running"]


def test_deliveries_that_come_while_something_is_published_are_judged_by_one_version(
    either: Desk,
) -> None:
    made = either.world
    publishing = either.standing.publishing
    draft = previewed(either, publishing.begin(ADA, "", with_goal(publishing, "2h")))
    keys = [
        made.jira.create_issue({"summary": "x", "Support plan": "Enterprise"}, project="HLP").key
        for _ in range(6)
    ]
    made.jira.deliver()
    engine = made.service.engine
    first, *others = engine.due(10)
    engine.run(first)
    publishing.publish(ADA, draft.id, 1, "now", recalculate=False)
    for key in others:
        engine.run(key)
    made.settle()
    versions = {row_of(made, key).policy_version for key in keys}
    assert versions == {each.version for each in publications_of(made)}
    assert sorted(due(made, key) for key in keys) == ["19:30", *["21:00"] * 5]


@pytest.mark.parametrize("two_databases", ["postgresql"], indirect=True)
def test_an_issue_whose_first_clock_starts_as_others_are_moved_is_moved_too(either: Desk) -> None:
    made = either.world
    key = enterprise_issue(made)
    database, old = made.service.database, made.service.engine.in_force
    found = database.read(lambda c: issues.by_key(c, DEFAULT_SITE, key))
    assert found is not None
    id_ = found.issue_id
    database.write(lambda c: issues.change(c, DEFAULT_SITE, id_, policy_version=None))
    made.service.follow_publications = lambda: None  # type: ignore[method-assign]
    version = published(either, "2h", recalculate=True)
    step = partial(moving.step, database, DEFAULT_SITE, made.clock.now())
    with database.engine.connect() as deciding, ThreadPoolExecutor(1) as pool:
        with deciding.begin():
            issues.get(deciding, DEFAULT_SITE, id_, locked=True)
            issues.change(deciding, DEFAULT_SITE, id_, policy_version=old)
            moved = pool.submit(step)
            while not (moved.done() or database.read(_someone_waits)):
                pass
        assert moved.result()
    found = database.read(lambda c: issues.get(c, DEFAULT_SITE, id_))
    assert found is not None
    assert found.policy_version == version.version


def _someone_waits(connection: Connection) -> bool:
    """Whether a transaction waits for a row that another one has locked."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(connection.execute(asked).scalar())


def test_another_process_judges_by_what_is_published_elsewhere(either: Desk) -> None:
    made = either.world
    other = type(made.service)(made.settings, InForce(made.configuration), made.clock)
    version = published(either, "2h")
    assert other.engine.in_force != version.version
    other.follow_publications()
    assert other.engine.in_force == version.version
    assert other.configuration.policy.version == version.version
    other.close()


def test_whoever_is_killed_half_way_goes_on_where_it_was(either: Desk) -> None:
    made = either.world
    keys = [enterprise_issue(made) for _ in range(5)]
    publishing = dataclasses.replace(either.standing.publishing, published=lambda: None)
    draft = previewed(either, publishing.begin(ADA, "", with_goal(publishing, "2h")))
    publishing.publish(ADA, draft.id, 1, "all", recalculate=True)
    database = made.service.database
    assert moving.step(database, DEFAULT_SITE, made.clock.now(), at_once=2)
    # The process ends here: two are moved, three are not, and the next one knows that.
    made.stop()
    made.configuration = configuration_in_force(made.settings, DEFAULT_SITE).configuration
    made.start()
    made.settle()
    assert [due(made, key) for key in keys] == ["21:00"] * 5
    assert moving.left(made.service.database, DEFAULT_SITE) == []


# --- after a restart ------------------------------------------------------------------------------


def test_in_console_mode_what_was_published_outlives_a_restart(either: Desk) -> None:
    version = published(either, "2h")
    made = either.world
    made.stop()
    in_force = configuration_in_force(made.settings, DEFAULT_SITE)
    assert in_force.configuration.policy.version == version.version
    assert in_force.differs is None
    elsewhere = (
        worlds.a_site(Path(made.settings.database_url.reveal()[10:]).parent)
        if (made.settings.database_url.reveal().startswith("sqlite"))
        else None
    )
    if elsewhere:
        settings = replace(made.settings, config=elsewhere)
        told = configuration_in_force(settings, DEFAULT_SITE).differs
        assert told is not None
        assert version.version in told
        assert "DUELINE_EDITS=files" in told
    made.start()


def test_a_process_that_starts_meanwhile_takes_nothing_back(either: Desk) -> None:
    published(either, "2h")
    made = either.world
    found = configuration_in_force(made.settings, DEFAULT_SITE)
    version = published(either, "3h")
    database = made.service.database
    take_directory(database, made.settings, DEFAULT_SITE, found, made.clock.now())
    assert publications_of(made)[0] == version
    known = database.read(lambda c: sites.known(c, DEFAULT_SITE, publications.IN_FORCE))
    assert known == version.version


def test_in_files_mode_the_directory_decides_at_the_next_start(desk: Desk) -> None:
    version = published(desk, "2h")
    made = desk.world
    made.stop()
    made.settings = replace(made.settings, edits="files")
    in_force = configuration_in_force(made.settings, DEFAULT_SITE)
    made.configuration = in_force.configuration
    made.start()
    newest, before, *_ = publications_of(made)
    assert before == version
    assert (newest.source, newest.version) == ("directory", load(SHIPPED).policy.version)
    assert made.service.engine.in_force == newest.version


def test_in_files_mode_drafts_are_previewed_and_exported_and_not_published(outside: Desk) -> None:
    made = outside.world
    made.stop()
    made.settings = replace(made.settings, edits="files")
    made.start()
    desk = Desk(made)
    desk.sign_in()
    publishing = desk.standing.publishing
    draft = previewed(desk, publishing.begin(ADA, "", with_goal(publishing, "2h")))
    assert "kept in files" in desk.page(f"/drafts/{draft.id}")
    with pytest.raises(ReadOnly, match="DUELINE_EDITS=files"):
        publishing.publish(ADA, draft.id, 1, "please", recalculate=False)
    assert len(publications_of(made)) == 1
    with zipfile.ZipFile(io.BytesIO(desk.get(f"/drafts/{draft.id}.zip").data)) as archive:
        assert b"target: 2h" in archive.read(ENTERPRISE)


# --- two administrators ---------------------------------------------------------------------------


def test_two_administrators_on_one_draft_never_overwrite_each_other(either: Desk) -> None:
    publishing = either.standing.publishing
    draft = publishing.begin(ADA, "goals", with_goal(publishing, "1h"))
    publishing.save(BEN, draft.id, 1, with_goal(publishing, "2h"))
    with pytest.raises(SavedMeanwhile) as refusal:
        publishing.save(ADA, draft.id, 1, with_goal(publishing, "3h"))
    assert refusal.value.draft.revision == 2
    assert "target: 3h" in str(refusal.value.changes[ENTERPRISE])
    assert "target: 2h" in str(publishing.draft(draft.id).documents[ENTERPRISE])
    # She is told what Ben changed, and not what the draft held before.
    said = f"meanwhile. Ben changed {ENTERPRISE} (metrics.first_response). Nothing of yours"
    assert said in str(refusal.value)
    for late in (
        lambda: publishing.discard(ADA, draft.id, 1),
        lambda: publishing.publish(ADA, draft.id, 1, "mine", recalculate=False),
        lambda: asked.begin_preview(either.standing, draft.id, 1),
    ):
        with pytest.raises(SavedMeanwhile, match="Ben changed"):
            late()


def test_each_revision_since_the_one_seen_is_told_by_who_made_it_and_by_what(desk: Desk) -> None:
    publishing = desk.standing.publishing
    draft = publishing.begin(ADA, "goals", with_goal(publishing, "1h"))
    site = publishing.whole(draft)["site.yaml"]
    publishing.save(ADA, draft.id, 1, {"site.yaml": f"{site}# mine\n"})
    publishing.save(BEN, draft.id, 2, {"site.yaml": None, "calendars/a.yaml": "calendar: a\n"})
    publishing.save(BEN, draft.id, 3, {}, "other goals")
    published(desk, "2h")
    publishing.rebase(BEN, draft.id, 4, {ENTERPRISE: "mine"})
    with pytest.raises(SavedMeanwhile) as refusal:
        publishing.save(ADA, draft.id, 2, with_goal(publishing, "3h"))
    assert [(each.revision, str(each)) for each in refusal.value.since] == [
        (3, "Ben changed calendars/a.yaml added; site.yaml removed."),
        (4, "Ben changed the title alone."),
        (5, "Ben brought it up to date with version 2."),
    ]


def test_the_conflict_shows_both_texts_and_saves_over_the_newer_one(desk: Desk) -> None:
    publishing = desk.standing.publishing
    draft = publishing.begin(ADA, "", with_goal(publishing, "1h"))
    publishing.save(BEN, draft.id, 1, with_goal(publishing, "2h"))
    mine = with_goal(publishing, "3h")[ENTERPRISE]
    answer = desk.post(
        f"/drafts/{draft.id}/documents",
        {"revision": 1, "path": ENTERPRISE, "text": mine},
        form="/versions",
    )
    assert answer.status_code == 409
    shown = words(answer.text)
    assert "+ - target: 3h" in shown
    assert "- - target: 2h" in shown
    assert f"Ben changed {ENTERPRISE}" in shown
    again = desk.post(
        f"/drafts/{draft.id}/documents",
        {"revision": 2, "path": ENTERPRISE, "text": mine},
        form="/versions",
    )
    assert again.status_code == 302
    assert publishing.draft(draft.id).documents == {ENTERPRISE: mine}


def test_a_fault_after_the_commit_is_no_fault_of_the_publication(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing = desk.standing.publishing
    draft = previewed(desk, publishing.begin(ADA, "", with_goal(publishing, "2h")))
    service = desk.standing.service

    def fail(_: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(service, "adopt", fail)
    answer = desk.post(
        f"/drafts/{draft.id}/publish", {"revision": 1, "reason": "now", "issues": "new"},
        form=f"/drafts/{draft.id}",
    )  # fmt: skip
    assert answer.status_code == 302
    shown = desk.page(answer.location)
    assert "Version 2 is in force." in shown
    assert "has not taken it over yet" in shown
    monkeypatch.undo()
    service.follow_publications()
    assert service.engine.in_force == desk.standing.publishing.in_force().version


def test_a_preview_waits_for_its_turn_as_long_as_it_takes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = desk.standing
    publishing = standing.publishing
    monkeypatch.setattr(previews, "_SIGN_WHILE_WAITING", timedelta(milliseconds=5))
    draft = publishing.begin(ADA, "", with_goal(publishing, "2h"))
    with standing.previews._turn:
        asked.begin_preview(standing, draft.id, 1)
        desk.world.clock.at += previews.LOST_AFTER * 3

        def is_alive() -> bool:
            return asked.seen(standing, draft.id).worked_at

        eventually("the one that waits says that it is there", is_alive)
    standing.previews.wait()
    found = asked.seen(standing, draft.id).preview
    assert found
    assert found.state == "done"


def test_of_two_drafts_on_one_base_the_later_one_is_brought_up_to_date(either: Desk) -> None:
    publishing = either.standing.publishing
    documents = publishing.documents(publishing.in_force().id)
    changed = {"site.yaml": documents["site.yaml"] + "# one\n"}
    mine = publishing.begin(
        ADA, "", {"projects.yaml": documents["projects.yaml"] + "# two\n", **changed}
    )
    both = publishing.begin(ADA, "", with_goal(publishing, "1h"))
    previewed(either, both)
    published(either, "2h")
    with pytest.raises(PublishedMeanwhile) as refusal:
        publishing.publish(ADA, both.id, 1, "mine", recalculate=False)
    assert [each.id for each in refusal.value.since] == [2]
    assert refusal.value.merged.both == (ENTERPRISE,)
    with pytest.raises(PublishedMeanwhile):
        publishing.rebase(ADA, both.id, 1)

    merged = publishing.rebase(ADA, mine.id, 1)
    assert (merged.base, merged.revision) == (2, 2)
    assert set(merged.documents) == {"projects.yaml", "site.yaml"}
    assert "target: 2h" in publishing.whole(merged)[ENTERPRISE]

    assert publishing.rebase(ADA, both.id, 1, {ENTERPRISE: "theirs"}).documents == {}
    with pytest.raises(Refused, match="preview"):
        publishing.publish(ADA, both.id, 2, "mine", recalculate=False)


def test_two_who_map_different_projects_need_not_drop_either(desk: Desk) -> None:
    publishing = desk.standing.publishing
    text = publishing.documents(publishing.in_force().id)["projects.yaml"]

    def with_project(key: str, severity: str = "All", contract: str = "botron") -> str:
        rules = (
            f"contracts: [{{ contract: {contract} }}]\n    severities: [{{ severity: {severity} }}]"
        )
        return text.replace("projects:\n", f"projects:\n  {key}:\n    {rules}\n")

    theirs = publishing.begin(BEN, "", {"projects.yaml": with_project("NEW")})
    mine = publishing.begin(ADA, "", {"projects.yaml": with_project("OWN")})
    other = with_project("NEW", "Severity 1", "bitumio") + "# my end\n"
    also = publishing.begin(ADA, "", {"projects.yaml": other})
    previewed(desk, theirs)
    publishing.publish(BEN, theirs.id, 1, "mapped", recalculate=False)
    shown = desk.page(f"/drafts/{mine.id}")
    assert "They changed different parts of it, so both are kept" in shown
    assert "from this draft: projects.OWN" in shown
    assert "from version 2: projects.NEW" in shown
    merged = publishing.rebase(ADA, mine.id, 1)
    whole = publishing.whole(merged)["projects.yaml"]
    assert whole.count("  NEW:\n") == whole.count("  OWN:\n") == 1
    assert not publishing.checked(merged).problems

    shown = desk.page(f"/drafts/{also.id}")
    assert "Both changed projects.NEW in projects.yaml keep it as this draft has it" in shown
    with pytest.raises(PublishedMeanwhile):
        publishing.rebase(ADA, also.id, 1)
    settled = publishing.rebase(ADA, also.id, 1, {"projects.yaml": "theirs"})
    assert settled.documents.keys() == {"projects.yaml"}
    whole = publishing.whole(settled)["projects.yaml"]
    assert "Severity 1 }]" not in whole
    assert whole.endswith("# my end\n")


def test_one_of_two_who_publish_at_once_is_told_of_the_other(either: Desk) -> None:
    publishing = either.standing.publishing
    one = previewed(either, publishing.begin(ADA, "", with_goal(publishing, "1h")))
    two = previewed(either, publishing.begin(BEN, "", with_goal(publishing, "2h")))
    publishing.publish(ADA, one.id, 1, "first", recalculate=False)
    with pytest.raises(PublishedMeanwhile):
        publishing.publish(BEN, two.id, 1, "second", recalculate=False)
    assert [each.reason for each in publishing.publications()] == ["first", ""]
    assert publishing.draft(two.id).state == "open"


# --- what publishing asks for ---------------------------------------------------------------------


def test_publishing_asks_for_a_reason_and_a_preview_of_this_very_revision(desk: Desk) -> None:
    publishing = desk.standing.publishing
    draft = publishing.begin(ADA, "", with_goal(publishing, "1h"))
    with pytest.raises(Refused, match="preview"):
        publishing.publish(ADA, draft.id, 1, "why not", recalculate=False)
    previewed(desk, draft)
    with pytest.raises(Refused, match="Say why"):
        publishing.publish(ADA, draft.id, 1, "  ", recalculate=False)
    publishing.save(ADA, draft.id, 1, with_goal(publishing, "2h"))
    with pytest.raises(Refused, match="preview"):
        publishing.publish(ADA, draft.id, 2, "why not", recalculate=False)
    assert len(publishing.publications()) == 1


def test_a_faulty_draft_is_saved_with_its_faults_and_not_published(desk: Desk) -> None:
    publishing = desk.standing.publishing
    draft = publishing.begin(ADA, "", {"projects.yaml": "projects: {BOT: {contract: x}}\n"})
    shown = desk.page(f"/drafts/{draft.id}")
    assert "projects.yaml:1:18" in shown
    assert "did you mean `contracts`?" in shown
    assert gettempdir() not in shown
    with pytest.raises(ConfigError, match="did you mean `contracts`"):
        publishing.publish(ADA, draft.id, 1, "why not", recalculate=False)
    with pytest.raises(ConfigError):
        asked.begin_preview(desk.standing, draft.id, 1)


def test_no_path_leads_out_of_the_documents(desk: Desk) -> None:
    publishing = desk.standing.publishing
    draft = publishing.begin(ADA, "")
    for path in (
        "../projects.yaml", "/etc/passwd", "contracts/../../x.yaml", "contracts/.hidden.yaml",
        "contracts/a/b.yaml", "notes.txt", "", "contracts/\0.yaml", "calendars/..ics",
    ):  # fmt: skip
        answer = desk.post(
            f"/drafts/{draft.id}/documents",
            {"revision": 1, "path": path, "text": "x: <script>alert(1)</script>\n"},
            form="/versions",
        )
        assert answer.status_code == 400, path
        assert "is no path of a document" in words(answer.text)
        assert "<script>alert" not in answer.text
    assert publishing.draft(draft.id).documents == {}


# --- restoring ------------------------------------------------------------------------------------


def test_a_version_restored_is_exactly_what_it_was(either: Desk) -> None:
    made = either.world
    publishing = either.standing.publishing
    first = publishing.in_force()
    published(either, "2h")
    key = enterprise_issue(made)
    begun = publishing.restore(BEN, first.id)
    assert list(begun.documents) == [ENTERPRISE]
    draft = previewed(either, publishing.save(BEN, begun.id, 1, {}, "Back, by another name"))
    assert draft.restores == first.id
    # Nothing else is put into it unasked.
    assert mapping.own_draft(publishing, BEN) is None
    version = publishing.publish(BEN, draft.id, 2, "it was better", recalculate=True)
    assert (version.source, version.version) == ("restored", first.version)
    assert publishing.documents(version.id) == publishing.documents(first.id)
    made.settle()
    assert due(made, key) == "19:30"
    with pytest.raises(Refused, match="in force already"):
        publishing.restore(BEN, first.id)


def test_restoring_over_a_newer_version_is_told_as_such(desk: Desk) -> None:
    publishing = desk.standing.publishing
    published(desk, "2h")
    draft = previewed(desk, publishing.restore(BEN, 1))
    published(desk, "3h")
    with pytest.raises(PublishedMeanwhile):
        publishing.publish(BEN, draft.id, 1, "back", recalculate=False)
    shown = desk.page(f"/drafts/{draft.id}")
    assert "Another version came into force since" in shown
    assert "to restore version 1 takes all of that back" in shown
    again = publishing.rebase(BEN, draft.id, 1)
    assert (again.base, again.restores) == (3, 1)
    previewed(desk, again)
    assert publishing.publish(BEN, draft.id, 2, "back", recalculate=False).source == "restored"


# --- what is on record ----------------------------------------------------------------------------


def test_every_step_stands_in_the_audit_log_and_none_that_failed(either: Desk) -> None:
    publishing = either.standing.publishing
    draft = publishing.begin(ADA, "", with_goal(publishing, "1h"))
    publishing.save(BEN, draft.id, 1, with_goal(publishing, "2h"))
    with pytest.raises(Refused):
        publishing.save(ADA, draft.id, 1, {})
    previewed(either, publishing.draft(draft.id))
    publishing.publish(ADA, draft.id, 2, "two hours", recalculate=True)
    entries = publishing.database.read(lambda c: audit.listed(c, DEFAULT_SITE, audit.Wanted(), 20))
    done = [(each.actor, each.action, each.subject) for each in reversed(entries)]
    assert done == [
        ("directory", "published", "version 1"),
        ("ada", "draft begun", "draft 1"),
        ("ben", "draft saved", "draft 1"),
        ("ada", "published", "version 2"),
    ]
    assert entries[0].detail["reason"] == "two hours"
    assert entries[0].detail["recalculated"] is True


def test_a_publication_that_fails_leaves_nothing(
    either: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing = either.standing.publishing
    draft = previewed(either, publishing.begin(ADA, "", with_goal(publishing, "1h")))
    before = either.world.service.engine.in_force

    def fail(*_: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            publishing.publish(ADA, draft.id, 1, "now", recalculate=True)
    database = publishing.database
    assert len(publishing.publications()) == 1
    assert publishing.draft(draft.id).state == "open"
    assert database.read(lambda c: sites.known(c, DEFAULT_SITE, "policy_in_force")) == before
    assert publishing.publish(ADA, draft.id, 1, "now", recalculate=True).id > 1


# --- at the pages ---------------------------------------------------------------------------------


def test_an_administrator_goes_from_a_draft_to_the_version_and_back(desk: Desk) -> None:
    made = desk.world
    key = enterprise_issue(made)
    begun = desk.post("/drafts", {"title": "Two hours <b>"}, form="/versions")
    assert begun.location == "/drafts/1"
    assert "Draft 1: Two hours <b>" in desk.page("/drafts/1")
    text = with_goal(desk.standing.publishing, "2h")[ENTERPRISE]
    saved = desk.post(
        "/drafts/1/documents", {"revision": 1, "path": ENTERPRISE, "text": text}, form="/drafts/1"
    )
    assert saved.location == "/drafts/1"
    assert "contract enterprise changed: metrics" in desk.page("/drafts/1")
    assert "Look at its preview first" in desk.page("/drafts/1")
    desk.post("/drafts/1/preview", {"revision": 2}, form="/drafts/1")
    desk.standing.previews.wait()
    shown = desk.page("/drafts/1")
    assert "1 clock of 1 issue changes" in shown
    assert f"{key} first response enterprise running" in shown
    refused = desk.post(
        "/drafts/1/publish", {"revision": 2, "reason": "", "issues": "open"}, form="/drafts/1"
    )
    assert refused.status_code == 409
    assert "Say why it is published" in words(refused.text)
    answer = desk.post(
        "/drafts/1/publish",
        {"revision": 2, "reason": "customers <agreed>", "issues": "open"},
        form="/drafts/1",
    )
    assert answer.location == "/versions"
    made.settle()
    assert due(made, key) == "21:00"
    shown = desk.page("/versions")
    assert "Version 2 in force" in shown
    assert "customers <agreed>" in shown
    assert "- - target: 30m" in desk.page("/versions/1/to/2")
    restored = desk.post("/versions/1/restore", {}, form="/versions/1")
    assert "It restores version 1 exactly as it was" in desk.page(restored.location)
    for path in ("/versions/2", "/versions/2/documents/site.yaml", "/drafts", "/drafts/1"):
        desk.page(path)
    assert desk.get("/drafts/1/moves.csv").text.splitlines()[1].startswith(f"{key},first_response")


def test_programs_do_the_same_by_the_api(desk: Desk) -> None:
    def send(method: str, path: str, body: dict[str, object], status: int = 200) -> Any:
        shown = desk.get("/versions").text
        found = re.search(r'name="csrf_token" value="([^"]+)"', shown)
        assert found is not None
        answer = desk.client.open(
            f"/api{path}", method=method, json=body, headers={"X-CSRFToken": found.group(1)}
        )
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json

    publishing = desk.standing.publishing
    changes = with_goal(publishing, "1h")
    draft = send("POST", "/drafts", {"title": "One hour", "documents": changes})
    assert (draft["id"], draft["revision"], draft["base"]) == (1, 1, 1)
    changes = with_goal(publishing, "2h")
    assert send("PUT", "/drafts/1", {"revision": 1, "documents": changes})["revision"] == 2
    refused = send("PUT", "/drafts/1", {"revision": 1, "documents": changes}, 409)
    assert "Revision 2 of this draft was saved meanwhile" in refused["error"]
    asked_for = {"revision": 2, "reason": "agreed", "recalculate": False}
    assert "preview" in send("POST", "/drafts/1/publish", asked_for, 409)["error"]
    assert send("POST", "/drafts/1/preview", {"revision": 2})["state"] == "working"
    desk.standing.previews.wait()
    answer = desk.get("/api/drafts/1/preview").json
    assert answer is not None
    assert (answer["counts_for_publishing"], answer["moved"]["total"]) == (True, 0)
    assert send("POST", "/drafts/1/publish", asked_for)["id"] == 2
    listed = desk.get("/api/versions").json
    assert listed is not None
    assert [each["reason"] for each in listed["versions"]] == ["agreed", ""]
    assert listed["in_force"] == 2
    compared = desk.get("/api/versions/2/changes?since=1").json
    assert compared is not None
    assert compared["changes"] == ["contract enterprise changed: metrics"]
    assert send("POST", "/drafts", {"restores": 1})["restores"] == 1
    assert send("POST", "/drafts/2/discard", {"revision": 1})["state"] == "discarded"
    faulty = send("POST", "/drafts", {"documents": {"projects.yaml": "projects: 3\n"}})
    told = send("POST", f"/drafts/{faulty['id']}/preview", {"revision": 1}, 400)
    assert told["error"].startswith("projects.yaml:1:11: projects")
    seen = desk.get(f"/api/drafts/{faulty['id']}").json
    assert seen is not None
    assert seen["faults"][0]["path"] == "projects.yaml"
    send("POST", "/drafts", {"documents": {"../x": "y"}}, 400)
    send("POST", "/drafts/9/discard", {"revision": 1}, 404)


def test_what_is_not_there_is_told(desk: Desk) -> None:
    for path, status in {
        "/versions/99": 404,
        "/versions/99999999999999999999999999": 404,
        "/versions/1/to/99": 404,
        "/versions/99.zip": 404,
        "/versions/1/documents/../../x": 404,
        "/versions/1/documents/%00": 400,
        "/versions?before=x": 400,
        "/versions?before=99999999999999999999999": 400,
        "/versions?from=1": 400,
        "/drafts/99": 404,
        "/drafts/99/edit?path=site.yaml": 404,
    }.items():
        assert desk.get(path).status_code == status, path


def test_a_viewer_sees_all_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    publishing = desk.standing.publishing
    publishing.begin(ADA, "")
    monkeypatch.setattr("webhooks.console.access.asking.person", lambda: Person("v", "V", "viewer"))
    for path in ("title", "documents", "preview", "rebase", "publish", "discard"):
        assert desk.post(f"/drafts/1/{path}", {"revision": 1}, form="/versions").status_code == 403
    assert desk.post("/versions/1/restore", {}, form="/versions").status_code == 403
    assert publishing.draft(1).state == "open"


def test_a_preview_that_was_lost_can_be_asked_for_again(desk: Desk) -> None:
    publishing, standing = desk.standing.publishing, desk.standing
    draft = publishing.begin(ADA, "", with_goal(publishing, "1h"))
    asked.begin_preview(standing, draft.id, 1)
    standing.previews.wait()
    noted = publishing.preview(draft)
    assert noted is not None
    working = {**noted.noted(), "state": "working", "run": "of a process that is no more"}
    standing.database.write(lambda c: drafts.note_preview(c, DEFAULT_SITE, draft.id, working))
    assert "is being worked out" in desk.page(f"/drafts/{draft.id}")
    assert asked.begin_preview(standing, draft.id, 1).run == working["run"]
    desk.world.clock.at += timedelta(minutes=2)
    assert "It was interrupted" in desk.page(f"/drafts/{draft.id}")
    assert asked.begin_preview(standing, draft.id, 1).run != working["run"]
    standing.previews.wait()
    assert "clocks of" in desk.page(f"/drafts/{draft.id}")
