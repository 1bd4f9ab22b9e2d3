"""Backups and their way back, in this process: what is equal afterwards, and what is refused."""

import json
import stat
import subprocess
import sys

import pytest
from django.db import connections

from governance.access.errors import AccessDenied
from governance.audit.canonical import SYSTEM
from governance.audit.models import AuditEntry
from governance.audit.signers import audit_signer
from governance.conf.settings import PREFIX, vault_settings
from governance.crypto.hpke import RecipientKey, key_id
from governance.crypto.wrapping import new_secret
from governance.custody.recovery import backing_up, catalogue, checking, restoring
from governance.custody.recovery.errors import (
    FileInTheWay,
    NotEmpty,
    NothingToBackUp,
    NotProven,
    SchemaDiffers,
    SignedByAnother,
    WrongRecoveryKey,
)  # fmt: skip
from governance.custody.recovery.recovery_keys import make_recovery_key
from governance.identity.models import Tenant, User
from governance.identity.scoping import tenant_scope
from governance.keys.providers import forget_providers
from governance.keys.providers.local import create_root_key
from governance.pipeline.running import run_classification
from governance.runtime.postgres import ADMIN
from tests.architecture.reading_source import ROOT
from tests.conftest import _owner, as_principal, item, make_tenant, store
from tests.custody.recovering import KEY, back_up, bring_back, empty_host, every_row, keys_folder, restore
from tests.processes import environment, wait_for


@pytest.fixture
def host(tmp_path):
    """Where the key files of this run lie while a test plays on an empty host."""
    aside = tmp_path / "keys-of-the-old-host"
    yield aside
    if aside.exists():
        bring_back(aside)


@pytest.fixture
def backup(tenant, people, stored, tmp_path):
    path = tmp_path / "one.tvb"
    back_up(path)
    return path


def system_bodies():
    with tenant_scope(SYSTEM):
        return [json.loads(body) for body in AuditEntry.objects.order_by("sequence").values_list("body", flat=True)]


def is_empty():
    return not Tenant.objects.exists() and not User.objects.exists()


def test_everything_is_there_again_row_by_row(tenant, people, stored, tmp_path, host):
    other = make_tenant()
    store(other, item("only", "Mail me at lee@example.com"))
    rows, sequences, guards = every_row()
    made = back_up(tmp_path / "one.tvb")
    empty_host(host)
    done = restore(tmp_path / "one.tvb")
    again, set_to, guarded = every_row()
    entries = [row for row in again["governance_auditentry"] if "backup.restored" not in row[0]]
    assert {**again, "governance_auditentry": entries} == rows
    moved = {name for name in sequences if sequences[name] != set_to[name]}
    assert moved == {"governance_auditentry_id_seq"}
    assert guarded == guards
    assert (done.tenants, done.rows, done.envelopes) == (2, made.rows, 2)
    assert run_classification(other.id).redacted == 2, "the workers go on where they were"


def test_both_acts_are_on_the_record(backup, host):
    [created] = system_bodies()
    facts = {name: created[name] for name in ("event", "recovery_key", "root_key", "tenants", "signed_by", "operator")}
    assert facts == {
        "event": "backup.created", "recovery_key": key_id(KEY.public), "root_key": True, "tenants": 1,
        "signed_by": audit_signer().public.hex(), "operator": "test",
    }  # fmt: skip
    empty_host(host)
    restore(backup)
    [restored] = system_bodies()
    assert restored["event"] == "backup.restored"
    assert restored["digest"] == created["digest"], "a backup does not hold the entry that it was made"


def test_a_member_needs_the_right_and_a_fresh_second_factor(tenant, people, stored, tmp_path):
    officer, analyst = people["security_officer"], people["analyst"]
    for refused in (as_principal(tenant, analyst, second_factor=True), as_principal(tenant, officer)):
        with pytest.raises(AccessDenied):
            back_up(tmp_path / "refused.tvb", principal=refused)
    assert list(tmp_path.iterdir()) == []
    back_up(tmp_path / "made.tvb", principal=as_principal(tenant, officer, second_factor=True))
    assert system_bodies()[-1]["actor"] == str(officer.id)


def test_a_backup_is_one_moment_of_all_tables(tenant, people, stored, tmp_path, host, monkeypatch):
    """A chat that comes in while tables are read is in none of them."""
    original = backing_up._rows

    def while_reading(raw, writer, table, of, tally):
        if table.name == "governance_message" and of == tenant.id:
            store(tenant, item("late", "I came late."))
        original(raw, writer, table, of, tally)

    monkeypatch.setattr(backing_up, "_rows", while_reading)
    back_up(tmp_path / "one.tvb")
    tables = checking.check_backup(path=tmp_path / "one.tvb", recovery=KEY).manifest.tables
    assert tables["governance_conversation"]["rows"] == 3
    assert tables["governance_message"]["rows"] == 6
    empty_host(host)
    assert restore(tmp_path / "one.tvb").tenants == 1


def test_sessions_stay_out(backup):
    found = checking.check_backup(path=backup, recovery=KEY).manifest
    assert set(found.left_out) == {"django_migrations", "django_session", "usersessions_usersession"}
    assert not set(found.left_out) & set(found.tables)
    assert {"governance_apitoken", "mfa_authenticator", "governance_user", "governance_auditentry"} <= set(found.tables)


def test_the_header_tells_four_things_in_clear(backup, tenant):
    header = checking.read_header(backup)
    assert (header.installation, header.recovery_key) == (str(tenant.id), key_id(KEY.public))
    assert tenant.slug.encode() not in backup.read_bytes()


def test_the_file_is_the_owners_alone_and_never_written_over(backup):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    before = backup.read_bytes()
    with pytest.raises(FileInTheWay):
        back_up(backup)
    assert backup.read_bytes() == before
    assert list(backup.parent.iterdir()) == [backup]


def test_nothing_is_backed_up_where_no_tenant_is(transactional_db, tmp_path):
    with pytest.raises(NothingToBackUp):
        back_up(tmp_path / "none.tvb")
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_use_is_refused(backup):
    rows = every_row()
    with pytest.raises(NotEmpty, match="governance_tenant"):
        restore(backup)
    assert every_row() == rows


def test_a_record_without_tenants_is_in_use_too(backup, host):
    """Rows of the record are hidden from the tables' owner by row security; they are seen all the same."""
    from governance.audit.recording import record_now

    empty_host(host)
    record_now(tenant=SYSTEM, event="signin.failed", actor_kind="nobody")
    with pytest.raises(NotEmpty, match="governance_auditentry"):
        restore(backup)
    assert is_empty()
    assert not keys_folder().exists() or list(keys_folder().glob("root.key")) == []


def test_another_recovery_key_opens_nothing(backup, host):
    empty_host(host)
    other = RecipientKey(new_secret())
    with pytest.raises(WrongRecoveryKey, match=f"{key_id(KEY.public)}; this one is {key_id(other.public)}"):
        restore(backup, recovery=other)
    assert is_empty()


def test_the_signature_that_is_demanded_must_be_there(backup, host):
    mine = audit_signer().public.hex()
    empty_host(host)
    with pytest.raises(SignedByAnother):
        restore(backup, signed_by="00" * 32)
    assert restore(backup, signed_by=mine.upper()).signed_by == mine


def known_migrations(monkeypatch, change):
    """Let this program know other migrations than it has."""
    from django.db.migrations.loader import MigrationLoader

    class Loader(MigrationLoader):
        def build_graph(self):
            super().build_graph()
            change(self.graph.nodes)

    monkeypatch.setattr(restoring, "MigrationLoader", Loader)


def test_a_backup_of_a_newer_version_is_refused(backup, host, monkeypatch):
    empty_host(host)
    last = max(name for app, name in connections_migrations() if app == "governance")
    known_migrations(monkeypatch, lambda nodes: nodes.pop(("governance", last)))
    with pytest.raises(SchemaDiffers, match=f"governance.{last}, which this version"):
        restore(backup)
    assert is_empty()


def test_a_backup_of_an_older_version_names_the_version_that_restores_it(backup, host, monkeypatch):
    empty_host(host)
    known_migrations(monkeypatch, lambda nodes: nodes.update({("governance", "9999_later"): None}))
    with pytest.raises(SchemaDiffers, match="made by version .* before governance.9999_later"):
        restore(backup)
    assert is_empty()


def connections_migrations():
    connections["owner"].ensure_connection()
    return catalogue.migrations(connections["owner"].connection)


def test_without_its_root_key_nothing_is_restored(tenant, people, stored, tmp_path, host):
    path = tmp_path / "without.tvb"
    assert not back_up(path, root_key=False).root_key
    empty_host(host)
    with pytest.raises(NotProven, match="Without its root key nothing of this backup opens.*missing"):
        restore(path)
    create_root_key(keys_folder() / "root.key")
    forget_providers()
    with pytest.raises(NotProven, match="another key"):
        restore(path)
    assert is_empty()
    (keys_folder() / "root.key").unlink()
    (keys_folder() / "root.key").write_text((host / "root.key").read_text())
    (keys_folder() / "root.key").chmod(0o600)
    forget_providers()
    assert restore(path).envelopes == 1


def test_a_root_key_that_is_there_is_never_written_over(backup, host):
    empty_host(host)
    create_root_key(keys_folder() / "root.key")
    before = (keys_folder() / "root.key").read_bytes()
    with pytest.raises(FileInTheWay, match="root.key is another root key"):
        restore(backup)
    assert (keys_folder() / "root.key").read_bytes() == before
    assert is_empty()


def test_key_files_move_with_the_host(backup, host, tmp_path, monkeypatch):
    """The new host keeps its root key elsewhere: rows name that place afterwards, and texts open."""
    from governance.keys.models import KeyVersion

    tenant = Tenant.objects.get()
    empty_host(host)
    monkeypatch.setenv("THREADVAULT_ROOT_KEY", f"local:{tmp_path}/elsewhere/root.key")
    done = restore(backup)
    assert f"{tmp_path}/elsewhere/root.key" in done.files
    assert stat.S_IMODE((tmp_path / "elsewhere" / "root.key").stat().st_mode) == 0o600
    with tenant_scope(tenant.id):
        uris = set(KeyVersion.objects.values_list("provider_uri", flat=True))
    assert uris == {vault_settings().root_key_uri}
    forget_providers()


def test_two_root_keys_come_back_each_to_its_place(tenant, people, stored, tmp_path, host, monkeypatch):
    """A tenant that was made under a second root key needs the second file; that is the one which is configured."""
    from governance.keys.models import KeyVersion

    create_root_key(tmp_path / "second.key")
    first, second = (f"{keys_folder().absolute()}/{name}" for name in ("earlier-root.key", "root.key"))
    listed = f"local:{second} local:{first}"
    monkeypatch.setenv(f"{PREFIX}KEY_PROVIDERS", listed)  # A version that names another provider is not asked.
    monkeypatch.setenv("THREADVAULT_ROOT_KEY", f"local:{tmp_path}/second.key")
    other = make_tenant()
    for one in (tenant, other):
        store(one, item("late", "Mail me at lee@example.com"))
    back_up(tmp_path / "one.tvb")
    empty_host(host)
    (tmp_path / "second.key").unlink()
    monkeypatch.delenv("THREADVAULT_ROOT_KEY")  # So the second comes where the first was, and the first beside it.
    done = restore(tmp_path / "one.tvb")
    assert {first, second} <= set(done.files)
    assert done.providers == (f"local:{first}",)
    for one, file in ((tenant, first), (other, second)):
        with tenant_scope(one.id):
            assert set(KeyVersion.objects.values_list("provider_uri", flat=True)) == {f"local:{file}"}
        assert run_classification(one.id).redacted == 2
    forget_providers()


@pytest.mark.parametrize("step", ["_copy", "prove", "_close_guards", "record_on"])
def test_where_a_step_fails_nothing_is_left(backup, host, monkeypatch, step):
    guards = every_row()[2]
    empty_host(host)
    keys_folder().mkdir(mode=0o700)
    (keys_folder() / "django.secret").write_text("made by this start")
    before = every_row()[0]
    original = getattr(restoring, step)

    def fails(*arguments, **options):
        original(*arguments, **options)
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(restoring, step, fails)
        with pytest.raises(RuntimeError):
            restore(backup)
    assert (every_row()[0], every_row()[2]) == (before, guards)
    assert [path.name for path in keys_folder().iterdir()] == ["django.secret"]
    assert (keys_folder() / "django.secret").read_text() == "made by this start"
    assert restore(backup).tenants == 1, "and the next try finds an empty database"


def change(statement):
    """Change what was restored, before it is proven: as a fault of the program or of PostgreSQL would."""

    def changed(raw, **options):
        raw.execute(statement)
        return restoring_prove(raw, **options)

    return changed


restoring_prove = restoring.prove
WRONG = {
    "an entry of the record": "UPDATE governance_auditentry SET body = body || ' ' WHERE sequence = 2",
    "the end of a chain": "DELETE FROM governance_auditentry WHERE event = 'grant.closed'",
    "a key version": "UPDATE governance_keyversion SET wrapped = wrapped || '\\x00'::bytea WHERE number = 1",
    "data keys": "UPDATE governance_datakey SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)",
    "envelopes": "UPDATE governance_message SET source = set_byte(source, 50, get_byte(source, 50) # 1)",
}


@pytest.mark.parametrize("what", WRONG)
def test_d08_what_does_not_verify_is_taken_back(backup, host, monkeypatch, what):
    empty_host(host)
    monkeypatch.setattr(restoring, "prove", change(WRONG[what]))
    with pytest.raises(NotProven):
        restore(backup)
    assert is_empty()


def test_d08_control_without_the_proof_it_would_stand(backup, host, monkeypatch):
    empty_host(host)

    def unproven(raw, **_):
        raw.execute(WRONG["envelopes"])
        return restoring.Proof(0, 0, 0, 0)

    monkeypatch.setattr(restoring, "prove", unproven)
    restore(backup)
    assert Tenant.objects.count() == 1


def test_the_audit_key_that_signs_is_in_the_backup_of_a_new_installation(tenant, tmp_path):
    """It is made when it is first needed, which may be by the backup itself."""
    mine, kept = keys_folder() / "audit.key", tmp_path / "kept"
    audit_signer()
    mine.rename(kept)
    try:
        made = back_up(tmp_path / "one.tvb")
        held = checking.check_backup(path=tmp_path / "one.tvb", recovery=KEY).secrets["own"]
        assert held["audit.key"] == mine.read_text() != kept.read_text()
        assert audit_signer().public.hex() == made.signed_by
    finally:
        kept.replace(mine)


HELD = "SELECT pg_advisory_lock(1414940977, hashtext(%s))"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1414940977 AND NOT granted"

RESTORING = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'governance_message'::regclass"


def test_d08_a_restore_that_is_killed_before_its_last_statement_leaves_nothing(backup, tmp_path, host):
    """The process has filled and proven everything and waits for the chain's lock, which the test holds."""
    key = tmp_path / "recovery.key"
    public = make_recovery_key(key)
    back_up(tmp_path / "mine.tvb", public=public)
    guards = every_row()[2]
    empty_host(host)
    before = every_row()[0]
    command = [sys.executable, "manage.py", "restore", str(tmp_path / "mine.tvb"), "--recovery-key", str(key), "--json"]
    given = environment(DJANGO_SETTINGS_MODULE="settings.test")
    with _owner(user=ADMIN) as holder:
        holder.execute(HELD, [str(SYSTEM)])
        process = subprocess.Popen(command, cwd=ROOT, env=given)
        try:
            wait_for(lambda: holder.execute(WAITING).fetchone()[0] == 1, seconds=90)
        finally:
            process.kill()
            process.wait()
        holder.execute("SELECT pg_advisory_unlock_all()")
        wait_for(lambda: holder.execute(RESTORING).fetchone()[0] == 0)
    assert (every_row()[0], every_row()[2]) == (before, guards)
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["tenants"] == 1, "and the next try finds an empty database, and the key files that fit"
