"""Asking what a token is. The text comes in a body, is held mute, and is in no answer."""

from __future__ import annotations

from typing import Final

from rest_framework.response import Response

from token_issuer.api import answers
from token_issuer.api.parsers import IssuerRequest, body_of
from token_issuer.api.views.base import IssuerView
from token_issuer.crypto import TokenText
from token_issuer.errors import BadGrant
from token_issuer.providers.scopes import TOKENS_INTROSPECT
from token_issuer.services import checking
from token_issuer.services.telling import Expected

LONGEST_EXPECTED: Final = 255  # characters; no resource and no subject is longer

_FIELDS: Final = frozenset({"token", "channel", "resource", "subject", "code"})
_NUMBERS: Final = frozenset({"subject", "code"})  # a vendor's may be one


class InspectView(IssuerView):
    """``POST tokens/inspect/``"""

    required_scopes = (TOKENS_INTROSPECT,)

    def post(self, request: IssuerRequest) -> Response:
        """Answer what is known of a token. Nothing is used up, and no vendor is asked."""
        text, expected, code = _asked(body_of(request))
        found = checking.check(self.caller, text, at=self.at, expected=expected, code=code)
        return Response(answers.checked(found, at=self.at))


def _asked(body: dict[str, object]) -> tuple[TokenText, Expected, str]:
    wrong = {str(name)[:64]: ["unknown field"] for name in body if name not in _FIELDS}
    texts: dict[str, TokenText] = {}
    for name in body.keys() & _FIELDS:
        if isinstance(body[name], str) or (name in _NUMBERS and type(body[name]) is int):
            texts[name] = TokenText(str(body[name]))
        else:
            wrong[name] = ["must be a text"]
    wrong |= {name: [f"must be at most {LONGEST_EXPECTED} characters"] for name in _too_long(texts)}
    if "token" not in body:
        wrong["token"] = ["is required"]
    if "channel" in texts and "resource" in texts:
        wrong["channel"] = ["is another word for resource: name one of them"]
    if wrong:
        first = next(iter(wrong))
        raise BadGrant(first, wrong[first][0], fields=wrong)
    said = {name: text.reveal() for name, text in texts.items() if name != "token"}
    called = "channel" if "channel" in said else "resource"
    expected = Expected(resource=said.get(called), subject=said.get("subject"), called=called)
    return texts["token"], expected, said.get("code", "")


def _too_long(texts: dict[str, TokenText]) -> list[str]:
    return [name for name, text in texts.items() if name != "token" and len(text.reveal()) > LONGEST_EXPECTED]
