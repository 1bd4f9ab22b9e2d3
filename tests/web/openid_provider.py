"""An OpenID provider as a process of its own: `python -m tests.web.openid_provider` serves on loopback, says its port.

What it says of the person who signs in next, and how it spoils the token, is posted to /next as JSON. Signing is PyJWT's.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "threadvault", "the-secret-of-the-client"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CODES: dict = {}
STATE: dict = {"claims": {"sub": "sub-1", "groups": []}, "spoil": "", "seen": []}


def jwk():
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "k1", "use": "sig", "alg": "RS256"}


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hs256_with_the_public_key(claims):
    """PyJWT refuses to sign like that, so an attacker's hand does it."""
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'k1'})}.{part(claims)}"
    signature = hmac.new(public, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def signed(claims, *, key=KEY, kid="k1"):
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


def broken(token):
    head, body, signature = token.split(".")
    return f"{head}.{body}.{('A' if signature[0] != 'A' else 'B') + signature[1:]}"


def of_another(token, claims):
    head, _, signature = token.split(".")
    return f"{head}.{part({**claims, 'groups': ['officers']})}.{signature}"


SPOILED = {
    "": signed,
    "alg none": lambda claims: f"{part({'alg': 'none', 'kid': 'k1'})}.{part(claims)}.",
    "HS256 with the public key": hs256_with_the_public_key,
    "a broken signature": lambda claims: broken(signed(claims)),
    "claims changed after signing": lambda claims: of_another(signed(claims), claims),
    "a key that is not the provider's": lambda claims: signed(claims, key=STRANGE_KEY),
    "an unknown kid": lambda claims: signed(claims, key=STRANGE_KEY, kid="k2"),
    "another audience": lambda claims: signed({**claims, "aud": "somebody-else"}),
    "a further audience": lambda claims: signed({**claims, "aud": [CLIENT, "somebody-else"]}),
    "another authorised party": lambda claims: signed({**claims, "azp": "somebody-else"}),
    "another issuer": lambda claims: signed({**claims, "iss": "https://elsewhere.example"}),
    "another nonce": lambda claims: signed({**claims, "nonce": "of another attempt"}),
    "no nonce": lambda claims: signed({name: value for name, value in claims.items() if name != "nonce"}),
    "expired": lambda claims: signed({**claims, "iat": claims["iat"] - 7200, "exp": claims["iat"] - 3600}),
    "no expiry": lambda claims: signed({name: value for name, value in claims.items() if name != "exp"}),
    "of tomorrow": lambda claims: signed({**claims, "iat": claims["iat"] + 86400, "nbf": claims["iat"] + 86400}),
    "an old one that does not expire": lambda claims: signed({**claims, "iat": claims["iat"] - 86400}),
    "nobody": lambda claims: signed({**claims, "sub": ""}),
    "groups that are no list": lambda claims: signed({**claims, "groups": "officers"}),
    "an unknown critical header": lambda claims: jwt.encode(
        claims, KEY, algorithm="RS256", headers={"kid": "k1", "crit": ["x"], "x": True}
    ),
    "no token": lambda claims: None,
}


class Provider(BaseHTTPRequestHandler):
    """The endpoints: description, keys, where people are sent, and where the code is exchanged."""

    def log_message(self, *_):
        pass

    def answer(self, document, status=200, **headers):
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self):
        path, given = urlsplit(self.path).path, {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        if path == "/.well-known/openid-configuration":
            self.answer({
                "issuer": STATE.get("issuer", self.issuer), "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": STATE.get("token_endpoint", f"{self.issuer}/token"), "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            })  # fmt: skip
        elif path == "/keys":
            self.answer({"keys": [jwk()]})
        elif path == "/authorize":
            code = secrets.token_urlsafe(16)
            CODES[code] = given
            back = urlencode({"code": code, "state": given["state"]})
            self.answer({}, 302, Location=f"{given['redirect_uri']}?{back}")
        elif path == "/seen":
            self.answer(STATE["seen"])
        else:
            STATE["seen"].append(path)
            self.answer({}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/next":
            STATE.clear()
            STATE.update({"spoil": "", "seen": [], **json.loads(body)})
            self.answer({})
            return
        given = {k: v[0] for k, v in parse_qs(body).items()}
        asked = CODES.pop(given.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(given.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        mine = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        good = asked and asked.get("code_challenge_method") == "S256" and asked["code_challenge"] == proof.decode()
        if not good or self.headers.get("Authorization") != f"Basic {mine}":
            self.answer({"error": "invalid_grant"}, 400)
            return
        at = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": asked.get("nonce"),
            **({"auth_time": at} if "max_age" in asked else {}), **STATE["claims"],
        }  # fmt: skip
        token = SPOILED[STATE["spoil"]](claims)
        self.answer({"access_token": "a", "token_type": "Bearer", **({"id_token": token} if token else {})})


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
