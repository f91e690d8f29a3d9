"""Django's admin for applications, rules and evidence. Pages call services and contain no rules of their own.

Django wraps its own add, change and delete views in a transaction, and our services refuse one that is open; so
everything a service does has a page of its own here (``pages.py``), outside any transaction.
"""

from __future__ import annotations

from token_issuer.admin.api_keys import ApiKeyAdmin
from token_issuer.admin.applications import ApplicationAdmin
from token_issuer.admin.audit_events import AuditEventAdmin
from token_issuer.admin.certificates import CertificateAdmin
from token_issuer.admin.issued_tokens import IssuedTokenAdmin
from token_issuer.admin.one_time_keys import OneTimeKeyAdmin
from token_issuer.admin.rules import RuleAdmin
from token_issuer.admin.token_families import TokenFamilyAdmin
from token_issuer.admin.vendor_accounts import VendorAccountAdmin
from token_issuer.admin.vendor_pairs import VendorPairAdmin

__all__ = [
    "ApiKeyAdmin",
    "ApplicationAdmin",
    "AuditEventAdmin",
    "CertificateAdmin",
    "IssuedTokenAdmin",
    "OneTimeKeyAdmin",
    "RuleAdmin",
    "TokenFamilyAdmin",
    "VendorAccountAdmin",
    "VendorPairAdmin",
]
