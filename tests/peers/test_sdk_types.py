"""The ``sdk`` part of an answer, handed to the vendors' own packages as TypeScript reads them.

``skipLibCheck`` is on because a declaration file of ``@videosdk.live/js-sdk`` 1.1.1 contradicts itself.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.papers import blocks, read
from tests.peers.node import MODULES
from tests.providers.orders import order
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.agora.grant import AgoraGrant, AgoraOptions
from token_issuer.providers.videosdk import VideoSDKGrant, VideoSDKProvider
from token_issuer.providers.voximplant import VoximplantGrant, VoximplantProvider

pytestmark = pytest.mark.peers

AGORA = """
import AgoraRTC from "agora-rtc-sdk-ng";
const sdk = %s;
const { appid, channel, token, uid, ...others } = sdk;
const nothing: Record<string, never> = others;
await AgoraRTC.createClient({ mode: "rtc", codec: "vp8" }).join(appid, channel, token, uid);
export { nothing };
"""
AGORA_CHOOSING = """
import AgoraRTC from "agora-rtc-sdk-ng";
const sdk = %s;
const { appid, token, uid, ...others } = sdk;
const nothing: Record<string, never> = others;
await AgoraRTC.createClient({ mode: "live", codec: "vp8" }).join(appid, "one of many", token, uid);
export { nothing };
"""
VIDEOSDK = """
import { VideoSDK } from "@videosdk.live/js-sdk";
const { token, ...meeting } = %s;
type Known = keyof Parameters<typeof VideoSDK.initMeeting>[0];
const everyNameIsKnown: keyof typeof meeting extends Known ? true : never = true;
VideoSDK.config(token);
VideoSDK.initMeeting(meeting);
export { everyNameIsKnown };
"""
VIDEOSDK_CHOOSING = """
import { VideoSDK } from "@videosdk.live/js-sdk";
const { token, ...meeting } = %s;
VideoSDK.config(token);
VideoSDK.initMeeting({ ...meeting, meetingId: "one of many" });
"""
VOXIMPLANT = """
import * as VoxImplant from "voximplant-websdk";
const { username, hash, ...others } = %s;
const nothing: Record<string, never> = others;
await VoxImplant.getInstance().loginWithOneTimeKey(username, hash);
export { nothing };
"""
# The codes that the web SDK knows by name; mobile ones have more.
VOXIMPLANT_CODES = """
import { AuthResultCode } from "voximplant-websdk";
type Known = `${AuthResultCode}`;
const told = %s as const;
type Told = (typeof told)[number];
const everyCodeIsTold: Known extends Told ? true : never = true;
export { everyCodeIsTold };
"""
OPTIONS = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext"]


def complaints(folder: Path, program: str, sdk: object) -> str:
    """What the compiler says against a program that uses these values."""
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(MODULES)
    (folder / "program.ts").write_text(program % json.dumps(sdk), encoding="utf-8")
    command = [
        str(MODULES / ".bin" / "tsc"),
        *OPTIONS,
        "--moduleResolution",
        "bundler",
        "--pretty",
        "false",
        "program.ts",
    ]
    run = subprocess.run(command, cwd=folder, capture_output=True, check=False, encoding="utf-8", timeout=120)
    assert (run.returncode == 0) == (not run.stdout), run.stderr
    return run.stdout


def agora(grant: AgoraGrant, **options: Any) -> dict[str, Any]:
    provider, parts = AgoraProvider(), {"certificate": "fedcba9876543210FEDCBA9876543210"}
    asked = order(grant, public_id="0" * 32, parts=parts, options=AgoraOptions(**options))
    return provider.sdk(provider.mint(asked), grant)


def videosdk(grant: VideoSDKGrant) -> dict[str, Any]:
    provider = VideoSDKProvider()
    minted = provider.mint(order(grant, public_id="api-key", parts={"secret": "s" * 32}))
    return provider.sdk(minted, grant)


def voximplant() -> dict[str, Any]:
    provider = VoximplantProvider()
    grant = VoximplantGrant(login_key="key", username="user-1")
    domain = "myapp.myaccount.voximplant.com"
    asked = order(grant, public_id=domain, parts={}, proof={"ha1": "0" * 32}, lifetime=300)
    return provider.sdk(provider.mint(asked), grant)


def test_agora_with_a_number(tmp_path):
    sdk = agora(AgoraGrant(channel="room-42", uid=16))
    assert (type(sdk["uid"]), list(sdk)) == (int, ["appid", "channel", "token", "uid"])
    assert complaints(tmp_path, AGORA, sdk) == ""


def test_agora_with_an_account(tmp_path):
    sdk = agora(AgoraGrant(channel="room-42", account="user-7"), subject="account")
    assert complaints(tmp_path, AGORA, sdk) == ""


def test_agora_for_any_user(tmp_path):
    assert complaints(tmp_path, AGORA, agora(AgoraGrant(channel="room-42", uid=0))) == ""


def test_agora_for_any_channel(tmp_path):
    assert complaints(tmp_path, AGORA_CHOOSING, agora(AgoraGrant(channel="", uid=16))) == ""


def test_videosdk_with_a_room(tmp_path):
    assert complaints(tmp_path, VIDEOSDK, videosdk(VideoSDKGrant(roomId="abcd-efgh-ijkl", participantId="16"))) == ""


def test_videosdk_for_any_room(tmp_path):
    assert complaints(tmp_path, VIDEOSDK_CHOOSING, videosdk(VideoSDKGrant(participantId="16"))) == ""


def test_voximplant(tmp_path):
    assert complaints(tmp_path, VOXIMPLANT, voximplant()) == ""


# What the page leaves to its site.
SITE = """
declare function loggedIn(tokens: unknown): void;
declare function failed(code: unknown): void;
declare function refused(why: unknown): void;
void (%s);
"""


def test_the_lines_of_our_page_fit_voximplants_sdk(tmp_path):
    lines = blocks(read("docs/voximplant.md"), "js")[0]
    page = lines.replace("(each) =>", "(each: any) =>") + SITE
    assert complaints(tmp_path, page, None) == ""
    assert "error TS" in complaints(tmp_path, page.replace("sdk.username, sdk.hash", "[sdk.hash]"), None)


def told_codes() -> list[str]:
    errors = VoximplantProvider.vendor.errors
    return [error.code.removeprefix("AuthResult: ") for error in errors if error.code.startswith("AuthResult")]


def test_voximplants_codes_are_those_of_its_sdk(tmp_path):
    assert complaints(tmp_path, VOXIMPLANT_CODES, told_codes()) == ""
    assert "error TS" in complaints(tmp_path, VOXIMPLANT_CODES, told_codes()[1:-1])


@pytest.mark.parametrize("changes", [{"username": 7}, {"hash": None}, {"token": "more"}])
def test_the_compiler_would_notice_in_voximplant(tmp_path, changes):
    assert "error TS" in complaints(tmp_path, VOXIMPLANT, {**voximplant(), **changes})


@pytest.mark.parametrize("changes", [{"uid": [16]}, {"uid": True}, {"token": 7}, {"channel": None}, {"appId": "more"}])
def test_the_compiler_would_notice_in_agora(tmp_path, changes):
    assert "error TS" in complaints(tmp_path, AGORA, {**agora(AgoraGrant(channel="room-42", uid=16)), **changes})


@pytest.mark.parametrize("changes", [{"participantId": 16}, {"meetingId": None}, {"token": None}, {"roomId": "a"}])
def test_the_compiler_would_notice_in_videosdk(tmp_path, changes):
    sdk = videosdk(VideoSDKGrant(roomId="abcd-efgh-ijkl", participantId="16"))
    assert "error TS" in complaints(tmp_path, VIDEOSDK, {**sdk, **changes})
