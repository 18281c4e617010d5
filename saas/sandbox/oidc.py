"""A simulated OpenID Connect provider: who signs in there is who one says to be.

It speaks the real protocol (discovery, authorization code with PKCE, token, user info, signed id tokens) and refuses
what a real one refuses, so the product knows no difference. It keeps nothing but the codes of the last minutes.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

KEY_ID = "sandbox"
CODE_LIVES = 60.0  # seconds
TOKEN_LIVES = 600.0
LONGEST_BODY = 20_000  # bytes

PAGE = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Sandbox ID</title>
    <style>
      :root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
      body {{ margin: 0; min-height: 100vh; display: grid; place-items: center;
              background: light-dark(#f1f0fb, #15131f); }}
      main {{ width: min(22rem, 100% - 2rem); padding: 2rem; border-radius: 1rem; box-sizing: border-box;
              background: light-dark(#fff, #211e30); border: 1px solid light-dark(#dcd9f0, #37324d); }}
      h1 {{ margin: 0 0 .25rem; font-size: 1.35rem; }}
      p {{ margin: 0 0 1.25rem; color: light-dark(#57536b, #b5b0cb); }}
      label {{ display: block; margin: 0 0 1rem; font-weight: 600; }}
      input[type=email], input[type=text] {{ display: block; width: 100%; box-sizing: border-box; margin-top: .25rem;
              padding: .6rem .75rem; font: inherit; border-radius: .5rem;
              border: 1px solid light-dark(#8d88a8, #6f6a8a); }}
      button {{ width: 100%; padding: .75rem; font: inherit; font-weight: 600; border-radius: .5rem; cursor: pointer;
              border: 0; color: #fff; background: #4f3fb5; }}
      button + button {{ margin-top: .5rem; color: inherit; background: none; }}
      .check {{ display: flex; gap: .5rem; font-weight: 400; }}
    </style>
  </head>
  <body>
    <main>
      <h1>Sandbox ID</h1>
      <p>A simulated service. You are whoever you say you are.</p>
      <form method="post" action="/authorize">
        {hidden}
        <label>Email<input type="email" name="email" required autofocus autocomplete="off"></label>
        <label>Name<input type="text" name="name" autocomplete="off"></label>
        <label class="check">
          <input type="checkbox" name="verified" value="yes" checked> The address is confirmed
        </label>
        <button name="answer" value="yes">Continue</button>
        <button name="answer" value="no" formnovalidate>Cancel</button>
      </form>
    </main>
  </body>
</html>
"""


class Refused(Exception):
    """What a real provider answers with 400 or 401 and an error of RFC 6749."""

    def __init__(self, error: str, words: str = "", *, status: int = 400) -> None:
        super().__init__(words or error)
        self.error, self.status = error, status


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    redirect_uri: str
    challenge: str
    nonce: str
    person: dict[str, Any]
    expires_at: float


@cache
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """The provider's rules, without HTTP.  `issuer` is its address."""

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self.issuer, self.client_id, self.client_secret = issuer, client_id, client_secret
        self.redirect_uri = redirect_uri
        self.codes: dict[str, Grant] = {}
        self.tokens: dict[str, tuple[dict[str, Any], float]] = {}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }

    def jwks(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key().public_key(), as_dict=True)
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def check_request(self, query: dict[str, str]) -> None:
        """Raises Refused for a request to which the person must not be asked."""
        if query.get("client_id") != self.client_id:
            raise Refused("unauthorized_client", "This client is not known.")
        if query.get("redirect_uri") != self.redirect_uri:
            raise Refused("invalid_request", f"redirect_uri must be {self.redirect_uri}")
        if query.get("response_type") != "code" or "openid" not in query.get("scope", "").split():
            raise Refused("invalid_request", "Ask for response_type=code and scope openid.")
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            raise Refused("invalid_request", "code_challenge_method must be S256.")

    def answer(self, form: dict[str, str]) -> str:
        """Where the browser goes after the person has answered.  Raises Refused."""
        self.check_request(form)
        if form.get("answer") != "yes":
            return f"{self.redirect_uri}?{urlencode({'error': 'access_denied', 'state': form.get('state', '')})}"
        email = form.get("email", "").strip().lower()
        if "@" not in email:
            raise Refused("invalid_request", "An address is needed.")
        person = {
            "sub": hashlib.sha256(email.encode()).hexdigest()[:20],
            "email": email,
            "email_verified": form.get("verified") == "yes",
            "name": form.get("name", ""),
        }
        code = secrets.token_urlsafe(24)
        expires_at = time.time() + CODE_LIVES
        self.codes[code] = Grant(
            self.redirect_uri, form.get("code_challenge", ""), form.get("nonce", ""), person, expires_at
        )
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': form.get('state', '')})}"

    def exchange(self, form: dict[str, str], *, client_id: str, client_secret: str) -> dict[str, Any]:
        """The tokens for a code, once.  Raises Refused."""
        known = hmac.compare_digest(client_secret.encode(), self.client_secret.encode())
        if client_id != self.client_id or not known:
            raise Refused("invalid_client", status=401)
        grant = self.codes.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or grant is None or grant.expires_at < time.time():
            raise Refused("invalid_grant")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise Refused("invalid_grant", "redirect_uri differs.")
        if grant.challenge and not hmac.compare_digest(challenge_of(form.get("code_verifier", "")), grant.challenge):
            raise Refused("invalid_grant", "code_verifier does not fit.")
        token = secrets.token_urlsafe(24)
        self.tokens[token] = (grant.person, time.time() + TOKEN_LIVES)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIVES),
            "id_token": self.id_token(grant),
        }

    def id_token(self, grant: Grant) -> str:
        moment = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": moment, "exp": moment + int(TOKEN_LIVES)}
        nonce = {"nonce": grant.nonce} if grant.nonce else {}
        return jwt.encode({**claims, **nonce, **grant.person}, signing_key(), "RS256", headers={"kid": KEY_ID})

    def userinfo(self, authorization: str) -> dict[str, Any]:
        """Raises Refused for a token that is none."""
        person, expires_at = self.tokens.get(authorization.removeprefix("Bearer "), ({}, 0.0))
        if expires_at < time.time():
            raise Refused("invalid_token", status=401)
        return person


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Handler(BaseHTTPRequestHandler):
    """HTTP around `Provider`, which the server carries."""

    server: "Server"

    def do_GET(self) -> None:
        self.serve(
            {
                "/.well-known/openid-configuration": lambda: self.send_json(self.provider.discovery()),
                "/jwks": lambda: self.send_json(self.provider.jwks()),
                "/userinfo": lambda: self.send_json(self.provider.userinfo(self.headers.get("Authorization", ""))),
                "/authorize": self.show_page,
            }
        )

    def do_POST(self) -> None:
        self.serve({"/authorize": self.take_answer, "/token": self.give_tokens})

    @property
    def provider(self) -> Provider:
        return self.server.provider

    def serve(self, pages: dict[str, Any]) -> None:
        page = pages.get(urlsplit(self.path).path)
        try:
            if page is None:
                raise Refused("not_found", status=404)
            page()
        except Refused as refused:
            self.send_json({"error": refused.error, "error_description": str(refused)}, status=refused.status)

    def show_page(self) -> None:
        query = flat(urlsplit(self.path).query)
        self.provider.check_request(query)
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in query.items()
        )
        self.send(PAGE.format(hidden=hidden).encode(), "text/html; charset=utf-8")

    def take_answer(self) -> None:
        place = self.provider.answer(self.form())
        self.send_response(303)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give_tokens(self) -> None:
        form = self.form()
        client = (form.get("client_id", ""), form.get("client_secret", ""))
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
            client = (name, secret)
        self.send_json(self.provider.exchange(form, client_id=client[0], client_secret=client[1]))

    def form(self) -> dict[str, str]:
        length = min(int(self.headers.get("Content-Length") or 0), LONGEST_BODY)
        return flat(self.rfile.read(length).decode())

    def send_json(self, data: dict[str, Any], status: int = 200) -> None:
        self.send(json.dumps(data).encode(), "application/json", status)

    def send(self, body: bytes, content_type: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Codes stand in its addresses, so nothing is logged."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, provider: Provider) -> None:
        super().__init__(("localhost", port), Handler)
        self.provider = provider


def flat(encoded: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(encoded, keep_blank_values=True).items()}


def configured_server() -> Server:
    """The provider at OIDC_PORT, for the client that the settings name; not yet serving.

    Raises OSError for a port that is taken.
    """
    client: Any = settings.SANDBOX_ID
    provider = Provider(
        issuer=f"http://localhost:{settings.OIDC_PORT}",
        client_id=client["client_id"],
        client_secret=client["secret"],
        redirect_uri=f"{settings.SITE_URL}/accounts/oidc/sandbox/login/callback/",
    )
    return Server(settings.OIDC_PORT, provider)
