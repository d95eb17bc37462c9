"""A server that answers one request with the bytes of a test's choice, and hangs up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import parse_headers


@contextmanager
def answering(sent: bytes) -> Iterator[str]:
    """Its address.

    Args:
        sent: all that it says, which need not be HTTP.
    """

    def answer_once() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as asked:
            # To the end: to hang up with some of it unread tells the client of a broken connection,
            # and what was answered is thrown away there.
            asked.readline()
            asked.read(int(parse_headers(asked)["Content-Length"]))
            connection.sendall(sent)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_once)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()
