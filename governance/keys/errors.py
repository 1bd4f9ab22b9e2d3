"""Errors of the key part."""


class KeysError(Exception):
    """Base of this part."""

    code = "keys.error"


class ProviderFailed(KeysError):
    """The root key could not be reached or does not fit; says which URI and why."""

    code = "keys.provider"


class ProviderAway(ProviderFailed):
    """The provider gives no answer now: its file, its token or its server is away, or it refuses everybody."""

    code = "keys.provider_away"


class ProviderNotListed(KeysError):
    """Somebody named a key provider that the configuration does not list."""

    code = "keys.provider_unlisted"


class ProviderUnderLock(KeysError):
    """A key provider would have been asked inside a transaction; a fault of the program."""

    code = "keys.under_lock"


class KeyUnavailable(KeysError):
    """A key exists but may not be used in its state."""

    code = "keys.unavailable"


class KeyTooOld(KeyUnavailable):
    """The ring's minimum version is above the one that wraps this."""

    code = "keys.too_old"


class KeyExhausted(KeyUnavailable):
    """The version has wrapped as often as it may."""

    code = "keys.exhausted"


class KeyNotWarm(KeyUnavailable):
    """A version is not in this process's store, and its provider is not asked under locks; warm it and try again."""

    code = "keys.not_warm"


class KeyDestroyed(KeysError):
    """The key was destroyed on purpose; what it sealed cannot be read again."""

    code = "keys.destroyed"


class UnknownKey(KeysError):
    """No such key in this tenant."""

    code = "keys.unknown"


class BadTransition(KeysError):
    """This change of state is not one of the listed ones."""

    code = "keys.transition"


class KeyWorkGoesOn(KeysError):
    """Somebody else is at work on the ring: a job of this kind, or who changed the version meanwhile."""

    code = "keys.busy"


class KeyInUse(KeysError):
    """The version wraps data keys still; says how many."""

    code = "keys.in_use"


class KeyChanged(KeysError):
    """The key is not as the caller saw it any more."""

    code = "keys.changed"


class KeyReplaced(KeysError):
    """What the key sealed is under another key by now; the row says which."""

    code = "keys.replaced"
