"""State, and what can never be false: constraints, querysets, safe ``__str__``."""

from __future__ import annotations

from token_issuer.models.answered_login_key import AnsweredLoginKey
from token_issuer.models.api_key import ApiKey, ApiKeySecret
from token_issuer.models.application import Application
from token_issuer.models.audit_event import AuditEvent, AuditKind
from token_issuer.models.certificate import Certificate, CertificateState
from token_issuer.models.hourly_count import Counted, HourlyCount, hour_key
from token_issuer.models.issued_token import IssuedToken, Origin, Principal
from token_issuer.models.one_time_key import OneTimeKey
from token_issuer.models.revocation_epoch import EpochKind, RevocationEpoch, epoch_key, epochs_now
from token_issuer.models.rule import Rule, RuleWindow, Window
from token_issuer.models.standing import Standing
from token_issuer.models.token_family import TokenFamily
from token_issuer.models.vendor_account import VendorAccount
from token_issuer.models.vendor_pair import PairStanding, VendorPair
from token_issuer.models.vendor_push import PushState, VendorPush

__all__ = [
    "AnsweredLoginKey",
    "ApiKey",
    "ApiKeySecret",
    "Application",
    "AuditEvent",
    "AuditKind",
    "Certificate",
    "CertificateState",
    "Counted",
    "EpochKind",
    "HourlyCount",
    "IssuedToken",
    "OneTimeKey",
    "Origin",
    "PairStanding",
    "Principal",
    "PushState",
    "RevocationEpoch",
    "Rule",
    "RuleWindow",
    "Standing",
    "TokenFamily",
    "VendorAccount",
    "VendorPair",
    "VendorPush",
    "Window",
    "epoch_key",
    "epochs_now",
    "hour_key",
]
