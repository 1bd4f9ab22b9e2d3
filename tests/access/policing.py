"""What tests of policies share: people who draft and second, and a policy put into force by two of them."""

from governance.access import policies, seconding
from tests.conftest import as_principal, make_person, now


class Officers:
    """Two security officers of a tenant, with a fresh second factor."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.users = [make_person(tenant, "security_officer") for _ in range(2)]

    @property
    def first(self):
        return as_principal(self.tenant, self.users[0], second_factor=True)

    @property
    def second(self):
        return as_principal(self.tenant, self.users[1], second_factor=True)

    def agree(self, approval):
        seconding.second(principal=self.second, approval_id=approval, agree=True, now=now())
        return approval

    def draft(self, name, cedar):
        return policies.draft(principal=self.first, name=name, cedar=cedar, reason="a test", now=now())

    def put_in_force(self, name, cedar):
        row = self.draft(name, cedar)
        asked = policies.ask_activation(principal=self.first, policy_id=row.id, reason="a test", now=now())
        return policies.activate(principal=self.first, policy_id=row.id, approval_id=self.agree(asked), now=now())

    def take_out(self, row):
        asked = policies.ask_retirement(principal=self.first, policy_id=row.id, reason="a test", now=now())
        return policies.retire(principal=self.first, policy_id=row.id, approval_id=self.agree(asked), now=now())


FORBID_MAIL = 'forbid (principal, action, resource is Conversation) when {{ resource.collection == "{}" }};'.format
