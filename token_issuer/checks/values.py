"""One check for each plain setting, and one for names that are none."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Warning  # noqa: A004  Django's own names

from token_issuer.checks.numbered import Problems, check, is_dict, setting
from token_issuer.conf import EXPECTED, conf

_REFRESH_GRACE_SECONDS: Final = 60
_SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 section 3.3


@check(Error, "token_issuer.E001", hint='Write TOKEN_ISSUER = {"ENCRYPTION_KEYS": [...]} in your settings.')
def check_the_whole() -> Problems:
    if not is_dict():
        yield "TOKEN_ISSUER must be a dict."


@setting(Error, "token_issuer.E002", hint=f"There are: {', '.join(EXPECTED)}.")
def check_names() -> Problems:
    for name in conf.given:
        if name not in EXPECTED:
            near = get_close_matches(str(name).upper(), EXPECTED, n=1)
            yield f"TOKEN_ISSUER has no setting {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")


@setting(Error, "token_issuer.E004", hint="Ten seconds suit most sites.")
def check_refresh_grace() -> Problems:
    if not 0 <= conf.refresh_grace.total_seconds() <= _REFRESH_GRACE_SECONDS:
        yield f'TOKEN_ISSUER["REFRESH_GRACE"] must be 0 to {_REFRESH_GRACE_SECONDS} seconds.'


@setting(
    Error, "token_issuer.E007", hint="RFC 8414 section 2: https, no query, no fragment. DEBUG accepts http as well."
)
def check_issuer() -> Problems:
    if conf.issuer is not None and not _is_issuer(conf.issuer):
        yield f'TOKEN_ISSUER["ISSUER"] {EXPECTED["ISSUER"]}'


def _is_issuer(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    schemes = {"https", "http"} if settings.DEBUG else {"https"}
    return parts.scheme in schemes and bool(parts.hostname) and not set(text) & set("?#@ ")


@setting(
    Error,
    "token_issuer.E012",
    hint="RFC 6749 section 3.3: visible ASCII without blanks, quotation marks and backslashes.",
)
def check_scopes() -> Problems:
    for scope in conf.scopes:
        if not _SCOPE.fullmatch(scope):
            yield f'TOKEN_ISSUER["SCOPES"]: {scope!r} is no scope.'


@setting(Error, "token_issuer.E013", hint="The default is `not DEBUG`.")
def check_require_https() -> Problems:
    return _kind("REQUIRE_HTTPS")


@setting(
    Warning,
    "token_issuer.W002",
    hint="Behind a proxy that ends TLS set SECURE_PROXY_SSL_HEADER instead.",
    deploy=True,
)
def check_require_https_is_deployed() -> Problems:
    if not settings.DEBUG and not conf.require_https:
        yield 'TOKEN_ISSUER["REQUIRE_HTTPS"] is off: tokens and sessions may cross the network in clear.'


@setting(Error, "token_issuer.E014", hint="The database is always right.")
def check_revocation_check() -> Problems:
    return _kind("REVOCATION_CHECK")


@setting(Error, "token_issuer.E015", hint="The default is False.")
def check_login_key_sessions() -> Problems:
    return _kind("LOGIN_KEY_SESSIONS")


@setting(Error, "token_issuer.E016", hint="Name the networks your proxies stand in; host bits must be zero.")
def check_trusted_proxies() -> Problems:
    for network in conf.trusted_proxies:
        if network.prefixlen == 0:
            yield f'TOKEN_ISSUER["TRUSTED_PROXIES"]: {network} would let every caller choose its own address.'


@setting(Error, "token_issuer.E017", hint="Truncated keeps /24 of IPv4 and /48 of IPv6.")
def check_audit_network() -> Problems:
    return _kind("AUDIT_NETWORK")


@setting(Error, "token_issuer.E018", hint="The default is 180 days; write a timedelta.")
def check_retention() -> Problems:
    if conf.retention.total_seconds() <= 0:
        yield 'TOKEN_ISSUER["RETENTION"] must be longer than nothing.'


@setting(Error, "token_issuer.E028", hint="The default is 90 days; 0 means that nothing is ever due.")
def check_rotate_after() -> Problems:
    if conf.rotate_after.total_seconds() < 0:
        yield 'TOKEN_ISSUER["ROTATE_AFTER"] must be 0 or longer.'


@setting(Error, "token_issuer.E019", hint="The default is DEBUG.")
def check_temporary_tokens() -> Problems:
    return _kind("TEMPORARY_TOKENS")


@setting(Warning, "token_issuer.W003", hint="Leave the setting out; the default is DEBUG.", deploy=True)
def check_temporary_tokens_are_not_deployed() -> Problems:
    if not settings.DEBUG and conf.temporary_tokens:
        yield 'TOKEN_ISSUER["TEMPORARY_TOKENS"] is on: people may make test tokens in production.'


@setting(Error, "token_issuer.E021", hint="The default is DEBUG.")
def check_self_check() -> Problems:
    return _kind("SELF_CHECK")


def _kind(name: str) -> Problems:
    """Read a setting: a value of the wrong kind raises, and every other is right."""
    getattr(conf, name.lower())
    yield from ()
