"""What the rows on the record share: entries, signed checkpoints in a file outside, and what a superuser can do."""

from contextlib import contextmanager

from governance.audit.checkpointing import links_after
from governance.audit.heads import heads_of
from governance.audit.recording import record_now
from governance.audit.signers import trusted_keys
from governance.audit.verifying import verify_chain
from governance.custody.attesting import attest
from governance.identity.scoping import tenant_scope
from tests.conftest import now
from tests.security.test_c_ciphertext import admin, sql

ENTRIES = "governance_auditentry"


def around(statement, *values):
    """What a superuser does around the triggers that let the record only grow."""
    with admin() as outside, outside.transaction():
        outside.execute("SET LOCAL session_replication_role = replica")
        return outside.execute(statement, values).rowcount


def write(tenant, count=1):
    for number in range(count):
        record_now(tenant=tenant.id, event="command.run", actor_kind="operator", number=number)


def signed(tenant):
    """Sign and deliver what was written."""
    return attest(tenants=[tenant.id], now=now())


def heads(tenant, sink):
    with sink.open("rb") as file:
        return heads_of(file, tenant.id)[0]


def report(tenant, sink=None, **options):
    with tenant_scope(tenant.id, using="audit"):
        outside = heads(tenant, sink) if sink else ()
        return verify_chain(tenant=tenant.id, outside=outside, **{"trusted": trusted_keys(), **options})


def links(tenant):
    with tenant_scope(tenant.id):
        return list(links_after(tenant=tenant.id, sequence=0))


def rehash(tenant, start):
    """Give all entries from `start` the hashes that fit, as an attacker who writes the tables does."""
    around(
        """
        DO $do$
        DECLARE e record; p bytea := decode(repeat('00', 32), 'hex'); h bytea; n bigint := 0;
        BEGIN
            FOR e IN SELECT * FROM governance_auditentry WHERE tenant_id = '%s' ORDER BY sequence LOOP
                n := n + 1;
                IF n >= %d THEN
                    h := sha256(convert_to('TVA1', 'UTF8') || uuid_send(e.tenant_id) || int8send(n)
                        || int8send((extract(epoch from e.recorded_at) * 1000000)::bigint) || p || convert_to(e.body, 'UTF8'));
                    UPDATE governance_auditentry SET sequence = n, previous_hash = p, hash = h WHERE id = e.id;
                ELSE h := e.hash; END IF;
                p := h;
            END LOOP;
        END $do$
        """
        % (tenant.id, start)
    )


@contextmanager
def without_uniqueness():
    """Take out the constraints that already refuse doubles; the tables come back as they were."""
    names = ("audit_one_entry_a_number", "audit_no_fork")
    definitions = [
        sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", name)[0][0] for name in names
    ]
    for name in names:
        sql(f"ALTER TABLE {ENTRIES} DROP CONSTRAINT {name}")
    try:
        yield
    finally:
        around(f"TRUNCATE {ENTRIES}")
        for name, definition in zip(names, definitions, strict=True):
            sql(f"ALTER TABLE {ENTRIES} ADD CONSTRAINT {name} {definition}")
