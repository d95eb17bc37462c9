"""Backtests that were kept, as pages and programs are told of them."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest

from connector.simulator import AGENT
from tests.scenarios.test_backtest import tighter
from tests.webhooks.console.desk import Desk
from webhooks.backtesting import Days, backtest
from webhooks.backtests import keep

pytestmark = pytest.mark.one_database("sqlite")


def test_whoever_has_the_address_sees_what_was_found(desk: Desk, tmp_path: Path) -> None:
    world = desk.world
    assert "None was kept yet" in desk.page("/backtests")
    keys = [world.report("BIT", priority="Highest") for _ in range(51)]
    world.advance(timedelta(hours=1))
    for key in keys:
        world.jira.add_comment(key, "We look into it.", account=AGENT)
    world.settle()
    days = Days(date(2024, 7, 1), date(2024, 7, 31))
    found = backtest(world.settings, tighter(tmp_path), days, world.clock.now())
    keep(world.settings, "Half <an> hour", found, world.clock.now())
    assert "1: Half <an> hour" in desk.page("/backtests")
    shown = desk.get("/backtests/1").text
    assert "<an>" not in shown
    assert shown.count("<svg") > 2
    said = desk.page("/backtests/1")
    assert "51 met ones breached" in said
    assert "met → breached" in said
    assert "30 min open" in said.replace("\N{NO-BREAK SPACE}", " ")
    assert keys[50] not in said
    assert keys[50] in desk.page("/backtests/1", page=2)
    assert "There is no page 3" in desk.page("/backtests/1", page=3)
    told = desk.json("/api/backtests/1")
    assert len(told["differing"]) == 51
    assert desk.json("/api/backtests/1", page=2)["differing"] == []
    assert [each["name"] for each in desk.json("/api/backtests")] == ["Half <an> hour"]
    rows = list(csv.DictReader(io.StringIO(desk.get("/backtests/1/differing.csv").text)))
    assert [row["issue"] for row in rows] == [each["issue"] for each in told["differing"]]
    counts = list(csv.DictReader(io.StringIO(desk.get("/backtests/1/counts.csv").text)))
    assert sum(int(row["other_breached"]) for row in counts) >= 51
    assert desk.get("/backtests/2").status_code == 404
    assert desk.get("/api/backtests/2").status_code == 404
