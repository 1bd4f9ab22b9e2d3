"""Errors of the vault."""


class VaultError(Exception):
    """Base of this part."""

    code = "vault.error"


class NotFound(VaultError):
    """No such row in this tenant: the same answer for an unknown id and for another tenant's."""

    code = "vault.not_found"

    def __init__(self) -> None:
        super().__init__("There is no conversation with this id.")


class Raced(Exception):
    """What a transaction relied on was changed by another one in the meantime; begin it again."""

    code = "vault.raced"


class UnknownCollection(VaultError):
    """This tenant has no such collection."""

    code = "vault.collection_unknown"

    def __init__(self) -> None:
        super().__init__("This tenant has no such collection.")


class ChangedSince(VaultError):
    """A collection is not as its asker saw it any more."""

    code = "vault.changed"

    def __init__(self) -> None:
        super().__init__("The collection is not as you saw it any more; look at it again.")


class IntegrityFailure(VaultError):
    """A sealed value did not open at its place; it was changed, moved or replaced from outside."""

    code = "integrity_failure"

    def __init__(self) -> None:
        super().__init__("A sealed value of this conversation does not open at its place. The security officer was told.")
