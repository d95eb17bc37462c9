"""An empty view on the server that Dueline runs on: `python -m bench.bare threads 8080`.

It is Flask's either way: asked by granian's threads, as an application that has nothing but views
would be served, or behind the event loop, on which Dueline takes what is plainly a good delivery.
"""

from __future__ import annotations

import sys
from typing import Final, Literal

from flask import Flask, Response
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from webhooks.in_threads import InThreads
from webhooks.serve import belong_to_parent, new_server

Kind = Literal["threads", "loop"]
KINDS: Final[tuple[Kind, ...]] = ("threads", "loop")
# More take no more.
_THREADS = 32


def application() -> Flask:
    """What granian's worker loads."""
    belong_to_parent()
    app = Flask("bare")

    @app.post("/webhooks/jira")
    def empty() -> Response:
        return Response(status=204)

    return app


def behind_the_loop() -> InThreads:
    """The same as Dueline serves what it does not take on the loop."""
    return InThreads(application())


def _with_threads(port: int) -> MPServer:
    return MPServer(
        "bench.bare:application",
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
        new_server("bench.bare:behind_the_loop", "127.0.0.1", port).serve()
