"""The browser module: its own tests in Node's runner, its size, and its life with a real site."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command

from tests.factories import ApplicationFactory, RuleFactory, UserFactory
from token_issuer.models import IssuedToken

pytestmark = pytest.mark.peers

HERE = Path(__file__).parent
MODULE = HERE.parents[1] / "token_issuer" / "static" / "token_issuer" / "token-issuer.js"


def test_it_does_what_its_own_tests_say(node):
    run = subprocess.run(
        [node, "--test", "--test-reporter=spec", *map(str, sorted(HERE.glob("*.test.mjs")))],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=120,
    )
    assert run.returncode == 0, run.stdout[-8000:]
    assert int(re.findall(r"tests (\d+)", run.stdout)[-1]) > 50
    assert re.findall(r"(?:skipped|todo|cancelled) (\d+)", run.stdout) == ["0", "0", "0"]


def test_it_is_small_and_needs_nothing():
    code = MODULE.read_text(encoding="utf-8")
    assert "import " not in re.sub(r"import\(|//.*", "", code)
    bare = re.sub(r"/\*[\s\S]*?\*/|^\s*//.*$|\s//\s.*$", "", code, flags=re.MULTILINE)
    short = re.sub(r"\s*([=+*/{}(),;:?<>&|\n-])\s*", r"\1", bare)
    assert 4_000 < len(short.encode()) < 7_000  # and its names are as long as they are


def test_it_stores_and_signs_nothing():
    code = MODULE.read_text(encoding="utf-8")
    places = ("localStorage", "sessionStorage", "indexedDB", "caches", "cookie", "cookieStore", "crypto", "sign")
    assert [word for word in places if re.search(rf"\b{word}\b", code)] == []


@pytest.fixture
def signed_in(transactional_db, client):
    """The session of somebody who may listen in any room."""
    user = UserFactory()
    RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True))
    client.force_login(user)
    return client


@contextmanager
def page(node, live_server, client, **options):
    """The module with a session's cookie; ``order`` calls one of its functions and returns what happened."""
    arguments = [f"{live_server.url}/issuer/", client.cookies["sessionid"].value, json.dumps(options)]
    command = [node, str(HERE / "live.mjs"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        orders, answers = process.stdin, process.stdout
        assert orders is not None
        assert answers is not None

        def order(name):
            print(name, file=orders, flush=True)
            return json.loads(answers.readline())

        yield order
        orders.close()
        assert process.wait(timeout=10) == 0


@pytest.fixture
def plain_http(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REQUIRE_HTTPS": False}


def test_it_lives_with_a_real_site(node, live_server, signed_in, plain_http):
    with page(node, live_server, signed_in, application="calls", grant={"channel": "room-42"}) as order:
        first, again, second = order("get"), order("get"), order("renew")
        assert (first["events"], again["events"], second["events"]) == (["token"], [], ["token"])
        assert first["id"] == again["id"] != second["id"]
        assert {str(row.pk) for row in IssuedToken.objects.all()} == {first["id"], second["id"]}
        assert first["sdk"]["uid"] == second["sdk"]["uid"] == 16

        signed_in.logout()
        gone = order("renew")
        assert (gone["code"], gone["events"]) == ("not_authenticated", ["signed-out"])
        assert order("get")["code"] == "not_authenticated"
    assert IssuedToken.objects.count() == 2


def test_it_tells_a_real_denial(node, live_server, signed_in, plain_http):
    grant = {"channel": "room-42", "role": "publisher"}
    with page(node, live_server, signed_in, application="calls", grant=grant) as order:
        denied = order("get")
        assert (denied["code"], denied["reason"], denied["events"]) == (
            "policy_denied",
            "privilege_not_granted",
            ["denied"],
        )


def test_it_survives_names_with_a_digest_of_their_content(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    backend = f"{ManifestStaticFilesStorage.__module__}.{ManifestStaticFilesStorage.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    call_command("collectstatic", interactive=False, verbosity=0)
    (hashed,) = (tmp_path / "token_issuer").glob("token-issuer.*.js")
    assert hashed.read_text() == MODULE.read_text()
