"""The README, followed word for word: its four edits and its commands in a new project, its fetch over HTTP."""

from __future__ import annotations

import inspect
import json
import os
import re
import runpy
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from example_project import policy
from tests.papers import CHECKOUT, blocks, read

# Processes with databases of their own; once is enough.
pytestmark = pytest.mark.engine("sqlite")

README = read("README.md")
PASSWORD = "correct horse"
INSTALL = "python -m pip install ."


def test_the_first_example_is_the_example_projects_policy():
    module = inspect.getsource(policy)
    assert blocks(README, "python")[0] == module[module.index("from example_project") :]


def test_the_two_commands_are_targets_of_the_makefile():
    commands = [line.split("#")[0].split() for line in blocks(README, "sh")[0].splitlines()]
    targets = re.findall(r"^(\w+):", read("Makefile"), re.MULTILINE)
    assert [word for word, _ in commands] == ["make", "make"]
    assert [target for _, target in commands if target not in targets] == []


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built and installed; the new project sees this and not the checkout."""
    assert blocks(README, "sh")[1].strip() == INSTALL
    target = tmp_path_factory.mktemp("package")
    offline = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, *INSTALL.split()[1:], *offline, "--target", str(target)]
    subprocess.run(command, cwd=CHECKOUT, check=True)
    return target


@pytest.fixture(scope="module")
def project(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project with the edits of the README."""
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", str(folder)], check=True)
    for edit in blocks(README, "python")[1:]:
        name, _, code = edit.partition("\n")
        with (folder / name.removeprefix("# ")).open("a") as file:
            file.write(f"\n{code}")
    return folder


@pytest.fixture(scope="module")
def site(project: Path, package: Path):
    """The new project after the commands of the README, serving."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    commands = blocks(README, "sh")[2].replace("createsuperuser", "createsuperuser --noinput")
    assert commands.endswith("python manage.py runserver\n")
    server = f"exec {commands.splitlines()[-1]} --noreload 127.0.0.1:{port}"
    script = "\n".join(["set -e", *commands.splitlines()[:-1], server])
    with (project / "log").open("w") as log:
        process = subprocess.Popen(["bash", "-c", script], cwd=project, env=new_shell(package), stdout=log, stderr=log)
    try:
        yield awaited(f"http://127.0.0.1:{port}/", process, project / "log")
    finally:
        process.terminate()
        process.wait(timeout=10)


def new_shell(package: Path) -> dict[str, str]:
    """The environment of somebody who has read the README: nothing of ours but the package and Agora's two values."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(package),
        "DJANGO_SUPERUSER_USERNAME": "root",
        "DJANGO_SUPERUSER_EMAIL": "root@example.com",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "AGORA_APP_ID": "0123456789abcdef0123456789abcdef",
        "AGORA_APP_CERTIFICATE": "fedcba9876543210fedcba9876543210",
    }


def awaited(site: str, process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(300):
        try:
            browser(site).get("admin/login/")
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.2)
        else:
            return site
    pytest.fail(f"the new project does not serve:\n{log.read_text()}")


def browser(site: str) -> Any:
    """A browser without JavaScript, of the script that the demo uses."""
    return runpy.run_path(str(CHECKOUT / "scripts" / "mint_over_http.py"))["Browser"](site)


@pytest.fixture(scope="module")
def answer(site: str) -> dict[str, Any]:
    """What the first fetch of the README answers."""
    return fetched(site, blocks(README, "js")[0])


def fetched(site: str, code: str) -> dict[str, Any]:
    """What a fetch for a token answers to somebody signed in, sent with the address, headers and body that it has."""
    (listing,) = re.findall(r'fetch\("/(issuer/applications/)"', blocks(README, "js")[0])
    (address,) = re.findall(r'fetch\("/(issuer/applications/[^"]+)"', code)
    person = browser(site)
    person.sign_in("root", PASSWORD, path="admin/login/?next=/admin/")
    csrf_token = json.loads(person.get(listing))["csrf_token"]
    headers = json.loads(found(r"headers: (\{.*\}),", code).replace("csrf_token", f'"{csrf_token}"'))
    body = re.sub(r"(\w+): ", r'"\1": ', found(r"JSON\.stringify\((\{.*\})\)", code))
    return json.loads(person.post(address, body.encode(), headers))


def found(pattern: str, code: str) -> str:
    text, *_ = re.findall(pattern, code)
    return str(text)


def test_a_new_project_that_follows_the_readme_mints(answer):
    assert answer["token"].startswith("007")
    assert answer["sdk"]["token"] == answer["token"]


def test_the_answer_of_the_readme_is_the_one_that_comes(answer):
    told = json.loads(blocks(README, "json")[0])
    differing = {"token", "token_id", "issued_at", "expires_at", "renew_at", "server_time", "sdk"}
    assert answer.keys() == told.keys()
    assert {name: answer[name] for name in told.keys() - differing} == {
        name: told[name] for name in told.keys() - differing
    }
    assert {**answer["sdk"], "token": ""} == {**told["sdk"], "token": ""}


def test_the_doctor_of_the_new_project_finds_nothing(answer, project):
    log = (project / "log").read_text()
    assert "✓ rooms" in log
    assert "✗" not in log


@pytest.fixture(scope="module")
def own(site: str, project: Path, package: Path) -> str:
    """The site of the new project after the commands for tokens of its own."""
    script = f"set -e; set -a; . ./.env; set +a\n{blocks(README, 'sh')[3]}"
    subprocess.run(["bash", "-c", script], cwd=project, env=new_shell(package), check=True, capture_output=True)
    return site


@pytest.fixture(scope="module")
def access(own: str) -> str:
    """What the second fetch of the README sends to the site's own views."""
    return f"Bearer {fetched(own, blocks(README, 'js')[1])['token']}"


def view(site: str, path: str, authorization: str) -> tuple[int, Any]:
    """What one of the README's views answers."""
    request = urllib.request.Request(site + path, headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("path", ["notes/api/", "notes/latest/"])
def test_views_of_the_readme_take_access_tokens(own, access, path):
    assert view(own, path, access) == (200, {"kind": "access", "subject": "user-1"})
    assert view(own, path, "Bearer x")[0] == 401


def test_a_view_of_the_readme_takes_one_time_tokens_once(own):
    code = blocks(README, "js")[1].replace("/api/", "/downloads/").replace('{ scope: "notes:read" }', "{}")
    once = f"Bearer {fetched(own, code)['token']}"
    assert view(own, "notes/download/", once) == (200, {"kind": "one_time", "subject": "user-1"})
    assert view(own, "notes/download/", once)[0] == 401


def test_the_servers_key_of_the_readme_opens_what_it_may(own, project):
    public_id, secret = re.findall(r"^TOKEN_ISSUER_API_\w+=(\S+)$", (project / "server.env").read_text(), re.MULTILINE)
    assert view(own, "notes/api/", f"Api-Key {public_id}.{secret}") == (200, {"kind": "api_key", "subject": public_id})
    assert view(own, "notes/api/", f"Api-Key {public_id}.{secret[:-1]}")[0] == 401


def test_the_new_project_publishes_its_key(own):
    with urllib.request.urlopen(f"{own}.well-known/jwks.json") as response:
        assert [key["alg"] for key in json.load(response)["keys"]] == ["EdDSA"]


def test_the_quickstart_registers_the_same_applications():
    commands = blocks(README, "sh")[3].splitlines()[:2]
    assert "\n".join(f"   {command}" for command in commands) in read("docs/quickstart.md")
