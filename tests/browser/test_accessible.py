"""Every page in every look: no violation that axe finds, and nothing wider than the screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.__main__ import PAGES
from tests.browser.browsing import NARROW, WIDE, Theme, signed_in
from tests.browser.conftest import Shown


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_shuts_anybody_out(
    chrome: Browser, shown: Shown, theme: Theme, size: tuple[int, int]
) -> None:
    with signed_in(chrome, shown.url, theme=theme, size=size) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        for path in PAGES:
            page.goto(path)
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], f"{path} is {wide} pixels wide"
        assert not errors
