"""The standard doors: ``oauth/token`` (RFC 6749), ``oauth/revoke`` (RFC 7009), ``oauth/introspect`` (RFC 7662)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rest_framework.request import Request
from rest_framework.response import Response

from token_issuer.api import answers, oauth_errors, spellings, transports
from token_issuer.api.callers import caller_of
from token_issuer.api.clients import Client, client_of
from token_issuer.api.forms import Form, form_of
from token_issuer.api.parsers import IssuerRequest
from token_issuer.api.refusals import OtherGrantType
from token_issuer.api.signing_in import signed_in
from token_issuer.api.views.base import SecureView
from token_issuer.errors import BadGrant, TokenRejected
from token_issuer.models import Origin
from token_issuer.services import exchanging, introspecting, refreshing, revoking_presented
from token_issuer.services.presenting import Presenter

if TYPE_CHECKING:
    from token_issuer.api.transports import Received
    from token_issuer.services.callers import Caller
    from token_issuer.services.issuing import Issuance

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


class OAuthView(SecureView):
    """A view that reads forms, knows clients, and speaks the standard's words alone."""

    form: Form
    client: Client
    circumstances: Caller
    forgotten: str = ""  # the application whose cookie the browser is to drop

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Read the form and find out which client sent it."""
        super().initial(request, *args, **kwargs)
        if request.method != "POST":
            return  # dispatch answers 405
        assert isinstance(request, IssuerRequest)  # noqa: S101  PinnedView makes it
        self.form = form_of(request)
        self.circumstances = replace(caller_of(request), origin=Origin.REFRESH)
        self.client = client_of(request._request, self.form, at=self.at)

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response | None]:
        """Return the one that answers in the standard's words."""
        return oauth_errors.handle

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Put the standard's header on the answer, and drop a cookie that is of no use any more."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        finished["Pragma"] = "no-cache"  # RFC 6749 section 5.1
        if self.forgotten:
            transports.forget(finished, request._request, self.forgotten)
        return finished

    def presenter(self, found: Received) -> Presenter:
        """Return who presents a refresh token."""
        return Presenter(
            circumstances=self.circumstances,
            client=self.client.key,
            public_id=self.client.public_id,
            application_slug=found.slug,
            in_cookie=found.in_cookie,
            signed_in=signed_in(self.request._request) if found.in_cookie else None,
        )

    def server(self) -> Caller:
        """Return the server that asks; ClientRefused when none has proved itself."""
        return revoking_presented.server_of(self.client.require_key(), self.circumstances)

    def required(self, name: str) -> str:
        """Return a field of the form; BadGrant without it."""
        if name not in self.form.texts:
            raise BadGrant(name, "is required")
        return self.form.texts[name]


class ExchangeView(OAuthView):
    """``POST oauth/token``"""

    def post(self, request: IssuerRequest) -> Response:
        """Exchange a refresh token, or an API key's credentials, for an access token."""
        other = spellings.asked(request._request)
        grant_type = self.required("grant_type")
        if grant_type == "refresh_token":
            made = self._refreshed(request)
        elif grant_type == "client_credentials":
            made = exchanging.exchange(self.server(), scope=self._scope(), at=self.at)
        else:
            msg = "There are the grant types refresh_token and client_credentials."
            raise OtherGrantType(msg)
        response = Response(spellings.spelt(made, answers.oauth_token(made), other=other))
        transports.deliver(response, request._request, made, at=self.at)
        return response

    def _refreshed(self, request: IssuerRequest) -> Issuance:
        found = transports.received(request._request, self.form, field="refresh_token")
        if found is None:
            raise BadGrant("refresh_token", "is required")
        try:
            return refreshing.refresh(found.text, at=self.at, by=self.presenter(found), scope=self._scope())
        except TokenRejected:
            self.forgotten = found.slug if found.in_cookie else ""
            raise

    def _scope(self) -> list[str] | None:
        text = self.form.texts.get("scope")
        if text is not None and not _SCOPE.fullmatch(text):
            raise BadGrant("scope", "must be names of scopes with one blank between them")
        return None if text is None else text.split(" ")


class SurrenderView(OAuthView):
    """``POST oauth/revoke``"""

    def post(self, request: IssuerRequest) -> Response:
        """End what is presented. ``token_type_hint`` is not needed: every text of ours says what it is."""
        found = transports.received(request._request, self.form, field="token")
        if found is None:
            raise BadGrant("token", "is required")
        revoking_presented.revoke_presented(found.text, by=self.presenter(found), at=self.at)
        self.forgotten = found.slug if found.in_cookie else ""
        return Response({})


class IntrospectView(OAuthView):
    """``POST oauth/introspect``"""

    def post(self, request: IssuerRequest) -> Response:
        """Answer what is known of a token of the key's own application; nothing but "not active" of any other."""
        server, text = self.server(), self.form.secrets.get("token")
        if text is None:
            raise BadGrant("token", "is required")
        return Response(answers.introspection(introspecting.introspect(server, text, at=self.at)))
