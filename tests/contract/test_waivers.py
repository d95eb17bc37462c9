"""No waiver outlives its defect, and none hides more than it says."""

from __future__ import annotations

import pytest

from tests.contract import documents
from tests.contract.exchange import violations
from tests.contract.waivers import WAIVED, WAIVERS, Waiver

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not documents.here(), reason="the reference material is not here"),
]


@pytest.mark.parametrize("waiver", WAIVERS, ids=lambda waiver: " ".join(waiver.violation))
def test_a_waiver_is_needed(waiver: Waiver) -> None:
    found = violations(waiver.example)
    assert waiver.violation in found, f"nothing is wrong there any more; found: {found}"
    assert set(found) <= set(WAIVED), "its example breaks more than what is waived"


def test_each_place_is_waived_once() -> None:
    assert len(WAIVED) == len(WAIVERS)
