"""What comes back from a call: data, or an error that says whether anything was done."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses

from connector.client import ApiToken, BearerToken, Credentials, connect
from connector.errors import (
    Blocked,
    ConnectorError,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
    NotJira,
    NotPermitted,
)
from connector.paging import pages
from tests.connector.answering import answering

SITE = "https://demo.atlassian.net"
TOKEN = "s3cr3t-token"
ISSUE = f"{SITE}/rest/api/3/issue/DEMO-1"
COMMENT = f"{ISSUE}/comment"
MYSELF = f"{SITE}/rest/api/2/myself"
PAGE = "<html><title>Request blocked</title></html>"


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def client() -> Any:
    return connect(SITE, ApiToken("dueline@example.com", TOKEN), flavour="cloud")


def read() -> None:
    client().fields()


def write() -> None:
    client().add_comment("DEMO-1", "x", key="k", internal=False, role=None)


def refused(jira: responses.RequestsMock, status: int, body: Any = None, **parts: Any) -> JiraError:
    """The error that an answer to a write becomes."""
    content = {"body": body} if isinstance(body, str) else {"json": body}
    jira.post(COMMENT, status=status, **content, **parts)
    with pytest.raises(JiraError) as caught:
        write()
    assert TOKEN not in str(caught.value)
    return caught.value


class TestSentences:
    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            ({"errorMessages": ["It does not exist."], "errors": {}}, "It does not exist."),
            ({"errorMessages": [], "errors": {"due": "cannot be set."}}, "due: cannot be set."),
            ({"errorMessages": ["A"], "errors": {"b": "C"}}, "A b: C"),
            ({"message": "Basic Authentication has been disabled."}, "Basic Authentication has"),
            ({"error": "Not Found", "status": 404}, "Not Found"),
            ({}, ""),
            ([], ""),
            ("<html>Oops</html>", "a page that is not JSON"),
            (f"echo {TOKEN}", "a page that is not JSON"),
            ({"message": f"bad {TOKEN}"}, "bad ***"),
            ({"message": "x" * 9_000}, "x" * 500),
        ],
    )
    def test_jiras_own_words(self, jira: responses.RequestsMock, body: Any, sentence: str) -> None:
        error = refused(jira, 400, body)
        assert error.sentence.startswith(sentence)
        assert len(error.sentence) <= 500

    def test_a_message_says_what_where_why_and_what_would_be_right(
        self, jira: responses.RequestsMock
    ) -> None:
        error = refused(jira, 404, {"errorMessages": ["Issue does not exist."]})
        assert str(error) == (
            "Jira answered 404 to adding a comment of DEMO-1 "
            '(POST /rest/api/3/issue/DEMO-1/comment): "Issue does not exist". '
            "It must exist, and the account must be allowed to see it."
        )


class TestKinds:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, JiraRefused),
            (401, JiraRefused),
            (403, JiraRefused),
            (409, JiraRefused),
            (429, JiraRefused),
            (500, JiraUncertain),
            (503, JiraUncertain),
            (302, JiraRefused),
        ],
    )
    def test_of_a_write(
        self, jira: responses.RequestsMock, status: int, kind: type[JiraError]
    ) -> None:
        assert type(refused(jira, status, {})) is kind

    @pytest.mark.parametrize("status", [400, 500, 503])
    def test_a_question_is_never_uncertain(self, jira: responses.RequestsMock, status: int) -> None:
        jira.get(f"{SITE}/rest/api/3/field", status=status, json={})
        with pytest.raises(JiraRefused) as caught:
            read()
        assert caught.value.status == status

    def test_a_page_instead_of_data(self, jira: responses.RequestsMock) -> None:
        assert type(refused(jira, 200, "<html>Sign in</html>")) is JiraUncertain
        jira.get(f"{SITE}/rest/api/3/field", body="<html>Sign in</html>")
        with pytest.raises(JiraRefused, match=r"not JSON.*address must be that of Jira itself"):
            read()

    def test_no_redirect_is_followed(self, jira: responses.RequestsMock) -> None:
        jira.get(
            f"{SITE}/rest/api/3/field", status=302, headers={"Location": "https://evil.example/x"}
        )
        with pytest.raises(JiraRefused, match=r"a redirect to evil\.example"):
            read()

    @pytest.mark.parametrize(
        "header",
        [
            {"X-AUSERNAME": "anonymous"},
            {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
            {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"},
        ],
    )
    def test_a_call_taken_as_nobodys_is_one_with_bad_credentials(
        self, jira: responses.RequestsMock, header: dict[str, str]
    ) -> None:
        jira.get(f"{SITE}/rest/api/3/field", json=[], headers=header)
        with pytest.raises(JiraRefused) as caught:
            read()
        assert caught.value.status == 401

    @pytest.mark.parametrize(
        ("status", "body", "words"),
        [
            (405, "{}", "answered 405"),
            (429, '{"message": "Rate limit exceeded."}', "answered 429"),
            (503, "<html>Starting</html>", "answered 503"),
            (200, "<html>Log in</html>", "answered 200"),
            (403, '{"message": "Basic Authentication has been disabled."}', "takes no passwords"),
        ],
    )
    def test_what_jira_refuses_before_it_looks_who_asks_keeps_its_own_reason(
        self, jira: responses.RequestsMock, status: int, body: str, words: str
    ) -> None:
        anonymous = {"X-AUSERNAME": "anonymous"}
        jira.get(f"{SITE}/rest/api/3/field", status=status, body=body, headers=anonymous)
        with pytest.raises(JiraRefused, match=words):
            read()

    @pytest.mark.parametrize("status", [403, 404])
    @pytest.mark.parametrize(
        ("myself", "kind"),
        [
            ({"json": {"accountId": "1"}}, Blocked),
            ({"body": PAGE, "status": 403}, NotJira),
            ({"body": PAGE}, NotJira),
            ({"json": {}, "status": 401}, NotJira),
            ({"json": {"accountId": "1"}, "headers": {"X-AUSERNAME": "anonymous"}}, NotJira),
            ({"body": requests.exceptions.ReadTimeout("x")}, NotJira),
        ],
    )
    def test_a_page_stops_the_one_call_where_jira_answers_another(
        self,
        jira: responses.RequestsMock,
        status: int,
        myself: dict[str, Any],
        kind: type[JiraError],
    ) -> None:
        jira.get(MYSELF, **myself)
        error = refused(jira, status, PAGE, content_type="text/html")
        assert type(error) is kind
        assert ("lets other calls through" in str(error)) is (kind is Blocked)

    @pytest.mark.parametrize(
        ("body", "headers", "kind"),
        [
            ({"message": "Unauthorized; scope does not match"}, {}, NotPermitted),
            ({"errors": {}}, {"X-AUSERNAME": "dueline"}, NotPermitted),
            # Asking again with these would lock the account.
            ({"errors": {"a": ""}}, {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, JiraRefused),
            ({"errorMessages": ["Unauthorized"], "errors": {}}, {}, JiraRefused),
            ("<html>Unauthorized (401)</html>", {}, JiraRefused),
        ],
    )
    def test_a_401_about_a_right_is_told_from_one_about_the_credentials(
        self, jira: responses.RequestsMock, body: Any, headers: dict[str, str], kind: object
    ) -> None:
        error = refused(jira, 401, body, headers=headers)
        assert type(error) is kind
        assert MYSELF not in [call.request.url for call in jira.calls]

    @pytest.mark.parametrize(
        "failure",
        [
            requests.exceptions.ConnectTimeout("x"),
            requests.exceptions.ProxyError("http://user:password@proxy"),
        ],
    )
    def test_what_was_never_sent(self, jira: responses.RequestsMock, failure: Exception) -> None:
        jira.post(COMMENT, body=failure)
        with pytest.raises(JiraUnreachable) as caught:
            write()
        assert "password" not in str(caught.value)
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize(
        "failure",
        [
            requests.exceptions.ReadTimeout("x"),
            requests.exceptions.ConnectionError("Remote end closed connection"),
            requests.exceptions.ChunkedEncodingError("x"),
        ],
    )
    def test_what_may_have_been_done(
        self, jira: responses.RequestsMock, failure: Exception
    ) -> None:
        jira.post(COMMENT, body=failure)
        with pytest.raises(JiraUncertain):
            write()
        jira.get(f"{SITE}/rest/api/3/field", body=failure)
        with pytest.raises(JiraUnreachable):
            read()


class TestRealSockets:
    @pytest.fixture
    def port(self) -> int:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            return int(found.getsockname()[1])

    def post(self, address: str) -> None:
        connect(address, ApiToken("a@example.com", TOKEN), flavour="cloud", timeout=1).add_comment(
            "DEMO-1", "x", key="k", internal=False, role=None
        )

    def test_a_refused_connection_reached_nobody(self, port: int) -> None:
        with pytest.raises(JiraUnreachable, match="no connection to its address"):
            self.post(f"http://127.0.0.1:{port}")

    def test_a_name_that_nobody_knows_reached_nobody(self) -> None:
        with pytest.raises(JiraUnreachable, match=r"the name jira\.invalid is not known"):
            self.post("http://jira.invalid")

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
    def test_a_connection_that_breaks_after_the_request(self, answer: bytes) -> None:
        with answering(answer) as address, pytest.raises(JiraUncertain):
            self.post(address)


class TestWaiting:
    @pytest.mark.parametrize(
        ("headers", "asked"),
        [
            ({}, None),
            ({"Retry-After": "0"}, timedelta(0)),
            ({"Retry-After": "1847"}, timedelta(seconds=1847)),
            ({"Retry-After": "9223372036854775807"}, timedelta(hours=1)),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "-5"}, None),
            (
                {
                    "Retry-After": "Fri, 20 Nov 2026 10:01:30 GMT",
                    "Date": "Fri, 20 Nov 2026 10:00:00 GMT",
                },
                timedelta(seconds=90),
            ),
            ({"Retry-After": "Fri, 20 Nov 2026 10:01:30 GMT"}, None),
        ],
    )
    def test_retry_after(
        self,
        jira: responses.RequestsMock,
        headers: dict[str, str],
        asked: timedelta | None,
    ) -> None:
        error = refused(jira, 429, {}, headers={**headers, "RateLimit-Reason": "jira-burst-based"})
        assert error.retry_after == asked
        assert error.reason == "jira-burst-based"
        assert len(jira.calls) == 1


class TestConnecting:
    @pytest.mark.parametrize("address", ["", "demo.atlassian.net", "ftp://x", "https://"])
    def test_an_address_must_be_one(self, address: str) -> None:
        with pytest.raises(ConnectorError, match="is no address of a Jira"):
            connect(address, ApiToken("a", TOKEN), flavour="cloud")

    def test_an_address_holds_no_credentials(self) -> None:
        with pytest.raises(ConnectorError) as caught:
            connect(f"https://me:{TOKEN}@demo.example", ApiToken("a", TOKEN), flavour="cloud")
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize("token", ["", "  ", "abc…def", "a\nb"])
    def test_a_token_must_be_one(self, token: str) -> None:
        with pytest.raises(ConnectorError, match="The token is empty or holds characters"):
            connect(SITE, ApiToken("a", token), flavour="cloud")

    @pytest.mark.parametrize(("kind", "flavour"), [("Cloud", "cloud"), ("Server", "datacenter")])
    def test_the_flavour_is_asked(
        self, jira: responses.RequestsMock, kind: str, flavour: str
    ) -> None:
        jira.get(f"{SITE}/rest/api/2/serverInfo", json={"deploymentType": kind})
        assert connect(SITE, ApiToken("a@example.com", TOKEN)).flavour == flavour

    @pytest.mark.parametrize(
        ("credentials", "header"),
        [
            (ApiToken("a@example.com", f" {TOKEN}\n"), "Basic "),
            (BearerToken(f" {TOKEN}\n"), f"Bearer {TOKEN}"),
        ],
    )
    def test_credentials(
        self, jira: responses.RequestsMock, credentials: Credentials, header: str
    ) -> None:
        jira.get(f"{SITE}/rest/api/3/field", json=[])
        connect(f"{SITE}/", credentials, flavour="cloud").fields()
        assert jira.calls[0].request.headers["Authorization"].startswith(header)

    def test_nothing_secret_is_logged(
        self, jira: responses.RequestsMock, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        jira.post(f"{SITE}/rest/webhooks/1.0/webhook", json={"name": "Dueline"})
        client().register_webhook("Dueline", "https://x.example", ("e",), "whs3cr3t", None)
        jira.post(f"{SITE}/rest/webhooks/1.0/webhook", status=400, json={"message": "no whs3cr3t"})
        with pytest.raises(JiraRefused) as caught:
            client().register_webhook("Dueline", "https://x.example", ("e",), "whs3cr3t", None)
        for secret in (TOKEN, "whs3cr3t"):
            assert secret not in caplog.text
            assert secret not in str(caught.value)


class TestThreads:
    def test_each_thread_has_a_connection_of_its_own(self, jira: responses.RequestsMock) -> None:
        made: list[object] = []
        shared = client()
        make = shared._rest._make

        def counted() -> object:
            made.append(make())
            return made[-1]

        shared._rest._make = counted
        jira.get(f"{SITE}/rest/api/3/field", json=[])
        threads = [threading.Thread(target=shared.fields) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 3


class TestPages:
    def test_until_the_last(self) -> None:
        asked: list[int] = []

        def read_page(start: int) -> dict[str, Any]:
            asked.append(start)
            return {"values": [start, start + 1], "isLast": start == 4}

        assert list(pages(read_page, "values")) == [0, 1, 2, 3, 4, 5]
        assert asked == [0, 2, 4]

    @pytest.mark.parametrize("page", [None, [], {}, {"values": []}, {"values": None}])
    def test_an_answer_without_elements_is_the_end(self, page: Any) -> None:
        assert list(pages(lambda _: page, "values")) == []

    @pytest.mark.parametrize("total", [{}, {"total": None}, {"total": "two"}, {"total": 99}])
    def test_a_server_that_knows_no_positions_gives_all_at_once(self, total: Any) -> None:
        assert list(pages(lambda _: {"values": [1, 2], **total}, "values")) == [1, 2]

    def test_until_the_total(self) -> None:
        assert list(pages(lambda start: {"values": [start], "total": 3}, "values")) == [0, 1, 2]
