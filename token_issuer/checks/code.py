"""The code that settings name: policies, groups, applications of staff, authentication classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

from django.core.checks import Error

from token_issuer.checks.numbered import Problems, setting
from token_issuer.conf import conf

_SLUG: Final = re.compile(r"\*|[-a-zA-Z0-9_]+", re.ASCII)


@setting(Error, "token_issuer.E008", hint="A policy is `def may(ask): ...` in one of your modules.")
def check_policies() -> Problems:
    for slug, path in conf.policies.items():
        if not _SLUG.fullmatch(slug):
            yield f'TOKEN_ISSUER["POLICIES"]: {slug!r} is neither an application\'s slug nor "*".'
        yield from _function_problems("POLICIES", path, conf.resolve("POLICIES", path))


@setting(Error, "token_issuer.E020", hint="It is `def groups_of(user): ...`, returning the groups.")
def check_groups_of_user() -> Problems:
    if function := conf.groups_of_user:
        yield from _function_problems("GROUPS_OF_USER", conf.given["GROUPS_OF_USER"], function)


@setting(Error, "token_issuer.E027", hint="It is `def applications_of(user): ...`, returning slugs, or None for all.")
def check_applications_of_staff() -> Problems:
    if function := conf.applications_of_staff:
        yield from _function_problems("APPLICATIONS_OF_STAFF", conf.given["APPLICATIONS_OF_STAFF"], function)


def _function_problems(name: str, path: str, function: Callable[..., Any]) -> Problems:
    if inspect.iscoroutinefunction(function):
        yield f'TOKEN_ISSUER["{name}"]: {path!r} must not be asynchronous.'
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        yield f'TOKEN_ISSUER["{name}"]: {path!r} must take one argument.'
    except ValueError:
        return  # a built-in function that tells nothing about its arguments


@setting(Error, "token_issuer.E009", hint="Leave the setting out for the default.")
def check_authentication_classes() -> Problems:
    paths = conf.authentication_classes
    if paths == ():
        yield 'TOKEN_ISSUER["AUTHENTICATION_CLASSES"] is empty, so nobody could call.'
    for path in paths or ():
        found = conf.resolve("AUTHENTICATION_CLASSES", path)
        if not (isinstance(found, type) and hasattr(found, "authenticate")):
            yield f'TOKEN_ISSUER["AUTHENTICATION_CLASSES"]: {path!r} is no authentication class.'
