"""What is filled in on an API key's form, and what its answer shows."""

from __future__ import annotations

import re

from token_issuer.ids import uuid7

SECRET = re.compile(r"tis_[0-9A-Za-z]{49}")


def filled(**changes):
    return {
        "purpose": "nightly import",
        "owner": "",
        "scopes": ["tokens:issue"],
        "networks": "",
        "expires_at_0": "",
        "expires_at_1": "",
        "acts_as": "",
        "row_id": str(uuid7()),
        **changes,
    }


def text(answer):
    return answer.content.decode()


def shown(answer):
    """The one secret that an answer shows."""
    (secret,) = set(SECRET.findall(text(answer)))
    return secret
