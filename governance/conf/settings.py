"""Every THREADVAULT_* setting, typed, with its default and meaning; read anew where the environment has changed.

`THREADVAULT_NAME_FILE` reads the value of NAME from a file, for mounted secrets; a changed file counts after a restart.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "THREADVAULT_"


class _FilesSource(PydanticBaseSettingsSource):
    """Reads THREADVAULT_<NAME>_FILE: the first line of that file is the value of NAME."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        return Path(path).read_text(encoding="utf-8").splitlines()[0], field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


class VaultSettings(BaseSettings):
    """The settings of the application; those of Django stand in `settings/`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    home: Path = Field(default=Path(".threadvault"), description="State folder of the embedded servers and key files.")
    embedded: bool = Field(default=False, description="Set by the launcher where the servers are its own.")
    demo: bool = Field(default=False, description="Seed demo tenant and people also on a server of your own.")
    root_key: str = Field(
        default="", description="URI of the root key, for instance local:/run/secrets/root.key; by default in the home."
    )
    root_passphrase: str = Field(
        default="", repr=False, description="Passphrase of root key files that are under one; better as a file."
    )
    key_providers: str = Field(
        default="", description="Further key URIs that versions may be wrapped by, by spaces, beside the root key."
    )
    kek_seconds: int = Field(default=300, ge=1, le=3600, description="How long an unwrapped key version stays in memory.")
    kek_limit: int = Field(default=256, ge=1, description="How many unwrapped key versions a process keeps at most.")
    key_days: int = Field(default=90, ge=0, le=3650, description="Age at which a ring rotates by itself; 0: never.")
    epoch_days: int = Field(default=7, ge=0, le=365, description="Length of an erasure epoch; 0: there are none.")
    grant_seconds: int = Field(default=60, ge=1, le=900, description="Longest life of a grant.")
    ticket_seconds: int = Field(default=30, ge=1, le=900, description="How long a ticket may wait to be redeemed.")
    grant_budget: int = Field(default=10_000, ge=1, description="Messages that one grant may open at most.")
    signin_tries: int = Field(default=10, ge=1, description="Sign-ins tried for one account in a window.")
    signin_tries_per_address: int = Field(default=100, ge=1, description="Sign-ins tried from one address in a window.")
    signin_window_seconds: int = Field(default=900, ge=1, description="Length of the window of sign-ins.")
    bad_tokens_per_minute: int = Field(default=60, ge=1, description="API tokens that are not good, from one address.")
    calls_per_minute: int = Field(default=6_000, ge=1, description="API calls with one token.")
    trusted_proxies: int = Field(default=0, ge=0, le=9, description="Proxies that add to X-Forwarded-For.")
    second_factor_seconds: int = Field(default=300, ge=30, le=900, description="How long a second factor counts as fresh.")
    batch_items: int = Field(default=1_000, ge=1, le=10_000, description="Items in one batch at most.")
    batch_bytes: int = Field(default=8_388_608, ge=1024, description="Bytes in one batch at most.")
    approval_hours: int = Field(default=72, ge=1, le=720, description="How long an approval may wait for its second person.")
    worker_rows: int = Field(default=128, ge=1, le=512, description="Rows that a worker locks at once at most.")
    worker_memory_mb: int = Field(default=1_024, ge=256, description="Memory that one worker process may take, in MiB.")
    detector_module: str = Field(
        default="",
        description="Path of a module with detect(texts, lang) of your own; empty: names in prose are not covered.",
    )
    detector_python: str = Field(default="", description="Path of the interpreter that runs it; by default this one.")
    detector_seconds: float = Field(default=10.0, gt=0, le=60, description="How long it may take for one batch.")
    detector_rows: int = Field(default=16, ge=1, le=128, description="Messages that it is shown at once at most.")

    oidc_issuer: str = Field(
        default="",
        description="Issuer of the OpenID provider by which people sign in, as its documents name it; empty: none.",
    )
    oidc_client_id: str = Field(default="", description="The name under which the provider knows this installation.")
    oidc_client_secret: str = Field(
        default="", repr=False, description="The secret that goes with it; better as a file. Empty: a public client."
    )
    oidc_tenant: str = Field(default="", description="Slug of the tenant in which the provider's groups give roles.")
    oidc_roles: str = Field(
        default="", description="Which group gives which role, as one JSON object: a role, or a list of roles, a group."
    )
    oidc_groups_claim: str = Field(default="groups", description="Claim of the ID token that lists a person's groups.")
    oidc_scopes: str = Field(default="openid profile", description="Scopes that are asked for, by spaces.")
    sso_only: bool = Field(default=False, description="People sign in by the provider and in no other way.")
    audit_key: str = Field(
        default="",
        repr=False,
        description="32 secret bytes in hexadecimal that sign checkpoints; embedded: made in the home.",
    )
    audit_public_keys: str = Field(default="", description="Public keys of earlier audit keys, hexadecimal, by commas.")
    audit_sinks: str = Field(
        default="", description="Where checkpoints go, by spaces: file:/path, https://host/path, http:// to loopback."
    )
    recovery_public_key: str = Field(
        default="", description="Public key that backups are sealed to, hexadecimal or base64: manage.py backup keygen."
    )
    metrics_address: str = Field(default="127.0.0.1:9464", description="Host and port where metrics are served.")
    sentry_dsn: str = Field(
        default="", repr=False, description="DSN of a Sentry server for error reports: types and places, never text."
    )
    refusal_seconds: int = Field(default=60, ge=1, le=3600, description="How long equal refusals are counted into one.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the files that the environment names."""
        return (init_settings, env_settings, _FilesSource(settings_cls))

    @property
    def root_key_uri(self) -> str:
        """The URI of the root key; the default is a file of the state folder."""
        return self.root_key or f"local:{(self.home / 'keys' / 'root.key').absolute()}"


def vault_settings() -> VaultSettings:
    """Return the settings as the environment has them now; they are read anew only where it has changed."""
    return _read(tuple((name, os.environ[name]) for name in sorted(os.environ) if name.upper().startswith(PREFIX)))


@lru_cache(maxsize=4)
def _read(_environment: tuple[tuple[str, str], ...]) -> VaultSettings:
    return VaultSettings()
