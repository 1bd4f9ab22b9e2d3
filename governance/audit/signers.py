"""The key that signs checkpoints. It is never in the database: who can write there cannot sign."""

import os
import secrets
from pathlib import Path
from typing import Final

from governance.audit.errors import SignerMissing
from governance.conf.settings import vault_settings
from governance.crypto.signing import SigningKey

_SECRET_BYTES: Final = 32


def audit_signer() -> SigningKey:
    """Return the signing key of THREADVAULT_AUDIT_KEY; embedded, that of `keys/audit.key`, made at first use.

    Raises SignerMissing where there is none, or what stands there is not 64 hexadecimal digits.
    """
    settings = vault_settings()
    text = settings.audit_key or (_kept(settings.home / "keys" / "audit.key") if settings.embedded else "")
    if not text:
        raise SignerMissing("Set THREADVAULT_AUDIT_KEY, or its _FILE, to 64 hexadecimal digits.")
    return SigningKey(_decoded(text, _SECRET_BYTES))


def trusted_keys() -> frozenset[bytes]:
    """Return the public keys whose checkpoints this installation believes: its own, and earlier ones that are set."""
    earlier = [one for one in vault_settings().audit_public_keys.split(",") if one.strip()]
    found = {_decoded(one, _SECRET_BYTES) for one in earlier}
    try:
        found.add(audit_signer().public)
    except SignerMissing:
        return frozenset(found)
    return frozenset(found)


def public_keys(text: str) -> frozenset[bytes]:
    """Return the public keys of `text`: hexadecimal, by commas. Raises SignerMissing."""
    return frozenset(_decoded(one, _SECRET_BYTES) for one in text.split(",") if one.strip())


def _decoded(text: str, size: int) -> bytes:
    try:
        found = bytes.fromhex(text.strip())
    except ValueError:
        found = b""
    if len(found) != size:
        raise SignerMissing(f"An audit key is {2 * size} hexadecimal digits.")
    return found


def _kept(path: Path) -> str:
    """Return the secret of the embedded installation; the first of two processes makes it."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii").strip()
