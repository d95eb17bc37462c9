"""The rules of a project give a severity to each issue, and one that is promised something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.lints.sound import ACME, SITE, assert_found


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            SITE, ("- { severity: Low, kind: Error }",
                   "- { priority: Low, severity: Low, kind: Error }",
                   "type: Question,", "type: Question, priority: [Low, Medium],"),
            "projects.yaml: projects.ACM.severities",
            "gives no severity to any other type with priority Medium, so that",
            id="a hole",
        ),
        pytest.param(
            SITE, ("- { severity: Low, kind: Error }", "",
                   "High, severity", "[High, Low], severity"),
            "", "", id="no hole where every named priority is spoken for",
        ),
        pytest.param(
            ACME, ("severity: Low, target: 3 business days", "severity: High, target: 4h",
                   "severity: High, target: 8h", "severity: High, tier: Gold, target: 8h"),
            "projects.yaml: projects.ACM.severities[0].severity",
            "is Low, for which acme promises no resolution while it does for others",
            id="a severity without a goal",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
    assert_found(sound, file, changes, where, said)
