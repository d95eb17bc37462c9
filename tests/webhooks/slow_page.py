"""A page still being made when its server ends: `python -m tests.webhooks.slow_page 8080 3`.

It is begun when somebody asks, and goes on when a byte can be read from the file of that number;
with a question mark it fails in its midst.
"""

from __future__ import annotations

import os
import sys
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from typing import Any

from webhooks.in_threads import InThreads
from webhooks.serve import answer, end_without_python, new_server
from webhooks.short_way import ShortWay


class Telling(ShortWay):
    """Says when the event loop has ended."""

    def __rsgi_del__(self, loop: AbstractEventLoop) -> None:
        """See `ShortWay`."""
        print("loop ended", flush=True)  # noqa: T201
        super().__rsgi_del__(loop)


async def _keep(_site: str, _body: bytes, _name: str) -> bool:
    return False


def _page(_environ: Any, start_response: Any) -> Iterator[bytes]:
    print("began", flush=True)  # noqa: T201
    asked = os.read(int(sys.argv[2]), 1)
    start_response("200 OK", [])
    yield b"a page"
    if asked == b"?":
        raise LookupError("planted")
    yield b" of two parts"


if __name__ == "__main__":
    application = Telling(InThreads(_page), {}, {}, _keep)
    answer(new_server(application, "127.0.0.1", int(sys.argv[1])))
    print("service ended", flush=True)  # noqa: T201
    end_without_python()
