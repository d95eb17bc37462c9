"""A page in the hands of somebody who has no mouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

_MOST = 150
# Where the focus is: what, its name, and whether somebody who looks can see that it is there.
_FOCUSED = """(wanted) => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const box = at.getBoundingClientRect();
  // An editor has its ring around it and its line numbers.
  const ringed = [at, at.parentElement].map((each) => getComputedStyle(each))
    .some((style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2);
  const name = (at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent
    || at.value || at.id).trim().replace(/\\s+/g, ' ').slice(0, 80);
  return {
    what: at.tagName.toLowerCase(),
    name,
    outlined: ringed,
    on_screen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
      && box.width > 0,
    place: [...document.querySelectorAll('*')].indexOf(at),
    wanted: at === wanted,
  };
}"""


@dataclass(frozen=True)
class Keyboard:
    """Tab, Enter and arrows on one page; nothing is clicked."""

    page: Page

    def focused(self) -> dict[str, Any] | None:
        """Where the focus is; None: nowhere in the page."""
        found: dict[str, Any] | None = self.page.evaluate(_FOCUSED)
        return found

    def to(self, wanted: Locator, *, back: bool = False) -> None:
        """Tab until something has the focus, and can be seen to have it."""
        passed = []
        for _ in range(_MOST):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            at: dict[str, Any] | None = wanted.evaluate(_FOCUSED)
            if at and at["wanted"]:
                assert at["outlined"], at
                assert at["on_screen"], at
                return
            passed.append(at and at["name"])
        raise AssertionError(f"{wanted} is not reached by Tab: {passed}")

    def press(self, wanted: Locator, *, back: bool = False) -> None:
        """Go there and press Enter."""
        self.to(wanted, back=back)
        self.page.keyboard.press("Enter")

    def type(self, wanted: Locator, text: str, *, back: bool = False) -> None:
        """Go there and write, in the place of what stands there."""
        self.to(wanted, back=back)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def stops(self, most: int) -> list[dict[str, Any]]:
        """Where Tab stops from the beginning of the page on."""
        found: list[dict[str, Any]] = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            at = self.focused()
            if at is None or (found and at["place"] <= found[0]["place"]):
                break
            found.append(at)
        return found
