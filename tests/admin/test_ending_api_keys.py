"""API keys in the admin: rotated and revoked."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.addresses import url
from tests.admin.api_key_pages import SECRET, shown, text
from tests.admin.conftest import signed_in
from tests.factories import ApiKeySecretFactory, IssuedTokenFactory
from token_issuer.crypto import digests
from token_issuer.models import ApiKey, ApiKeySecret, Certificate, IssuedToken


def rotation(key, overlap=86_400, **changes):
    return {"overlap": overlap, "seen": key.secrets.latest("pk").fingerprint, **changes}


def test_rotating_shows_the_new_secret_once(site, key):
    old = key.secrets.get()
    answer = site.post(url("apikey", "rotate", key.pk), rotation(key))
    assert "no-store" in answer["Cache-Control"]
    assert key.secrets.latest("pk").digest == digests.digest(shown(answer))
    old.refresh_from_db()
    assert old.expires_at is not None
    assert LogEntry.objects.get().get_change_message() == "Rotated."


def test_a_rotation_that_is_sent_twice_makes_one_secret(site, key):
    posted = rotation(key, overlap=0)
    site.post(url("apikey", "rotate", key.pk), posted)
    answer = site.post(url("apikey", "rotate", key.pk), posted, follow=True)
    assert not SECRET.search(text(answer))
    assert "The API key got another secret in the meantime" in text(answer)
    assert ApiKeySecret.objects.count() == 2


def test_the_rotation_form_knows_which_secret_it_replaces(site, key):
    assert key.secrets.get().fingerprint in text(site.get(url("apikey", "rotate", key.pk)))


def test_revoking_ends_its_tokens_and_needs_a_reason(site, key, active):
    IssuedTokenFactory(certificate=active, api_key=key)
    page = url("apikey", "revoke", key.pk)
    assert "This field is required." in text(site.post(page, {"reason": ""}))
    site.post(page, {"reason": "it was in a repository"})
    assert (ApiKey.objects.get().reason, IssuedToken.objects.live(key.created_at).count()) == (
        "it was in a repository", 0,
    )  # fmt: skip
    assert LogEntry.objects.get().get_change_message() == "Revoked."


def test_rotating_and_revoking_need_their_own_permission(staff, key):
    editor = staff("view_apikey", "change_apikey", "add_apikey")
    pages = [url("apikey", deed, key.pk) for deed in ("rotate", "revoke")]
    assert {editor.post(page, {"reason": "because", **rotation(key)}).status_code for page in pages} == {403}
    rotator = staff("view_apikey", "rotate_apikey")
    assert shown(rotator.post(pages[0], rotation(key)))


def test_buttons_go_with_what_they_do(site, key):
    page = url("apikey", "change", key.pk)
    assert url("apikey", "rotate", key.pk) in text(site.get(page))
    ApiKey.objects.update(revoked_at=key.created_at)
    found = text(site.get(page))
    assert (url("apikey", "rotate", key.pk) in found, url("apikey", "revoke", key.pk) in found) == (False, False)


def test_a_keys_page_takes_the_same_queries_at_any_size(chief, key):
    site = signed_in(chief)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            site.get(url("apikey", "change", key.pk))
        return len(captured)

    queries()  # content types are read once
    few = queries()
    for _number in range(30):
        ApiKeySecretFactory(api_key=key, revoked_at=key.created_at)
    assert queries() == few
    assert Certificate.objects.count() == 1
