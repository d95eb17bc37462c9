"""What `/metrics` tells, and that the dashboard and the alert rules ask for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families
from promql_parser import Matcher, MatchOp, VectorSelector
from ruamel.yaml import YAML

from connector.simulator import AGENT
from tests.scenarios.world import HOOK, World, signature, utc, world

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs/operations"
TOKEN = "only-prometheus-knows-it"
NONSENSE = b'{"timestamp": 1}'


def fits(wanted: Matcher, value: str) -> bool:
    """Whether a label's value is one that a selector asks for."""
    by_pattern = wanted.op in (MatchOp.Re, MatchOp.NotRe)
    found = bool(re.fullmatch(wanted.value, value)) if by_pattern else value == wanted.value
    return found == (wanted.op in (MatchOp.Re, MatchOp.Equal))


class Scraped:
    """One answer of `/metrics`, as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def __call__(self, name: str, **labels: str) -> float:
        """The value of the one sample of that name and with these labels."""
        (found,) = (
            each.value
            for each in self._samples
            if each.name == name and labels.items() <= each.labels.items()
        )
        return found

    def has(self, asked: VectorSelector) -> bool:
        """Whether there is a sample that a selector selects; the job is Prometheus's own word."""
        return any(
            all(
                fits(each, sample.labels.get(each.name, ""))
                for each in asked.matchers.matchers
                if each.name != "job"
            )
            for sample in self._samples
            if sample.name == asked.name
        )


def scrape(made: World) -> Scraped:
    answer = made.receiver.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    return Scraped(answer.text)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which each thing happened for which there is a metric."""
    directory = tmp_path_factory.mktemp("metrics")
    with world(directory, utc("2024-07-10 19:00"), DUELINE_METRICS_TOKEN=TOKEN) as made:
        key = made.report("BIT", priority="Highest")
        made.report("BIT", priority="Lowest")
        made.advance(timedelta(hours=3))
        made.jira.add_comment(key, "We are on it.", account=AGENT)
        made.settle()
        made.post(HOOK, NONSENSE, {"X-Hub-Signature": signature(NONSENSE)})
        made.post(HOOK, NONSENSE, {"X-Hub-Signature": signature(NONSENSE)})
        made.post(HOOK, NONSENSE, {"X-Hub-Signature": f"sha256={'0' * 64}"})
        made.settle()
        made.jira.edit(key, {"priority": "Low"})
        made.jira.faults.webhook("drop", times=10)
        made.service.reconciler.poll("default")
        made.settle()
        made.jira.faults.clear()
        made.jira.faults.rate_limit(retry_after=90, method="PUT")
        made.report("BIT")
        made.service.note_limits()
        yield made


def test_how_the_work_stands_is_read_from_the_tables(filled: World) -> None:
    found = scrape(filled)
    assert found("dueline_ready") == found("dueline_database_readable") == 1
    assert found("dueline_open_cycles", state="running") == 3
    assert found("dueline_timers", state="armed") >= 1
    assert found("dueline_inbox", state="not_understood") == 1
    assert found("dueline_outbox", kind="fields") == 1
    assert found("dueline_jira_hold_seconds", reason="told_to_wait") > 60
    assert found("dueline_jira_rate_limit", what="retry_after_seconds") == 90
    assert found("dueline_jira_rate_limit", what="remaining") == 0
    assert found("dueline_refused_signatures_total") == 1
    filled.clock.at += timedelta(minutes=1)
    assert scrape(filled)("dueline_jira_rate_limit", what="heard_seconds_ago") == 60


def test_a_scrape_counts_the_last_refusals_of_a_burst(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-10 19:00"), DUELINE_METRICS_TOKEN=TOKEN) as made:
        for _ in range(30):
            made.post(HOOK, NONSENSE, {"X-Hub-Signature": f"sha256={'0' * 64}"})
        assert scrape(made)("dueline_refused_signatures_total") == 1
        made.clock.at += timedelta(seconds=10)
        assert scrape(made)("dueline_refused_signatures_total") == 30


def test_what_this_process_did_is_counted(filled: World) -> None:
    found = scrape(filled)
    assert found("dueline_deliveries_total", outcome="known_already") == 1
    assert found("dueline_deliveries_total", outcome="kept") > 4
    assert found("dueline_translations_total", outcome="not_understood") == 1
    for why in ("delivery", "history", "time"):
        assert found("dueline_decisions_total", why=why, outcome="done") >= 1, why
    assert found("dueline_effects_total", kind="comment", outcome="done") >= 1
    assert found("dueline_effects_total", kind="fields", outcome="failed") == 1
    assert found("dueline_jira_calls_total", method="PUT", status="429") == 1
    kept = found("dueline_deliveries_total", outcome="kept")
    assert found("dueline_intake_seconds_count") == kept + 1


def test_they_are_closed_without_a_token_and_to_whoever_has_another(
    filled: World, tmp_path: Path
) -> None:
    for given in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}):
        answer = filled.receiver.get("/metrics", headers=given)
        assert answer.status_code == 401
        assert TOKEN not in answer.text
        assert "dueline_" not in answer.text
    with world(tmp_path, utc("2024-07-10 19:00")) as closed:
        answer = closed.receiver.get("/metrics", headers={"Authorization": "Bearer "})
        assert answer.status_code == 404
        assert "DUELINE_METRICS_TOKEN" in answer.text


def test_a_database_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-10 19:00"), DUELINE_METRICS_TOKEN=TOKEN) as made:
        made.service.database.write(lambda c: c.exec_driver_sql("DROP TABLE cycles"))
        assert scrape(made)("dueline_database_readable") == 0


# --- what is asked for ------------------------------------------------------------------------


def alerts() -> list[dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load(OPERATIONS / "alerts.yaml")
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OPERATIONS / "grafana-dashboard.json").read_text("utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def selectors(expression: str) -> list[VectorSelector]:
    """What an expression selects; one that Prometheus could not read raises."""
    found: list[VectorSelector] = []

    def look(each: object) -> bool:
        if isinstance(each, VectorSelector):
            found.append(each)
        return True

    plain = expression.replace("$__rate_interval", "5m").replace("$job", ".*")
    promql_parser.walk(promql_parser.parse(plain), look)
    return found


def asked_for() -> Mapping[str, str]:
    """Each expression by where it stands."""
    rules = {rule["alert"]: rule["expr"] for rule in alerts()}
    drawn = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel["targets"]
    }
    noted = {each["name"]: each["expr"] for each in dashboard()["annotations"]["list"]}
    return {**rules, **drawn, **noted}


def test_alerts_and_dashboard_ask_for_nothing_that_is_not_told(filled: World) -> None:
    found = scrape(filled)
    missing = [
        f"{where}: {each.prettify()}"
        for where, expression in asked_for().items()
        for each in selectors(expression)
        # No call of this world went without an answer, and none was answered 500.
        if not found.has(each) and "5..|none" not in expression
    ]
    assert missing == []
    assert all(selectors(expression) for expression in asked_for().values())


def test_every_metric_of_dueline_is_on_the_dashboard_or_in_an_alert(filled: World) -> None:
    used = {str(each.name) for text in asked_for().values() for each in selectors(text)}
    told = {sample.name for sample in scrape(filled)._samples if sample.name[:8] == "dueline_"}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told}
    assert families - {re.sub(r"_bucket$", "", name) for name in used} == {
        # Its parts by what was understood stand in the inbox.
        "dueline_translations_total"
    }


def test_each_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert f"| `{rule['alert']}` |" in page


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= own
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
