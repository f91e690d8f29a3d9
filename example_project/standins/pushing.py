"""Agora's and VideoSDK's server APIs as far as revocations go: they take what they document, and refuse the rest."""

from __future__ import annotations

import json
from http import HTTPStatus

from example_project.standins.server import Asked, Reply, in_json

RULES = "/dev/v1/kicking-rule"
REMOVE = "/v2/sessions/participants/remove"
END = "/v2/sessions/end"


def agora(asked: Asked) -> Reply:
    """Make a banning rule."""
    if (asked.method, asked.path) != ("POST", RULES):
        return in_json({"message": "not found"}, status=HTTPStatus.NOT_FOUND)
    if not asked.headers.get("authorization", "").startswith("Basic "):
        return in_json({"message": "Invalid authentication credentials"}, status=HTTPStatus.UNAUTHORIZED)
    rule = _body(asked)
    if not {"appid", "privileges"} <= rule.keys() or not isinstance(rule.get("uid", 1), int):
        return in_json({"message": "invalid parameter"}, status=HTTPStatus.BAD_REQUEST)
    return in_json({"status": "success", "id": 1953})


def videosdk(asked: Asked) -> Reply:
    """Remove a participant, or end a session."""
    wanted = {REMOVE: {"participantId", "roomId"}, END: {"roomId"}}.get(asked.path)
    if asked.method != "POST" or wanted is None:
        return in_json({"message": "Not found"}, status=HTTPStatus.NOT_FOUND)
    if asked.headers.get("authorization", "").count(".") != 2:
        return in_json({"message": "Token is invalid or expired"}, status=HTTPStatus.UNAUTHORIZED)
    body = _body(asked)
    if not wanted <= body.keys():
        return in_json({"message": "Validation failed"}, status=HTTPStatus.BAD_REQUEST)
    return in_json({"id": "62429766903bdf001299cac5", "roomId": body["roomId"], "status": "ongoing"})


def _body(asked: Asked) -> dict[str, object]:
    try:
        found = json.loads(asked.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
