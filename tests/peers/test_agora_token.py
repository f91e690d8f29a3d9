"""Our Agora codecs beside npm agora-token: what we write it reads, what it writes we write too, byte for byte."""

from __future__ import annotations

import base64
import zlib
from random import Random
from typing import Any

import pytest

from tests.formats.agora_values import for_006, for_007, service
from tests.peers import random_values
from tests.peers.node import ask
from token_issuer.errors import TokenMalformed
from token_issuer.formats import agora006, agora007, packing

pytestmark = pytest.mark.peers

ASKED_007 = [random_values.token_007(Random(f"007 {number}")) for number in range(random_values.COUNT)]
ASKED_006 = [random_values.token_006(Random(f"006 {number}")) for number in range(random_values.COUNT)]
APP_ID, CERTIFICATE = "970CA35de60c44645bbae8a215061b33", "5CFd2fd1755d40ecb72977518be15d3b"


def agora(operation: str, questions: list[dict[str, Any]]) -> list[Any]:
    return ask("agora_token.cjs", [{"op": operation, **question} for question in questions])


def built(builder: str, method: str, *args: Any) -> agora007.Decoded:
    """What a builder of the package makes, with the package's own time and salt."""
    [token] = agora("builder", [{"builder": builder, "method": method, "args": [APP_ID, CERTIFICATE, *args]}])
    found = agora007.decode(token)
    assert agora007.verify(found, CERTIFICATE.encode())
    return found


def sorted_by_type(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(services, key=lambda one: int(one["type"]))


def as_they_read(asked: dict[str, Any]) -> dict[str, Any]:
    """What the package finds in a service: the uid as text, and two known bugs."""
    found = {**asked}
    for name in {"uid", "account"} & asked.keys():
        found[name] = packing.uid_text(asked[name])
    if "role" in asked:
        found["role"] %= 65_536  # the signed role is read as unsigned, so -1 becomes 65,535
    if "permissions" in asked:
        found["permissions"] = {resource: rights for resource, rights in asked["permissions"].items() if rights}
    return found


def test_007_both_write_the_same_payload():
    theirs = [agora007.decode(token).payload for token in agora("encode007", ASKED_007)]
    assert [agora007.decode(agora007.encode(**for_007(asked))).payload for asked in ASKED_007] == theirs


def test_007_we_read_every_value_that_they_wrote():
    found = [agora007.decode(token) for token in agora("encode007", ASKED_007)]
    assert [list(one.services) for one in found] == [
        [service(one) for one in sorted_by_type(asked["services"])] for asked in ASKED_007
    ]
    assert [(one.app_id, one.issued_ts, one.lifetime, one.salt) for one in found] == [
        (asked["app_id"], asked["issued_ts"], asked["lifetime"], asked["salt"]) for asked in ASKED_007
    ]


def test_007_they_read_and_verify_what_we_wrote():
    found = agora(
        "decode007",
        [{"token": agora007.encode(**for_007(asked)), "certificate": asked["certificate"]} for asked in ASKED_007],
    )
    assert all(one.pop("verified") for one in found)
    for one, asked in zip(found, ASKED_007, strict=True):
        assert one.pop("services") == [as_they_read(wanted) for wanted in sorted_by_type(asked["services"])]
        assert one == {name: asked[name] for name in one}


def test_007_neither_verifies_with_another_certificate():
    other = "a" * 32
    tokens = [agora007.encode(**for_007(asked)) for asked in ASKED_007[:20]]
    found = agora("decode007", [{"token": token, "certificate": other} for token in tokens])
    assert [one["verified"] for one in found] == [agora007.verify(token, other.encode()) for token in tokens]


def test_006_both_write_the_same_text():
    assert [agora006.encode(**for_006(asked)) for asked in ASKED_006] == agora("encode006", ASKED_006)


def test_006_we_verify_what_they_wrote():
    tokens = agora("encode006", ASKED_006)
    assert all(
        agora006.verify(
            token, asked["certificate"].encode(), channel=asked["channel"], uid=packing.uid_text(asked["uid"])
        )
        for token, asked in zip(tokens, ASKED_006, strict=True)
    )


def test_006_they_read_what_we_wrote():
    tokens = [agora006.encode(**for_006(asked)) for asked in ASKED_006]
    ours = [agora006.decode(token) for token in tokens]
    assert agora("decode006", [{"token": token} for token in tokens]) == [
        {
            "app_id": one.app_id,
            "salt": one.salt,
            "ends_ts": one.ends_ts,
            "privileges": {str(key): value for key, value in one.privileges.items()},
            "channel_crc": one.channel_crc,
            "uid_crc": one.uid_crc,
        }
        for one in ours
    ]


# What the package's builders emit, which is what a site that leaves them for us must get


@pytest.mark.parametrize(("role", "rights"), [(1, [1, 2, 3, 4]), (2, [1])])
def test_rtc_builder(role, rights):
    found = built("RtcTokenBuilder", "buildTokenWithUid", "room", 42, role, 600, 600)
    assert found.services == (agora007.Rtc(privileges=dict.fromkeys(rights, 600), channel="room", uid="42"),)


def test_rtc_and_rtm_builder():
    found = built("RtcTokenBuilder", "buildTokenWithRtm", "room", "ann", 2, 600, 300)
    assert found.services == (
        agora007.Rtc(privileges={1: 300}, channel="room", uid="ann"),
        agora007.Rtm(privileges={1: 600}, user_id="ann"),
    )


def test_rtm2_builder_emits_service_2():
    found = built("RtcTokenBuilder", "buildTokenWithRtm2", "room", 42, 2, 600, 600, 0, 0, 0, "ann", 300)
    assert [one.number for one in found.services] == [1, 2]


def test_chat_builders():
    user, app = built("ChatTokenBuilder", "buildUserToken", "ann", 600), built("ChatTokenBuilder", "buildAppToken", 600)
    assert user.services == (agora007.Chat(privileges={agora007.Chat.USER: 600}, user_id="ann"),)
    assert app.services == (agora007.Chat(privileges={agora007.Chat.APP: 600}, user_id=""),)


# Known bugs and gaps of the package, version 2.0.6: each is asserted, so that a repair there is noticed here


def test_npm_makes_a_privilege_that_never_ends_by_default():
    found = built("RtcTokenBuilder", "buildTokenWithUid", "room", 42, 2, 600)
    assert found.services[0].privileges == {agora007.Rtc.JOIN_CHANNEL: 0}


def test_npm_forgets_the_privilege_of_a_room_user():
    """Every other language adds privilege 1; we follow the majority."""
    found = built("ApaasTokenBuilder", "buildRoomUserToken", "room", "ann", 2, 600)
    [apaas] = [one for one in found.services if isinstance(one, agora007.Apaas)]
    assert apaas == agora007.Apaas(privileges={}, room_uuid="room", user_uuid="ann", role=2)


def test_npm_turns_role_0_into_none():
    asked = {**ASKED_007[0], "services": [{"type": 7, "privileges": {}, "room_uuid": "", "user_uuid": "", "role": 0}]}
    [token] = agora("encode007", [asked])
    assert agora007.decode(token).services == (agora007.Apaas(privileges={}, room_uuid="", user_uuid="", role=-1),)


def test_npm_reads_role_none_as_65535():
    asked = {**ASKED_007[0], "services": [{"type": 7, "privileges": {}, "room_uuid": "", "user_uuid": "", "role": -1}]}
    token = agora007.encode(**for_007(asked))
    [found] = agora("decode007", [{"token": token, "certificate": asked["certificate"]}])
    assert (found["services"][0]["role"], found["verified"]) == (65_535, True)


def test_npm_knows_services_that_are_published_nowhere_else():
    """We name what we cannot read, and verify it all the same."""
    found = built("ConvoAITokenBuilder", "buildToken", "room", 42, 2, 600, 600, 0, 0, 0, "ann", 300)
    assert [one.number for one in found.services] == [1, 2]
    assert found.unread == agora007.Unread(number=9, count=1, data=b"\x00\x00")


def test_npm_accepts_bytes_after_the_end():
    token = (
        "007"
        + base64.b64encode(
            zlib.compress(agora007.decode(agora007.encode(**for_007(ASKED_007[0]))).payload + b"tail")
        ).decode()
    )
    [found] = agora("decode007", [{"token": token, "certificate": ASKED_007[0]["certificate"]}])
    assert found["app_id"] == ASKED_007[0]["app_id"]
    with pytest.raises(TokenMalformed, match=r"^The token has bytes after its end\.$"):
        agora007.decode(token)


def test_npm_reads_base64_that_is_not():
    token = agora007.encode(**for_007(ASKED_007[0]))
    loose = token[:20] + "\n" + token[20:]
    [found] = agora("decode007", [{"token": loose, "certificate": ASKED_007[0]["certificate"]}])
    assert found["verified"]
    with pytest.raises(TokenMalformed, match="Base64"):
        agora007.decode(loose)


@pytest.mark.parametrize("changes", [{"app_id": "invalid"}, {"certificate": "invalid"}, {"services": []}])
def test_npm_answers_an_empty_text_where_we_raise(changes):
    assert agora("encode007", [{**ASKED_007[0], **changes}]) == [""]


def test_npm_builds_006_for_any_project():
    [token] = agora("encode006", [{**ASKED_006[0], "app_id": "invalid", "certificate": "invalid"}])
    assert token.startswith("006invalid")


def test_npm_draws_the_salt_of_006_once_for_the_whole_process():
    question = {"args": [APP_ID, CERTIFICATE, "room", 42, 1, 1893456000]}
    first, second = (agora006.decode(token).salt for token in agora("builder006", [question, question]))
    assert first == second
