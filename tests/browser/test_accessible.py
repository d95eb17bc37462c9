"""Every page in every look: no violation that axe finds, and nothing wider than the screen."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.__main__ import PAGES
from tests.browser.browsing import NARROW, WIDE, Theme, signed_in
from tests.browser.conftest import Shown

_ALL: dict[str, Any] = {}
# What a look can change; all rules for every look of every page would take minutes.
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
_SIZES = {"runOnly": {"type": "rule", "values": ["scrollable-region-focusable", "target-size"]}}
_LOOKS: dict[str, tuple[Theme, tuple[int, int], dict[str, Any]]] = {
    "wide": ("light", WIDE, _ALL),
    "dark": ("dark", WIDE, _COLOURS),
    "narrow": ("light", NARROW, _SIZES),
}


@pytest.mark.parametrize("look", _LOOKS)
def test_no_page_shuts_anybody_out(chrome: Browser, shown: Shown, look: str) -> None:
    theme, size, rules = _LOOKS[look]
    faults: list[str] = []
    with signed_in(chrome, shown.url, theme=theme, size=size) as page:
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        for path in PAGES:
            faults += [f"{path}: {fault}" for fault in _faults(page, path, rules)]
    assert not faults


def _faults(page: Page, path: str, rules: dict[str, Any]) -> list[str]:
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    found = Axe().run(page, options=rules)
    faults = [found.generate_report()] if found.violations_count else []
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [*faults, f"is {wide} pixels wide"] if wide > screen else faults
