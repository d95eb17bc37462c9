"""By which version an issue is judged, and what of it is announced."""

from __future__ import annotations

from msgspec.structs import replace

from sla.contract import Refusal
from sla.store import schema
from sla.timeline import Account
from tests.sla.engine.desk import SITE, Desk, creation, telling
from tests.sla.example import OWN, at, change, contract, policy, reply


def test_an_issue_keeps_the_version_under_which_its_clock_started(desk: Desk) -> None:
    desk.hear(creation())
    desk.policies["v2"] = replace(policy(), projects={}, version="v2")
    desk.engine.in_force = "v2"
    desk.hear(telling(change(at(0.1), "status", "To Do", "Doing")))
    desk.wake(at(2))
    assert set(desk.asked_for) == {"v1"}
    assert (desk.row().policy_version, desk.fields()["state"]) == ("v1", "breached")
    # One whose clock starts now is judged by what is in force now.
    desk.hear(creation(issue="10001"))
    assert desk.asked_for[-1] == "v2"
    assert desk.row("10001").policy_version is None


def test_an_issue_without_a_promise_goes_with_the_version_in_force(desk: Desk) -> None:
    desk.policies["v0"] = replace(policy(), projects={})
    desk.engine.in_force = "v0"
    desk.hear(creation())
    assert desk.row().policy_version is None
    desk.engine.in_force = "v1"
    desk.hear(telling(change(at(0.1), "status", "To Do", "Doing")))
    assert (desk.row().policy_version, desk.fields()["state"]) == ("v1", "running")


def test_our_own_comments_never_count_whatever_the_policy_says(desk: Desk) -> None:
    assert desk.policies["v1"].responders.never == {OWN.id}
    desk.policies["v1"] = replace(desk.policies["v1"], responders=policy().responders)
    desk.engine.sites[SITE] = replace(desk.engine.sites[SITE], own_account="somebody")
    desk.now = at(0.1)
    desk.hear(creation(), telling(reply(at(0.1), Account("somebody", OWN.kind))))
    assert desk.fields()["state"] == "running"


def test_what_lies_before_the_installation_is_quiet(desk: Desk) -> None:
    desk.engine.sites[SITE] = replace(desk.engine.sites[SITE], quiet_before=at(3))
    desk.now = at(10)
    desk.hear(creation())
    # The instant of the installation itself is ours.
    assert desk.said() == {
        "warning-75%": "quiet", "breach": "quiet", "level-1": "pending", "level-2": "pending",
    }  # fmt: skip
    assert desk.fields()["state"] == "breached"


def test_what_a_new_version_adds_to_an_issues_past_is_shown_and_not_announced(desk: Desk) -> None:
    desk.policies["v1"] = policy(contract(Refusal(("no figure",))))
    desk.hear(creation())
    assert desk.fields()["state"] == "not promised"
    desk.policies["v2"] = policy()
    desk.engine.in_force = "v2"
    published = schema.policies.insert().values(version="v2", published_at=at(3), text="{}")
    desk.database.write(lambda c: c.execute(published))
    desk.now = at(4)
    desk.hear(telling(change(at(4), "labels", (), ("seen",))))
    assert desk.fields()["state"] == "breached"
    assert desk.said() == {"warning-75%": "quiet", "breach": "quiet", "level-1": "pending"}
