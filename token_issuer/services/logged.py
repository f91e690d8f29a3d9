"""The facts of a log record: the same keys on each, so that a site's formatter may name them, and never a secret.

There is no NullHandler on ``token_issuer``: Django's default logging covers ``django`` alone, so in a site without
LOGGING it would swallow the traceback of a failing site policy. Instead what is routine is INFO, which Python shows
nobody who has not asked, and the text of every other record is a sentence that can be read without its facts.
"""

from __future__ import annotations

from typing import Final

KEYS: Final = ("event", "application", "provider", "decision", "reason", "token_id", "request_id", "ip", "ms", "by")


def facts(event: str, **known: object) -> dict[str, object]:
    """Return ``extra`` for a record: every one of ``KEYS``, an empty text where there is nothing to say."""
    return {**dict.fromkeys(KEYS, ""), "event": event, **known}
