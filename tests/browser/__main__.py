"""Takes pictures of pages for a person to look at: `python -m tests.browser DIRECTORY [PATH]`."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.browser.browsing import NARROW, WIDE, Theme, browser, signed_in
from tests.browser.showcase import showcase

PAGES = (
    "/board",
    "/board?filters=1",
    "/board?wall=1&theme=dark",
    "/issues/BIT-1",
    "/issues/BIT-1?severity=Severity+3&window=due",
    "/contracts",
    "/contracts/bitumio?worked=1",
    "/contracts/butlr",
    "/calendars",
    "/calendars/standard/standard?start=2024-07-03T15:00&target=2+business+days",
    "/calendars/balto-maintenance?year=2026&start=2026-03-08T02:30&target=8h",
    "/documents",
    "/documents/contracts/botron.yaml",
    "/documents/projects.yaml?draft=1",
    "/mapping",
    "/mapping/HLP",
    "/mapping/BAL?draft=4",
    "/sign-in",
    "/audit",
    "/tokens",
    "/versions",
    "/versions/2",
    "/drafts/4",
    "/health",
    "/health/inbox/1",
    "/api",
    "/reports",
    "/backtests",
    "/backtests/1",
    "/reports/uptime?month=2024-06&customer=Acme+Ltd",
    "/reports/statement?customer=Acme+Ltd&month=2024-06",
)
"""The pages of which `make screenshots` takes pictures."""
_LOOKS: tuple[tuple[str, Theme, tuple[int, int]], ...] = (
    ("wide", "light", WIDE), ("wide-dark", "dark", WIDE), ("narrow", "light", NARROW),
)  # fmt: skip


def take(directory: Path, paths: tuple[str, ...]) -> None:
    """A picture of each page in each look, as `DIRECTORY/page-look.png`."""
    directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        showcase(Path(scratch)) as (_, url),
        browser() as opened,
    ):
        for look, theme, size in _LOOKS:
            with signed_in(opened, url, theme=theme, size=size) as page:
                for path in paths:
                    page.goto(path, wait_until="networkidle")
                    name = re.sub(r"\W+", "-", path.strip("/")) or "first"
                    page.screenshot(path=directory / f"{name}-{look}.png", full_page=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]), tuple(sys.argv[2:]) or PAGES)
