"""Voximplant as far as a login needs it: users that are made by its Management API, login keys, and their answers.

It keeps the passwords that it is given, as the vendor does, and computes a login's hash from them itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from http import HTTPStatus
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from example_project.standins.server import Asked, Reply, in_json

KEY_LIFETIME: Final = 300  # seconds
LONGEST_CALL: Final = 3600  # seconds that a service account's token may live


def new_credentials() -> dict[str, str]:
    """Return what the credentials file of a service account holds. The vendor keeps the public half alone."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account_id = str(1_000_000 + secrets.randbelow(9_000_000))
    return {"account_id": account_id, "key_id": secrets.token_hex(16), "private_key": pem}


@dataclass
class Voximplant:
    """The cloud, with one service account."""

    credentials: Mapping[str, str] = field(repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    keys: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Reply:
        """Answer the Management API, and what an SDK says over its own connection (the two paths below it)."""
        with self.lock:
            if asked.path == "/platform_api":
                return self._managed(asked)
            if asked.path == "/sdk/login-key":
                return self._login_key(asked.json()["user"])
            if asked.path == "/sdk/login":
                return self._login(asked.json()["user"], asked.json()["hash"])
        return in_json({"error": {"code": 404, "msg": "There is no such address."}}, status=HTTPStatus.NOT_FOUND)

    def _managed(self, asked: Asked) -> Reply:
        if not self._is_the_account(asked.headers.get("authorization", "")):
            return in_json({"error": {"code": 100, "msg": "Authorization failed."}})
        form = _form(asked)
        name, password = form.get("user_name", ""), form.get("user_password", "")
        if form.get("cmd") == "AddUser":
            if name in self.passwords:
                return in_json({"error": {"code": 118, "msg": "The user name is not unique."}})
            self.passwords[name] = password
            return in_json({"result": 1, "user_id": len(self.passwords)})
        if form.get("cmd") == "SetUserInfo":
            if name not in self.passwords:
                return in_json({"error": {"code": 117, "msg": "Invalid user."}})
            self.passwords[name] = password
            return in_json({"result": 1})
        return in_json({"error": {"code": 10, "msg": "Unknown command."}})

    def _is_the_account(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        private = serialization.load_pem_private_key(self.credentials["private_key"].encode(), password=None)
        try:
            claims = jwt.decode(token, private.public_key(), algorithms=["RS256"], options={"verify_iss": False})  # type: ignore[arg-type]
            named = jwt.get_unverified_header(token).get("kid") == self.credentials["key_id"]
        except jwt.InvalidTokenError:
            return False
        is_ours = named and str(claims.get("iss")) == self.credentials["account_id"]
        return scheme == "Bearer" and is_ours and claims["exp"] - claims["iat"] <= LONGEST_CALL

    def _login_key(self, full_name: str) -> Reply:
        """Give a key, which takes the place of the user's last one. Code 302 is no error."""
        key = secrets.token_hex(16)
        self.keys[_user(full_name)] = (key, time.monotonic() + KEY_LIFETIME)
        return in_json({"result": False, "code": 302, "key": key})

    def _login(self, full_name: str, presented: str) -> Reply:
        user = _user(full_name)
        key, ends = self.keys.pop(user, ("", 0.0))
        if user not in self.passwords:
            return in_json({"result": False, "code": 404})
        proof = _md5(f"{user}:voximplant.com:{self.passwords[user]}")
        if time.monotonic() >= ends or not hmac.compare_digest(presented, _md5(f"{key}|{proof}")):
            return in_json({"result": False, "code": 401})
        return in_json({"result": True, "displayName": user})


def _form(asked: Asked) -> dict[str, str]:
    """Return the fields of a ``multipart/form-data`` body."""
    head = f"Content-Type: {asked.headers.get('content-type', '')}\r\n\r\n".encode()
    found: dict[str, str] = {}
    for part in BytesParser().parsebytes(head + asked.body).walk():
        name, payload = part.get_param("name", "", header="content-disposition"), part.get_payload(decode=True)
        if name and isinstance(payload, bytes):
            found[str(name)] = payload.decode()
    return found


def _user(full_name: str) -> str:
    return full_name.partition("@")[0]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # what the vendor's protocol says
