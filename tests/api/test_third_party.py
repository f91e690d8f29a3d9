"""One file of a third party, named in the settings, has its endpoint, its form's schema and its OpenAPI component."""

from __future__ import annotations

from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests import doors
from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory
from token_issuer.api.schema import document
from token_issuer.models import IssuedToken
from token_issuer.registry import get_provider


@pytest.fixture
def dropped_in(tmp_path, monkeypatch, configure):
    """A package with that one file."""
    package = tmp_path / "locksmith"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "doors.py").write_text(Path(doors.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    configure(PROVIDERS={"add": ["locksmith.doors.DoorProvider"]})


@pytest.fixture
def application(dropped_in, db):
    application = ApplicationFactory(slug="house", provider="doors")
    CertificateFactory(application=application, active=True, secret={"secret": "k" * 32})
    return RuleFactory(application=application, privileges=["out"]).application


def test_it_is_offered_with_its_schema(browser, application):
    (offer,) = browser.get("applications/").json()["applications"]
    assert (offer["provider"], offer["grant"]["required"]) == ("doors", ["door"])
    escort = offer["grant"]["properties"]["escort"]
    assert (escort["additionalProperties"], [*escort["properties"]]) == (False, ["name"])


def test_it_issues(browser, application, user):
    made = browser.post("applications/house/tokens/", {"door": "front", "escort": {"name": "Ada"}}).json()
    assert (made["provider"], made["subject"], made["resource"]) == ("doors", f"user-{user.pk}", "front")
    assert made["sdk"] == {"door": "front", "key": made["token"]}
    assert get_provider("doors").inspect(made["token"]).expires_at == IssuedToken.objects.get().expires_at


def test_it_is_limited_like_any(browser, application):
    response = browser.post("applications/house/tokens/", {"door": "front", "way": "in"})
    assert (response.status_code, response.json()["reason"]) == (403, "privilege_not_granted")
    response = browser.post("applications/house/tokens/", {"door": ""})
    assert response.json()["reason"] == "wildcard_not_granted"


def test_it_is_revoked(browser, application):
    made = browser.post("applications/house/tokens/", {"door": "front"}).json()
    assert browser.post(f"tokens/{made['token_id']}/revoke/").json()["sentence"] == "A key opens until it expires."


def test_it_is_described(dropped_in):
    found = document()
    OpenAPIV31SpecValidator(found).validate()
    schema = found["components"]["schemas"]["TokenRequest_doors"]
    assert (schema["title"], schema["additionalProperties"]) == ("Doors", False)
    assert set(schema["properties"]) == {"door", "way", "escort", "lifetime", "slot", "on_behalf_of"}
    assert {"$ref": "#/components/schemas/TokenRequest_doors"} in found["components"]["schemas"]["TokenRequest"][
        "anyOf"
    ]
