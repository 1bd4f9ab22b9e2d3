"""What the rows about a chain that is verified in steps share: a chain of many steps, and a walk that stops on the way."""

from governance.audit.chain import ChainReport
from governance.custody import verifying
from governance.custody.verifying import verdict, verify
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import Later, claim_job, postpone, release
from governance.jobs.models import Job
from tests.conftest import as_principal, now
from tests.security.chains import signed, write


def in_small_steps(monkeypatch):
    """Let every chain count as long, with five entries a step."""
    monkeypatch.setattr(verifying, "SHORT", 3)
    monkeypatch.setattr(verifying, "STEP", 5)
    monkeypatch.setattr(verifying, "LOOK", 8)


def grown(tenant):
    """Let the chain have eighteen entries more, with signed heads on the way."""
    for _ in range(3):
        write(tenant, 6)
        signed(tenant)


class Walker:
    """An auditor's verification of which a test does the steps."""

    def __init__(self, tenant, user):
        self.tenant, self.principal = tenant, as_principal(tenant, user)
        self.job = verify(principal=self.principal, now=now())

    def go(self, steps=1):
        """Do so many steps, each by a worker of its own; return whether the job is over."""
        for _ in range(steps):
            with tenant_scope(self.tenant.id):
                leased, _ = claim_job([verifying.TOPIC])
            if leased is None:
                break
            try:
                verifying.verify_step(leased)
            except Later as later:
                with tenant_scope(self.tenant.id):
                    postpone(leased, reason=later.reason, seconds=later.seconds)
                continue
            if not leased.finished:
                with tenant_scope(self.tenant.id):
                    release(leased)
        return self.row.state == Job.State.DONE

    def to_the_end(self):
        """Walk to the end, up to the second look."""
        while self.row.done < self.row.total:
            self.go()

    def finish(self) -> ChainReport:
        """Do all steps that are left and return the verdict."""
        for _ in range(100):
            if self.go():
                return verdict(principal=self.principal, job_id=self.job, now=now()).report
        raise AssertionError("it never ends")

    @property
    def row(self):
        with tenant_scope(self.tenant.id):
            return Job.objects.get(id=self.job)

    def rewrite_row(self, **values):
        """What somebody does who writes the database."""
        with tenant_scope(self.tenant.id):
            Job.objects.filter(id=self.job).update(**values)
