"""The pauses of one cycle, beside what they are by their definition: each pause looked at."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.resting import NEVER, Rest, Resting, joined
from sla.timeline import Spans
from tests.sla.example import at

HOURS = st.integers(0, 30).map(at)
OVER = st.lists(HOURS, min_size=2, max_size=2, unique=True).map(lambda pair: tuple(sorted(pair)))
LASTING = HOURS.map(lambda start: (start, None))
SPANS = st.lists(OVER | LASTING, max_size=8)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(SPANS, st.none() | HOURS, HOURS)
def test_a_cycle_has_the_pauses_before_its_end(
    spans: Spans, end: datetime | None, since: datetime
) -> None:
    resting = Resting(spans)
    rest = resting.until(end)
    if end is None:
        over = sorted([(start, until) for start, until in spans if until])
        lasting = [start for start, until in spans if until is None]
        assert rest == Rest(tuple(over), min(lasting, default=None))
        assert resting.lasts_from == min(lasting, default=NEVER)
    else:
        cut = [(start, min(until or end, end)) for start, until in spans if start < end]
        assert rest == Rest(tuple(sorted(cut)))
    # Where the one begins that is under way then, is of no interest.
    following = [
        [(max(start, since), until) for start, until in pauses if until > since]
        for pauses in (resting.following(rest, end, since), joined(rest.over, since))
    ]
    assert following[0] == following[1]
