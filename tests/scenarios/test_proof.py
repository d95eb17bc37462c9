"""What is recorded follows from what was heard, and whatever was altered by hand is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, insert, select, update

from connector.simulator import AGENT, CUSTOMER
from sla.proof import Finding
from sla.store import audit
from sla.store.schema import audit as audit_rows
from sla.store.schema import (
    cycles,
    events,
    metadata,
    policies,
    promises,
    publications,
    sayings,
)
from sla.store.schema import inbox as inbox_rows
from sla.store.schema import issues as issue_rows
from tests.scenarios.conftest import Story
from tests.scenarios.test_planning import environment
from tests.scenarios.world import World, utc, world
from tests.webhooks.console.desk import Desk
from tests.webhooks.console.test_publishing import enterprise_issue, published
from webhooks import moving
from webhooks.cli import main
from webhooks.clock import FastClock
from webhooks.console.access.people import Person
from webhooks.verifying import ALL_FOLLOWS, SOMETHING_DIFFERS, Proof, verify

HOUR = timedelta(hours=1)
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def lived(after: Callable[[Story], World]) -> World:
    """A world that is all that."""
    return after(live)


def live(cloud: World) -> None:
    """Warned of, breached, answered late and in time, paused, raised, deleted, heard late."""
    keys = {
        name: cloud.report(project, priority=priority)
        for name, project, priority in (
            ("first", "BIT", "Highest"), ("late", "HLP", "High"), ("raised", "BIT", "Low"),
            ("paused", "BIT", "Medium"), ("gone", "HLP", "Low"), ("news", "BIT", "Highest"),
        )
    }  # fmt: skip
    jira = cloud.jira
    cloud.advance(HOUR)
    jira.add_comment(keys["first"], "We look into it.", account=AGENT)
    cloud.settle()
    # Jira's news of an answer comes after the breach was told: it is corrected.
    cloud.advance(HOUR / 2)
    cloud.deaf = True
    jira.add_comment(keys["news"], "We look into it.", account=AGENT)
    cloud.advance(HOUR)
    cloud.deaf = False
    cloud.advance(HOUR)
    jira.edit(keys["raised"], {"priority": "Highest"}, account=CUSTOMER)
    jira.transition(keys["paused"], "Waiting for customer")
    cloud.settle()
    cloud.advance(3 * HOUR)
    jira.transition(keys["paused"], "In Progress")
    jira.delete_issue(keys["gone"])
    cloud.advance(timedelta(days=2))
    jira.add_comment(keys["late"], "We look into it.", account=AGENT)
    jira.transition(keys["first"], "Done")
    cloud.settle()


def proven(place: World, **how: Any) -> Proof:
    return verify(place.settings, place.clock.now, **how)


def altered(place: World, statement: Any) -> list[str]:
    """What is certainly found after somebody wrote to the database by hand."""
    found = differences(place, statement)
    assert any(each.certain for each in found)
    return [str(each) for each in found]


def differences(place: World, statement: Any) -> Sequence[Finding]:
    """All that is found then; what was written is put back afterwards."""
    table = statement.table
    database = place.service.database
    before = [dict(row) for row in database.read(lambda c: c.execute(select(table)).mappings())]
    database.write(lambda c: c.execute(statement).rowcount)
    try:
        return proven(place, processes=1).findings
    finally:
        database.write(lambda c: c.execute(delete(table)).rowcount)
        database.write(lambda c: c.execute(insert(table), before).rowcount)


def one(table: Any, **values: Any) -> Any:
    """Those rows of a table."""
    return [table.c[name] == value for name, value in values.items()]


def test_what_lived_is_proven(lived: World) -> None:
    found = proven(lived, at_once=2)
    assert list(map(str, found.findings)) == []
    assert found.exit_status == ALL_FOLLOWS
    assert (found.issues, found.unread, found.versions) == (6, 0, 1)
    assert min(found.cycles, found.promises, found.sayings) >= 6
    # Long after, though nobody was woken: what is due is no difference.
    there = lived.clock.at
    lived.clock.at = there + timedelta(days=30)
    assert proven(lived).findings == []
    # Nor is what a clock brought that was set back since.
    lived.clock.at = there - timedelta(days=1)
    assert [str(each) for each in proven(lived).findings] == []


def test_what_a_service_changes_meanwhile_is_no_difference(lived: World) -> None:
    database = lived.service.database
    altering = cycles.c.metric == "first_response"
    before = [
        dict(row)
        for row in database.read(
            lambda c: c.execute(select(cycles).where(altering)).mappings().all()
        )
    ]
    database.write(lambda c: c.execute(update(cycles).where(altering).values(due_at=None)).rowcount)
    looked: list[int] = []

    def told(done: int, whole: int) -> None:
        if done == whole and not looked:
            looked.append(done)
            database.write(lambda c: c.execute(delete(cycles).where(altering)).rowcount)
            database.write(lambda c: c.execute(insert(cycles), before).rowcount)

    assert proven(lived).findings
    assert proven(lived, told=told).findings == []
    assert looked


def test_the_audit_log_is_a_chain(lived: World) -> None:
    database = lived.service.database
    for nth in range(3):
        person = Person(f"person-{nth}", f"Person {nth}", "administrator")
        database.write(
            lambda c, person=person: audit.record(  # type: ignore[misc]
                c, "default", lived.clock.now(), person, "looked", "at it"
            )
        )
    rows = [row.id for row in database.read(lambda c: c.execute(select(audit_rows)).all())]
    kept = proven(lived).audit_last
    between = select(audit_rows).where(audit_rows.c.id == rows[1])
    forged = dict(database.read(lambda c: c.execute(between).mappings().one()))
    forged |= {"id": rows[-1] + 1, "previous": "f" * 64, "hash": "e" * 64}
    for statement, told in (
        (update(audit_rows).where(audit_rows.c.id == rows[1]).values(actor="nobody"), rows[1]),
        (delete(audit_rows).where(audit_rows.c.id == rows[1]), rows[2]),
        (insert(audit_rows).values(forged), rows[-1] + 1),
    ):
        assert any(f"audit row {told}, chain" in each for each in altered(lived, statement))
    # Its end alone can be cut off unseen: unless somebody kept its hash.
    database.write(
        lambda c: c.execute(delete(audit_rows).where(audit_rows.c.id == rows[-1])).rowcount
    )
    assert proven(lived).findings == []
    (missing,) = proven(lived, expected=kept).findings
    assert f"no row with the hash {kept}" in str(missing)


def test_without_the_deliveries_what_was_said_is_not_certain(lived: World) -> None:
    """A service forgets them after some weeks: then a breach may have followed from late news."""
    issue = next(each.id for each in lived.jira.issues.values() if each.key == "BIT-1")
    ours = (sayings.c.issue_id == issue) & sayings.c.key.like("%acknowledgement%")
    text = lived.service.database.read(
        lambda c: c.execute(select(sayings.c.saying).where(ours)).scalar_one()
    )
    key = "first_response/1/breach"
    forged = json.dumps({**json.loads(text), "key": key}).encode()
    lived.service.database.write(
        lambda c: c.execute(update(sayings).where(ours).values(key=key, saying=forged)).rowcount
    )
    lived.service.database.write(lambda c: c.execute(delete(inbox_rows)).rowcount)
    found = proven(lived)
    doubtful = {(each.issue, each.subject): each for each in found.findings if not each.certain}
    # Beside what late news does explain, and can explain no more.
    assert {issue for issue, _ in doubtful} == {"BIT-1", "BIT-4"}
    altered_one = doubtful["BIT-1", "first_response/1/breach"]
    assert "the deliveries of that time are gone" in str(altered_one)
    # That the one is missing, and the other was never taken back, is certain all the same.
    certain = [each.subject for each in found.findings if each.certain]
    assert certain == ["acknowledgement", "first_response/1/correction"]
    assert found.exit_status == SOMETHING_DIFFERS


@pytest.mark.one_database("sqlite")
def test_issues_that_were_moved_to_another_version_are_proven(tmp_path: Path) -> None:
    """What was over stays as its version judged it, and what was promised was promised by that."""
    with world(tmp_path, utc("2024-07-10 14:00"), DUELINE_EDITS="console") as made:
        desk = Desk(made)
        keys = [enterprise_issue(made) for _ in range(3)]
        made.advance(HOUR / 3)
        made.jira.add_comment(keys[0], "We look into it.", account=AGENT)
        made.settle()
        published(desk, "2h", recalculate=True)
        # Not all have heard of it yet: no difference.
        assert [str(each) for each in proven(made).findings] == []
        while moving.step(made.service.database, "default", made.clock.now(), 1):
            assert [str(each) for each in proven(made).findings] == []
        made.advance(HOUR)
        made.jira.add_comment(keys[1], "We look into it.", account=AGENT)
        made.settle()
        published(desk, "15m", recalculate=True)
        made.advance(HOUR / 2)
        keys.append(enterprise_issue(made))
        made.advance(HOUR)
        assert [str(each) for each in proven(made).findings] == []
        assert proven(made).versions == 3
        # The audit log knows why each came into force, and what was chosen.
        for name, value in (("reason", "nicer"), ("recalculated", False)):
            told = f"publication 3, {name}: recorded {value}; follows"
            statement = update(publications).where(publications.c.id == 3).values({name: value})
            assert any(told in each for each in altered(made, statement))


def test_the_command_answers_people_and_programs(
    lived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(lived).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DUELINE_DEMO_CLOCK", str(FastClock.starting(lived.clock.now(), 1)))
    told = CliRunner().invoke(main, ["verify"])
    answer = CliRunner().invoke(main, ["verify", "--json"])
    assert (told.exit_code, answer.exit_code) == (ALL_FOLLOWS, ALL_FOLLOWS), told.output
    plain = json.loads(answer.stdout)
    assert plain["findings"] == []
    assert "Nothing differs." in told.stdout
    assert plain["audit_last"] in told.stdout
    kept = CliRunner().invoke(main, ["verify", "--expect-last", plain["audit_last"]])
    assert kept.exit_code == ALL_FOLLOWS
    lost = CliRunner().invoke(main, ["verify", "--expect-last", "0a" * 32])
    assert (lost.exit_code, "audit log, end" in lost.output) == (SOMETHING_DIFFERS, True)
    wrong = CliRunner().invoke(main, ["verify", "--expect-last", "abc"])
    assert (wrong.exit_code, "a hash has 64 digits" in wrong.output) == (1, True)


def test_what_is_altered_is_named(lived: World) -> None:
    said = lived.service.database.read(lambda c: c.execute(select(sayings.c.key)).scalars().all())
    assert any(key.endswith("/correction") for key in said)
    issue = {each.key: each.id for each in lived.jira.issues.values()}
    first = {"issue_id": issue["BIT-1"], "metric": "first_response", "number": 1}
    cases: list[tuple[Any, str]] = [
        (
            update(cycles).where(*one(cycles, **first)).values(due_at=lived.clock.now()),
            "BIT-1 first_response 1, due instant: recorded 2024-07-",
        ),
        (
            update(cycles).where(*one(cycles, **first)).values(state="breached"),
            "BIT-1 first_response 1, state: recorded breached; follows met",
        ),
        (
            update(cycles).where(*one(cycles, **first)).values(ended_at=None),
            "BIT-1 first_response 1, end: recorded nothing; follows 2024-07-",
        ),
        (
            delete(cycles).where(*one(cycles, **first)),
            "BIT-1 first_response 1, cycle: recorded nothing; follows met",
        ),
        (
            delete(events).where(*one(events, issue_id=issue["BIT-1"], kind="CommentSeen")),
            "BIT-1 first_response 1, state: recorded met; follows breached",
        ),
        (
            update(promises).where(*one(promises, **first)).values(due_at=lived.clock.now()),
            "BIT-1 first_response 1, promise: recorded 2h, due 2024-07-",
        ),
        (
            delete(promises).where(*one(promises, **first)),
            "BIT-1 first_response 1, promise: recorded nothing; follows due 2024-07-",
        ),
        (
            delete(sayings).where(sayings.c.key == "first_response/1/breach"),
            "first_response/1/breach, ledger: recorded nothing; follows said, since it is true",
        ),
        (
            update(sayings)
            .where(*one(sayings, issue_id=issue["BIT-1"]))
            .where(sayings.c.key.like("%acknowledgement%"))
            .values(key="first_response/1/breach"),
            "BIT-1 first_response/1/breach, ledger: recorded said at",
        ),
        (
            update(issue_rows)
            .where(issue_rows.c.issue_id == issue["HLP-1"])
            .values(wake_at=lived.clock.now() + 90 * HOUR),
            "HLP-1, next look: recorded",
        ),
        (
            update(issue_rows)
            .where(issue_rows.c.issue_id == issue["BIT-1"])
            .values(fields_wanted='{"state": "breached"}'),
            "BIT-1 fields in Jira, state: recorded breached; follows met",
        ),
        (
            update(policies).values(text=policies.c.text + " "),
            ", text: recorded",
        ),
        (
            update(publications).values(version="another"),
            "publication 1, version: recorded another; follows",
        ),
        (
            update(publications).values(author="Mallory"),
            "publication 1, author: recorded Mallory; follows the directory",
        ),
        (
            update(publications).values(published_at=lived.clock.now()),
            "publication 1, published at: recorded 2024-07-",
        ),
        (
            update(policies).values(text="{"),
            ", text: recorded",
        ),
        (
            delete(issue_rows).where(issue_rows.c.issue_id == issue["BIT-1"]),
            f"{issue['BIT-1']}, its own row: recorded nothing; follows one, since rows of it are",
        ),
    ]
    for statement, told in cases:
        found = altered(lived, statement)
        assert any(told in each for each in found), (told, found)
    assert proven(lived).findings == []


def test_what_cannot_be_read_is_named_and_all_else_is_proven(lived: World) -> None:
    issue = next(each.id for each in lived.jira.issues.values() if each.key == "BIT-1")
    mine = one(issue_rows, issue_id=issue)
    told = "BIT-1, judgement: recorded one; follows none, since it cannot be judged: "
    fact = f"a stored fact (Created) of Jira id {issue} cannot be read: "
    created = one(events, issue_id=issue, kind="Created")
    for statement, why in (
        (update(events).where(*created).values(data=b"{"), fact),
        (update(events).where(*created).values(data=b'{"at":"late"}'), fact),
        *[
            (
                update(issue_rows).where(*mine).values({column: text}),
                f"the stored {column} of Jira id {issue} cannot be read: ",
            )
            for column, texts in (
                ("earlier_versions", ["[", "5", '[["one"]]', '[["one", "2024-07-10T13:00:00"]]']),
                ("fields_wanted", ["{", "[]"]),
            )
            for text in texts
        ],
    ):
        (found,) = altered(lived, statement)
        assert found.startswith(told + why)
    acknowledged = one(sayings, issue_id=issue, key="acknowledgement")
    said = lived.service.database.read(
        lambda c: c.execute(select(sayings.c.saying).where(*acknowledged)).scalar_one()
    )
    for facts in (5, ["severity"]):
        broken = json.dumps({**json.loads(said), "facts": facts}).encode()
        (found,) = altered(lived, update(sayings).where(*acknowledged).values(saying=broken))
        assert "acknowledgement, text: recorded what cannot be read; follows a saying" in found


_LINE = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.MULTILINE)
LEFT_OUT = dict(_LINE.findall((DOCS / "proof.md").read_text("utf-8")))
"""By table the columns that the documentation names as left out, in words."""
OTHER = {"Boolean": True, "Integer": 77, "BigInteger": 77, "Text": "other", "String": "other"}


@pytest.mark.one_database("sqlite")
def test_each_stored_thing_is_checked_or_named_as_left_out(lived: World) -> None:
    """A column that is new fails this until somebody has decided which."""
    issue = next(each.id for each in lived.jira.issues.values() if each.key == "BIT-1")
    first = {"issue_id": issue, "metric": "first_response", "number": 1}
    answered = one(sayings, issue_id=issue, key="acknowledgement")
    database, at = lived.service.database, lived.clock.now() + 90 * HOUR
    saying = database.read(
        lambda c: c.execute(select(sayings.c.saying).where(*answered)).scalar_one()
    )
    severity = {**json.loads(saying), "key": "first_response/1/breach", "occasion": "notice"}
    severity["facts"] = {**severity["facts"], "severity": "other", "target": "1m"}
    values: dict[tuple[str, str], Any] = {
        ("issues", "covered"): False,
        ("issues", "earlier_versions"): f'[["other", "{at.isoformat()}"]]',
        ("issues", "fields_wanted"): '{"state": "other"}',
        ("sayings", "saying"): json.dumps(severity).encode(),
        ("sayings", "urgent"): True,
        ("publications", "recalculated"): True,
        ("audit", "detail"): "{}",
    }
    rows = {
        cycles: one(cycles, **first), promises: one(promises, **first), sayings: answered,
        issue_rows: one(issue_rows, issue_id=issue), policies: [], publications: [],
        audit_rows: [],
    }  # fmt: skip
    left_out = {table: set(re.findall(r"`(\w+)`", named)) for table, named in LEFT_OUT.items()}
    unseen = []
    wholly = {table for table, named in LEFT_OUT.items() if named == "all"}
    assert wholly | {table.name for table in rows} == metadata.tables.keys()
    for table, which in rows.items():
        columns = {column.name for column in table.columns}
        out = left_out.get(table.name, set())
        assert out <= columns, "the documentation names what is not there"
        for name in sorted(columns - out):
            kind = type(table.c[name].type).__name__
            value = values.get((table.name, name), OTHER.get(kind, at))
            statement = update(table).where(*which).values({name: value})
            if not differences(lived, statement):
                unseen.append(f"{table.name}.{name}")
    assert not unseen


def test_what_lists_and_reports_count_by_is_proven(lived: World) -> None:
    """By name: whose clock it was, in which project, who answered, and what was said of it."""
    issue = next(each.id for each in lived.jira.issues.values() if each.key == "BIT-1")
    first = one(cycles, issue_id=issue, metric="first_response", number=1)
    told = altered(lived, update(cycles).where(*first).values(project="HLP", answered_by="nobody"))
    assert "BIT-1 first_response 1, project: recorded HLP; follows BIT" in told
    assert any(
        each.startswith("BIT-1 first_response 1, answered by: recorded nobody; follows ")
        for each in told
    )
    mine = one(issue_rows, issue_id=issue)
    told = altered(lived, update(issue_rows).where(*mine).values(key="X-1"))
    assert "X-1, key: recorded X-1; follows BIT-1" in told
