"""Policy functions of a site, as POLICIES names them."""

from __future__ import annotations

from token_issuer.policy import Allow, Deny


def allows_listening(ask):
    return Allow({"allow_join"})


def allows_an_hour_of_everything(ask):
    return Allow({"allow_join", "allow_mod"}, lifetime=3600, wildcards=True)


def denies(ask):
    return Deny("not_a_member")


def breaks(ask):
    msg = "the membership table is on fire"
    raise RuntimeError(msg)


def says_yes(ask):
    return "yes"


def allows_for_an_hour_in_words(ask):
    return Allow({"allow_join"}, lifetime="1h")  # type: ignore[arg-type]  # what a site may get wrong


def denies_with_an_object(ask):
    return Deny(object())  # type: ignore[arg-type]  # as above
