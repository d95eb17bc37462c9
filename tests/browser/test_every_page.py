"""Every page: it shuts nobody out in any look, the focus goes through it, and it runs its own only.

Each is opened once for all that is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.__main__ import PAGES
from tests.browser.browsing import NARROW, WIDE, overheard, signed_in
from tests.browser.conftest import Shown
from tests.browser.keyboard import Keyboard

# What passed is not told apart node by node, which would take as long as the rest.
_ALL: dict[str, Any] = {"resultTypes": ["violations"]}
# What a look can change.
_COLOURS = _ALL | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
_SIZES = _ALL | {
    "runOnly": {"type": "rule", "values": ["scrollable-region-focusable", "target-size"]}
}
# Mark of all texts that have the same colours, and lie in others that have the same, the first. In
# the dark it has to stand for them: they lie where they lie in the light, where each is looked at.
_FIRSTS = """() => {
  const numbers = new Map(), known = new Set();
  const number = (key) => numbers.get(key) ?? numbers.set(key, numbers.size).get(key);
  const walk = (at, above) => {
    const of = getComputedStyle(at);
    const drawn = [of.color, of.backgroundColor, of.backgroundImage, of.opacity, of.fontSize,
      of.fontWeight, of.textDecorationLine, of.textShadow, of.filter, of.mixBlendMode, of.position];
    const here = number([above, at.localName, ...drawn].join(';'));
    const written = [...at.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if ((written || 'value' in at) && at.checkVisibility() && !known.has(here)) {
      known.add(here);
      at.dataset.first = '';
    }
    for (const each of at.children) walk(each, here);
  };
  walk(document.body, 0);
}"""


@dataclass(frozen=True)
class Opened:
    """A page as it has come."""

    page: Page
    status: int
    said: list[str]
    """Errors in its console and of its scripts, and dialogs; more may come as it is looked at."""
    forbidden: list[str]
    """What its policy kept from being loaded or run."""

    def faults(self, rules: dict[str, Any], where: str | None = None) -> list[str]:
        """What axe has to say, and whether it is wider than the screen."""
        found = Axe().run(self.page, where, rules)
        faults = [found.generate_report()] if found.violations_count else []
        wide, screen = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        return [*faults, f"is {wide} pixels wide"] if wide > screen else faults


@pytest.fixture(scope="module")
def window(chrome: Browser, shown: Shown) -> Iterator[tuple[Page, list[str]]]:
    with signed_in(chrome, shown.url) as page:
        yield page, overheard(page)


@pytest.fixture(scope="module", params=PAGES)
def opened(request: pytest.FixtureRequest, window: tuple[Page, list[str]]) -> Opened:
    """Each page in turn; all that is to be seen of one comes before the next."""
    page, said = window
    said.clear()
    answer = page.goto(request.param)
    assert answer is not None
    return Opened(page, answer.status, said, page.evaluate("window.violations"))


def test_it_shuts_nobody_out(opened: Opened) -> None:
    assert opened.status == 200
    assert opened.faults(_ALL) == []


def test_it_shuts_nobody_out_in_the_dark(opened: Opened) -> None:
    opened.page.emulate_media(color_scheme="dark")
    try:
        opened.page.evaluate(_FIRSTS)
        assert opened.faults(_COLOURS, "[data-first]") == []
    finally:
        opened.page.emulate_media(color_scheme="light")


def test_it_shuts_nobody_out_on_a_narrow_screen(opened: Opened) -> None:
    opened.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    try:
        assert opened.faults(_SIZES) == []
    finally:
        opened.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def test_the_focus_goes_through_it_in_order_and_is_seen(opened: Opened) -> None:
    stops = Keyboard(opened.page).stops(60)
    assert len(stops) >= 2
    places = [each["place"] for each in stops]
    # Inside a date the focus goes from its day to its month and stays where it is.
    assert places == sorted(places)
    unseen = [
        each
        for before, each in pairwise([None, *stops])
        if not (each and each["on_screen"])
        # The button within a date's field has a ring of the browser's own.
        or not (each["outlined"] or (before and before["place"] == each["place"]))
    ]
    assert unseen == []


def test_it_runs_its_own_scripts_alone_and_they_fail_nowhere(opened: Opened) -> None:
    assert opened.forbidden == []
    assert opened.said == []
