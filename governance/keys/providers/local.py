"""`local:/path`: a root key in a file of mode 0600, owned by who runs the application, optionally under a passphrase.

The file is read again for each wrap and unwrap, so a key that is taken away opens nothing more. What it came to is kept
as long as its bytes are the same, for a passphrase costs a quarter of a second.
"""

from collections.abc import Mapping
from pathlib import Path

from governance.conf.settings import vault_settings
from governance.crypto.derivation import fingerprint
from governance.crypto.errors import CannotOpen
from governance.crypto.wrapping import WrappingKey
from governance.keys.errors import ProviderFailed
from governance.keys.providers.interface import context_parts
from governance.keys.providers.root_files import WHAT, create_root_key, decode_root_key, is_protected
from governance.keys.providers.secret_files import read_secret_file

__all__ = ["LocalProvider", "create_root_key"]


class LocalProvider:
    """A root key in a file."""

    remote = False

    def __init__(self, place: str) -> None:
        self.uri = f"local:{place}"
        self._path = Path(place)
        self._known: tuple[bytes, WrappingKey] | None = None
        if not self._path.is_absolute():
            raise ProviderFailed("A root key file is named by its whole path, as in local:/run/secrets/root.key.")

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` wrapped and bound to `context`."""
        return self._key().wrap(secret, *context_parts(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderFailed where key or context are others."""
        try:
            return self._key().unwrap(wrapped, *context_parts(context))
        except CannotOpen:
            raise ProviderFailed(
                f"The root key {self._path} does not open this key version: it is another key, or the row was changed."
            ) from None

    def describe(self) -> str:
        """Return kind and place, and whether the file is under a passphrase."""
        protected = is_protected(read_secret_file(self._path, what=WHAT))
        return f"local file {self._path}{', under a passphrase' if protected else ''}"

    def health(self) -> None:
        """Read and check the file again."""
        self._key()

    def _key(self) -> WrappingKey:
        data = read_secret_file(self._path, what=WHAT)
        known, mark = self._known, fingerprint(data)
        if known is None or known[0] != mark:
            secret = decode_root_key(self._path, data, passphrase=vault_settings().root_passphrase)
            self._known = known = (mark, WrappingKey(secret))
        return known[1]

    def __repr__(self) -> str:
        return f"LocalProvider({str(self._path)!r})"
