"""The commands of ``docs/vocalstack.md``, as they stand there."""

from __future__ import annotations

import shlex

import pytest

from example_project.standins.vocalstack import API_KEY, VocalStack
from tests.factories import UserFactory
from tests.papers import blocks, read
from token_issuer.models import Application, Certificate, IssuedToken

SETTING_UP, TRIAL = (
    shlex.split(block.replace("\\\n", "").partition("manage.py ")[2])
    for block in blocks(read("docs/vocalstack.md"), "sh")
)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("VOCALSTACK_API_KEY", API_KEY)


def test_it_is_set_up_by_one_command(run, db, key):
    assert run(*SETTING_UP).code == 0
    application, certificate = Application.objects.get(), Certificate.objects.get()
    assert (application.slug, application.public_id, certificate.purpose) == ("speech", "production", "call")
    assert certificate.activated_at is not None


def test_the_stand_in_gives_tokens_to_the_trial(run, db, key):
    UserFactory(username="ada")
    assert run(*TRIAL).code == 0
    with VocalStack() as server:
        Application.objects.update(options={"api_url": server.url})
        done = run("token_issuer_mint", "trial", "--user", "ada", "--lifetime", "5")
        assert (done.code, any(text in done.out for text in server.given)) == (0, True)
    assert IssuedToken.objects.get().one_time


def test_a_key_that_is_none_is_refused_and_not_quoted(run, db, monkeypatch):
    monkeypatch.setenv("VOCALSTACK_API_KEY", "two words")
    done = run(*SETTING_UP)
    assert (done.code, Application.objects.count()) == (1, 0)
    assert "two words" not in done.out + done.err


def test_a_vendor_that_says_no_is_one_line(run, db, key):
    UserFactory(username="ada")
    run(*TRIAL)
    with VocalStack(mode="refuse") as server:
        Application.objects.update(options={"api_url": server.url})
        done = run("token_issuer_mint", "trial", "--user", "ada")
    assert (done.code, done.out) == (1, "")
    assert "VocalStack refused: 401 Unauthorized." in done.err
    assert API_KEY not in done.err


def test_the_key_is_rotated_without_a_word_about_its_purpose(run, db, key, monkeypatch):
    run(*SETTING_UP)
    monkeypatch.setenv("VOCALSTACK_API_KEY", "the-next-key-of-this-site")
    done = run("token_issuer_rotate", "speech", "--activate", "--secret-from-env", "VOCALSTACK_API_KEY")
    assert done.code == 0
    UserFactory(username="ada")
    with VocalStack(api_key="the-next-key-of-this-site") as server:
        Application.objects.update(options={"api_url": server.url})
        assert run("token_issuer_mint", "speech", "--user", "ada").code == 0
    assert [row.purpose for row in Certificate.objects.all()] == ["call", "call"]
