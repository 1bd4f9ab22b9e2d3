"""`manage.py keys WHAT`: key rings of a tenant; what changes something, on behalf of a member who manages keys."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandError

from governance.custody import destroying, minimum
from governance.custody.changing import ACTS, change_version
from governance.custody.planning import blast_radius, plan
from governance.custody.reencrypting import ask_reencrypt
from governance.custody.reindexing import ask_reindex
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.limits import SHORTEST_WAIT_DAYS
from governance.keys.listing import Shown, describe, versions
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal, tenant_named

Answer = tuple[dict[str, Any], str]
READING: Final = ("list", "describe")
OTHERS: Final = ("plan", "rotate", "rewrap", "reencrypt", "minimum", "destroy", "destroy-data-key", "cancel")


class Command(VaultCommand):
    help = (
        "list, describe ID, plan|rotate|rewrap|reencrypt --use USE (rotate: --provider URI, one of `providers list`),"
        " suspend|resume|deactivate|compromise ID --reason TEXT,"
        " destroy ID --days N --reason TEXT (shows what hangs from it and asks a second person), destroy --approval ID"
        " (begins the waiting), cancel ID --reason TEXT, destroy-data-key ID --reason TEXT | --approval ID,"
        " minimum --use USE --number N [--reason TEXT] | --approval ID."
        " All but list and describe take --member NAME --code CODE."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=[*READING, *OTHERS, *ACTS])
        parser.add_argument("id", nargs="?", default="", help="of a version; `keys list` shows them")
        parser.add_argument("--use", default="content", choices=["content", "redacted", "index", "tombstone", "signing"])
        parser.add_argument("--provider", default="", help="the listed key URI that wraps the new version")
        parser.add_argument("--reason", default="", help="why; it is kept with the version")
        parser.add_argument("--days", type=int, default=SHORTEST_WAIT_DAYS, help="how long a destruction waits, 7 to 30")
        parser.add_argument("--number", type=int, default=0, help="the lowest version that the ring shall accept")
        parser.add_argument("--approval", type=UUID, help="what a second person agreed to; carries it out")
        add_member_arguments(parser)

    def act(self, options: dict[str, Any]) -> None:
        if options["what"] in READING:
            result, text = _list(options) if options["what"] == "list" else _describe(options)
        else:
            run = _ACTS.get(options["what"], _change)
            result, text = run(member_principal(options), options)
        self.show(options, result, text)


def version_id(options: dict[str, Any]) -> UUID:
    """Return the id that was given. Raises CommandError."""
    try:
        return UUID(options["id"])
    except ValueError:
        raise CommandError("Name the version by its id; `keys list` shows them.") from None


def line(row: Shown) -> str:
    """Return a version as one line."""
    waits = f"  destroyed from {row.destroy_at:%Y-%m-%d %H:%M} UTC on" if row.destroy_at else ""
    below = "  below the minimum" if row.version < row.minimum else ""
    uses = f"  {row.data_keys:,} data keys  {row.uses:,} uses at most"
    return f"{row.id}  {row.use:<10} version {row.version:<4}{row.state:<12}{uses}{below}{waits}"


def _list(options: dict[str, Any]) -> Answer:
    with tenant_scope(tenant_named(options["tenant"]).id):
        rows = versions()
    return {"versions": [asdict(row) for row in rows]}, "\n".join(map(line, rows))


def _describe(options: dict[str, Any]) -> Answer:
    with tenant_scope(tenant_named(options["tenant"]).id):
        row, steps = describe(version_id(options))
    told = [
        f"  {one.at:%Y-%m-%d %H:%M:%S} UTC  {one.before or 'new'} -> {one.after}"
        f"  by {one.actor or 'nobody'}: {one.reason or '-'}"
        for one in steps
    ]
    result = {**asdict(row), "transitions": [asdict(one) for one in steps]}
    return result, "\n".join([line(row), f"  wrapped by {row.provider}", *told])


def _plan(principal: Principal, options: dict[str, Any]) -> Answer:
    found = plan(principal=principal, use=options["use"], now=current_time())
    told = [f"rewrap: {found.data_keys:,} data keys move{_seconds(found.rewrap_seconds)}; {found.kept:,} are kept"]
    if found.records is not None:
        told.append(f"reencrypt: {found.records:,} records are sealed anew{_seconds(found.reencrypt_seconds)}")
    return asdict(found), "\n".join(told)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f", about {seconds:,.0f} s at the rate of the last job"


def _rotate(principal: Principal, options: dict[str, Any]) -> Answer:
    number = rotate_ring(
        principal=principal, use=options["use"], reason=options["reason"], provider_uri=options["provider"],
        now=current_time(),
    )  # fmt: skip
    return {"use": options["use"], "version": number}, f"{options['use']}: version {number} is active"


def _rewrap(principal: Principal, options: dict[str, Any]) -> Answer:
    job = ask_rewrap(principal=principal, use=options["use"], now=current_time())
    return {"job": str(job)}, f"job {job} rewraps {options['use']}; no message is touched"


def _reencrypt(principal: Principal, options: dict[str, Any]) -> Answer:
    if options["use"] == "index":
        job = ask_reindex(principal=principal, now=current_time())
        return {"job": str(job)}, f"job {job} gives the blind index a new key and scans all records anew"
    job = ask_reencrypt(principal=principal, use=options["use"], now=current_time())
    return {"job": str(job)}, f"job {job} seals {options['use']} under new data keys and destroys the old ones"


def _change(principal: Principal, options: dict[str, Any]) -> Answer:
    version = version_id(options)
    state = change_version(
        principal=principal, version_id=version, act=options["what"], reason=options["reason"], now=current_time()
    )
    return {"id": version, "state": state}, f"{version} is {state}"


def _destroy(principal: Principal, options: dict[str, Any]) -> Answer:
    now = current_time()
    if options["approval"]:
        until = destroying.schedule_destroy(principal=principal, approval_id=options["approval"], now=now)
        return {"destroy_at": until}, f"it waits until {until:%Y-%m-%d %H:%M} UTC; `keys cancel` ends the waiting"
    version = version_id(options)
    radius = blast_radius(principal=principal, version_id=version, now=now)
    told = (
        f"{radius.use} version {radius.version} ({radius.state}) wraps {radius.data_keys:,} data keys of"
        f" {radius.conversations:,} conversations and {radius.owners:,} owners, {radius.held:,} conversations on hold"
    )
    if radius.data_keys:
        raise CommandError(f"{told}. Move them first: manage.py keys rewrap --use {radius.use}.")
    approval = destroying.ask_destroy(
        principal=principal, version_id=version, days=options["days"], reason=options["reason"], now=now
    )
    return {**asdict(radius), "approval": str(approval)}, f"{told}\napproval {approval} waits for a second person"


def _destroy_data_key(principal: Principal, options: dict[str, Any]) -> Answer:
    now = current_time()
    if options["approval"]:
        erased = destroying.destroy_data_key(principal=principal, approval_id=options["approval"], now=now)
        return asdict(erased), f"destroyed: {erased.data_keys} data keys, {erased.messages} messages are unreadable"
    approval = destroying.ask_destroy_data_key(
        principal=principal, data_key_id=version_id(options), reason=options["reason"], now=now
    )
    return {"approval": str(approval)}, f"approval {approval} waits for a second person"


def _cancel(principal: Principal, options: dict[str, Any]) -> Answer:
    version = version_id(options)
    destroying.cancel_destroy(principal=principal, version_id=version, reason=options["reason"], now=current_time())
    return {"id": str(version)}, f"{version} is not destroyed"


def _minimum(principal: Principal, options: dict[str, Any]) -> Answer:
    now = current_time()
    if options["approval"]:
        number = minimum.lower_minimum(principal=principal, approval_id=options["approval"], now=now)
    elif options["reason"]:
        approval = minimum.ask_lower_minimum(
            principal=principal, use=options["use"], number=options["number"], reason=options["reason"], now=now
        )
        return {"approval": str(approval)}, f"approval {approval} waits for a second person"
    else:
        number = minimum.raise_minimum(principal=principal, use=options["use"], number=options["number"], now=now)
    return {"minimum": number}, f"versions from {number} on are accepted"


_ACTS: Final[dict[str, Callable[[Principal, dict[str, Any]], Answer]]] = {
    "plan": _plan,
    "rotate": _rotate,
    "rewrap": _rewrap,
    "reencrypt": _reencrypt,
    "destroy": _destroy,
    "destroy-data-key": _destroy_data_key,
    "cancel": _cancel,
    "minimum": _minimum,
}
