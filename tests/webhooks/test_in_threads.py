"""Behind the event loop a WSGI application sees and answers what it would see and answer alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import eventually
from tests.webhooks import rsgi
from webhooks.in_threads import InThreads, environment


def ask(application: Any, scope: rsgi.Scope, protocol: rsgi.Protocol, *more: Any) -> rsgi.Protocol:
    rsgi.run(InThreads(application)(scope, protocol, *more))  # type: ignore[arg-type]
    return protocol


def answer(
    parts: Iterable[bytes], *headers: tuple[str, str]
) -> Callable[[Any, Any], Iterable[bytes]]:
    def application(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*headers])
        return parts

    return application


def test_what_is_asked_is_as_wsgi_has_it() -> None:
    pairs = [
        ("Host", "sla.example.com"), ("Content-Type", "text/x"), ("Content-Length", "3"),
        ("X-A", "1"), ("X-A", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"),
    ]  # fmt: skip
    scope = rsgi.Scope("PUT", "/a b/é", rsgi.Headers(pairs), "q=%20x", "[2001:db8::1]:4000")
    seen = environment(scope)  # type: ignore[arg-type]
    assert seen["PATH_INFO"] == "/a b/é".encode().decode("latin-1")
    told = {name: value for name, value in seen.items() if name.isupper()}
    assert told | {"PATH_INFO": ""} == {
        "REQUEST_METHOD": "PUT", "SCRIPT_NAME": "", "PATH_INFO": "", "QUERY_STRING": "q=%20x",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "2001:db8::1", "HTTP_HOST": "sla.example.com", "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "3", "HTTP_X_A": "1,2", "HTTP_COOKIE": "a=1;b=2",
    }  # fmt: skip


def test_no_header_passes_for_another_one() -> None:
    scope, _ = rsgi.request("POST", "/")
    scope.headers = rsgi.Headers([("content_length", "5"), ("x_dueline_secret", "ours")])
    assert not {"CONTENT_LENGTH", "HTTP_X_DUELINE_SECRET"} & environment(scope).keys()  # type: ignore[arg-type]


def test_of_two_hosts_neither_counts() -> None:
    scope, protocol = rsgi.request("GET", "/")
    scope.headers = rsgi.Headers([("Host", "sla.example.com"), ("host", "evil.example.com")])
    assert ask(answer([b"yes"]), scope, protocol).status == 400


def test_of_http_2_the_host_is_the_authority() -> None:
    scope = rsgi.Scope("GET", "/", rsgi.Headers([]), http_version="2", authority="sla.example.com")
    assert environment(scope)["HTTP_HOST"] == "sla.example.com"  # type: ignore[arg-type]


@given(st.lists(st.binary(min_size=1, max_size=20)), st.lists(st.integers(1, 30)))
def test_a_body_is_read_as_it_comes_in_any_steps(pieces: list[bytes], steps: list[int]) -> None:
    read: list[bytes] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"]
        read.extend(body.read(size) for size in steps)
        read.append(body.read())
        start_response("204 No Content", [])
        return []

    scope, protocol = rsgi.request("POST", "/")
    protocol.pieces = pieces
    assert ask(application, scope, protocol).status == 204
    assert b"".join(read) == b"".join(pieces)


def test_a_body_that_nobody_reads_is_not_read() -> None:
    scope, protocol = rsgi.request("POST", "/", b"x")
    assert ask(answer([b"no"]), scope, protocol).read == 0


def test_a_body_that_was_read_already_is_there() -> None:
    seen: list[Any] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.extend([environ["wsgi.input"].read(), environ["more"]])
        start_response("204 No Content", [])
        return []

    ask(application, *rsgi.request("POST", "/"), b"here", {"more": True})
    assert seen == [b"here", True]


def closed(parts: list[bytes], closings: list[int]) -> Any:
    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            return iter(parts)

        def close(self) -> None:
            closings.append(1)

    return Parts()


@pytest.mark.parametrize("length", [[], [("Content-Length", "3")]])
def test_an_answer_goes_out_at_once(length: list[tuple[str, str]]) -> None:
    closings: list[int] = []
    parts = closed([b"ab", b"", b"c"], closings)
    found = ask(answer(parts, *length), *rsgi.request("GET", "/"))
    assert (found.status, found.body, closings) == (200, b"abc", [1])


def test_of_an_answer_that_fails_midway_nothing_goes_out() -> None:
    """Whoever asked would take the first part for all of it."""
    closings: list[int] = []

    def parts() -> Iterator[bytes]:
        try:
            yield b"the first half"
            raise LookupError("planted")
        finally:
            closings.append(1)

    scope, protocol = rsgi.request("GET", "/")
    with pytest.raises(LookupError, match="planted"):
        ask(answer(parts()), scope, protocol)
    assert (protocol.status, closings) == (0, [1])


def test_an_answer_may_begin_with_its_first_part() -> None:
    def application(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [("Content-Length", "1")])
        yield b"x"

    found = ask(application, *rsgi.request("GET", "/"))
    assert (found.status, found.body) == (201, b"x")


def test_what_fails_is_the_servers_to_tell() -> None:
    def application(_environ: Any, _start_response: Any) -> list[bytes]:
        raise LookupError("planted")

    with pytest.raises(LookupError, match="planted"):
        ask(application, *rsgi.request("GET", "/"))


@pytest.mark.parametrize("waits_already", [True, False])
def test_whoever_reads_when_the_loop_ends_waits_for_it_no_longer(*, waits_already: bool) -> None:
    began, goes_on, closings = threading.Event(), threading.Event(), list[int]()
    read: list[bytes] = []
    tasks: list[asyncio.Task[None]] = []

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        began.set()
        goes_on.wait()
        read.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return closed([b"a", b"b"], closings)  # type: ignore[no-any-return]

    in_threads = InThreads(application)
    loop = asyncio.new_event_loop()

    def until_it_began() -> None:
        asked = in_threads(*rsgi.request("POST", "/", b"lost"))  # type: ignore[arg-type]
        tasks.append(loop.create_task(asked))
        loop.run_until_complete(loop.run_in_executor(None, began.wait))

    def put_away() -> None:
        tasks[0].cancel()
        loop.run_until_complete(asyncio.wait(tasks))
        loop.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(until_it_began).result()
        if waits_already:
            goes_on.set()
            eventually("somebody who waits", lambda: in_threads._bridge._waited_for)
        # Whoever closes waits for none of them.
        in_threads.close()
        goes_on.set()
        for each in in_threads._threads._threads:
            each.join(10)
            assert not each.is_alive()
        assert (read, closings) == ([b""], [1])
        thread.submit(put_away).result()
