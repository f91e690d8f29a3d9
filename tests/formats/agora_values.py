"""Turn the JSON of a vector into the values of the Agora codecs."""

from __future__ import annotations

from typing import Any

from token_issuer.formats import agora007, packing

APP_ID = "970CA35de60c44645bbae8a215061b33"  # the public test project of the vendor's own suites
CERTIFICATE = b"5CFd2fd1755d40ecb72977518be15d3b"


def _pairs(found: dict[str, Any]) -> dict[int, Any]:
    return {int(key): value for key, value in found.items()}


def service(found: dict[str, Any]) -> agora007.Service:
    rights = _pairs(found["privileges"])
    match found["type"]:
        case 1:
            return agora007.Rtc(privileges=rights, channel=found["channel_name"], uid=packing.uid_text(found["uid"]))
        case 3 | 6 as number:
            made = agora007.Streaming if number == 3 else agora007.Fcdn
            account = packing.uid_text(found["account"], "account")
            return made(privileges=rights, channel=found["channel_name"], account=account)
        case 2 | 5 as number:
            return (agora007.Rtm if number == 2 else agora007.Chat)(privileges=rights, user_id=found["user_id"])
        case 4:
            return agora007.Fpa(privileges=rights)
        case 7:
            return agora007.Apaas(
                privileges=rights, room_uuid=found["room_uuid"], user_uuid=found["user_uuid"], role=found["role"]
            )
        case _:
            permissions = {
                resource: {right: tuple(names) for right, names in _pairs(rights_of).items()}
                for resource, rights_of in _pairs(found["permissions"]).items()
            }
            return agora007.Rtm2(privileges=rights, user_id=found["user_id"], permissions=permissions)


def arguments_007(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "app_id": inputs["app_id"],
        "certificate": (inputs["app_certificate"] or "").encode(),
        "issued_ts": inputs["issue_ts"],
        "lifetime": inputs["expire"],
        "salt": inputs["salt"],
        "services": [service(one) for one in inputs["services"]],
    }


def arguments_006(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "app_id": inputs["app_id"],
        "certificate": inputs["app_certificate"].encode(),
        "channel": inputs["channel_name"],
        "uid": packing.uid_text(inputs["uid"]),
        "salt": inputs["salt"],
        "ends_ts": inputs["ts"],
        "privileges": _pairs(inputs["privileges"]),
    }
