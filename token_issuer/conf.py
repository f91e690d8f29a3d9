"""The only reader of ``settings.TOKEN_ISSUER``: typed, and read when used.

Nothing here looks at the environment; a site that wants that uses its own settings module. A setting that is absent
or None has the default named here. A value of the wrong kind raises ImproperlyConfigured when it is used, because
system checks do not run under a WSGI or ASGI server; ``checks.py`` says the same earlier and adds ranges.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, Literal, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
RevocationCheck = Literal["database", "cache"]
AuditNetwork = Literal["full", "truncated", "off"]

REVOCATION_CHECKS: Final = ("database", "cache")
AUDIT_NETWORKS: Final = ("full", "truncated", "off")

EXPECTED: Final[Mapping[str, str]] = {
    "ENCRYPTION_KEYS": 'must be a list of "id:base64 of 32 bytes", or one text with commas between them.',
    "ISSUER": "must be a text: the absolute https address of this issuer.",
    "POLICIES": 'must be a dict of application slug (or "*") to the dotted path of a function.',
    "AUTHENTICATION_CLASSES": "must be a list of dotted paths.",
    "PROVIDERS": 'must be a dict of "add" and "remove", each a list of texts.',
    "SCOPES": "must be a dict of scope name to a sentence that explains it.",
    "REQUIRE_HTTPS": "must be True or False.",
    "REVOCATION_CHECK": f"must be one of: {', '.join(REVOCATION_CHECKS)}. (memory is reserved for a later version.)",
    "REFRESH_GRACE": "must be a timedelta or whole seconds.",
    "LOGIN_KEY_SESSIONS": "must be True or False.",
    "TRUSTED_PROXIES": 'must be a list of networks such as "10.0.0.0/8".',
    "AUDIT_NETWORK": f"must be one of: {', '.join(AUDIT_NETWORKS)}.",
    "RETENTION": "must be a timedelta or whole seconds.",
    "ROTATE_AFTER": "must be a timedelta or whole seconds.",
    "TEMPORARY_TOKENS": "must be True or False.",
    "GROUPS_OF_USER": "must be the dotted path of a function.",
    "APPLICATIONS_OF_STAFF": "must be the dotted path of a function.",
    "SELF_CHECK": "must be True or False.",
}
"""Every setting there is, with the sentence for a value of the wrong kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChanges:
    """What a site adds to the providers that are found (paths of classes), and takes away (names, or such paths)."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Conf:
    """One property for each setting; no value is remembered between two uses."""

    @property
    def given(self) -> Mapping[str, Any]:
        """The dictionary in the settings as it stands; ImproperlyConfigured when it is none."""
        if not isinstance(getattr(settings, "TOKEN_ISSUER", {}), Mapping):
            raise ImproperlyConfigured("TOKEN_ISSUER must be a dict.")
        return cast("Mapping[str, Any]", getattr(settings, "TOKEN_ISSUER", {}))

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """The key ring's entries, first seals and all open; empty when absent. Parsed by ``crypto.keyring`` alone."""
        return self._read("ENCRYPTION_KEYS", (), _entries)

    @property
    def issuer(self) -> str | None:
        """The ``iss`` of our own tokens: an absolute https address without query and fragment; no default."""
        return self._read("ISSUER", None, _text)

    @property
    def policies(self) -> Mapping[str, str]:
        """Dotted path of a site policy function, by application slug or ``*``; none by default."""
        return self._read("POLICIES", {}, _texts_by_name)

    @property
    def authentication_classes(self) -> tuple[str, ...] | None:
        """Dotted paths of who may call our API; None stands for the API's own default."""
        return self._read("AUTHENTICATION_CLASSES", None, _texts)

    @property
    def providers(self) -> ProviderChanges:
        """Providers to add and to remove; none by default."""
        return self._read("PROVIDERS", ProviderChanges(), _provider_changes)

    @property
    def scopes(self) -> Mapping[str, str]:
        """The site's own scopes and what each allows, for people; none by default."""
        return self._read("SCOPES", {}, _texts_by_name)

    @property
    def require_https(self) -> bool:
        """Whether plain HTTP is refused; on unless DEBUG."""
        return self._read("REQUIRE_HTTPS", not settings.DEBUG, _switch)

    @property
    def revocation_check(self) -> RevocationCheck:
        """Where verification asks first whether a token was revoked; the database by default, which is always right."""
        return cast("RevocationCheck", self._read("REVOCATION_CHECK", "database", _one_of(REVOCATION_CHECKS)))

    @property
    def refresh_grace(self) -> timedelta:
        """How long the direct predecessor of a refresh token is answered again; 10 s, 0 to 60 s."""
        return self._read("REFRESH_GRACE", timedelta(seconds=10), _duration)

    @property
    def login_key_sessions(self) -> bool:
        """Whether redeeming a login key may start a Django session; off."""
        return self._read("LOGIN_KEY_SESSIONS", False, _switch)

    @property
    def trusted_proxies(self) -> tuple[Network, ...]:
        """Networks whose X-Forwarded-For is believed; none, so the address is the connection's."""
        return self._read("TRUSTED_PROXIES", (), _networks)

    @property
    def audit_network(self) -> AuditNetwork:
        """How a caller's address is kept: full; truncated to /24 (IPv4) or /48 (IPv6); or not at all."""
        return cast("AuditNetwork", self._read("AUDIT_NETWORK", "full", _one_of(AUDIT_NETWORKS)))

    @property
    def retention(self) -> timedelta:
        """How long audit rows outlive what they describe before the purge may take them; 180 days."""
        return self._read("RETENTION", timedelta(days=180), _duration)

    @property
    def rotate_after(self) -> timedelta:
        """How long a certificate may be active before it is due for rotation; 90 days, and 0 is never."""
        return self._read("ROTATE_AFTER", timedelta(days=90), _duration)

    @property
    def temporary_tokens(self) -> bool:
        """Whether people may make test tokens in the admin; on in DEBUG only."""
        return self._read("TEMPORARY_TOKENS", bool(settings.DEBUG), _switch)

    @property
    def groups_of_user(self) -> Callable[[Any], Iterable[Any]] | None:
        """The function that names a user's groups for user models without ``groups``; None."""
        path = self._read("GROUPS_OF_USER", None, _text)
        return cast("Callable[[Any], Iterable[Any]]", self.resolve("GROUPS_OF_USER", path)) if path else None

    @property
    def applications_of_staff(self) -> Callable[[Any], Iterable[str] | None] | None:
        """The function that names the applications which a member of staff sees in the admin; None for all of them."""
        path = self._read("APPLICATIONS_OF_STAFF", None, _text)
        if not path:
            return None
        return cast("Callable[[Any], Iterable[str] | None]", self.resolve("APPLICATIONS_OF_STAFF", path))

    @property
    def self_check(self) -> bool:
        """Whether every minted token is inspected before it is handed out; on in DEBUG."""
        return self._read("SELF_CHECK", bool(settings.DEBUG), _switch)

    def policy_for(self, slug: str) -> Callable[..., Any] | None:
        """Return the site policy function for an application: its own, else the one for ``*``, else None."""
        path = self.policy_path_for(slug)
        return self.resolve("POLICIES", path) if path else None

    def policy_path_for(self, slug: str) -> str | None:
        """Return the dotted path of that function; audit rows name it."""
        policies = self.policies
        return policies.get(slug) or policies.get("*")

    def resolve(self, name: str, path: str) -> Callable[..., Any]:
        """Return the callable at a dotted path; ImproperlyConfigured names the setting ``name`` and the path."""
        try:
            found = _imported(path)
        except ImportError as error:
            msg = f'TOKEN_ISSUER["{name}"]: {path!r} cannot be imported: {error}'
            raise ImproperlyConfigured(msg) from error
        if not callable(found):
            msg = f'TOKEN_ISSUER["{name}"]: {path!r} is not callable.'
            raise ImproperlyConfigured(msg)
        return cast("Callable[..., Any]", found)

    def _read(self, name: str, default: T, accept: Callable[[object], T | None]) -> T:
        # The value is no local variable here: the key ring's would be printed by whoever reports the error.
        if self.given.get(name) is None:
            return default
        found = accept(self.given[name])
        if found is None:
            msg = f'TOKEN_ISSUER["{name}"] {EXPECTED[name]}'
            raise ImproperlyConfigured(msg)
        return found


# What each kind accepts; None means that the value is of another kind.


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _entries(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return tuple(entry for entry in value.split(",") if entry.strip())
    return _texts(value)


def _texts_by_name(value: object) -> Mapping[str, str] | None:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        return None
    return value


def _duration(value: object) -> timedelta | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(seconds=value)
    return value if isinstance(value, timedelta) else None


def _one_of(words: tuple[str, ...]) -> Callable[[object], str | None]:
    return lambda value: value if isinstance(value, str) and value in words else None


def _networks(value: object) -> tuple[Network, ...] | None:
    texts = _texts(value)
    try:
        return None if texts is None else tuple(_network(text) for text in texts)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


def _provider_changes(value: object) -> ProviderChanges | None:
    if not isinstance(value, Mapping) or not set(value) <= {"add", "remove"}:
        return None
    add, remove = _texts(value.get("add", ())), _texts(value.get("remove", ()))
    return None if add is None or remove is None else ProviderChanges(add=add, remove=remove)


@lru_cache(maxsize=256)
def _imported(path: str) -> object:
    return import_string(path)


def _forget_imports(**kwargs: object) -> None:
    if kwargs["setting"] == "TOKEN_ISSUER":
        _imported.cache_clear()


setting_changed.connect(_forget_imports, dispatch_uid="token_issuer.conf")

conf = Conf()
