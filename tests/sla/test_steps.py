"""Steps are told to whoever looks on, with the name of the delivery that they follow from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sla.steps import NAMES, Step, delivery, following, short_name, unwatch, watch


class Told:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def began(self, step: Step) -> None:
        self.lines.append(f"{step.name} began")

    def ended(self, step: Step) -> None:
        self.lines.append(f"{step.name} {step.outcome} {delivery()} {sorted(step.facts)}")


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    watch(made)
    # Told of once, however often it asks.
    watch(made)
    yield made
    unwatch(made)


def test_a_step_within_a_step_ends_first(told: Told) -> None:
    with following("a"), Step("write", kind="fields"), Step("call") as call:
        call.outcome = "204"
    assert told.lines == [
        "write began", "call began", "call 204 a []", "write done a ['kind']",
    ]  # fmt: skip


def test_one_that_raises_is_called_by_its_error_and_the_error_goes_on(told: Told) -> None:
    with pytest.raises(KeyError), Step("decide") as step:
        raise KeyError("planted")
    assert told.lines[-1] == "decide KeyError None []"
    assert step.seconds >= 0
    assert "planted" not in str(told.lines)


def test_within_what_follows_from_nothing_no_name_is_carried(told: Told) -> None:
    with following("a"):
        with following(None), Step("call"):
            pass
        assert delivery() == "a"
    assert delivery() is None
    assert told.lines[-1] == "call done None []"


def test_who_does_not_look_on_any_more_is_told_nothing(told: Told) -> None:
    unwatch(told)
    for name in NAMES:
        with Step(name):
            pass
    assert told.lines == []


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("9f0a-1 sha256:" + "ab" * 32, "9f0a-1"),
        ("sha256:0123456789abcdef" + "f" * 48, "sha256:0123456789abcdef"),
        ("notice 1f6e", "notice 1f6e"),
        ("", ""),
    ],
)
def test_deliveries_are_called_by_jiras_name_or_the_beginning_of_their_hash(
    stored: str, said: str
) -> None:
    assert short_name(stored) == said


def test_one_that_is_over_is_told_of_afterwards_as_if_it_had_been_told_meanwhile(
    told: Told,
) -> None:
    step = Step("receive", "kept", site="acme")
    with following("a"):
        step.tell(2.0, 5.5)
    assert told.lines == ["receive began", "receive kept a ['site']"]
    assert (step.began, step.seconds) == (2.0, 3.5)
