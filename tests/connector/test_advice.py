"""What goes wrong at the connection: each cause is named, with the next step."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector.client import ApiToken, BearerToken, Credentials, connect
from connector.errors import ConnectorError, JiraError, JiraRefused, JiraUnreachable
from connector.retry import verdict

PERSON = ApiToken("me@example.com", "t0ken")
CLOUD = "https://acme.atlassian.net"
SERVER = "https://jira.example"
INFO = "/rest/api/2/serverInfo"
FIELDS = "/rest/api/3/field"
LOGIN_PAGE = (
    '<html><title>Log in - Jira</title><form><input type="password" name="p"></form></html>'
)
TOMCAT = "<!doctype html><html><title>HTTP Status 404 – Not Found</title><body>…</body></html>"


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{CLOUD}/_edge/tenant_info", status=404)
        yield mock


def told(address: str, credentials: Credentials = PERSON) -> ConnectorError:
    """What somebody reads who gives this address."""
    with pytest.raises(ConnectorError) as caught:
        connect(address, credentials, timeout=2).fields()
    assert "t0ken" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


def page(body: str, status: int = 200, **headers: str) -> dict[str, Any]:
    return {
        "body": body, "status": status, "headers": headers, "content_type": "text/html",
    }  # fmt: skip


class TestWrongAddress:
    @pytest.mark.parametrize(
        ("address", "answer", "sentence"),
        [
            (SERVER, page(TOMCAT, 404), f"No Jira answers at {SERVER}: .* such as {SERVER}/jira"),
            (
                f"{SERVER}/tracker",
                page(TOMCAT, 404),
                f"No Jira answers at {SERVER}/tracker: .* such as {SERVER}/jira",
            ),
            (SERVER, {"json": {"message": "Not Found"}, "status": 404}, "No Jira answers at"),
            (SERVER, page("<html><title>Acme</title>Hello</html>"), 'titled "Acme".*No Jira answ'),
            (SERVER, {"json": {"status": "up"}}, "is not Jira's.*No Jira answers at"),
            (CLOUD, page("<html>Not found</html>", 404), "Atlassian has no site of this name"),
            (
                CLOUD,
                {"json": {"errorMessage": "Site temporarily unavailable"}, "status": 404},
                "Site temporarily unavailable.*Atlassian has no site of this name",
            ),
            (
                f"{SERVER}/ex/jira/0000",
                {
                    "json": {"error": "Not Found", "message": "No message available"},
                    "status": 404,
                },
                "No site has this cloud id: give the site's own address",
            ),
        ],
    )
    def test_no_jira_is_there(
        self, jira: responses.RequestsMock, address: str, answer: dict[str, Any], sentence: str
    ) -> None:
        jira.get(f"{address}{INFO}", **answer)
        found = told(address)
        assert re.search(sentence, str(found))
        assert isinstance(found, JiraRefused)

    @pytest.mark.parametrize("url", ["https://me:t0ken@[x", "https://[x", "jira", ""])
    def test_it_is_no_address(self, url: str) -> None:
        assert "is no address of a Jira" in str(told(url))


class TestSomethingInBetween:
    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (page(LOGIN_PAGE), 'titled "Log in - Jira".*asks for a sign-in by hand'),
            (page("<form><input name=SAMLRequest></form>"), "asks for a sign-in by hand"),
            (
                page("", 302, Location="https://id.acme.example/adfs/ls?x=1"),
                "a redirect to id.acme.example.*asks for a sign-in by hand: let calls below /rest",
            ),
            (page("", 302, Location="/login.jsp?os_destination=x"), "asks for a sign-in by hand"),
            (
                page("", 301, Location="https://other.example/rest"),
                "a redirect to other.example.*Give the address to which it leads",
            ),
            (page("<html>Forbidden</html>", 403), "IP allow-list before Jira bars the call"),
            ({"status": 407, "body": ""}, "The proxy wants credentials"),
        ],
    )
    def test_a_page_of_something_else(
        self, jira: responses.RequestsMock, answer: dict[str, Any], sentence: str
    ) -> None:
        jira.get(f"{SERVER}{INFO}", **answer)
        assert re.search(sentence, str(told(SERVER)))

    def test_https_is_wanted(self, jira: responses.RequestsMock) -> None:
        plain = SERVER.replace("https", "http")
        jira.get(f"{plain}{INFO}", status=301, headers={"Location": f"{SERVER}{INFO}"})
        assert "Write the address with https://" in str(told(plain))

    @pytest.mark.parametrize(
        "body",
        [
            "<html>400 The plain HTTP request was sent to HTTPS port</html>",
            "Client sent an HTTP request to an HTTPS server.\n",
        ],
    )
    def test_the_port_speaks_https(self, jira: responses.RequestsMock, body: str) -> None:
        jira.get(f"http://jira.example:443{INFO}", status=400, body=body)
        assert "write the address with https://" in str(told("http://jira.example:443"))

    @pytest.mark.parametrize("status", [200, 401])
    def test_a_header_that_a_proxy_takes_out(
        self, jira: responses.RequestsMock, status: int
    ) -> None:
        headers = {"X-AUSERNAME": "anonymous"} if status == 200 else {}
        jira.get(f"{SERVER}{INFO}", status=status, json={}, headers=headers)
        jira.get(f"{SERVER}/_edge/tenant_info", status=404)
        for credentials in (PERSON, BearerToken("t0ken")):
            found = told(SERVER, credentials)
            assert "a proxy on the way takes the Authorization header out" in str(found)
            assert isinstance(found, JiraRefused)
            assert found.status == 401

    @pytest.mark.parametrize("name", [{"X-AUSERNAME": "dueline"}, {"X-AACCOUNTID": "712020:me"}])
    def test_an_account_that_is_known_and_may_not(
        self, jira: responses.RequestsMock, name: dict[str, str]
    ) -> None:
        jira.get(f"{SERVER}{INFO}", status=401, json={}, headers=name)
        assert "lacks the permission" in str(told(SERVER))

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (page("<html>Forbidden</html>", 403), "wait"),
            (page(TOMCAT, 404), "wait"),
            ({"json": {"errorMessage": "Site temporarily unavailable"}, "status": 404}, "wait"),
            ({"json": {"errorMessages": ["Issue does not exist."]}, "status": 404}, "give_up"),
            ({"json": {"errorMessages": ["You may not."]}, "status": 403}, "give_up"),
            ({"body": "XSRF check failed", "status": 403}, "give_up"),
            (page("<html>Request Entity Too Large</html>", 413), "give_up"),
        ],
    )
    def test_what_is_not_jiras_says_nothing_of_the_call(
        self, jira: responses.RequestsMock, answer: dict[str, Any], kind: str
    ) -> None:
        """A comment is not given up because a server stands in for Jira while it is restarted."""
        jira.post(f"{CLOUD}/rest/api/3/issue/A-1/comment", **answer)
        client = connect(CLOUD, PERSON, flavour="cloud")
        with pytest.raises(JiraRefused) as caught:
            client.add_comment("A-1", "x", key="k", internal=False, role=None)
        assert verdict(caught.value, 1, jitter=0.5).kind == kind


class TestCredentials:
    @pytest.mark.parametrize(
        "header",
        [
            {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"},
            {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=https://x/login.jsp"},
        ],
    )
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_captcha(
        self, jira: responses.RequestsMock, header: dict[str, str], status: int
    ) -> None:
        headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED", **header}
        jira.get(f"{SERVER}{INFO}", status=status, body="<html>", headers=headers)
        jira.get(f"{SERVER}/_edge/tenant_info", status=404)
        found = told(SERVER)
        assert "in a browser once, to answer the CAPTCHA" in str(found)
        assert isinstance(found, JiraError)
        assert verdict(found, 1, jitter=0.5).kind == "wait"

    @pytest.mark.parametrize(
        ("request_", "scope"),
        [
            (("GET", "/rest/api/3/myself"), "read:jira-user"),
            (("PUT", "/rest/api/3/issue/A-1"), "write:jira-work"),
            (("POST", "/rest/api/3/search/jql"), "read:jira-work"),
            (("POST", "/rest/api/3/field"), "manage:jira-configuration"),
            (("POST", "/rest/webhooks/1.0/webhook"), "manage:jira-webhook"),
            (("POST", "/rest/servicedeskapi/request/A-1/comment"), "write:servicedesk-request"),
        ],
    )
    def test_a_scope_that_is_missing(
        self, jira: responses.RequestsMock, request_: tuple[str, str], scope: str
    ) -> None:
        method, path = request_
        address = "https://api.atlassian.com/ex/jira/0000-1111"
        body = {"code": 401, "message": "Unauthorized; scope does not match"}
        jira.add(method, f"{address}{path}", status=401, json=body)
        rest = connect(address, PERSON, flavour="cloud")._rest
        with pytest.raises(JiraRefused, match=f"has the scope {scope} too"):
            rest.tell("trying", None, lambda client: client.request(method, path))


class TestMaintenance:
    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (page("<html><title>Upgrading</title></html>", 503), 'titled "Upgrading".*maintenance'),
            (page("", 503, **{"Retry-After": "120"}), "in maintenance or starting"),
            (page("<html>Bad gateway</html>", 502), "A proxy before Jira gets no answer from it"),
            (page("<html>Timeout</html>", 504), "A proxy before Jira gets no answer from it"),
        ],
    )
    def test_it_is_waited_for(
        self, jira: responses.RequestsMock, answer: dict[str, Any], sentence: str
    ) -> None:
        jira.get(f"{CLOUD}{INFO}", **answer)
        found = told(CLOUD)
        assert re.search(sentence, str(found))
        assert isinstance(found, JiraError)
        judged = verdict(found, 1, jitter=0.5)
        assert judged.kind == "wait"
        if "Retry-After" in answer["headers"]:
            assert judged.after == timedelta(seconds=120)

    def test_a_site_that_atlassian_has_shut(self, jira: responses.RequestsMock) -> None:
        body = "<html>Your Atlassian Cloud site is currently unavailable.</html>"
        jira.get(f"{CLOUD}{INFO}", **page(body, 404))
        assert "or has suspended it: check the address" in str(told(CLOUD))

    def test_a_call_that_is_gone(self, jira: responses.RequestsMock) -> None:
        jira.get(f"{CLOUD}{INFO}", json={"deploymentType": "Cloud", "version": "1001"})
        words = "The requested API has been removed. Please migrate to another API."
        jira.get(f"{CLOUD}{FIELDS}", status=410, json={"errorMessages": [words], "errors": {}})
        assert "no longer offers the call; a newer version of Dueline" in str(told(CLOUD))


class TestNobodyAnswers:
    @pytest.mark.parametrize(
        ("failure", "sentence"),
        [
            (requests.exceptions.ConnectTimeout("x"), "no connection in time. A firewall on the"),
            (requests.exceptions.ReadTimeout("x"), "no answer in time. Jira is too busy"),
            (requests.exceptions.ProxyError("http://u:t0ken@p"), "the proxy.*Check HTTPS_PROXY"),
            (requests.exceptions.InvalidURL("x"), "its address is not one"),
        ],
    )
    def test_silence(self, jira: responses.RequestsMock, failure: Exception, sentence: str) -> None:
        jira.get(f"{SERVER}{INFO}", body=failure)
        found = told(SERVER)
        assert isinstance(found, JiraUnreachable)
        assert re.search(sentence, str(found))

    def test_a_name_that_nobody_knows(self) -> None:
        assert "the name jira.invalid is not known. Check how" in str(told("https://jira.invalid"))

    def test_a_port_on_which_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        found = str(told(f"http://127.0.0.1:{port}"))
        assert f"no connection to its address 127.0.0.1:{port}. Nothing listens there" in found


class Authority:
    """Signs certificates, its own first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("An authority of the test")
        self.file = self._write("authority", self._key, self._signed(self._name, self._key, "ca"))

    def server(self, name: str, *, ends_in: timedelta = timedelta(days=1)) -> Path:
        """A certificate with its key for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(name, key, self._signed(_named(name), key, name, ends_in))

    def by_itself(self, name: str) -> Path:
        """A certificate that nobody but itself vouches for."""
        alone = Authority.__new__(Authority)
        alone._folder, alone._key = self._folder, ec.generate_private_key(ec.SECP256R1())
        alone._name = _named(name)
        return alone._write("alone", alone._key, alone._signed(alone._name, alone._key, name))

    def _signed(
        self, name: x509.Name, key: Any, host: str, ends_in: timedelta = timedelta(days=1)
    ) -> x509.Certificate:
        now = datetime.now(UTC)  # noqa: TID251 - TLS knows no other clock
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host[0].isdigit():
            names = [x509.IPAddress(ip_address(host))]
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + ends_in)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(host == "ca", None), critical=True)
            # Python 3.13 wants to be told whose key signed, and what an authority's may do.
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(_usage(signs_others=host == "ca"), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, key: Any, certificate: x509.Certificate) -> Path:
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return file


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_others,
        crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


Listen = Callable[[Path | None], int]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


class TestTls:
    @pytest.fixture
    def listen(self) -> Iterator[Listen]:
        """Take one connection, over TLS with a certificate or over plain HTTP; return the port."""
        servers: list[socket.socket] = []

        def start(certificate: Path | None) -> int:
            server = socket.create_server(("127.0.0.1", 0))
            servers.append(server)
            threading.Thread(target=_take_one, args=(server, certificate), daemon=True).start()
            return int(server.getsockname()[1])

        yield start
        for server in servers:
            server.close()

    def test_of_an_unknown_authority(self, authority: Authority, listen: Listen) -> None:
        port = listen(authority.server("localhost"))
        found = str(told(f"https://localhost:{port}"))
        assert f"certificate of localhost:{port} comes from an authority not known here" in found
        assert "in REQUESTS_CA_BUNDLE" in found

    def test_by_authorities_that_are_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authorities.pem")
        found = str(told("https://localhost:1"))
        assert "/nowhere/authorities.pem" in found
        assert "Let REQUESTS_CA_BUNDLE" in found

    def test_of_its_own(self, authority: Authority, listen: Listen) -> None:
        found = str(told(f"https://localhost:{listen(authority.by_itself('localhost'))}"))
        assert "is self-signed. If it is your own authority's" in found

    def test_that_has_ended(
        self, authority: Authority, listen: Listen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        port = listen(authority.server("localhost", ends_in=timedelta(days=-1)))
        assert "has expired. Have it renewed" in str(told(f"https://localhost:{port}"))

    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
    def test_of_another_host(
        self,
        authority: Authority,
        listen: Listen,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        port = listen(authority.server("jira.example"))
        found = str(told(f"https://{name}:{port}"))
        assert f"the certificate there is not made for {name}:{port}. Give the address by" in found

    def test_that_is_trusted_is_no_trouble(
        self, authority: Authority, listen: Listen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        port = listen(authority.server("127.0.0.1"))
        assert "No Jira answers at" in str(told(f"https://127.0.0.1:{port}"))

    def test_https_to_a_port_of_http(self, listen: Listen) -> None:
        port = listen(None)
        found = str(told(f"https://127.0.0.1:{port}"))
        assert "does not speak https there. Write the address with http://" in found

    def test_http_to_a_port_of_https(self, authority: Authority, listen: Listen) -> None:
        port = listen(authority.server("localhost"))
        found = str(told(f"http://127.0.0.1:{port}"))
        assert "If the port speaks https, write the address with https://" in found


def _take_one(server: socket.socket, certificate: Path | None) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with suppress(OSError):
        connection, _ = server.accept()
        with connection:
            if certificate is None:
                connection.recv(65536)
                connection.sendall(answer)
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                secured.sendall(answer)
