"""Ending what somebody holds out, whoever he is (RFC 7009): a pair by its refresh token, a token by a server's key.

Nothing here tells the presenter whether there was anything to end: unknown, foreign and ended look like done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import AnonymousUser

from token_issuer.crypto import refresh_texts
from token_issuer.errors import NotAuthenticated, TokenRejected
from token_issuer.models import Origin
from token_issuer.providers.scopes import TOKENS_REVOKE
from token_issuer.services import closing, presenting, revoking, verifying
from token_issuer.services.callers import Caller
from token_issuer.services.recognising import recognise
from token_issuer.services.transactions import require_no_transaction

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.crypto import TokenText
    from token_issuer.models import ApiKey, TokenFamily
    from token_issuer.services.presenting import Presenter

BY_HOLDER: Final = "given up by its holder"
BY_SERVER: Final = "given up by a server"


def revoke_presented(text: TokenText, *, by: Presenter, at: datetime) -> None:
    """End the pair of a refresh token, of any generation, or the token that this text is; nothing where neither.

    Raises:
        OpenTransaction: inside a transaction.
        NotAuthenticated: it looks like a token of ours that only a server may end here.
        PolicyDenied: the server's key has no scope for ending tokens (``scope_missing``).
    """
    require_no_transaction()
    if refresh_texts.read(text) is not None:
        _end_family(text, by=by, at=at)
    elif by.client is not None:
        _end_token(text, server_of(by.client, by.circumstances), at=at)
    elif recognise(text) is not None:
        msg = "Only a server may end this kind of token here."
        raise NotAuthenticated(msg)


def server_of(key: ApiKey, circumstances: Caller) -> Caller:
    """Return the caller that an authenticated key is."""
    return Caller(
        user=AnonymousUser() if key.acts_as is None else key.acts_as,
        origin=Origin.API_KEY,
        api_key=key,
        scopes=frozenset(key.scopes),
        ip=circumstances.ip,
        user_agent=circumstances.user_agent,
        request_id=circumstances.request_id,
    )


def _end_family(text: TokenText, *, by: Presenter, at: datetime) -> None:
    try:
        _, family = presenting.found(text)
    except TokenRejected:
        return
    if by.client is not None and _is_server_of(by.client, family):
        closing.close_family(server_of(by.client, by.circumstances), family, reason=BY_SERVER, at=at)
    elif not by.client_objection(family):
        closing.close_family(by.caller(family), family, reason=BY_HOLDER, at=at)


def _is_server_of(key: ApiKey, family: TokenFamily) -> bool:
    return key.application_id == family.application_id and TOKENS_REVOKE in key.scopes


def _end_token(text: TokenText, server: Caller, *, at: datetime) -> None:
    server.require_scope(TOKENS_REVOKE)
    token = verifying.find_named(text, at=at)
    if token is not None and server.api_key is not None and token.application_id == server.api_key.application_id:
        revoking.revoke_any(server, token.pk, reason=BY_SERVER, at=at)
