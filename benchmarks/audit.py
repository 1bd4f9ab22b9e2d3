"""`make bench-audit`: signing and verifying a long record. Exits with 1 where it falls short of its aim.

A chain of a million entries, made by the database in the layout of the record, gets its checkpoints, a thousand entries
apart, and is verified whole: hashes, order, Merkle roots and signatures; then once more by a job in steps.
"""

import os
import sys
import time
from datetime import UTC, datetime

from benchmarks.database import own_database

ENTRIES = int(os.environ.get("THREADVAULT_BENCH_ENTRIES", "1000000"))
AIM_VERIFY = 60.0

FILL = """
DO $do$
DECLARE p bytea := decode(repeat('00', 32), 'hex'); h bytea; t timestamptz; b text;
BEGIN
    FOR n IN 1..%d LOOP
        t := clock_timestamp();
        b := '{"actor":"01a20943-b05b-70e7-a5e8-cc79f57830cf","actor_kind":"person","event":"grant.closed","opened":' || n || '}';
        h := sha256(convert_to('TVA1', 'UTF8') || uuid_send('%s'::uuid) || int8send(n)
            || int8send((extract(epoch from t) * 1000000)::bigint) || p || convert_to(b, 'UTF8'));
        INSERT INTO governance_auditentry (tenant_id, sequence, recorded_at, previous_hash, hash, body)
            VALUES ('%s', n, t, p, h, b);
        p := h;
    END LOOP;
END $do$
"""


def verify(tenant):
    """Verify a chain whole; return seconds and the report."""
    from governance.audit.verifying import verify_chain
    from governance.identity.scoping import tenant_scope

    began = time.perf_counter()
    with tenant_scope(tenant, using="audit"):
        report = verify_chain(tenant=tenant)
    return time.perf_counter() - began, report


def long_chain():
    """Make a chain of a million entries with checkpoints a thousand apart; return its tenant."""
    from uuid import uuid4

    from django.db import connections

    from governance.audit.checkpointing import sign_head
    from governance.audit.signers import audit_signer
    from governance.identity.scoping import tenant_scope

    tenant, signer = uuid4(), audit_signer()
    with tenant_scope(tenant, using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(FILL % (ENTRIES, tenant, tenant))
    began, signed = time.perf_counter(), 0
    while True:
        with tenant_scope(tenant):
            found = len(sign_head(tenant=tenant, signer=signer, trusted=frozenset(), now=datetime.now(UTC)))
        if not found:
            return tenant, signed, time.perf_counter() - began
        signed += found


def verify_in_steps(tenant):
    """Verify a chain as its job does; return seconds, and those of the longest step."""
    from governance.custody import verifying
    from governance.identity.scoping import tenant_scope
    from governance.jobs.leasing import claim_job, create, release

    with tenant_scope(tenant):
        create(tenant=tenant, topic=verifying.TOPIC, spec={"end": ENTRIES}, total=ENTRIES)
    began, longest, finished = time.perf_counter(), 0.0, False
    while not finished:
        with tenant_scope(tenant):
            leased, _ = claim_job([verifying.TOPIC])
        step = time.perf_counter()
        verifying.verify_step(leased)
        longest, finished = max(longest, time.perf_counter() - step), leased.finished
        if not finished:
            with tenant_scope(tenant):
                release(leased)
    assert leased.done == ENTRIES
    assert leased.cursor["state"]["report"]["whole"]
    return time.perf_counter() - began, longest


def verified():
    """Seconds to sign and to verify the long chain, which must verify; at once, in steps, and of the longest step."""
    long, _, signing = long_chain()
    seconds, report = verify(long)
    assert report.whole
    assert report.entries == ENTRIES
    return signing, seconds, *verify_in_steps(long)


def main():
    with own_database():
        signing, seconds, stepping, longest = verified()
    print(f"signing {ENTRIES:,} entries: {signing:.1f} s")
    print(f"verifying {ENTRIES:,} entries: {seconds:.1f} s, at most {AIM_VERIFY:.0f} s")
    print(
        f"verifying them by a job: {stepping:.1f} s, {ENTRIES / stepping:,.0f} entries/s, the longest step {longest:.2f} s"
    )
    sys.exit(0 if seconds <= AIM_VERIFY else 1)


if __name__ == "__main__":
    main()
