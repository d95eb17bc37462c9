"""Debian's Chromium, as Playwright drives it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from tests.browser.showcase import TOKEN

WIDE, NARROW = (1280, 900), (390, 844)
Theme = Literal["light", "dark"]
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_LISTEN = """
  window.violations = [];
  document.addEventListener('securitypolicyviolation',
    (event) => window.violations.push(event.violatedDirective + ' ' + event.sourceFile));
"""


def chromium() -> str | None:
    """Where it is installed; None where it is not."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=list(_FLAGS)
        )
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def signed_in(
    opened: Browser, url: str, *, theme: Theme = "light", size: tuple[int, int] = WIDE,
    scripts: bool = True,
) -> Iterator[Page]:  # fmt: skip
    """A page of an administrator at the console."""
    context = opened.new_context(
        base_url=url,
        color_scheme=theme,
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    try:
        page = context.new_page()
        page.goto("/sign-in")
        page.get_by_label("Administrator's token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        yield page
    finally:
        context.close()


def overheard(page: Page) -> list[str]:
    """What its documents say from now on: dialogs, and errors of scripts and in the console.

    What their policy forbids each of them keeps in `window.violations`.
    """
    said: list[str] = []

    def note(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    page.add_init_script(_LISTEN)
    return said
