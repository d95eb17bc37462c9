"""Somebody else's sign-in, on loopback: a provider of OpenID Connect, and Atlassian's accounts."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask, Response, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT, SECRET = "dueline", "planted-cl1ent-secret/+="


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key of somebody; made once, since that takes a while."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def published(algorithm: str, key: Any, key_id: str) -> dict[str, Any]:
    """The public half as a key set holds it."""
    shown = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**shown, "kid": key_id, "use": "sig", "alg": algorithm}


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@dataclass
class Provider:
    """A provider that does what the test says, right or wrong."""

    now: Callable[[], datetime]
    url: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "ada-1",
            "name": "Ada Lovelace",
            "email": "ada@acme.example",
        }
    )  # fmt: skip
    """What the ID token tells of who signs in."""
    told_beside: dict[str, Any] | None = None
    """What userinfo tells; None: there is none."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Members of the ID token that are not as they should be; None takes one out."""
    described: dict[str, Any] = field(default_factory=dict)
    """The same, of the issuer's description of itself."""
    signs: Callable[[dict[str, Any]], str] | None = None
    """How it signs; None: as it should."""
    is_down: bool = False
    heard: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """What it was asked: path, form or JSON, headers."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    account: dict[str, Any] = field(
        default_factory=lambda: {
            "account_id": "712020:ada", "account_status": "active", "name": "Ada Lovelace",
            "email": "ada@acme.example",
        }
    )  # fmt: skip
    sites: list[dict[str, Any]] = field(default_factory=list)

    def sign_in(self, departure: str) -> dict[str, str]:
        """What a person does there: with what the browser is sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(departure).query).items()}
        assert asked["response_type"] == "code"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def claims(self, asked: dict[str, str]) -> dict[str, Any]:
        """What its ID token holds."""
        at = int(self.now().timestamp())
        right = {
            "iss": self.url, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": asked["nonce"],
            **self.person,
        }  # fmt: skip
        return {name: v for name, v in {**right, **self.changed}.items() if v is not None}

    def application(self) -> Flask:
        """What answers."""
        app = Flask("provider")

        @app.before_request
        def hear() -> Response | None:
            body = request.get_json(silent=True) or request.form.to_dict()
            self.heard.append((request.path, body, dict(request.headers)))
            return Response("<html>away</html>", 503) if self.is_down else None

        @app.get("/.well-known/openid-configuration")
        def describe() -> Response:
            beside = {"userinfo_endpoint": f"{self.url}/userinfo"} if self.told_beside else {}
            return jsonify(
                {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/keys",
                    "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
                    **beside,
                    **self.described,
                }
            )

        @app.get("/keys")
        def keys() -> Response:
            return jsonify(
                keys=[
                    published("RS256", rsa_key("provider"), "one"),
                    published("ES256", ec_key(), "two"),
                    {**published("RS256", rsa_key("other"), "enc"), "use": "enc"},
                ]
            )

        @app.post("/token")
        def token() -> tuple[Response, int]:
            asked = self.codes.pop(request.form["code"], None)
            verifier = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
            authorization = request.authorization
            if (
                asked is None
                or asked["code_challenge"] != challenge
                or asked["code_challenge_method"] != "S256"
                or asked["redirect_uri"] != request.form["redirect_uri"]
            ):
                told = f"no such code for {request.form} {SECRET}"
                return jsonify(error="invalid_grant", error_description=told), 400
            if not authorization or authorization.password != SECRET:
                return jsonify(error="invalid_client"), 401
            claims = self.claims(asked)
            signed = self.signs(claims) if self.signs else self.signed(claims)
            return jsonify(access_token="opaque", token_type="Bearer", id_token=signed), 200

        @app.get("/userinfo")
        def userinfo() -> Response:
            assert request.headers["Authorization"] == "Bearer opaque"
            return jsonify(self.told_beside)

        self._answer_as_atlassian(app)
        return app

    def _answer_as_atlassian(self, app: Flask) -> None:
        @app.post("/oauth/token")
        def exchange() -> tuple[Response, int]:
            body = request.get_json()
            asked = self.codes.pop(body["code"], None)
            right = asked and body["client_secret"] == SECRET and body["client_id"] == CLIENT
            if not right or asked["redirect_uri"] != body["redirect_uri"]:  # type: ignore[index]
                return jsonify(error="access_denied", error_description=json.dumps(body)), 403
            return jsonify(access_token="opaque", expires_in=3600, scope=asked["scope"]), 200  # type: ignore[index]

        @app.get("/me")
        def me() -> Response:
            assert request.headers["Authorization"] == "Bearer opaque"
            return jsonify(self.account)

        @app.get("/oauth/token/accessible-resources")
        def resources() -> Response:
            assert request.headers["Authorization"] == "Bearer opaque"
            return jsonify(self.sites)

    def signed(self, claims: dict[str, Any]) -> str:
        """An ID token, signed as it should be."""
        return jwt.encode(claims, rsa_key("provider"), "RS256", headers={"kid": "one"})


@contextmanager
def provider(now: Callable[[], datetime]) -> Iterator[Provider]:
    """One that runs."""
    made = Provider(now)
    server = make_server("127.0.0.1", 0, made.application(), threaded=True, request_handler=_Quiet)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
