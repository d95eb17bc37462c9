"""An empty view on the server that Dueline runs on: `python -m bench.bare PORT`."""

from __future__ import annotations

import sys

from flask import Flask, Response

from webhooks.serve import belong_to_parent, new_server


def application() -> Flask:
    """What granian's worker loads."""
    belong_to_parent()
    app = Flask("bare")

    @app.post("/webhooks/jira")
    def empty() -> Response:
        return Response(status=204)

    return app


if __name__ == "__main__":
    new_server("bench.bare:application", "127.0.0.1", int(sys.argv[1])).serve()
