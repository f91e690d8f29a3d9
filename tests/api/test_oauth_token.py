"""``POST oauth/token``: refreshing, and a server's key for its own access token (RFC 6749 sections 4.4, 5 and 6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.utils import timezone

from tests.api.machines import FORM, OAUTH_HEADERS, Machine, assert_error, basic
from tests.factories import ApplicationFactory, RuleFactory, api_key, caller
from tests.statements import counted
from token_issuer.models import ApiKey, Application, IssuedToken, Origin, Principal, Rule, TokenFamily
from token_issuer.services import issuing, verifying

SCOPES = {"orders:read": "See your orders", "orders:write": "Change your orders"}
BOTH = "orders:read orders:write"
REFUSED = "The token is not valid."


@pytest.fixture
def shop(own, configure):
    """An application for access tokens that everybody may read and write with."""
    configure(SCOPES=SCOPES)
    Rule.objects.update(privileges=[*SCOPES])
    Application.objects.update(public_id="shop")
    own.refresh_from_db()
    return own


@pytest.fixture
def holder():
    return Machine()


@pytest.fixture
def pair(shop, user):
    return issued(user)


@pytest.fixture
def server(shop):
    """A server's key, with its secret."""
    return api_key(application=shop, scopes=["tokens:issue", "orders:read", "orders:write"])


def issued(user, *, scope=BOTH, **who):
    return issuing.issue(
        caller(user, origin=Origin.BEARER, **who),
        "own",
        body={"scope": scope},
        at=timezone.now() - timedelta(minutes=1),
    )


def text_of(made) -> str:
    return made.pair.refresh_token.reveal()


# Refreshing


def test_a_refresh_answers_what_the_standard_says(holder, pair):
    response = holder.refresh(text_of(pair))
    body = response.json()
    assert response.status_code == 200
    assert {name: response[name] for name in OAUTH_HEADERS} == OAUTH_HEADERS
    assert set(body) == {
        "access_token", "token_type", "expires_in", "scope", "refresh_token", "refresh_expires_at",
    }  # fmt: skip
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, BOTH)
    assert body["refresh_token"] != text_of(pair)
    assert verifying.verify(body["access_token"], at=timezone.now()).scopes == set(SCOPES)


def test_the_successor_goes_on(holder, pair):
    for generation in range(1, 4):
        pair = holder.refresh(text_of(pair) if generation == 1 else pair.json()["refresh_token"])
    assert TokenFamily.objects.get().generation == 3


def test_a_token_without_scopes_has_no_scope(holder, shop, user):
    assert "scope" not in holder.refresh(text_of(issued(user, scope=""))).json()


def test_a_part_may_be_asked_for(holder, pair):
    assert holder.refresh(text_of(pair), scope="orders:read").json()["scope"] == "orders:read"


@pytest.mark.parametrize("scope", ["orders:read admin", "a b", 'x"', "orders:read ", " orders:read", "é", "a\\b"])
def test_more_may_not(holder, pair, scope):
    assert_error(holder.refresh(text_of(pair), scope=scope), 400, "invalid_scope")
    assert TokenFamily.objects.get().generation == 0


def test_what_policy_takes_away_is_told(holder, pair):
    Rule.objects.update(privileges=["orders:read"])
    assert holder.refresh(text_of(pair)).json()["scope"] == "orders:read"


def test_what_policy_denies_is_denied_and_nothing_is_consumed(holder, pair):
    Rule.objects.all().delete()
    response = holder.refresh(text_of(pair))
    assert_error(response, 400, "access_denied", "Policy denied this: no_rule.")
    assert TokenFamily.objects.get().generation == 0


def test_a_used_token_is_refused_and_ends_the_family(holder, pair):
    made = holder.refresh(text_of(pair)).json()
    TokenFamily.objects.update(rotated_at=timezone.now() - timedelta(seconds=11))
    assert_error(holder.refresh(text_of(pair)), 400, "invalid_grant", REFUSED)
    assert_error(holder.refresh(made["refresh_token"]), 400, "invalid_grant", REFUSED)


def test_whatever_is_wrong_with_a_token_looks_the_same(holder, pair, user):
    answers = {holder.refresh(text).content for text in ("x", "tir_x", pair.token.reveal(), "tio_x", "é")}
    family = TokenFamily.objects
    for change in ({"closed_at": timezone.now()}, {"closed_at": None, "idle_expires_at": timezone.now()}):
        family.update(**change)
        answers.add(holder.refresh(text_of(pair)).content)
    family.update(idle_expires_at=timezone.now() + timedelta(days=1))
    user.is_active = False
    user.save()
    answers.add(holder.refresh(text_of(pair)).content)
    assert answers == {b'{"error":"invalid_grant","error_description":"The token is not valid."}'}


def test_it_is_five_statements(holder, pair):
    with counted(5):
        assert holder.refresh(text_of(pair)).status_code == 200


def test_the_audit_learns_from_where(holder, pair):
    holder.headers["User-Agent"] = "an app"
    holder.headers["X-Request-ID"] = "r-1"
    holder.refresh(text_of(pair))
    row = IssuedToken.objects.get(generation=1)
    assert (row.ip, row.user_agent, row.request_id, row.origin) == ("127.0.0.1", "an app", "r-1", Origin.REFRESH)


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda: ApplicationFactory._meta.model.objects.update(provider="gone"), 503),
        (lambda: Application.objects.get().certificates.update(revoked_at=timezone.now()), 503),
    ],
)
def test_what_is_the_sites_trouble_may_be_tried_again(holder, pair, break_it, code):
    break_it()
    response = holder.refresh(text_of(pair))
    assert_error(response, code, "temporarily_unavailable")
    assert int(response["Retry-After"]) >= 5


def test_a_database_that_does_not_answer_is_503(holder, pair):
    def fail(execute, sql, params, many, context):
        raise OperationalError(2003, "no route to 192.0.2.1")

    with connection.execute_wrapper(fail):
        response = holder.refresh(text_of(pair))
    assert_error(response, 503, "temporarily_unavailable")
    assert b"192.0.2.1" not in response.content


# Who refreshes


def test_the_application_may_be_named_as_the_client(holder, pair):
    assert holder.refresh(text_of(pair), client_id="shop").status_code == 200


def test_a_client_without_a_value_is_none(holder, pair):
    assert holder.refresh(text_of(pair), client_id="", scope="", client_secret="").status_code == 200


def test_a_public_client_may_come_in_the_header(pair):
    assert Machine("shop", "").refresh(text_of(pair)).status_code == 200


def test_another_public_client_must_not(holder, pair):
    assert_error(holder.refresh(text_of(pair), client_id="another"), 400, "invalid_grant")


def test_the_servers_own_pair_is_refreshed_by_the_server(server, user):
    key, secret = server
    made = issued(user, api_key=key)
    response = Machine(key.public_id, secret).refresh(text_of(made))
    assert response.status_code == 200
    again = Machine().refresh(response.json()["refresh_token"], client_id=key.public_id, client_secret=secret)
    assert again.status_code == 200


def test_a_servers_pair_may_be_refreshed_by_its_holder(holder, server, user):
    assert holder.refresh(text_of(issued(user, api_key=server[0]))).status_code == 200


def test_another_server_must_not(shop, server, user):
    other, secret = api_key(application=shop)
    assert_error(
        Machine(other.public_id, secret).refresh(text_of(issued(user, api_key=server[0]))), 400, "invalid_grant"
    )


def test_a_server_that_does_not_prove_itself_is_refused(holder, server, user):
    made = issued(user, api_key=server[0])
    assert_error(holder.refresh(text_of(made), client_id=server[0].public_id), 401, "invalid_client")
    assert TokenFamily.objects.get().generation == 0


@pytest.mark.parametrize("wrong", ["x", "tis_x", ""])
def test_a_wrong_secret_is_refused(pair, server, wrong):
    response = Machine(server[0].public_id, wrong).refresh(text_of(pair))
    assert_error(response, 401, "invalid_client")
    assert response["WWW-Authenticate"] == 'Basic realm="token_issuer", charset="UTF-8"'


def test_an_ended_key_is_refused(pair, server):
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_error(Machine(server[0].public_id, server[1]).refresh(text_of(pair)), 401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic e30=", "Basic //79", "Bearer x", "Digest x=1", "x"])
def test_a_header_that_is_no_credential_is_refused(holder, pair, header):
    holder.headers["Authorization"] = header
    assert_error(holder.refresh(text_of(pair)), 401, "invalid_client")


def test_credentials_come_in_one_way(server, pair):
    key, secret = server
    machine = Machine(key.public_id, secret)
    for form in ({"client_secret": secret}, {"client_id": "shop"}, {"client_id": key.public_id, "client_secret": "x"}):
        assert_error(machine.refresh(text_of(pair), **form), 400, "invalid_request")


def test_the_same_name_twice_is_one_name(server, user):
    key, secret = server
    made = issued(user, api_key=key)
    assert Machine(key.public_id, secret).refresh(text_of(made), client_id=key.public_id).status_code == 200


def test_the_apis_own_header_is_known_too(server, user):
    key, secret = server
    machine = Machine()
    machine.headers["Authorization"] = f"Api-Key {key.public_id}.{secret}"
    assert machine.refresh(text_of(issued(user, api_key=key))).status_code == 200


# A server's own token


def exchange(server, **form):
    key, secret = server
    return Machine(key.public_id, secret).post("token", grant_type="client_credentials", **form)


def test_a_server_gets_a_token_of_its_own(server):
    body = exchange(server).json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert body["scope"] == f"{BOTH} tokens:issue"
    found = verifying.verify(body["access_token"], at=timezone.now())
    assert (found.principal, found.subject) == (Principal.API_KEY, server[0].public_id)
    assert isinstance(found.user, AnonymousUser)
    assert not TokenFamily.objects.exists()


def test_it_may_ask_for_less(server):
    assert exchange(server, scope="orders:read").json()["scope"] == "orders:read"


@pytest.mark.parametrize("scope", ["tokens:revoke", "orders:read unknown"])
def test_it_may_not_ask_for_more(server, scope):
    assert_error(exchange(server, scope=scope), 400, "invalid_scope")


@pytest.mark.parametrize("form", [{}, {"scope": "orders:read"}])
def test_a_key_that_acts_as_a_user_has_no_token_of_its_own(shop, user, form):
    server = api_key(application=shop, scopes=["orders:read", "tokens:issue"], acts_as=user)
    assert_error(exchange(server, **form), 400, "unauthorized_client")
    assert not IssuedToken.objects.exists()


def test_nobody_has_no_credentials_to_exchange(holder, shop):
    response = holder.post("token", grant_type="client_credentials", client_id="shop")
    assert_error(response, 401, "invalid_client")


def test_a_vendors_application_has_no_tokens_for_servers(db):
    rooms = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application
    assert_error(exchange(api_key(application=rooms)), 400, "unauthorized_client")


def test_a_site_may_say_no(server, configure):
    configure(POLICIES={"own": "tests.api.site_policies.denies"})
    assert_error(exchange(server), 400, "access_denied")


# What is asked


@pytest.mark.parametrize("grant_type", ["password", "authorization_code", "Refresh_token", "urn:x"])
def test_another_grant_type_is_not_supported(holder, pair, grant_type):
    response = holder.post("token", grant_type=grant_type, refresh_token=text_of(pair), username="a", password="b")
    assert_error(response, 400, "unsupported_grant_type")


@pytest.mark.parametrize("form", [{}, {"grant_type": ""}, {"grant_type": "refresh_token"}])
def test_what_is_missing_is_named(holder, db, form):
    assert_error(holder.post("token", **form), 400, "invalid_request")


def test_unknown_fields_are_ignored(holder, pair):
    """RFC 6749 section 3.2: the server must ignore unrecognised request parameters."""
    assert holder.refresh(text_of(pair), resource="x", foo="bar").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=refresh_token&grant_type=refresh_token",
        b"grant_type=refresh_token&scope=a&scope=",
        b"grant_type=refresh_token&refresh_token=a&refresh_token=b",
        b"grant_type=refresh_token&refresh_token=%ff",
        b"grant_type=refresh_token&refresh_token=\xff",
        b"grant_type=refresh_token&refresh_token=%00",
        b"grant_type",
        b"grant_type=refresh_token&" + b"&".join(b"a%d=1" % n for n in range(30)),
        b"grant_type=refresh_token&refresh_token=" + b"a" * 17_000,
    ],
)
def test_a_form_that_is_not_plain_is_refused(holder, db, body):
    with counted(0):
        assert_error(holder.send("token", body), 400, "invalid_request")


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "", f"{FORM}; charset=latin-1"]
)
def test_another_kind_of_body_is_refused(holder, db, kind):
    response = holder.send("token", b'{"grant_type": "refresh_token"}', kind=kind)
    assert_error(response, 400, "invalid_request")


def test_a_compressed_form_is_refused(holder, db):
    response = holder.send("token", b"grant_type=refresh_token", **{"Content-Encoding": "gzip"})
    assert_error(response, 400, "invalid_request")


@pytest.mark.parametrize("query", ["refresh_token=x", "grant_type=refresh_token", "client_id=a", "x=1"])
def test_nothing_is_read_from_the_address(holder, pair, query):
    response = holder.client.post(
        f"/issuer/oauth/token/?{query}",
        f"grant_type=refresh_token&refresh_token={text_of(pair)}",
        content_type=FORM,
        secure=True,
    )
    assert_error(response, 400, "invalid_request")
    assert TokenFamily.objects.get().generation == 0


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_only_post_is_answered(holder, db, method, path):
    response = getattr(holder.client, method)(f"/issuer/oauth/{path}/", secure=True)
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    if method != "head":
        assert response.json()["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_plain_http_is_refused(holder, db, path):
    assert_error(holder.send(path, b"", secure=False), 400, "invalid_request", "Use HTTPS.")


def test_both_spellings_of_the_address_answer(holder, pair):
    form = f"grant_type=refresh_token&refresh_token={text_of(pair)}"
    assert holder.client.post("/issuer/oauth/token", form, content_type=FORM, secure=True).status_code == 200


def test_a_description_holds_only_what_the_standard_allows(holder, pair):
    response = holder.refresh(text_of(pair), scope="a!b c#d")
    assert_error(response, 400, "invalid_scope")
    described = response.json()["error_description"]
    assert all(" " <= mark <= "~" and mark not in '"\\' for mark in described)


def test_basic_credentials_are_encoded_as_a_form_is():
    assert basic("a b", "c:d") == "Basic YStiOmMlM0Fk"


@pytest.mark.django_db(transaction=True)
def test_a_refresh_is_committed_under_a_hosts_transactions(holder, pair, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert holder.refresh(text_of(pair)).status_code == 200
    assert TokenFamily.objects.get().generation == 1
