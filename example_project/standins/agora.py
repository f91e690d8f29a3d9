"""Agora's channel management with one customer, whose banning rules it remembers and lists."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from example_project.standins import pushing
from example_project.standins.server import Asked, Reply, Silence, in_json


def new_credentials() -> dict[str, str]:
    """Return what the console shows for the RESTful API."""
    return {"customer_id": secrets.token_hex(16), "customer_secret": secrets.token_hex(16)}


@dataclass
class Agora:
    """The cloud. It knows its customer by its secret."""

    credentials: Mapping[str, str] = field(repr=False)
    rules: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply | Silence:
        """Make a rule (POST), or list those that there are (GET)."""
        pair = f"{self.credentials['customer_id']}:{self.credentials['customer_secret']}"
        expected = f"Basic {base64.b64encode(pair.encode()).decode()}"
        if not hmac.compare_digest(asked.headers.get("authorization", ""), expected):
            return in_json({"message": "Invalid authentication credentials"}, status=HTTPStatus.UNAUTHORIZED)
        if (asked.method, asked.path) == ("GET", pushing.RULES):
            return in_json({"status": "success", "rules": self.rules})
        reply = pushing.agora(asked)
        if reply.status == HTTPStatus.OK:
            self.rules.append(asked.json())
        return reply
