"""Proves inside the restoring transaction that what was filled in is what the backup says, and that its keys open it.

Chains are walked to the heads of the manifest; a data key of each version is unwrapped, and an envelope of each tenant is
opened inside `crypto`, which hands out no text. The versions themselves were unwrapped before the transaction, so that no
provider is asked under its locks. The connection is the owner's, with row security not forced on it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from governance.audit.verifying import verify_chain
from governance.crypto.envelope import OpenDataKey, Place
from governance.crypto.errors import CannotOpen
from governance.crypto.wrapping import WrappingKey
from governance.custody.recovery.catalogue import Raw
from governance.custody.recovery.errors import NotProven
from governance.custody.recovery.key_files import LOCAL
from governance.custody.recovery.manifest import Manifest
from governance.keys.errors import ProviderFailed
from governance.keys.providers import provider
from governance.keys.providers.interface import Provider
from governance.keys.providers.local import LocalProvider
from governance.keys.rings import version_context
from governance.keys.wrapped import KeyOwner, context_of

_VERSIONS: Final = "SELECT id, coalesce(encode(wrapped, 'hex'), '') FROM governance_keyversion"
_ONE_A_VERSION: Final = (
    "SELECT DISTINCT ON (version_id) id, tenant_id, version_id, conversation_id, owner_id, use, wrapped"
    " FROM governance_datakey WHERE wrapped IS NOT NULL ORDER BY version_id"
)
_ONE_A_TENANT: Final = (
    "SELECT m.conversation_id, m.id, m.source_revision, m.source, k.id, k.tenant_id, k.version_id, k.conversation_id,"
    " k.owner_id, k.use, k.wrapped FROM governance_message m JOIN governance_datakey k ON k.id = m.source_data_key_id"
    " WHERE m.tenant_id = %s AND k.wrapped IS NOT NULL LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Proof:
    """How much was tried: chains and their entries, data keys (one a version), envelopes (one a tenant with messages)."""

    chains: int
    entries: int
    data_keys: int
    envelopes: int


class _Providers:
    """The providers of a backup, each opened once."""

    def __init__(self, at: Mapping[str, str], came: Collection[str]) -> None:
        self._at = at
        self._came = came
        self._files: dict[str, Provider] = {}

    def of(self, uri: str) -> Provider:
        """Return the provider that the backup calls `uri`. Raises ProviderFailed."""
        if uri not in self._came:
            return provider(self._at[uri])
        if uri not in self._files:
            self._files[uri] = LocalProvider(self._at[uri].removeprefix(LOCAL))
        return self._files[uri]


def unwrap_versions(manifest: Manifest, *, at: Mapping[str, str], came: Collection[str]) -> dict[UUID, WrappingKey]:
    """Return the wrapping key of each version that has bytes, from its provider; `at` says where providers are now.

    `came` are the URIs whose key files came in the backup: they are opened wherever they were put. Call it outside of any
    transaction. Raises NotProven where a provider is away or does not open them.
    """
    found, providers = {}, _Providers(at, came)
    for ring in manifest.rings:
        for version in (one for one in ring["versions"] if one["wrapped"]):
            number = UUID(version["id"])
            context = version_context(tenant=UUID(ring["tenant"]), ring=UUID(ring["ring"]), version=number)
            try:
                secret = providers.of(version["provider"]).unwrap(bytes.fromhex(version["wrapped"]), context)
            except ProviderFailed as error:
                raise NotProven(
                    f"Without its root key nothing of this backup opens, so nothing was restored: {error}"
                ) from None
            found[number] = WrappingKey(secret)
    return found


def prove(raw: Raw, *, manifest: Manifest, keys: Mapping[UUID, WrappingKey], using: str) -> Proof:
    """Prove what was restored over `raw`, the connection of the alias `using`. Raises NotProven."""
    _check_versions(raw, manifest)
    entries = sum(_chain(said, using=using) for said in manifest.chains)
    try:
        data_keys = sum(1 for row in raw.execute(_ONE_A_VERSION).fetchall() if _secret(row, keys))
        tenants = raw.execute("SELECT id FROM governance_tenant").fetchall()
        envelopes = sum(_envelope(raw, row[0], keys) for row in tenants)
    except CannotOpen:
        raise NotProven("A data key or an envelope does not open under the keys of this backup.") from None
    return Proof(len(manifest.chains), entries, data_keys, envelopes)


def _check_versions(raw: Raw, manifest: Manifest) -> None:
    said = {UUID(one["id"]): one["wrapped"] for ring in manifest.rings for one in ring["versions"]}
    if dict(raw.execute(_VERSIONS).fetchall()) != said:
        raise NotProven("The key versions are not those of the manifest.")


def _chain(said: Mapping[str, Any], *, using: str) -> int:
    report = verify_chain(tenant=UUID(said["tenant"]), using=using)
    if not report.whole or (report.entries, report.head.hex()) != (said["sequence"], said["hash"]):
        raise NotProven(f"The chain of {said['tenant']} does not verify to the head in the manifest. {report.fault}".strip())
    return report.entries


def _secret(row: tuple[Any, ...], keys: Mapping[UUID, WrappingKey]) -> bytes:
    """Return the secret of a data key. Raises CannotOpen."""
    number, tenant, version, conversation, owner, use, wrapped = row
    if version not in keys:
        raise CannotOpen
    context = context_of(tenant=tenant, version=version, key=number, owner=KeyOwner(conversation, owner, use))
    return keys[version].unwrap(bytes(wrapped), *context)


def _envelope(raw: Raw, tenant: UUID, keys: Mapping[UUID, WrappingKey]) -> int:
    row = raw.execute(_ONE_A_TENANT, [tenant]).fetchone()
    if row is None:
        return 0
    conversation, message, revision, envelope, *key = row
    place = Place(tenant, conversation, message, "message.source", revision)
    OpenDataKey(key_id=key[0], secret=_secret(tuple(key), keys)).prove(bytes(envelope), place)
    return 1
