"""The hostile defaults bite where they are not pinned: without this, a run here would prove nothing."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import path
from rest_framework.views import APIView


class Unpinned(APIView):
    """What a site's own view gets."""


urlpatterns = [path("unpinned/", Unpinned.as_view())]


@pytest.mark.urls(__name__)
@pytest.mark.django_db(databases=["default", "other"])
def test_an_unpinned_view_only_says_teapot(admin_client: Client):
    assert admin_client.get("/unpinned/").status_code == 418


def test_every_request_is_one_transaction():
    assert all(database["ATOMIC_REQUESTS"] for database in settings.DATABASES.values())


@pytest.mark.urls(__name__)
@pytest.mark.django_db
def test_an_unpinned_view_wants_the_other_database_too(admin_client: Client):
    with pytest.raises(AssertionError, match="to 'other' are not allowed"):
        admin_client.get("/unpinned/")


@pytest.mark.django_db
def test_views_want_a_login(client):
    assert client.get("/admin/jsi18n/").status_code == 302
