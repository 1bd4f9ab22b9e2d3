"""ATTACKS.md, rows D01, D03 to D05: what is deployed. Each row has its control."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from governance.runtime.checking import BIN, NODEV
from tests.architecture.secrets_in_tree import files_of_tree, found_in

ROOT = Path(__file__).resolve().parents[2]


def run(command, **extra):
    import os

    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **extra, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def check_deploy(**extra):
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return run(command, **{**NODEV, **extra})


def test_d01_production_settings_have_no_warning():
    done = check_deploy()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("name", ["THREADVAULT_SECRET_KEY", "THREADVAULT_ALLOWED_HOSTS", "THREADVAULT_ROOT_KEY"])
def test_d01_a_missing_secret_is_named(name):
    done = check_deploy(**{name: ""})
    assert done.returncode != 0
    assert f"Set {name}" in done.stderr


def test_d01_control_development_settings_do_warn():
    done = check_deploy(DJANGO_SETTINGS_MODULE="settings.test")
    assert done.returncode != 0
    assert "security.W" in done.stderr


@pytest.fixture(scope="module")
def sbom(tmp_path_factory):
    target = tmp_path_factory.mktemp("sbom") / "sbom.json"
    run([str(BIN / "cyclonedx-py"), "requirements", "requirements.txt", "--pyproject", "pyproject.toml", "-o", str(target)])
    return {part["name"].lower(): part["version"] for part in json.loads(target.read_text())["components"]}


def locked():
    return dict(
        re.findall(r"^([A-Za-z0-9_.-]+)==(\S+?)(?: ;.*)? \\$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    )


def test_d03_the_sbom_is_complete_and_is_what_runs(sbom):
    assert {name.lower() for name in locked()} <= sbom.keys()
    for name in ("django", "cryptography", "celery", "psycopg", "cedarpy", "django-unfold", "djangorestframework"):
        assert sbom[name] == version(name)


def test_d03_control_a_package_outside_the_lock_is_not_in_it(sbom):
    assert "pytest" not in sbom


def test_d04_bandit_finds_nothing():
    done = run([str(BIN / "bandit"), "-q", "-c", "pyproject.toml", "-r", "governance", "settings", "manage.py"])
    assert done.returncode == 0, done.stdout


def test_d04_control_bandit_finds_what_is_planted(tmp_path):
    (tmp_path / "bad.py").write_text("import pickle\npickle.loads(b'')\neval('1')\n")
    assert run([str(BIN / "bandit"), "-q", "-r", str(tmp_path)]).returncode == 1


def test_d05_no_credentials_in_the_tree():
    assert found_in(files_of_tree()) == []


def test_d05_control_a_planted_credential_is_found(tmp_path):
    planted = tmp_path / "settings.ini"
    planted.write_text("aws = AKIA" + "IOSFODNN7EXAMPLQ\n")
    assert found_in([str(planted)])
