"""Alerts and escalations speak in time, and to somebody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.lints.sound import ACME, SITE, assert_found, change, found


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            SITE, ("alerts:\n", "alerts:\n  spare: { warnings: [{ used: 50% }] }\n"),
            "projects.yaml: alerts.spare", "is used by no project", id="alerts of nobody",
        ),
        pytest.param(
            SITE, ("left: 30m", "left: 30h"),
            "projects.yaml: alerts.default.warnings[1].left",
            "is 30h, and the longest promise has 24 h, so that it never speaks; give less",
            id="a warning before the start",
        ),
        pytest.param(
            SITE, ("left: 15m", "left: 24h"),
            "projects.yaml: alerts.default.levels[0].left", "so that it speaks at once",
            id="a level before the start",
        ),
        pytest.param(
            SITE, ("left: 15m", "left: 15m, hours: all-hours"),
            "projects.yaml: alerts.default.levels[0].hours", "does nothing",
            id="hours that a proactive level does not look at",
        ),
        pytest.param(
            SITE, ("left: 15m", "after: 0m", "after: 1h, hours: all-hours", "used: 90%"),
            "projects.yaml: alerts.default.levels[1]",
            "is level 2 and fires before the due instant, level 1 after it",
            id="levels out of order",
        ),
        pytest.param(
            "calendars/all-hours.yaml",
            ("always_open: true", 'extra_days: { 2020-01-01: [["09:00", "17:00"]] }'),
            "projects.yaml: alerts.default.levels[1].hours", "which never opens again",
            id="a level in hours that are over",
        ),
        pytest.param(
            SITE, ("  Team lead: { groups: [leads] }", "  Boss: { groups: [leads] }"),
            "contracts/acme.yaml: escalations[0].levels[0].role",
            "is `Team lead`, and projects.yaml",
            id="a role of nobody",
        ),
        pytest.param(
            SITE, ("{ groups: [leads] }", "{}"),
            "projects.yaml: roles.Team lead", "addresses nobody, and acme escalates to it",
            id="a role without people",
        ),
        pytest.param(
            SITE, ("used: 75% }", "used: 75%, actions: { priority: High } }"),
            "projects.yaml: alerts.default.warnings[0].actions.priority",
            "is High, which by the mapping changes the severity and so the promise (ACM: Low "
            "becomes High); leave it if that is meant, or add a label",
            id="a priority that changes the promise",
        ),
        pytest.param(
            SITE, ("used: 75% }", "used: 75%, actions: { priority: Medium } }"),
            "projects.yaml: alerts.default.warnings[0].actions.priority",
            "(ACM: High becomes Low)",
            id="a priority that weakens the promise",
        ),
        pytest.param(
            SITE, ("{ priority: High, severity: High", "{ fields: { Impact: all }, severity: High",
                   "used: 75% }", "used: 75%, actions: { priority: Highest, labels: late } }"),
            "", "", id="a priority that means nothing to the mapping",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
    assert_found(sound, file, changes, where, said)


def test_alerts_without_any_promise_never_speak(sound: Path) -> None:
    change(sound, SITE, "slow: 4h, ", "")
    text = (sound / ACME).read_text(encoding="utf-8")
    start, end = text.index("  periodic_update:"), text.index("escalations:")
    text = text[:start] + text[end:]
    text = text.replace('- { severity: High, target: 2h, calendar: hours, clause: "2" }', "", 1)
    (sound / ACME).write_text(text, encoding="utf-8")
    assert any(
        "alerts.default: never speaks: no promise is in force in ACM" in line
        for line in found(sound)
    )
