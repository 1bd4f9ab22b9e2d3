"""`manage.py backup keygen|create|describe|verify|drill FILE`: sealed backups, and the proof that they restore."""

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from governance.crypto.hpke import key_id
from governance.custody.recovery.backing_up import create_backup
from governance.custody.recovery.checking import check_backup, read_header
from governance.custody.recovery.drilling import drill
from governance.custody.recovery.recovery_keys import configured_public_key, make_recovery_key
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal, operator
from governance.management.recovery import add_key_arguments, new_passphrase, recovery_key


class Command(VaultCommand):
    help = (
        "keygen: make a recovery key pair, whose private half leaves this machine. create: back up all tenants. describe:"
        " which recovery key a backup takes. verify: read it to its end, without a database. drill: restore it on an empty"
        " state and take the time."
    )
    requires_system_checks: list[str] = []  # Where only files are, there is no installation to check.

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["keygen", "create", "describe", "verify", "drill"])
        parser.add_argument("file", type=Path)
        add_key_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("--passphrase", action="store_true", help="keygen: ask for a passphrase for the private key")
        parser.add_argument("--without-root-key", action="store_true", help="create: leave root key files out")
        parser.add_argument("--folder", type=Path, help="drill: where the empty state is made, and removed afterwards")
        parser.add_argument("--root-key", default="", help="drill: URI of the root key, where the backup holds none")

    def act(self, options: dict[str, Any]) -> None:
        getattr(self, f"_{options['what']}")(options)

    def _keygen(self, options: dict[str, Any]) -> None:
        public = make_recovery_key(options["file"], passphrase=new_passphrase(options))
        lines = [
            f"The private key is in {options['file']}. Move it off this machine, and keep two copies apart.",
            f"THREADVAULT_RECOVERY_PUBLIC_KEY={public.hex()}",
        ]
        self.show(options, {"public_key": public.hex(), "recovery_key": key_id(public)}, "\n".join(lines))

    def _create(self, options: dict[str, Any]) -> None:
        principal = member_principal(options) if options["member"] else None
        made = create_backup(
            path=options["file"].absolute(), public=configured_public_key(), root_key=not options["without_root_key"],
            actor=operator(), now=current_time(), principal=principal,
        )  # fmt: skip
        lines = [
            f"{made.file}: {made.bytes} bytes, {made.rows} rows of {made.tenants} tenants; sealed to {made.recovery_key}",
            f"  SHA-256 {made.digest}",
            f"  root key {'included' if made.root_key else 'not included: keep it elsewhere, or nothing opens again'}",
            f"  {'signed by ' + made.signed_by if made.signed_by else 'not signed: there is no audit key'}",
        ]
        self.show(options, asdict(made), "\n".join(lines))

    def _describe(self, options: dict[str, Any]) -> None:
        header = read_header(options["file"])
        text = (
            f"sealed to the recovery key {header.recovery_key}; says of itself, which `verify` proves:"
            f" made at {header.created} by version {header.version}, of the installation {header.installation}"
        )
        self.show(options, asdict(header), text)

    def _verify(self, options: dict[str, Any]) -> None:
        found = check_backup(path=options["file"], recovery=recovery_key(options), signed_by=options["signed_by"])
        manifest = found.manifest
        result = {
            **asdict(found.header), "digest": found.digest, "bytes": found.bytes, "rows": manifest.rows,
            "tenants": manifest.tenants, "chains": manifest.chains, "root_key_included": manifest.root_key_included,
            "signed_by": found.signed_by, "schema": [one for one in manifest.migrations if one[0] == "governance"][-1][1],
            "tables": {name: content["rows"] for name, content in manifest.tables.items()},
        }  # fmt: skip
        lines = [
            f"whole: {manifest.rows} rows of {manifest.tenants} tenants as of {found.header.created}",
            f"  made by version {found.header.version}, schema {result['schema']}; SHA-256 {found.digest}",
            f"  root key {'included' if manifest.root_key_included else 'not included'}",
            f"  {'signed by ' + found.signed_by if found.signed_by else 'signed by nobody'}",
        ]
        self.show(options, result, "\n".join(lines))

    def _drill(self, options: dict[str, Any]) -> None:
        recovery_key(options)  # A wrong passphrase shows before servers are started.
        found = drill(
            path=options["file"], recovery_key=options["recovery_key"], passphrase_file=options["passphrase_file"],
            folder=options["folder"], root_key=options["root_key"],
        )  # fmt: skip
        text = (
            f"restored in {found.restore_seconds} s, verified in {found.verify_seconds} s: {found.restored['rows']} rows of"
            f" {found.restored['tenants']} tenants, {found.chains} chains whole, {found.envelopes} envelopes as recorded"
        )
        self.show(options, asdict(found), text)
