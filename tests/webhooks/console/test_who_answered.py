"""Reports by who answered and by team: the author of the answer, whoever is assigned."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connector.simulator import AGENT, LEAD
from connector.simulator.model import Flavour
from sla.store.forgetting import forget
from sla.store.schema import cycles
from tests.scenarios.world import a_site, utc, world
from tests.webhooks.console.desk import TOKEN, Desk

ADA = {"cloud": "712020:agent-0000-4000-8000-000000000001", "datacenter": "JIRAUSER10101"}
LENA = {"cloud": "712020:lead-0000-4000-8000-000000000003", "datacenter": "JIRAUSER10103"}


def lines(desk: Desk, name: str, **query: str) -> list[tuple[Any, ...]]:
    found = desk.json("/api/reports", metric="first_response", **query)
    return [(each["title"], each["met"], each["breached"]) for each in found[name]]


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_it_is_counted_for_who_answered_and_their_team(tmp_path: Path, flavour: Flavour) -> None:
    site = a_site(tmp_path)
    document = (site / "site.yaml").read_text("utf-8")
    teams = f"  never: []\n  groups: {{ Leads: ['{LENA[flavour]}'], Empty: [nobody] }}\n"
    (site / "site.yaml").write_text(document.replace("  never: []\n", teams), encoding="utf-8")
    at = utc("2024-07-10 19:00")
    with world(tmp_path, at, flavour, config=site, DUELINE_CONSOLE_TOKEN=TOKEN) as place:
        desk = Desk(place)
        desk.sign_in()
        bug = {"issuetype": "Bug", "priority": "Highest"}
        by_lena, late, unanswered = (place.report("BIT", bug) for _ in range(3))
        for key in (by_lena, late, unanswered):
            place.jira.assign(key, AGENT)
        place.advance(timedelta(minutes=5))
        place.jira.add_comment(by_lena, "We are looking at it.", account=LEAD)
        place.advance(timedelta(hours=3))
        place.jira.add_comment(late, "Sorry.", account=LEAD)
        place.settle()

        assert lines(desk, "responders") == [("Lena Lead", 1, 1), ("Ada Agent", 0, 1)]
        assert lines(desk, "groups") == [("Leads", 1, 1), ("In no group", 0, 1)]
        assert lines(desk, "responders", group="Leads") == [("Lena Lead", 1, 1)]
        assert lines(desk, "responders", group="-") == [("Ada Agent", 0, 1)]
        assert lines(desk, "responders", group="Empty") == []
        refused = desk.get("/reports", group="Laeds")
        assert refused.status_code == 400
        assert "there are: Empty, Leads" in refused.text
        rows = desk.json("/api/reports/breaches", metric="first_response")["rows"]
        answers = {row["key"]: (row["assignee"], row["answered_by"]) for row in rows}
        assert answers == {late: ("Ada Agent", "Lena Lead"), unanswered: ("Ada Agent", None)}
        assert "responder_group,title" in desk.get("/reports.csv", table="groups").text
        page = desk.page("/reports")
        assert "By responder group" in page
        assert "by Lena Lead" in page

        # Heard again, from the history: no other answer, and no other name.
        place.jira.edit(by_lena, {"summary": "Another"})
        place.settle()
        assert lines(desk, "groups") == [("Leads", 1, 1), ("In no group", 0, 1)]

        forget(place.service.database, LENA[flavour])
        shown = lines(desk, "responders")
        assert ("Ada Agent", 0, 1) in shown
        assert "Lena Lead" not in str(shown)
        accounts = select(cycles.c.answered_by, cycles.c.answered_name)
        left = place.service.database.read(lambda c: set(c.execute(accounts).all()))
        assert {name for _, name in left} == {None}
        assert LENA[flavour] not in {account for account, _ in left}
        assert lines(desk, "groups") == [("In no group", 1, 2)]


def test_without_groups_there_is_no_table_of_them(desk: Desk) -> None:
    assert lines(desk, "groups") == []
    assert "By responder group" not in desk.page("/reports")
