"""Lists that Jira gives page by page, by positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connector.facts import Json


def pages(read: Callable[[int], Json], name: str) -> Iterator[Json]:
    """Every element of a list that Jira gives page by page.

    Args:
        read: asks for the page that starts at a position.
        name: the member with the elements.
    """
    start, former = 0, None
    while True:
        page = read(start)
        found = page.get(name) if isinstance(page, dict) else None
        # The same once more is what a server gives that knows no positions.
        if not isinstance(found, list) or not found or found == former:
            return
        yield from found
        start, former = start + len(found), found
        total = page.get("total")
        if page.get("isLast") is True or (isinstance(total, int) and start >= total):
            return
