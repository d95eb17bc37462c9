"""A request as granian's event loop hands it over, and what is answered to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any


class Headers:
    """As `granian.rsgi.Headers`: by its name each first one, in small letters."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def get(self, key: str, default: str | None = None) -> str | None:
        return next((value for name, value in self._pairs if name == key), default)

    def items(self) -> Sequence[tuple[str, str]]:
        return self._pairs


@dataclass
class Scope:
    """As `granian.rsgi.Scope`."""

    method: str
    path: str
    headers: Headers
    query_string: str = ""
    client: str = "192.0.2.1:40000"
    server: str = "127.0.0.1:8080"
    scheme: str = "http"
    http_version: str = "1.1"
    authority: str | None = None


@dataclass
class Protocol:
    """As `granian.rsgi.HTTPProtocol`: the body in pieces, and the answer."""

    pieces: Sequence[bytes] = ()
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    read: int = 0
    """How many pieces were asked for."""

    async def __call__(self) -> bytes:
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece

    def response_empty(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    def response_str(self, status: int, headers: Sequence[tuple[str, str]], body: str) -> None:
        self.response_bytes(status, headers, body.encode())

    def response_bytes(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        assert not self.status, "answered twice"
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}


def request(
    method: str, path: str, body: bytes = b"", /, length: int | None = None, **headers: str
) -> tuple[Scope, Protocol]:
    """A request; the length of its body is told, and its headers have `_` for `-`."""
    told = {"content-length": str(len(body) if length is None else length)}
    pairs = [*told.items(), *((name.replace("_", "-"), v) for name, v in headers.items())]
    return Scope(method, path, Headers(pairs)), Protocol([body] if body else [])


def run(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Do it on an event loop, by default one of its own, in a thread of its own.

    In this one the loop of a browser may be running, which other tests left open.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(loop.run_until_complete if loop else asyncio.run, work).result()
