"""The browser module's types: what a page writes compiles, what is wrong does not, and the module is as declared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.node import MODULES

pytestmark = pytest.mark.peers

FOLDER = Path(__file__).parents[2] / "token_issuer" / "static" / "token_issuer"
OPTIONS = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
USE = """
import AgoraRTC from "agora-rtc-sdk-ng";
import { createTokenSource, TokenError } from "./token-issuer.js";

interface Agora { appid: string; channel: string; token: string; uid: number }
const grant = { channel: "room-42" };
const source = createTokenSource<Agora>({ application: "rooms", grant, lifetime: "10m", slot: 1 });
const { sdk, renew_at, refresh_expires_at } = await source.get();
const client = AgoraRTC.createClient({ mode: "rtc", codec: "vp8" });
await client.join(sdk.appid, sdk.channel, sdk.token, sdk.uid);
source.addEventListener("token", ({ detail }) => client.renewToken(detail.sdk.token));
source.addEventListener("denied", ({ detail }) => detail.reason.length);
source.addEventListener("error", ({ detail }) => (detail instanceof TokenError ? detail.retryAfter : null));
const mayRenew: boolean = renew_at !== null;
const pairEnds: string | undefined = refresh_expires_at;
source.close();
export { mayRenew, pairEnds };
"""
WRONG = [
    ('application: "rooms"', "application: 5"),
    ('lifetime: "10m"', "lifetime: true"),
    ("slot: 1", "slots: 1"),
    ('"denied"', '"denyed"'),
    ("detail.sdk.token", "detail.sdk.tokens"),
    ("detail.reason.length", "detail.because"),
    ("source.close()", "source.shut()"),
    ("createTokenSource<", "createSource<"),
]


def complaints(folder: Path, program: str) -> str:
    """What the compiler says against a page's program."""
    (folder / "node_modules").symlink_to(MODULES)
    for name in ("token-issuer.js", "token-issuer.d.ts"):
        shutil.copy(FOLDER / name, folder)
    (folder / "page.ts").write_text(program, encoding="utf-8")
    command = [str(MODULES / ".bin" / "tsc"), *OPTIONS, "--skipLibCheck", "--pretty", "false", "page.ts"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, encoding="utf-8", timeout=120).stdout


def test_what_a_page_writes_compiles(tmp_path):
    assert complaints(tmp_path, USE) == ""


@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_what_is_wrong_does_not(tmp_path, right, wrong):
    assert right in USE
    assert "error TS" in complaints(tmp_path, USE.replace(right, wrong, 1))


def test_the_declarations_are_sound():
    command = [str(MODULES / ".bin" / "tsc"), *OPTIONS, "--pretty", "false", str(FOLDER / "token-issuer.d.ts")]
    run = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", timeout=120)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_module_exports_what_is_declared():
    script = f'import("{FOLDER}/token-issuer.js").then((found) => console.log(Object.keys(found).join(" ")))'
    run = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, check=True, text=True)
    assert run.stdout.split() == ["TokenError", "createTokenSource"]
