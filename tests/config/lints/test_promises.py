"""A contract promises nothing that cannot come to bear."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.lints.sound import ACME, assert_found


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            ACME, ("    on: customer_reply", "    on: { filled: [Boss], empty: [Boss] }"),
            "contracts/acme.yaml: escalations[0].on[0]", "can never hold",
            id="a condition against itself",
        ),
        pytest.param(
            ACME, ("    on: customer_reply",
                   "    on: customer_reply\n    kind: Question\n    severity: High"),
            "contracts/acme.yaml: escalations[0]", "speaks of nothing: Question is never High",
            id="a severity that a kind of work cannot have",
        ),
        pytest.param(
            ACME, ("severity: High, target: 1h", "severity: High, target: 9h"),
            "contracts/acme.yaml: metrics.periodic_update.goals[0].target",
            "is 9h, longer than the resolution goal of 8h for severity High",
            id="updates after the resolution",
        ),
        pytest.param(
            ACME, ("severity: High, target: 1h", "severity: High, target: 8h"),
            "", "", id="an update as late as the resolution",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
    assert_found(sound, file, changes, where, said)
