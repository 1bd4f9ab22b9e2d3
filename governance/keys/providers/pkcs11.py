"""`pkcs11:`: an AES key in a token (HSM, smart card, SoftHSM), by its PKCS#11 module; the key never leaves the token.

    pkcs11:token=LABEL;object=LABEL?module-path=/path/module.so&pin-source=file:/path/pin

The URI is that of RFC 7512; `serial` and `id` may stand beside token and object. The PIN is the first line of the file
that `pin-source` names (mode 0600, this account's); `pin-value` is refused, for URIs are stored and shown. Layout:
`TVP1 | nonce (12) | ciphertext | tag (16)`, AES-GCM inside the token with the context as additional data.

Every call opens a session of its own and closes it, one at a time in a process: calls are few, and a token that is taken
out opens nothing more. A forked child begins with the module anew, as PKCS#11 asks.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from governance.keys.errors import ProviderAway, ProviderFailed
from governance.keys.providers.interface import context_bytes
from governance.keys.providers.optional import library
from governance.keys.providers.secret_files import read_secret_file

_PACKAGE: Final = "python-pkcs11"
_MAGIC: Final = b"TVP1"
_NONCE: Final = 12
_TAG: Final = 16
_OF_PATH: Final = frozenset({"token", "serial", "object", "id", "type"})
_OF_QUERY: Final = frozenset({"module-path", "pin-source"})
_HEALTH: Final = {"use": "health"}


class TokenKey(NamedTuple):
    """A key in a token, the module that speaks to it, and the file of its PIN."""

    token: str
    serial: str
    label: str
    id: bytes
    module: str
    pin: Path


def parse_place(place: str) -> TokenKey:
    """Return what the URI behind `pkcs11:` names. Raises ProviderFailed."""
    path, _, query = place.partition("?")
    parts, more = _attributes(path, ";", _OF_PATH), _attributes(query, "&", _OF_QUERY)
    pin = unquote(more.get("pin-source", "")).removeprefix("file:")
    module = unquote(more.get("module-path", ""))
    found = TokenKey(
        unquote(parts.get("token", "")), unquote(parts.get("serial", "")), unquote(parts.get("object", "")),
        unquote_to_bytes(parts.get("id", "")), module, Path(pin),
    )  # fmt: skip
    if not (found.token or found.serial) or not (found.label or found.id):
        raise ProviderFailed("The URI of a PKCS#11 key names token (or serial) and object (or id).")
    if not (Path(module).is_absolute() and found.pin.is_absolute()):
        raise ProviderFailed("The URI of a PKCS#11 key names module-path and pin-source=file:... by their whole paths.")
    if parts.get("type", "secret-key") != "secret-key":
        raise ProviderFailed("The PKCS#11 key is a secret-key (AES).")
    return found


def _attributes(text: str, between: str, known: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in filter(None, text.split(between)):
        name, equals, value = one.partition("=")
        if name == "pin-value":
            raise ProviderFailed("A PIN never stands in a URI; put it into a file: pin-source=file:/path.")
        if not equals or name not in known or name in found:
            raise ProviderFailed(f"The URI of a PKCS#11 key has these attributes, each once: {', '.join(sorted(known))}.")
        found[name] = value
    return found


class _Modules:
    """The modules that this process has initialised; a forked child has none, whatever its memory says."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._pids: dict[str, int] = {}

    def get(self, path: str) -> Any:
        """Return the module, initialised by this process; call it with the lock held."""
        pkcs11 = library("pkcs11", package=_PACKAGE)
        module = pkcs11.lib(path)
        if self._pids.get(path, os.getpid()) != os.getpid():
            with suppress(pkcs11.PKCS11Error):  # A module that minds forks has forgotten its parent's state by itself.
                module.finalize()
            module.initialize()
        self._pids[path] = os.getpid()
        return module

    def refresh(self, path: str) -> Any:
        """Return the module as if just loaded, so that it looks for its tokens again."""
        module = self.get(path)
        module.reinitialize()
        return module


_modules: Final = _Modules()
os.register_at_fork(after_in_child=lambda: setattr(_modules, "lock", threading.Lock()))


class Pkcs11Provider:
    """An AES key in a token."""

    remote = True

    def __init__(self, place: str) -> None:
        self.uri = f"pkcs11:{place}"
        self._of = parse_place(place)
        self._pkcs11 = library("pkcs11", package=_PACKAGE)

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` encrypted inside the token and bound to `context`."""
        nonce = os.urandom(_NONCE)
        return _MAGIC + nonce + self._with_key(lambda key: key.encrypt(secret, **self._gcm(nonce, context)))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderFailed where key or context are others, ProviderAway."""
        nonce, sealed = wrapped[len(_MAGIC) :][:_NONCE], wrapped[len(_MAGIC) + _NONCE :]
        refusal = ProviderFailed(
            f"{self.describe()} does not open this key version: it is another key, or the row was changed."
        )
        if not wrapped.startswith(_MAGIC) or len(sealed) <= _TAG:
            raise refusal

        def opened(key: Any) -> bytes:
            try:
                return bytes(key.decrypt(sealed, **self._gcm(nonce, context)))
            except self._pkcs11.PKCS11Error:
                self._try(key)  # Modules differ in the error of a wrong tag; a key that works has refused these bytes.
                raise refusal from None

        return self._with_key(opened)

    def describe(self) -> str:
        """Return kind, token and key; no file, no PIN."""
        of = self._of
        return f"PKCS#11 key {of.label or of.id.hex()} in token {of.token or of.serial}"

    def health(self) -> None:
        """Have the key wrap and unwrap once, and see that it cannot be taken out. Raises ProviderFailed."""
        self._with_key(self._check)

    def _check(self, key: Any) -> bytes:
        attribute = self._pkcs11.Attribute
        if key[attribute.EXTRACTABLE] or not key[attribute.SENSITIVE]:
            raise ProviderFailed(f"{self.describe()} can be taken out of its token; make one that is sensitive and stays.")
        self._try(key)
        return b""

    def _try(self, key: Any) -> None:
        gcm = self._gcm(os.urandom(_NONCE), _HEALTH)
        if bytes(key.decrypt(key.encrypt(b"health", **gcm), **gcm)) != b"health":
            raise ProviderFailed(f"{self.describe()} does not give back what it wrapped.")

    def _gcm(self, nonce: bytes, context: Mapping[str, str]) -> dict[str, Any]:
        parameters = self._pkcs11.GCMParams(nonce, context_bytes(_MAGIC, context), _TAG * 8)
        return {"mechanism": self._pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}

    def _with_key(self, act: Callable[[Any], bytes]) -> bytes:
        """Run `act` with the key in a session of its own."""
        pin = read_secret_file(self._of.pin, what="The PIN file").split(b"\n", 1)[0].decode("utf-8", errors="replace")
        with _modules.lock:
            try:
                with self._token().open(user_pin=pin) as session:
                    return act(self._key(session))
            except self._pkcs11.PKCS11Error as error:
                raise ProviderAway(f"{self.describe()} cannot be used ({type(error).__name__}).") from None

    def _token(self) -> Any:
        wanted = {"token_label": self._of.token or None, "token_serial": self._of.serial.encode() or None}
        try:
            return _modules.get(self._of.module).get_token(**wanted)
        except self._pkcs11.PKCS11Error:  # Put back, or made, since the module looked.
            return _modules.refresh(self._of.module).get_token(**wanted)

    def _key(self, session: Any) -> Any:
        kind = self._pkcs11.KeyType.AES
        return session.get_key(
            object_class=self._pkcs11.ObjectClass.SECRET_KEY, key_type=kind, label=self._of.label or None,
            id=self._of.id or None,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Pkcs11Provider({self.describe()!r})"
