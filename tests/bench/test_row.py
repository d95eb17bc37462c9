"""Works are timed in turns, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
from collections import Counter
from functools import partial

from bench.row import interleaved, number, seconds_per_call, taking_turns


def test_each_work_has_its_turn_in_each_round() -> None:
    calls: list[str] = []
    works = {name: partial(calls.append, name) for name in ("ours", "peer")}
    assert interleaved(works, rounds=3).keys() == {"ours", "peer"}
    rounds = [calls[n : n + 2] for n in range(0, len(calls), 2)]
    assert [set(each) for each in rounds] == [{"ours", "peer"}] * 4
    assert {each[0] for each in rounds} == {"ours", "peer"}


def test_a_turn_is_so_many_calls() -> None:
    calls: Counter[str] = Counter()
    interleaved({"ours": lambda: calls.update(["ours"])}, rounds=2, number=5)
    assert calls["ours"] == 3 * 5


def test_the_median_counts_and_the_first_round_does_not() -> None:
    times = iter([100.0, 1.0, 9.0, 2.0])
    assert taking_turns({"ours": lambda: next(times)}, rounds=3) == {"ours": 2.0}


def test_the_collector_rests_while_it_is_timed_and_is_back_afterwards() -> None:
    seen: list[bool] = []
    assert gc.isenabled()
    seconds_per_call(lambda: seen.append(gc.isenabled()))
    assert seen == [False]
    assert gc.isenabled()


def test_numbers_are_for_people() -> None:
    assert [number(each) for each in (0.04567, 45.67, 4567.8)] == ["0.0457", "45.7", "4,568"]
