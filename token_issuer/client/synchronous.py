"""The client for threads."""

from __future__ import annotations

from typing import Any, Self, Unpack

import httpx

from token_issuer.client import calls, parts
from token_issuer.client.addresses import joined
from token_issuer.client.answers import Result
from token_issuer.client.bearer import BearerAuth
from token_issuer.client.clock import ServerClock
from token_issuer.client.errors import ServerUnavailable
from token_issuer.client.exchange import Exchange, http_options
from token_issuer.client.hidden import TokenText, Unpicklable, hidden
from token_issuer.client.settings import Tuning, settings
from token_issuer.client.sources import TokenSource
from token_issuer.client.stores import MemoryStore, Store
from token_issuer.client.tokens import Token


class Client(Unpicklable):
    """A client of an issuer, for threads. Close it, or use it as a context manager.

    Args:
        base_url: where the site has included ``token_issuer.urls``. https; http for this machine only.
        api_key, api_secret: a server's key. Without it: whoever holds a refresh token.
        refresh_token: what somebody signed in with, unless ``store`` has seen it already.
        auto_refresh: False: only ``refresh()`` asks for another token.
        store: where the client's own credential lives. In memory by default: that is for one process.
        tuning: timeout, grace, scopes, origins, on_event, verify, clock (``docs/python-client.md``).

    Raises:
        ConfigurationError: something does not fit.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        api_secret: str | TokenText | None = None,
        refresh_token: str | TokenText | None = None,
        auto_refresh: bool = True,
        store: Store | None = None,
        **tuning: Unpack[Tuning],
    ) -> None:
        api_secret, refresh_token = hidden(api_secret), hidden(refresh_token)  # also from who reports local variables
        self._settings = settings(base_url, api_key=api_key, api_secret=api_secret, auto_refresh=auto_refresh, **tuning)
        self._server = ServerClock(self._settings.clock)
        self._http = parts.PerProcess(lambda: httpx.Client(**http_options(self._settings.verify)))
        keeper = parts.own_keeper(self._settings, self._server, refresh_token)
        self._keeper = keeper
        self._own = TokenSource(
            keeper,
            self._settings,
            MemoryStore() if store is None else store,
            send=self._send,
            begin=lambda: self._ask(calls.client_credentials(self._settings)),
        )
        self.auth = BearerAuth(self._own, origins=self._settings.origins)

    # -------------------------------------------------------------------------------------- the client's own token

    def get(self) -> Token:
        """Return the client's own access token, good now (see ``TokenSource.get``)."""
        return self._own.get()

    def refresh(self) -> Token:
        """Return another access token although the one there is is not due (see ``TokenSource.refresh``)."""
        return self._own.refresh()

    def request(
        self,
        method: str,
        address: str,
        **options: Any,  # noqa: ANN401  httpx has their types
    ) -> httpx.Response:
        """Send a request with the access token; after a 401 once more, with another token.

        ``address`` is relative to the base address, or of one of ``origins``; ``options`` are those of
        ``httpx.Client.request`` (``json``, ``params``, ``timeout`` …). Redirects are not followed.

        Raises:
            ClientError: there is no token, and why; or the server did not answer.
            ConfigurationError: the address may not see the token, or has a secret in it.
        """
        http = self._http.get()
        request = http.build_request(method, joined(self._settings.base, address), **options)
        try:
            return http.send(request, auth=self.auth)
        except httpx.RequestError as error:
            failed = type(error).__name__
        msg = f"The server did not answer ({failed})."
        raise ServerUnavailable(msg, code="no_answer")

    def sign_in(self, token: Token | TokenText | str) -> None:
        """Begin to use what somebody signed in with: a refresh token, or a token that came with one.

        Raises:
            StoreError: it could not be stored.
        """
        self._own.run(self._keeper.sign_in(parts.signed_in(token)))

    def sign_out(self) -> None:
        """End the client's own credential at the server, and forget it here in any case.

        Raises:
            KeyRefused, RateLimited, ServerUnavailable: the server has not ended it.
        """
        result = self._own.run(self._keeper.sign_out())
        if result is not None:
            parts.accepted(result, self._settings)

    # ----------------------------------------------------------------------------------------------- the issuer's calls

    def issue(self, application: str, /, **grant: object) -> Token:
        """Ask for a token of an application: its grant's fields, ``lifetime``, ``slot``, ``on_behalf_of``.

        It is yours to hand on; nothing refreshes it (see ``source``). It is not sent again when no answer comes,
        because the server may have issued one.

        Raises:
            SignedOut, KeyRefused, Denied, BadRequest, RateLimited, ServerUnavailable: there is none, and why.
        """
        return parts.token_of(self._issued(application, grant), self._settings, self._server)

    def source(self, application: str, /, *, store: Store | None = None, **grant: object) -> TokenSource:
        """Return a source that keeps a token of an application fresh.

        By its refresh token if it comes with one, else by asking again.
        """
        return TokenSource(
            parts.application_keeper(self._settings, self._server, application=application, grant=grant),
            self._settings,
            MemoryStore() if store is None else store,
            send=self._send,
            begin=lambda: self._issued(application, grant),
        )

    def redeem(self, key: TokenText | str) -> Token:
        """Exchange a one-time login key for its token, which ``sign_in`` takes if a refresh token came with it.

        It is not sent again when no answer comes, because it works once.

        Raises:
            Denied, RateLimited, ServerUnavailable: there is none, and why; ``invalid_token`` is a key that is no good.
        """
        return parts.redeemed(self._ask(calls.redeem(self._settings, key)), self._settings, self._server)

    def revoke(self, token: Token | TokenText | str) -> None:
        """End a token; a refresh token takes its family with it. An unknown one is no error (RFC 7009 section 2.2).

        Raises:
            KeyRefused, RateLimited, ServerUnavailable: it has not ended.
        """
        parts.accepted(self._ask(calls.revoke(self._settings, token)), self._settings)

    def introspect(self, token: Token | TokenText | str) -> dict[str, Any]:
        """Ask whether a token is good: ``{"active": …}``. Needs an API key; it does not consume a one-time token.

        Raises:
            KeyRefused, RateLimited, ServerUnavailable: the server does not say.
        """
        result = self._ask(calls.introspect(self._settings, token))
        return parts.introspected(result, self._settings)

    def _issued(self, application: str, grant: dict[str, object]) -> Result:
        key = self._settings.api_key
        if key is not None:
            return self._ask(calls.issue(self._settings, application, grant, authorization=key.header()))
        token = self.get()
        result = self._ask(calls.issue(self._settings, application, grant, authorization=parts.bearer(token)))
        other = self._own.replace(token) if parts.is_unauthorized(result) else None
        if other is None:
            return result
        result = self._ask(calls.issue(self._settings, application, grant, authorization=parts.bearer(other)))
        if parts.is_unauthorized(result):
            self._own.give_up(other)
        return result

    def _ask(self, call: calls.Call) -> Result:
        return self._send(call, self._settings.timeout)

    def _send(self, call: calls.Call, timeout: float) -> Result:
        return Exchange(self._http.get(), clock=self._settings.clock, server=self._server).send(call, timeout)

    # ---------------------------------------------------------------------------------------------------------- ending

    def close(self) -> None:
        """Close the connections. The client's tokens are kept, in its store."""
        self._http.get().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        # Whoever reports an error of the constructor asks for this too.
        return f"<Client of {self._settings.base}>" if hasattr(self, "_settings") else "<Client>"
