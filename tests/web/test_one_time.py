"""Views that use a short token up before their work begins, whatever becomes of the work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, connections, transaction
from django.test import Client
from django.utils import timezone

from tests.factories import AT
from tests.statements import counted
from tests.web import once_views
from token_issuer.crypto import opaque
from token_issuer.models import IssuedToken
from token_issuer.services.transactions import OpenTransaction
from token_issuer.web.one_time import one_time

pytestmark = pytest.mark.django_db(databases="__all__")

SYNC = ["function/", "class/", "mixed/", "rest/", "rest-mixed/", "rest-function/"]
ASYNC = ["later/", "later-class/"]
ALL = [*SYNC, *ASYNC]
INVALID = 'Bearer realm="token_issuer", error="invalid_token"'


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.ROOT_URLCONF = once_views.__name__


@pytest.fixture(params=[True, False], ids=["atomic", "autocommit"])
def atomic(request, monkeypatch):
    """With ATOMIC_REQUESTS and without."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)
    return request.param


@pytest.fixture
def browser():
    """As Django answers a visitor: an exception is a 500. CSRF is really checked."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def used() -> bool:
    return IssuedToken.objects.get().consumed_at is not None


@pytest.mark.parametrize("address", ALL)
def test_a_good_token_comes_in(browser, short, user, atomic, address):
    response = browser.get(f"/{address}", headers=short())
    assert response.status_code == 200, response.content
    token = IssuedToken.objects.get()
    told = {name: response.json()[name] for name in ("user", "access", "id")}
    assert told == {"user": user.pk, "access": "readonly", "id": str(token.pk)}
    assert token.consumed_at is not None
    assert "Authorization" in response["Vary"]


@pytest.mark.parametrize("address", ALL)
def test_it_comes_in_once(browser, short, address):
    headers = short()
    assert browser.get(f"/{address}", headers=headers).status_code == 200
    Group.objects.all().delete()
    response = browser.get(f"/{address}", headers=headers)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, INVALID)
    assert not Group.objects.exists()


@pytest.mark.parametrize("address", ASYNC)
def test_under_asgi_too(async_client, short, user, address):
    ask, headers = async_to_sync(async_client.get), short()
    assert ask(f"/{address}", headers=headers).json()["user"] == user.pk
    assert ask(f"/{address}", headers=headers).status_code == 401


@pytest.mark.parametrize("address", SYNC)
def test_ordinary_views_under_asgi_too(async_client, short, address):
    ask, headers = async_to_sync(async_client.get), short()
    assert ask(f"/{address}", headers=headers).status_code == 200
    assert ask(f"/{address}", headers=headers).status_code == 401


def test_a_sort_stays_what_it_is():
    assert [iscoroutinefunction(view) for view in (once_views.function, once_views.later)] == [False, True]
    views = (once_views.Class, once_views.Mixed, once_views.LaterClass, once_views.Rest)
    assert [iscoroutinefunction(view.as_view()) for view in views] == [False, False, True, False]
    assert vars(once_views.Class.as_view())["view_class"] is once_views.Class


# Whatever the view answers or raises, the token stays used, and the view's own work ends as Django ends it

ENDINGS = {
    # how it ends: what is answered, and whether its work stays where each request is a transaction
    "200": (200, True),
    "400": (400, True),
    "403": (403, True),
    "500": (500, True),
    "denied": (403, False),
    "suspicious": (400, False),
    "broken": (500, False),
}


@pytest.mark.parametrize("address", ["function/", "class/", "mixed/"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_it_stays_used_and_the_work_ends_as_ever(browser, short, atomic, address, ending):
    status, stays = ENDINGS[ending]
    response = browser.post(f"/{address}{ending}/", headers=short(access="readwrite"))
    assert response.status_code == status
    assert used()
    assert Group.objects.exists() is (stays or not atomic)


@pytest.mark.parametrize("address", ["rest/", "rest-mixed/", "rest-function/"])
@pytest.mark.parametrize(
    ("ending", "status", "stays"),
    [("400", 400, True), ("invalid", 400, False), ("forbidden", 403, False), ("broken", 500, False)],
)
def test_rest_views_too(browser, short, atomic, address, ending, status, stays):
    """REST framework rolls back what it answers to an exception; it finds the transaction where it looks for it."""
    response = browser.get(f"/{address}{ending}/", headers=short())
    assert response.status_code == status
    assert used()
    assert Group.objects.exists() is (stays or not atomic)


def test_a_rollback_that_the_view_asks_for_gives_nothing_back(browser, short, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert browser.get("/function/rollback/", headers=short()).status_code == 200
    assert used()
    assert not Group.objects.exists()


def test_a_view_that_is_outside_transactions_stays_outside(browser, short, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    browser.get("/outside/broken/", headers=short())
    assert used()
    assert Group.objects.exists()


@pytest.mark.parametrize("address", ["function/", "class/", "mixed/"])
def test_the_view_runs_where_django_would_run_it(browser, short, atomic, address):
    """In one transaction more than this test's own, or in none."""
    before = len(connection.atomic_blocks)
    response = browser.get(f"/{address}", headers=short())
    assert response.json()["blocks"] == before + (1 if atomic else 0)


def test_every_database_is_left_to_the_decorator():
    for view in (once_views.function, once_views.outside, once_views.Class.as_view(), once_views.Rest.as_view()):
        assert {*connections} <= vars(view)["_non_atomic_requests"]


def test_what_a_view_says_of_itself_stays_its_own():
    def view(request):
        return None

    inner = transaction.non_atomic_requests(view)
    one_time(inner)
    assert vars(inner)["_non_atomic_requests"] == {"default"}


def test_an_asynchronous_view_is_not_run_where_it_would_need_a_transaction(browser, short, monkeypatch):
    """Django refuses this, too; nothing is used up."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    client = Client()
    with pytest.raises(RuntimeError, match="cannot use ATOMIC_REQUESTS with async views"):
        client.get("/later-within/", headers=short())
    assert not used()


def test_inside_a_transaction_of_somebodys_middleware_it_says_so(short, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.everything_in_one_transaction"]
    with pytest.raises(OpenTransaction, match="whose rollback would give a used token back"):
        Client().get("/function/", headers=short())
    assert not used()


def everything_in_one_transaction(get_response):
    def middleware(request):
        with transaction.atomic():
            return get_response(request)

    return middleware


def test_an_answer_that_is_rendered_late_is_one(browser, short, atomic):
    assert browser.get("/rendered/", headers=short()).content == b"yes"


# What is refused, and uses nothing up


@pytest.mark.parametrize("address", ALL)
def test_nobody_is_asked_for_one(browser, once, address):
    response = browser.get(f"/{address}")
    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")
    assert (response["WWW-Authenticate"], response["Cache-Control"]) == ('Bearer realm="token_issuer"', "no-store")


@pytest.mark.parametrize("address", ALL)
def test_a_session_does_not_count(browser, user, address):
    browser.force_login(user)
    assert browser.get(f"/{address}").status_code == 401


@pytest.mark.parametrize("address", ["function/", "class/", "mixed/", "rest/", "rest-function/", "later-class/"])
def test_a_readonly_token_changes_nothing_and_is_not_used_up(browser, short, address):
    headers = short()
    response = browser.post(f"/{address}", headers=headers)
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert response["WWW-Authenticate"] == 'Bearer realm="token_issuer", error="insufficient_scope"'
    assert not used()
    assert browser.get(f"/{address}", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_does_not_make_a_method_safe(browser, short, name):
    assert browser.post("/function/", headers={**short(), name: "GET"}).status_code == 403


def test_a_readwrite_token_posts_without_a_csrf_token(browser, short):
    """No cookie opens this view, so there is nothing to forge."""
    assert browser.post("/function/", headers=short(access="readwrite")).status_code == 200


def test_one_of_another_application_is_left(browser, short):
    headers = short()
    for address in ("elsewhere", "mixed-elsewhere"):
        response = browser.get(f"/{address}/", headers=headers)
        assert (response.status_code, response["WWW-Authenticate"]) == (401, INVALID)
    assert browser.get("/here/", headers=headers).status_code == 200


def test_an_access_token_is_none(browser, bearer):
    response = browser.get("/function/", headers=bearer)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("address", ALL)
def test_a_token_in_the_address_is_refused_and_not_used_up(browser, short, address):
    headers = short()
    text = headers["Authorization"].removeprefix("Bearer ")
    response = browser.get(f"/{address}?a=1&token={text}", headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert not used()


def test_a_cookie_and_a_form_are_no_headers(browser, short):
    text = short(access="readwrite")["Authorization"].removeprefix("Bearer ")
    browser.cookies["Authorization"] = browser.cookies["token"] = text
    assert browser.post("/function/", {"token": text, "access_token": text}).status_code == 401


def test_unknown_foreign_expired_revoked_and_used_look_the_same(browser, short, once):
    headers = {name: short() for name in ("used", "revoked", "expired", "foreign")}
    rows = dict(zip(headers, IssuedToken.objects.order_by("pk"), strict=True))
    IssuedToken.objects.filter(pk=rows["used"].pk).update(consumed_at=timezone.now())
    IssuedToken.objects.filter(pk=rows["revoked"].pk).update(revoked_at=timezone.now())
    IssuedToken.objects.filter(pk=rows["expired"].pk).update(issued_at=AT, expires_at=AT + timedelta(seconds=1))
    answers = [browser.get("/elsewhere/", headers=headers.pop("foreign"))]
    for text in (opaque.new(opaque.SHORT_TOKEN).reveal(), "tio_x", "x"):
        headers[text] = {"Authorization": f"Bearer {text}"}
    answers += [browser.get("/function/", headers=each) for each in headers.values()]
    assert {answer.status_code for answer in answers} == {401}
    assert len({(answer.content, *sorted(answer.headers.items())) for answer in answers}) == 1


def test_a_database_that_is_down_lets_nobody_in(browser, short):
    headers = short()

    def refuse(*arguments):
        raise OperationalError

    with connection.execute_wrapper(refuse):
        response = browser.get("/function/", headers=headers)
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_nobody_is_sent_to_sign_in(browser, short, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert browser.get("/function/").status_code == 401
    assert browser.get("/class/", headers=short()).status_code == 200


def test_one_that_is_good_until_it_expires_comes_in_again(browser, short):
    headers = short(one_time=False, lifetime=60)
    assert [browser.get("/rendered/", headers=headers).status_code for _ in range(3)] == [200] * 3
    IssuedToken.objects.update(issued_at=AT, expires_at=AT + timedelta(minutes=1))
    assert browser.get("/rendered/", headers=headers).status_code == 401


# Cost


def test_it_costs_a_select_and_an_update(browser, short):
    headers = short()
    with counted(2) as seen:
        browser.get("/rendered/", headers=headers)
    assert [statement.split()[0] for statement in seen] == ["SELECT", "UPDATE"]


def test_rest_framework_asks_nobody_else(browser, short):
    headers = short()
    with counted(3) as seen:
        browser.get("/rest/", headers=headers)
    assert "auth_group" in seen[2]
