"""The names of people whom rows name by id."""

from collections.abc import Iterable
from uuid import UUID

from governance.identity.models import User


def names_of(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the name of each account, by its id; one query for all."""
    wanted = {one for one in ids if one is not None}
    return dict(User.objects.filter(id__in=wanted).values_list("id", "username")) if wanted else {}
