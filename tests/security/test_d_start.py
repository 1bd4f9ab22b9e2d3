"""ATTACKS.md, rows D02, Z14 and L15: one unsafe setting, and the process refuses to start; without it, it starts."""

import re
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from django.db import connections

from governance.checks import configuration, servers
from governance.checks.configuration import CONFIGURATION, OTHERS
from governance.checks.starting import faults
from governance.conf.settings import VaultSettings, vault_settings
from governance.identity.members import add_member
from governance.keys.providers.local import create_root_key
from tests.architecture.reading_source import variables
from tests.conftest import OPERATOR, make_person, make_tenant
from tests.processes import environment, wait_for
from tests.security.test_c_ciphertext import admin
from tests.security.test_t_workers import free_port, get

NET = "postgresql://threadvault_app:x@db.example.com/threadvault"
SETTINGS = {
    "E001": "DEBUG = True",
    "E002": "MIDDLEWARE = [*MIDDLEWARE, 'silk.middleware.SilkyMiddleware']",
    "E003": "MIDDLEWARE = ['django.middleware.cache.UpdateCacheMiddleware', *MIDDLEWARE]",
    "E003 serializer": "CACHES = {'default': {**CACHES['default'], 'OPTIONS': {}}}",
    "E004": "CELERY_WORKER_ENABLE_REMOTE_CONTROL = True",
    "E005": "CELERY_ACCEPT_CONTENT = ['json', 'pickle']",
    "E006": "DATABASES = {**DATABASES, 'default': {**DATABASES['default'], 'ENGINE': 'django.db.backends.sqlite3'}}",
    "E007": "DATABASES['audit']['OPTIONS']['isolation_level'] = 4",
    "E008": "DATABASES['default']['ATOMIC_REQUESTS'] = True",
    "E009": f"from settings import env\nDATABASES = {{**DATABASES, 'default': env.database({NET!r}, {{}})}}",
    "E010": "DATABASES['owner']['USER'] = DATABASES['default']['USER']",
    "E011": "CELERY_BROKER_URL = 'redis://:x@broker.example.com:6379/0'",
    "E012": "CELERY_BROKER_URL = 'rediss://broker.example.com:6379/0'",
    "E013": "REST_FRAMEWORK = {**REST_FRAMEWORK, 'DEFAULT_RENDERER_CLASSES': ['rest_framework.renderers.BrowsableAPIRenderer']}",
    "E017": "ALLOWED_HOSTS = ['*']",
}
VARIABLES = {
    "E015": {"THREADVAULT_GRANT_" + "SECOND": "5"},
    "E016": {"THREADVAULT_AUDIT_SINKS": "ftp://example.com/x"},
    "E018": {"THREADVAULT_DETECTOR_MODULE": "names.py"},
    "E019": {"THREADVAULT_OIDC_ISSUER": "http://id.example.com"},
    "E024": {"THREADVAULT_ROOT_KEY": "local:/nowhere/root.key"},
}
START = "import settings.wsgi; print('started')"


@pytest.fixture
def start(tmp_path, transactional_db):
    """Start what a WSGI server imports, on settings with one line more, or with other variables."""
    key = tmp_path / "own.key"
    create_root_key(key)

    def run(line="", **variables):
        (tmp_path / "changed.py").write_text(f"from settings.test import *\n{line}\n")
        given = environment(
            DJANGO_SETTINGS_MODULE="changed", PYTHONPATH=f"{tmp_path}:{Path.cwd()}", THREADVAULT_EMBEDDED="0", **variables
        )
        given.setdefault("THREADVAULT_AUDIT_KEY", "ab" * 32)
        if "THREADVAULT_ROOT_KEY" not in variables:
            given["THREADVAULT_ROOT_KEY"] = f"local:{key}"
        return subprocess.run([sys.executable, "-c", START], env=given, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("code", SETTINGS)
def test_d02_an_unsafe_setting_refuses_to_start(code, start):
    done = start(SETTINGS[code])
    assert (done.returncode, done.stdout) == (1, ""), done.stderr[-600:]
    assert f"governance.{code.split()[0]} " in done.stderr


@pytest.mark.parametrize("code", VARIABLES)
def test_d02_an_unsafe_variable_refuses_to_start(code, start):
    done = start(**VARIABLES[code])
    assert (done.returncode, done.stdout) == (1, ""), done.stderr[-600:]
    assert f"governance.{code} " in done.stderr


def test_d02_control_the_same_without_it_starts(start):
    done = start()
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr[-600:]


ROLES = {
    "E021": ("SET idle_in_transaction_session_timeout = 0", "RESET idle_in_transaction_session_timeout"),
    "E022": ("SET lock_timeout = 0", "SET lock_timeout = '5s'"),
    "E023": ("BYPASSRLS", "NOBYPASSRLS"),
    "E007": ("SET default_transaction_isolation = 'serializable'", "RESET default_transaction_isolation"),
}


@pytest.mark.parametrize("code", ROLES)
def test_d02_a_server_that_gives_the_role_too_much_refuses_the_start(code, start):
    role, (spoil, mend) = connections["default"].settings_dict["USER"], ROLES[code]
    kept = {"E021": "", "E022": "-c idle_in_transaction_session_timeout=60s"}.get(code)
    unset = f"for alias in DATABASES: DATABASES[alias]['OPTIONS']['options'] = {kept!r}" if kept is not None else ""
    with admin() as outside:
        outside.execute(f'ALTER ROLE "{role}" {spoil}')
        try:
            done = start(unset)
        finally:
            outside.execute(f'ALTER ROLE "{role}" {mend}')
    assert done.returncode == 1
    assert f"governance.{code} " in done.stderr


def test_j19_a_database_older_than_the_code_refuses_the_start_and_a_newer_one_does_not(start):
    """New code on an old schema would write what is not there; old code on a new one works: migrations only add first."""
    with admin() as outside:
        last = "SELECT app, name FROM django_migrations WHERE app = 'governance' ORDER BY name DESC LIMIT 1"
        app, name = outside.execute(last).fetchone()
        outside.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", [app, name])
        try:
            old = start()
        finally:
            outside.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", [app, name])
        outside.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('governance', '9999_later', now())")
        try:
            new = start()
        finally:
            outside.execute("DELETE FROM django_migrations WHERE name = '9999_later'")
    assert (old.returncode, old.stdout) == (1, "")
    assert f"governance.E026 The database lacks 1 migrations, governance.{name} first." in old.stderr
    assert (new.returncode, new.stdout) == (0, "started\n"), new.stderr[-600:]


def test_d02_active_people_of_the_demonstration_refuse_the_start(start):
    tenant = make_tenant("demo")
    person = make_person(tenant, "analyst")
    root = {"THREADVAULT_ROOT_KEY": vault_settings().root_key_uri}  # What the tenant's versions are wrapped by.
    assert "governance.E025 " in start(**root).stderr
    assert start(THREADVAULT_DEMO="1", **root).returncode == 0
    assert person.is_active
    assert add_member(tenant=tenant, user=person, role="auditor", actor=OPERATOR)


def test_d02_a_key_that_others_may_read_refuses_the_start(start, tmp_path):
    key = tmp_path / "root.key"
    create_root_key(key)
    assert start(THREADVAULT_ROOT_KEY=f"local:{key}").returncode == 0
    key.chmod(0o644)
    assert "governance.E024 " in start(THREADVAULT_ROOT_KEY=f"local:{key}").stderr


def test_d02_a_real_server_and_a_real_worker_refuse(transactional_db, tmp_path):
    (tmp_path / "changed.py").write_text("from settings.test import *\nDEBUG = True\n")
    given = environment(DJANGO_SETTINGS_MODULE="changed", PYTHONPATH=f"{tmp_path}:{Path.cwd()}")
    gunicorn = [sys.executable, "-m", "gunicorn", "settings.wsgi:application", "-b", f"127.0.0.1:{free_port()}", "-w", "1"]
    worker = [sys.executable, "-m", "celery", "-A", "settings.celery", "worker", "--pool", "solo", "-Q", "nothing"]
    for command in (gunicorn, worker):
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode != 0
        assert "governance.E001 " in done.stderr


def test_d02_control_a_real_server_starts_on_safe_settings(transactional_db):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "settings.wsgi:application", "-b", f"127.0.0.1:{port}", "-w", "1"]
    running = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: get(port, "/livez", "localhost"))[0] == 200
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def test_every_check_has_a_start_that_it_refuses():
    told = {code.split()[0] for code in (*SETTINGS, *VARIABLES, *ROLES)} | {"E025", "E026", "E027", "E014", "E020"}
    source = "".join(Path(module.__file__).read_text("utf-8") for module in (configuration, servers))
    assert {f"E{int(number):03}" for number in re.findall(r"_error\(\s*(\d+)", source)} == told
    assert len(CONFIGURATION) == 12


def test_every_variable_of_the_source_is_known():
    fields = {f"THREADVAULT_{name.upper()}" for name in VaultSettings.model_fields}
    ours = {name for name in variables() if name.startswith("THREADVAULT_")}
    assert ours - fields - OTHERS == set()


def test_d02_a_server_that_does_not_answer_refuses_the_start(start):
    done = start("DATABASES['default']['HOST'] = '/nowhere'")
    assert "governance.E020 " in done.stderr


@pytest.mark.parametrize("name", ["django", "djangorestframework", "celery"])
def test_z14_an_older_version_refuses_to_start(name, monkeypatch, transactional_db):
    real = metadata.version
    monkeypatch.setattr(configuration, "version", lambda asked: "3.2.1" if asked == name else real(asked))
    assert [error.id for error in configuration.versions()] == ["governance.E014"]


def test_z14_control_the_installed_versions_are_new_enough():
    assert configuration.versions() == []


@pytest.mark.parametrize("tool", configuration.TOOLBARS)
def test_l15_tools_that_keep_queries_are_refused(tool, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{tool}.middleware.Keeps"]
    assert [error.id for error in configuration.toolbars()] == ["governance.E002"]


def test_l15_no_query_is_kept_and_the_control_with_debug_on_keeps_them(tenant, settings):
    from django.db import connection, reset_queries

    with connection.cursor() as cursor:
        cursor.execute("SELECT 'a text of somebody'")
    assert connection.queries == []
    settings.DEBUG = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'a text of somebody'")
    assert "a text of somebody" in connection.queries[-1]["sql"]
    reset_queries()


def test_the_suites_own_settings_are_safe(transactional_db, monkeypatch):
    monkeypatch.setenv("THREADVAULT_AUDIT_KEY", "ab" * 32)
    assert faults() == []
