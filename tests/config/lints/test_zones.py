"""What texts call a time zone is held against the zone of the calendar."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.lints.sound import ACME, HOURS, assert_found, change, found


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            ACME, ("From 9 to 17.", "From 9 to 17 CET."),
            "contracts/acme.yaml: clauses[1].gist",
            "says CET, and Europe/Berlin shows CET in January and CEST in July; use Etc/GMT-1 if "
            "CET is meant all year round (calendar acme/hours); nothing to do where this is what "
            "was decided: `minutes` (all)",
            id="winter time in summer",
        ),
        pytest.param(
            ACME, ("From 9 to 17.", "From 9 to 17 CET or CEST."), "", "", id="both halves",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "Hours of Acme (GMT)"),
            "calendars/hours.yaml: title", "says GMT, and Europe/Berlin never shows that",
            id="another zone",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "Hours of Acme (GMT)", "Europe/Berlin", "Etc/UTC"),
            "", "", id="GMT all year round",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "Western European Time (GMT)", "Europe/Berlin", "Etc/UTC"),
            "calendars/hours.yaml: title",
            "says “Western European Time”, whose clocks change, and Etc/UTC never does",
            id="a region on a fixed zone",
        ),
        pytest.param(
            HOURS, ("Hours of Acme", "5AM PST to 8PM EST", "Europe/Berlin", "America/New_York",
                    '["09:00", "17:00"]',
                    '["05:00 America/Los_Angeles", "20:00 America/New_York"]'),
            "calendars/hours.yaml: title",
            "says PST, and America/Los_Angeles shows PST in January and PDT in July; use Etc/GMT+8 "
            "if PST is meant all year round; says EST, and America/New_York",
            id="two coasts",
        ),
        pytest.param(
            HOURS, ("Europe/Berlin", "Etc/GMT+5"),
            "calendars/hours.yaml: time_zone",
            "is Etc/GMT+5, 5 h behind UTC all year round: in summer these hours are an hour later "
            "by the clocks of America/New_York; name a place such as America/New_York unless",
            id="an offset for a zone",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
    assert_found(sound, file, changes, where, said)


def test_each_mistake_is_found_alone(sound: Path) -> None:
    change(sound, HOURS, "Europe/Berlin", "EST")
    (line,) = found(sound)
    assert line.startswith("calendars/hours.yaml:3:12: time_zone: is EST, 5 h behind UTC")
