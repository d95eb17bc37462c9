"""A sound directory is left in peace, and what cannot be meant at all is an error."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loader import load
from tests.config.lints.sound import ACME, HOURS, SITE, TODAY, change, found


def test_nothing_is_found_in_a_sound_directory(sound: Path) -> None:
    assert found(sound) == []


@given(days=st.integers(0, 3650))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_day_is(sound: Path, days: int) -> None:
    assert found(sound, TODAY + timedelta(days)) == []


def test_a_goal_of_zero_is_an_error(sound: Path) -> None:
    change(sound, ACME, "target: 2h", "target: 0h")
    with pytest.raises(ConfigError, match=r"goals\[0\].target: is `0h`, no time at all"):
        load(sound)


def test_overlapping_openings_are_an_error(sound: Path) -> None:
    change(sound, HOURS, '[["09:00", "17:00"]]', '[["09:00", "17:00"], ["16:00", "18:00"]]')
    with pytest.raises(ConfigError, match="overlap"):
        load(sound)


def test_a_rule_that_can_never_match_is_an_error(sound: Path) -> None:
    rule = "- { severity: Low, kind: Error }"
    change(sound, SITE, rule, f"{rule}\n      - {{ empty: [Plan], severity: Low, kind: Error }}")
    with pytest.raises(ConfigError, match=r"severities\[3\]: never matters"):
        load(sound)
