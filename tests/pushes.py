"""Applications whose vendor is told of revocations: a stand-in of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.factories import VIDEOSDK_SECRET, CertificateFactory, IssuedTokenFactory

if TYPE_CHECKING:
    from token_issuer.models import Application, Certificate, IssuedToken

CREDENTIALS = {"customer_id": "the-customers-id", "customer_secret": "the-customers-secret"}
CALL_SECRETS = {"agora": CREDENTIALS, "videosdk": {"secret": VIDEOSDK_SECRET}}


def told(application: Application, url: str, **options: Any) -> Certificate:
    """Let an application tell its vendor at this address, and return the certificate it calls with."""
    application.options = {**application.options, "api_url": url, **options}
    application.save()
    secret = CALL_SECRETS.get(application.provider, CREDENTIALS)
    return CertificateFactory(application=application, purpose="call", secret=secret, active=True)


def agora_token(application: Application, **columns: Any) -> IssuedToken:
    """A live token of user 16 for ``room-1``."""
    if "certificate" not in columns:
        columns["certificate"] = application.certificates.get(purpose="sign")
    columns = {"subject": "16", "privileges": ["subscriber"], "format": "agora-007", **columns}
    return IssuedTokenFactory(application=application, **columns)
