"""What a token is, in sentences with stable words, for who holds one and has a question."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from django.contrib.auth.models import Permission

from tests.factories import (
    AT,
    VIDEOSDK_KEY,
    VIDEOSDK_SECRET,
    ApiKeyFactory,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    UserFactory,
    api_key,
    caller,
)
from tests.services.signing import twin_of
from token_issuer.crypto import Secret, TokenText, digests, opaque, signing_keys
from token_issuer.errors import PolicyDenied
from token_issuer.models import (
    ApiKey,
    ApiKeySecret,
    AuditEvent,
    Certificate,
    IssuedToken,
    OneTimeKey,
    Origin,
    TokenFamily,
)
from token_issuer.services import checking, issuing, login_keys, refreshing, revoking, rotating
from token_issuer.services.telling import Expected

MINUTE = timedelta(minutes=1)


@pytest.fixture
def admin(db):
    """Somebody who may ask about any token."""
    someone = UserFactory()
    someone.user_permissions.add(Permission.objects.get(codename="inspect_issuedtoken"))
    return caller(someone)


@pytest.fixture
def check(admin):
    def check(text, *, at=AT, by=None, expected=None, code=""):
        return checking.check(by or admin, TokenText(text), at=at, expected=expected or Expected(), code=code)

    return check


@pytest.fixture
def text(person, rooms):
    return issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT).token.reveal()


def told(found):
    return {sentence.word: sentence.in_words(str) for sentence in found.sentences}


def state():
    models = (IssuedToken, OneTimeKey, TokenFamily, ApiKey, ApiKeySecret, Certificate, AuditEvent)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


# Time, and who made it


def test_a_good_token(check, text, rooms):
    found = check(text, at=AT + MINUTE)
    assert (found.kind, found.verdict, found.application) == ("vendor", "", rooms)
    assert told(found) == {
        "good": "good at this moment",
        "expires": "expires in 9 min",
        "signed_by_active": f"signed by the active certificate {rooms.certificates.get().fingerprint}",
    }


@pytest.mark.parametrize(("after", "words"), [(600, "0 s"), (601, "1 s"), (1320, "12 min"), (600 + 7200, "2 h")])
def test_how_long_ago_it_expired(check, text, after, words):
    found = check(text, at=AT + timedelta(seconds=after))
    assert (found.verdict, told(found)["expired"]) == ("expired", f"expired {words} ago")
    assert "good" not in told(found)


def test_a_clock_that_runs_ahead_is_told(check, text):
    assert told(check(text, at=AT - 2 * MINUTE))["issued_in_the_future"].startswith("issued 2 min in the future")


def test_a_retiring_certificate_is_still_honoured(check, text, person, rooms):
    old = rooms.certificates.get()
    rotating.activate(person, rotating.stage(person, rooms, secret={"secret": "9" * 64}, at=AT), at=AT)
    found = check(text)
    assert (found.verdict, "still honoured" in told(found)["signed_by_retiring"]) == ("", True)
    rotating.retire(person, old, at=AT)
    found = check(text, at=AT + 3 * MINUTE)
    assert found.verdict == "application_or_certificate_off"
    assert told(found)["signed_by_retired"] == f"signed by a retired certificate, {old.fingerprint}, retired 3 min ago"


def test_a_revoked_certificate(check, text, person, rooms):
    rotating.revoke(person, rooms.certificates.get(), reason="leaked", at=AT)
    assert told(check(text, at=AT + MINUTE))["signed_by_revoked"].endswith("revoked 1 min ago")


def test_a_certificate_that_cannot_be_tried(check, text, rooms):
    IssuedToken.objects.all().delete()
    rooms.certificates.update(sealed_secret=None, reference="env:NOWHERE")
    found = check(text)
    assert (found.verdict, "'env:NOWHERE' is not set" in told(found)["untried"]) == ("untried", True)


def test_a_secret_that_somebody_else_has(check, rooms):
    claims = {"apikey": VIDEOSDK_KEY, "permissions": ["allow_join"], "version": 2, "roles": ["rtc"], "roomId": "a"}
    iat = int(AT.timestamp())
    made = jwt.encode({**claims, "participantId": "x", "iat": iat, "exp": iat + 60}, VIDEOSDK_SECRET, algorithm="HS256")
    assert check(made).verdict == "not_recorded"
    forged = jwt.encode({**claims, "participantId": "x", "iat": iat, "exp": iat + 60}, "z" * 64, algorithm="HS256")
    assert (check(forged).verdict, "none of" in told(check(forged))["bad_signature"]) == ("bad_signature", True)


# How it ended


def test_why_it_was_revoked(check, text, person):
    revoking.revoke_any(person, IssuedToken.objects.get().pk, reason="lost 100% of it", at=AT)
    found = check(text, at=AT + 3 * MINUTE)
    assert (found.verdict, told(found)["revoked"]) == ("revoked", "revoked 3 min ago because: lost 100% of it")


def test_revoked_without_a_reason(check, text, person):
    revoking.revoke_any(person, IssuedToken.objects.get().pk, reason="", at=AT)
    assert told(check(text, at=AT + MINUTE))["revoked"] == "revoked 1 min ago"


def test_revoked_together_with_others(check, text, person, user):
    revoking.revoke_user(person, user, reason="all", at=AT)
    assert told(check(text))["revoked"].startswith("revoked with others")


def test_a_temporary_token(check, text):
    IssuedToken.objects.update(temporary=True)
    assert "without asking policy" in told(check(text))["temporary"]


def test_a_one_time_token_before_and_after(check, once, person):
    made = issuing.issue(person, "once", body={"lifetime": 120}, at=AT).token.reveal()
    before = state()
    found = check(made)
    assert (found.kind, found.verdict, told(found)["one_time"]) == ("one_time", "", "good once, and not used yet")
    assert state() == before
    IssuedToken.objects.update(consumed_at=AT)
    found = check(made, at=AT + MINUTE)
    assert (found.verdict, told(found)["consumed"]) == ("consumed", "used 1 min ago: it was good once")


def test_a_short_token_that_nobody_recorded(check, once):
    found = check(opaque.new(opaque.SHORT_TOKEN).reveal())
    assert (found.kind, found.verdict, told(found)["unknown"]) == (
        "one_time",
        "unknown",
        "this site has no record of it",
    )


def test_a_short_token_that_was_not_pasted_whole(check, once):
    found = check(opaque.new(opaque.SHORT_TOKEN).reveal()[:-2])
    assert (found.kind, found.verdict, "pasted whole" in told(found)["malformed"]) == ("one_time", "malformed", True)


def test_our_access_token_and_its_twin(check, own, person):
    own.certificates.all().delete()
    key = Secret(**signing_keys.new_secret("ES256"))
    parts = {"key": key.part("key")}
    CertificateFactory(application=own, active=True, algorithm="ES256", secret=parts)
    made = issuing.issue(person, "own", body={}, at=AT).token.reveal()
    for text in (made, twin_of(made)):
        found = check(text)
        assert (found.kind, found.verdict, found.application) == ("access", "", own)


# What says nothing


@pytest.fixture
def hashed(db):
    """A vendor's token that is only a hash, known by its row."""
    application = ApplicationFactory(slug="phone", provider="voximplant", public_id="app.account.voximplant.com")
    IssuedTokenFactory(application=application, certificate=None, digest=digests.digest("0f" * 16), resource="")
    return "0f" * 16


def test_a_text_that_says_nothing_is_known_by_its_row(check, hashed):
    row = IssuedToken.objects.get()
    found = check(hashed, at=AT + MINUTE)
    assert (found.kind, found.verdict, found.application) == ("vendor", "", row.application)
    assert found.report is not None
    assert (found.report.token, found.report.seen.subject) == (row, row.subject)
    assert told(found)["note"].startswith("The text itself says nothing")
    assert not any(word.startswith("signed_by") for word in told(found))


def test_its_end_is_told_too(check, hashed, person):
    assert check(hashed, at=AT + 10 * MINUTE).verdict == "expired"
    revoking.revoke_any(person, IssuedToken.objects.get().pk, reason="x", at=AT)
    assert check(hashed).verdict == "revoked"


def test_another_hash_is_a_stranger(check, hashed):
    assert check("f0" * 16).kind == "unknown"


# What was expected


def test_what_fits_is_not_mentioned(check, text, user):
    found = check(text, expected=Expected(resource="a", subject=f"user-{user.pk}", called="channel"))
    assert (found.verdict, "good" in told(found)) == ("", True)


@pytest.mark.parametrize(("called", "first"), [("channel", "channel"), ("resource", "resource")])
def test_another_channel(check, text, called, first):
    found = check(text, expected=Expected(resource="b", called=called))
    assert (found.verdict, "good" in told(found)) == ("resource_differs", False)
    assert told(found)["resource_differs"] == f"{first} differs: the token is for a, you expect b"


def test_another_subject(check, text, user):
    found = check(text, expected=Expected(subject="bob"))
    assert (found.verdict, told(found)["subject_differs"]) == (
        "subject_differs",
        f"subject differs: the token is for user-{user.pk}, you expect bob",
    )


def test_what_it_does_not_say_is_no_difference(check, hashed):
    found = check(hashed, expected=Expected(resource="b"))
    assert (found.verdict, "resource_not_said" in told(found)) == ("", True)


@pytest.mark.parametrize(
    ("wanted", "word", "verdict"),
    [("room-1", "resource_is_a_pattern", ""), ("lobby", "resource_differs", "resource_differs")],
)
def test_a_pattern_is_told_as_one(check, calls, person, wanted, word, verdict):
    calls.rules.update(wildcards=True, privileges=["subscriber"])
    made = issuing.issue(person, "calls", body={"channel": "room-*"}, at=AT).token.reveal()
    found = check(made, expected=Expected(resource=wanted, called="channel"))
    assert (found.verdict, word in told(found)) == (verdict, True)


def test_where_the_vendor_knows_no_patterns_a_star_is_a_star(check, text):
    IssuedToken.objects.all().delete()
    claims = jwt.decode(text, options={"verify_signature": False}) | {"roomId": "room-*"}
    made = jwt.encode(claims, VIDEOSDK_SECRET, algorithm="HS256")
    found = check(made, expected=Expected(resource="room-1"))
    assert "resource_is_a_pattern" not in told(found)
    assert "resource_differs" in told(found)


# Other credentials of ours


def test_a_refresh_token(check, own, user):
    made = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=AT)
    assert made.pair is not None
    first = made.pair.refresh_token.reveal()
    before = state()
    found = check(first, at=AT + MINUTE)
    assert (found.kind, found.verdict, found.application) == ("refresh", "", own)
    assert {"refresh", "good", "expires", "a_secret"} == told(found).keys()
    assert state() == before
    refreshing.refresh(first, at=AT + MINUTE)
    before = state()
    for later in (timedelta(seconds=10), timedelta(hours=1)):
        assert check(first, at=AT + MINUTE + later).verdict == "superseded"
    assert state() == before
    revoking.revoke_user(caller(user), user, reason="", at=AT + MINUTE)
    assert check(first, at=AT + timedelta(days=100)).verdict in {"expired", "family_closed"}


def test_a_refresh_token_within_its_grace(check, own, user):
    made = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=AT)
    assert made.pair is not None
    first = made.pair.refresh_token.reveal()
    refreshing.refresh(first, at=AT)
    before = state()
    found = check(first, at=AT + timedelta(seconds=3))
    assert (found.verdict, told(found)["retried"]) == (
        "within_grace",
        "may be presented again for 7 s: it is answered with the same successor",
    )
    assert "ends its chain" not in " ".join(told(found).values())
    assert state() == before
    user.set_password("another")
    user.save()
    assert check(first, at=AT + timedelta(seconds=3)).verdict == "password_changed"


def test_a_refresh_token_of_nobody(check, db):
    assert (check("tir_" + "x" * 90).kind, check("tir_" + "x" * 90).verdict) == ("refresh", "unknown")


def test_a_login_key(check, rooms, person):
    made = login_keys.make(person, "rooms", body={"roomId": "a"}, at=AT).text.reveal()
    before = state()
    found = check(made)
    assert (found.kind, found.verdict, found.application) == ("login_key", "", rooms)
    assert state() == before
    assert check(made, at=AT + MINUTE).verdict == "expired"
    OneTimeKey.objects.update(consumed_at=AT)
    found = check(made, at=AT + MINUTE)
    assert (found.verdict, told(found)["consumed"]) == ("consumed", "used 1 min ago: it was good once")
    assert (check(made[:-1] + "_").verdict, check(opaque.new("til_").reveal()).verdict) == ("malformed", "unknown")


@pytest.mark.parametrize("with_id", [True, False])
def test_an_api_key_is_recognised_and_its_use_not_noted(check, rooms, with_id):
    key, secret = api_key(application=rooms)
    pasted = f"{key.public_id}.{secret}" if with_id else secret
    before = state()
    found = check(pasted)
    assert (found.kind, found.verdict) == ("api_key" if with_id else "api_key_secret", "")
    assert found.held is not None
    assert (found.held.public_id, found.application) == (key.public_id, rooms)
    assert "revoke it" in told(found)["a_secret"]
    assert state() == before
    ApiKey.objects.update(revoked_at=AT, reason="leaked")
    found = check(pasted, at=AT + MINUTE)
    assert (found.verdict, told(found)["revoked"]) == ("revoked", "revoked 1 min ago because: leaked")


def test_api_keys_that_are_none(check, rooms):
    key, secret = api_key(application=rooms)
    other = opaque.new(opaque.API_KEY_SECRET).reveal()
    assert [check(each).verdict for each in (f"{key.public_id}.{other}", other)] == ["unknown", "unknown"]
    assert [check(each).verdict for each in (f"{key.public_id}.{secret}x", f"{secret}x")] == ["malformed", "malformed"]
    ApiKeySecret.objects.update(revoked_at=AT)
    assert check(secret).verdict == "secret_ended"
    assert check(key.public_id).kind == "unknown"


def test_what_a_server_signed_with_its_key(check, rooms):
    key, secret = api_key(application=rooms, may_sign=True, scopes=["tokens:issue"])
    made = signed(key.public_id, secret, ["tokens:issue"], at=AT)
    before = state()
    found = check(made)
    assert (found.kind, found.verdict, found.application) == ("self_signed", "", rooms)
    assert check(made, at=AT + timedelta(days=1)).verdict == "expired"
    assert check(signed(key.public_id, "z" * 64, ["tokens:issue"], at=AT)).verdict == "bad_signature"
    assert check(signed(ApiKeyFactory.build().public_id, secret, ["tokens:issue"], at=AT)).verdict == "unknown"
    assert state() == before


def signed(public_id, secret, permissions, *, at):
    start = int(at.timestamp())
    claims = {"apikey": public_id, "permissions": permissions, "iat": start, "exp": start + 600}
    return jwt.encode(claims, secret, algorithm="HS256")


# What is none


@pytest.mark.parametrize("garbage", ["", "   ", "hello", "x" * 100_000, "a.b.c", "007garbage", "tökn", "\ud800", "\0"])
def test_garbage(check, db, garbage):
    found = check(garbage)
    assert (found.kind, found.verdict, found.application) == ("unknown", "not_a_token", None)
    assert "pasted whole" in told(found)["not_a_token"]


def test_what_is_too_long_costs_no_query(check, admin, django_assert_num_queries):
    check("warm")  # the permissions
    with django_assert_num_queries(0):
        check("eyJ" + "A" * 1_000_000)


@pytest.mark.parametrize("pasted", ["Bearer {}", "Authorization: Bearer {}", ' "{}" ', "\n{}\n", "bearer  {}"])
def test_what_people_paste_around_it(check, text, pasted):
    assert check(pasted.format(text)).verdict == ""


def test_line_breaks_of_a_terminal(check, text):
    assert check("\n".join(text[start : start + 40] for start in range(0, len(text), 40))).verdict == ""


# A vendor's own words


def test_what_the_vendors_sdk_means(check, text):
    ((provider, error),) = check(text, code="4022").errors
    assert (provider.name, error.code) == ("videosdk", "4022")
    assert check(text, code="109").errors == ()


def test_for_a_stranger_every_vendor_is_asked(check, db):
    assert [provider.name for provider, _error in check("hello", code="109").errors] == ["agora"]
    (found,) = check("hello", code=" Dynamic Use Static Key ").errors
    assert found[1].code.endswith("dynamic use static key")
    assert check("hello").errors == ()


# Who may ask


def test_it_takes_its_own_permission(check, text, person):
    with pytest.raises(PolicyDenied, match=r"This takes the permission token_issuer\.inspect_issuedtoken\.") as error:
        check(text, by=person)
    assert error.value.reason == "inspection_not_permitted"


def server(application, *scopes):
    key = ApiKeyFactory(application=application, scopes=list(scopes))
    return caller(UserFactory.build(), origin=Origin.API_KEY, api_key=key, scopes=frozenset(scopes))


def test_a_server_asks_about_its_own_application(check, text, rooms):
    found = check(text, by=server(rooms, "tokens:introspect"))
    assert (found.verdict, found.application) == ("", rooms)


def test_a_server_needs_the_scope(check, text, rooms):
    with pytest.raises(PolicyDenied) as error:
        check(text, by=server(rooms, "tokens:issue"))
    assert error.value.reason == "scope_missing"


def test_an_access_token_stands_for_no_administrator(check, text, admin):
    with pytest.raises(PolicyDenied):
        check(text, by=caller(admin.user, scopes=frozenset({"tokens:introspect"})))


def test_each_check_is_logged_and_no_token(check, text, rooms, admin, caplog):
    caplog.set_level("INFO", logger="token_issuer")
    key = opaque.new(opaque.LOGIN_KEY).reveal()
    by_server = server(rooms, "tokens:introspect")
    for each, by in ((text, None), (key, by_server), ("hello", None)):
        check(each, by=by, expected=Expected(resource="b"))
    row, who = IssuedToken.objects.get(), f"user {admin.user.pk}"
    records = [record for record in caplog.records if record.event == "token_checked"]
    assert [(each.by, each.reason, each.token_id, each.application, each.provider) for each in records] == [
        (who, "resource_differs", str(row.pk), "rooms", "videosdk"),
        (f"API key {by_server.api_key.public_id}", "unknown", "", "", ""),
        (who, "not_a_token", "", "", ""),
    ]
    assert {(each.name, each.levelname) for each in records} == {("token_issuer.security", "INFO")}
    assert not any(secret in str(vars(each)) for each in records for secret in (text, key, "hello"))


def test_a_server_is_not_told_where_secrets_are(check, text, rooms):
    IssuedToken.objects.all().delete()
    rooms.certificates.update(sealed_secret=None, reference="file:/run/secrets/videosdk")
    found = check(text, by=server(rooms, "tokens:introspect"))
    fingerprint = rooms.certificates.get().fingerprint
    assert (found.verdict, told(found)["untried"]) == ("untried", f"{fingerprint} could not be tried")
    assert found.report is not None
    assert found.report.unopened == (f"{fingerprint} could not be tried",)
    assert "/run/secrets" in told(check(text))["untried"]


def test_a_foreign_twin_hides_no_token_from_its_own_server(check, hashed):
    own = IssuedToken.objects.get().application
    other = ApplicationFactory(slug="other-phone", provider="voximplant", public_id="b.account.voximplant.com")
    IssuedTokenFactory(
        application=other, certificate=None, digest=digests.digest(hashed), resource="", revoked_at=AT, reason="x"
    )
    found = check(hashed, by=server(own, "tokens:introspect"))
    assert (found.verdict, found.application) == ("", own)
    found = check(hashed, by=server(other, "tokens:introspect"))
    assert (found.verdict, found.application) == ("revoked", other)


def test_to_a_server_everybody_elses_is_unknown(check, text, hashed, once, own, user, rooms):
    other = server(ApplicationFactory(slug="other", ready=True, public_id="another"), "tokens:introspect")
    short = issuing.issue(caller(user), "once", body={}, at=AT).token.reveal()
    access = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=AT)
    for foreign in (text, hashed, short, access.token.reveal()):
        found = check(foreign, by=other)
        assert (found.kind, found.verdict, found.application) == ("unknown", "not_a_token", None)
    assert access.pair is not None
    key, secret = api_key(application=rooms)
    login_key = login_keys.make(caller(user), "rooms", body={"roomId": "a"}, at=AT).text.reveal()
    for foreign in (access.pair.refresh_token.reveal(), secret, f"{key.public_id}.{secret}", login_key):
        found = check(foreign, by=other)
        assert (found.verdict, found.application, told(found).keys()) == (
            "unknown",
            None,
            {found.kind, "unknown", "a_secret"},
        )


def test_applications_that_share_a_secret_do_not_tell_of_each_other(check, text, rooms):
    twin = ApplicationFactory(slug="twin", ready=True)
    found = check(text, by=server(twin, "tokens:introspect"))
    assert found.report is not None
    assert (found.verdict, found.report.token, found.application) == ("not_recorded", None, twin)
