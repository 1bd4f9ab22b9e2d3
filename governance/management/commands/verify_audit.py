"""`manage.py verify_audit`: checks chains, in the database or from an export, and the sealed values recorded in them."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.audit.attesting import attestation, heads_outside
from governance.audit.canonical import SYSTEM
from governance.audit.chain import ChainReport, Walk
from governance.audit.checkpointing import walk_from
from governance.audit.heads import heads_of
from governance.audit.models import Checkpoint
from governance.audit.offline import sentence, verify_export
from governance.audit.signers import audit_signer, public_keys, trusted_keys
from governance.audit.verifying import prove_consistency, verify_chain
from governance.custody.accepting import accept_head, ask_accept_head
from governance.custody.carrying import chain_lines
from governance.identity.models import Tenant
from governance.identity.scoping import tenant_scope
from governance.management.base import (
    VaultCommand,
    add_member_arguments,
    current_time,
    member_principal,
    tenant_named,
)
from governance.vault.comparing import verify_content

_BROKEN = "The record is not whole; the lines above name the first bad place."


class Command(VaultCommand):
    help = "Verify the audit trail of one tenant or all; with --content also the stored envelopes against it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("--content", action="store_true", help="compare every sealed value with the record")
        parser.add_argument("--system", action="store_true", help="take the chain of the system instead of a tenant's")
        parser.add_argument("--export", type=Path, help="write the chain with its checkpoints to a new file")
        parser.add_argument("--from", type=Path, dest="source", help="verify an export; needs no database")
        parser.add_argument("--checkpoints", type=Path, help="compare with the file that a sink kept")
        parser.add_argument("--public-key", default="", help="who may sign: hexadecimal, by commas")
        parser.add_argument("--show-key", action="store_true", help="print the public key of this installation's signer")
        parser.add_argument("--since-checkpoint", action="store_true", help="begin behind the last signed checkpoint")
        parser.add_argument("--state", type=Path, help="go on from this file of an earlier run, and keep it up to date")
        parser.add_argument("--consistency", type=int, nargs=2, metavar=("FIRST", "SECOND"), help="prove two checkpoints")
        parser.add_argument("--accept-head", action="store_true", help="after a failover: ask, or with --approval go on")
        parser.add_argument("--approval", type=UUID, help="the approval that another person seconded")
        parser.add_argument("--reason", default="", help="why the loss is accepted")

    def act(self, options: dict[str, Any]) -> None:
        for name in ("show_key", "source", "accept_head", "consistency", "export"):
            if options[name]:
                getattr(self, f"_{name}")(options)
                return
        self._verify(options)

    def _show_key(self, options: dict[str, Any]) -> None:
        public = audit_signer().public.hex()
        self.show(options, {"public_key": public}, public)

    def _source(self, options: dict[str, Any]) -> None:
        state = _read_state(options["state"])
        report, kept = verify_export(
            path=options["source"], sink=options["checkpoints"], trusted=_trusted(options), state=state
        )
        _keep_state(options["state"], kept, report)
        self.show(options, report.as_json(), sentence(str(options["source"]), report))
        if not report.whole:
            raise CommandError(_BROKEN)

    def _accept_head(self, options: dict[str, Any]) -> None:
        principal, now = member_principal(options), current_time()
        if options["approval"]:
            entries = accept_head(principal=principal, approval_id=options["approval"], now=now)
            text = f"The loss of at most {entries} entries is accepted and on the record; the chain goes on from here."
            self.show(options, {"entries": entries}, text)
            return
        heads = _outside(options, principal.tenant_id)[0]
        approval = ask_accept_head(principal=principal, heads=heads, reason=options["reason"], now=now)
        text = f"Asked as {approval}; another person seconds it, then: verify_audit --accept-head --approval {approval}"
        self.show(options, {"approval": str(approval)}, text)

    def _consistency(self, options: dict[str, Any]) -> None:
        tenant = _one(options)
        first, second = options["consistency"]
        with tenant_scope(tenant, using="audit"):
            found = prove_consistency(tenant=tenant, first=first, second=second)
        lines = [f"The tree of {second} entries begins with that of {first}; the proof (RFC 6962, section 2.1.2):"]
        self.show(options, found, "\n".join([*lines, *(f"  {node}" for node in found["proof"])]))

    def _export(self, options: dict[str, Any]) -> None:
        with options["export"].open("x", encoding="utf-8") as file:
            file.writelines(chain_lines(tenant=_one(options)))
        self.show(options, {"file": str(options["export"])}, f"Written to {options['export']}.")

    def _verify(self, options: dict[str, Any]) -> None:
        results, lines, broken = [], [], False
        for name, tenant in _chains(options):
            chain = _verified(tenant, options)
            result: dict[str, Any] = {"tenant": name, **chain.as_json()}
            lines.append(sentence(name, chain))
            broken |= not chain.whole
            if options["content"] and tenant != SYSTEM:
                with tenant_scope(tenant):
                    content = verify_content(tenant=tenant)
                result["content"] = {"envelopes": content.envelopes, "faults": content.faults}
                lines.append(f"  {content.envelopes} envelopes, {len(content.faults)} faults")
                lines += [f"  {fault}" for fault in content.faults[:20]]
                broken |= bool(content.faults)
            results.append(result)
        self.show(options, {"chains": results}, "\n".join(lines))
        if broken:
            raise CommandError(_BROKEN)


def _chains(options: dict[str, Any]) -> list[tuple[str, UUID]]:
    if options["state"]:
        return [("chain", _one(options))]
    tenants = [tenant_named(options["tenant"])] if options["tenant"] else list(Tenant.objects.all())
    return [*((tenant.slug, tenant.id) for tenant in ([] if options["system"] else tenants)), ("system", SYSTEM)]


def _one(options: dict[str, Any]) -> UUID:
    return SYSTEM if options["system"] else tenant_named(options["tenant"]).id


def _trusted(options: dict[str, Any]) -> frozenset[bytes]:
    if options["public_key"]:
        return public_keys(options["public_key"])
    return frozenset() if options["source"] else trusted_keys()


def _outside(options: dict[str, Any], tenant: UUID) -> tuple[list[Any], int]:
    if options["checkpoints"]:
        with options["checkpoints"].open("rb") as file:
            return heads_of(file, tenant)
    return heads_outside(tenant=tenant)


def _verified(tenant: UUID, options: dict[str, Any]) -> ChainReport:
    trusted, state = _trusted(options), _read_state(options["state"])
    outside, unreadable = _outside(options, tenant)
    with tenant_scope(tenant):
        word = attestation(tenant=tenant)
    with tenant_scope(tenant, using="audit"):
        walk = Walk.resumed(state) if state else _walk(tenant, trusted, since=options["since_checkpoint"])
        report = verify_chain(
            tenant=tenant, outside=outside, unreadable=unreadable, trusted=trusted, walk=walk, attestation=word
        )
    _keep_state(options["state"], walk.kept(), report)
    return report


def _walk(tenant: UUID, trusted: frozenset[bytes], *, since: bool) -> Walk:
    last = Checkpoint.objects.using("audit").filter(tenant_id=tenant).order_by("-sequence").first() if since else None
    return Walk(tenant) if last is None else walk_from(last, trusted)


def _read_state(path: Path | None) -> dict[str, Any] | None:
    return json.loads(path.read_text("utf-8")) if path and path.exists() else None


def _keep_state(path: Path | None, kept: dict[str, Any], report: ChainReport) -> None:
    if path and report.whole:
        path.write_text(json.dumps(kept), "utf-8")
