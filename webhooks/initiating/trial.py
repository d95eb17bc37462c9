"""A test delivery to our own public address, with a receiver for the moment where none runs yet."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from webhooks.receive import is_signed
from webhooks.round_trip import PATH, Outcome, send_test_delivery

_LARGEST = 64 * 1024


@dataclass(slots=True)
class Heard:
    """What the receiver of the moment heard."""

    signatures: list[tuple[bool, bool]] = field(default_factory=list)
    """Of each delivery whether it was signed, and whether rightly."""


def try_delivery(url: str, secret: str, host: str, port: int) -> Outcome:
    """Post a delivery as Jira would, and tell whether it arrives here.

    Args:
        url: to which Jira shall post.
        secret: of the webhook.
        host: on which the service is to listen.
        port: likewise.
    """
    here = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        with _listening(host, port, secret) as heard:
            outcome = send_test_delivery(url, secret)
    except OSError as error:
        # Most likely the service runs, and answers for itself.
        outcome = send_test_delivery(url, secret)
        if outcome.arrived or error.errno == errno.EADDRINUSE:
            return outcome
        return Outcome(
            False,
            outcome.sentence,
            f"Nothing could listen at {here} for the moment ({error.strerror}): give the service "
            "an address and a port on which it may.",
        )
    return _judged(url, here, heard, outcome)


def _judged(url: str, here: str, heard: Heard, outcome: Outcome) -> Outcome:
    if not heard.signatures:
        sentence = "Something else takes deliveries there." if outcome.arrived else outcome.sentence
        return Outcome(
            False,
            sentence,
            f"Let {url} lead to {here} on this machine.",
        )
    was_signed, rightly = heard.signatures[-1]
    if rightly:
        return Outcome(True, f"A signed delivery to {url} arrived at {here}.")
    if was_signed:
        return Outcome(
            False,
            "A delivery arrived whose body was changed on the way: its signature is wrong.",
            "Let the proxy pass bodies on as they come.",
        )
    return Outcome(
        False,
        "A delivery arrived without the signature that it was sent with.",
        "Let the proxy pass the header X-Hub-Signature on.",
    )


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]


@contextmanager
def _listening(host: str, port: int, secret: str) -> Iterator[Heard]:
    """Take deliveries as the service would, for as long as the block lasts; raises OSError."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), _LARGEST)
            body = self.rfile.read(length)
            signature = self.headers.get("X-Hub-Signature", "")
            rightly = is_signed(body, signature, [secret])
            is_ours = PATH in self.path
            if is_ours:
                heard.signatures.append((bool(signature), rightly))
            self.send_response(404 if not is_ours else 202 if rightly else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The address may hold a token."""

    class Server(ThreadingHTTPServer):
        address_family = _family(host, port)

    server = Server((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
