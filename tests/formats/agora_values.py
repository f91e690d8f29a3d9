"""The arguments of the Agora codecs, from JSON: as we write it, and as the published vectors do."""

from __future__ import annotations

from typing import Any

from token_issuer.formats import agora007, packing

APP_ID = "970CA35de60c44645bbae8a215061b33"  # the public test project of the vendor's own suites
CERTIFICATE = b"5CFd2fd1755d40ecb72977518be15d3b"

_CLASSES: dict[int, type[agora007.Service]] = {
    made.number: made
    for made in (
        agora007.Rtc,
        agora007.Rtm,
        agora007.Streaming,
        agora007.Fpa,
        agora007.Chat,
        agora007.Fcdn,
        agora007.Apaas,
        agora007.Rtm2,
    )
}


def numbered(found: dict[str, Any]) -> dict[int, Any]:
    return {int(key): value for key, value in found.items()}


def service(asked: dict[str, Any]) -> agora007.Service:
    values = {name: value for name, value in asked.items() if name != "type"}
    values["privileges"] = numbered(values["privileges"])
    for name in ("uid", "account"):
        if name in values:
            values[name] = packing.uid_text(values[name])
    if "permissions" in values:
        values["permissions"] = {
            resource: {right: tuple(names) for right, names in numbered(rights).items()}
            for resource, rights in numbered(values["permissions"]).items()
        }
    return _CLASSES[asked["type"]](**values)


def for_007(asked: dict[str, Any]) -> dict[str, Any]:
    services = [service(one) for one in asked["services"]]
    return {**asked, "certificate": asked["certificate"].encode(), "services": services}


def for_006(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        **asked,
        "certificate": asked["certificate"].encode(),
        "uid": packing.uid_text(asked["uid"]),
        "privileges": numbered(asked["privileges"]),
    }


# The names of the published vectors, where they are not ours; the kind of a service is there twice.
_NAMES = {
    "app_certificate": "certificate",
    "issue_ts": "issued_ts",
    "expire": "lifetime",
    "ts": "ends_ts",
    "channel_name": "channel",
}


def _renamed(found: dict[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(name, name): value for name, value in found.items() if name != "service"}


def published_007(inputs: dict[str, Any]) -> dict[str, Any]:
    asked = _renamed(inputs)
    # The certificate of one token is not published.
    return for_007(
        {
            **asked,
            "certificate": asked["certificate"] or "",
            "services": [_renamed(one) for one in asked["services"]],
        }
    )


def published_006(inputs: dict[str, Any]) -> dict[str, Any]:
    return for_006(_renamed(inputs))
