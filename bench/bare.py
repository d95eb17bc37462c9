"""An empty view on the server that Dueline runs on: `python -m bench.bare threads 8080`.

It is Flask's either way: asked by granian's threads, as an application that has nothing but views
would be served, or behind the event loop, on which Dueline takes what is plainly a good delivery.
"""

from __future__ import annotations

import multiprocessing
import sys
from typing import Final, Literal

from flask import Flask, Response
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from webhooks.in_threads import InThreads
from webhooks.serve import answer, new_server
from webhooks.with_parent import belong_to_parent

Kind = Literal["threads", "loop"]
KINDS: Final[tuple[Kind, ...]] = ("threads", "loop")
# More take no more.
_THREADS = 32


def application() -> Flask:
    """The view."""
    app = Flask("bare")

    @app.post("/webhooks/jira")
    def empty() -> Response:
        return Response(status=204)

    return app


def of_the_worker() -> Flask:
    """What the process loads that granian starts for it."""
    parent = multiprocessing.parent_process()
    assert parent  # noqa: S101 - granian starts it
    belong_to_parent(parent.pid or 0)
    return application()


def _with_threads(port: int) -> MPServer:
    return MPServer(
        "bench.bare:of_the_worker",
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        websockets=False,
        workers=1,
        blocking_threads=_THREADS,
        log_level=LogLevels.error,
    )


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "threads":
        _with_threads(port).serve()
    else:
        # As Dueline serves what it does not take on the loop.
        answer(new_server(InThreads(application()), "127.0.0.1", port))
