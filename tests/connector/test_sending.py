"""A mail server on a socket: what it says is told, and what it leaves open is in doubt."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.policy import default
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from connector.sending import Message, send

MESSAGE = Message("HLP-1: Größe\nBcc: someone@example.com", "Da? 漢字 @channel\n\nReference 1")


class MailServer(ThreadingTCPServer):
    """Takes each mail, and answers it with `answer`; with none it hangs up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answer = "250 taken"
        self.mails: list[bytes] = []

    @property
    def address(self) -> str:
        port = self.server_address[1]
        return f"mailto://127.0.0.1:{port}?from=dueline@acme.example&to=boss@acme.example&smtp=127.0.0.1"


class _Conversation(StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, MailServer)
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                if not self.server.answer:
                    return
                self.wfile.write(f"{self.server.answer}\r\n".encode())
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_mail_is_one_mail_to_those_it_is_for_in_any_script(mail_server: MailServer) -> None:
    assert send(mail_server.address, MESSAGE).outcome == "sent"
    mail = email.message_from_bytes(mail_server.mails[0], policy=default)
    assert (mail["from"], mail["to"], mail["bcc"]) == (
        "dueline@acme.example",
        "boss@acme.example",
        None,
    )
    assert mail["subject"].startswith("HLP-1: Größe Bcc: ")
    assert "Da? 漢字" in mail.get_content()
    assert mail["message-id"]
    assert mail["date"]


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        ("550 no such user", "failed", "no such user"),
        ("451 come later", "failed", "come later"),
        ("", "in_doubt", "unexpectedly closed"),
    ],
)
def test_what_a_mail_server_says_is_told(
    mail_server: MailServer, answer: str, outcome: str, words: str
) -> None:
    mail_server.answer = answer
    sent = send(mail_server.address, MESSAGE)
    assert sent.outcome == outcome
    assert words in sent.reason
    assert "boss" not in sent.reason
