"""`manage.py profiles WHAT`: what the tenant and its collections add to the detectors."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from governance.identity.principals import Principal
from governance.management.base import VaultCommand, add_member_arguments, current_time, member_principal
from governance.management.commands.detect import opened, told
from governance.privacy import profiling
from governance.privacy.detecting import LARGEST_TEXT

_Result = tuple[dict[str, Any], str]


class Command(VaultCommand):
    help = (
        "list, show ID, draft --file F.json [--collection ID] --reason R, diff ID, try ID --text FILE,"
        " ask ID --reason R, apply ID [--approval A]. A file holds classes, deny, allow and patterns as one JSON object."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_member_arguments(parser)
        parser.add_argument("what", choices=["list", "show", "draft", "diff", "try", "ask", "apply"])
        parser.add_argument("id", nargs="?", default="", help="of a version")
        parser.add_argument("--file", type=Path, help="a file with the settings, as JSON")
        parser.add_argument("--collection", type=UUID, help="only for this collection, else for the whole tenant")
        parser.add_argument("--text", help="a file to try a version on, or - for standard input; it is kept nowhere")
        parser.add_argument("--reason", default="")
        parser.add_argument("--approval", type=UUID, help="that a second person gave, where less is masked or protected")

    def act(self, options: dict[str, Any]) -> None:
        run: Callable[[Principal, dict[str, Any]], _Result] = getattr(self, f"_{options['what']}")
        result, text = run(member_principal(options), options)
        self.show(options, result, text)

    def _list(self, principal: Principal, _options: dict[str, Any]) -> _Result:
        rows = profiling.profiles_of(principal=principal, now=current_time())
        lines = [
            f"{row.id}  {row.state:<8}version {row.version:<4}of {row.collection or 'the whole tenant'}" for row in rows
        ]
        return {"profiles": [_facts(row) for row in rows]}, "\n".join(lines) or "no profiles: the detectors work as they are"

    def _show(self, principal: Principal, options: dict[str, Any]) -> _Result:
        row = profiling.profile(principal=principal, profile_id=_uuid(options), now=current_time())
        return asdict(row), json.dumps(row.settings, ensure_ascii=False, indent=2)

    def _draft(self, principal: Principal, options: dict[str, Any]) -> _Result:
        row, found = profiling.draft(
            principal=principal, settings=_settings(options["file"]), collection_id=options["collection"],
            reason=options["reason"], now=current_time(),
        )  # fmt: skip
        then = f"manage.py profiles {'ask' if found.weakens else 'apply'} {row.id}"
        less = "".join(f"\n  masks or protects less: {way}" for way in found.weakens)
        return {**_facts(row), "weakens": found.weakens}, f"version {row.version} is drafted: {row.id}{less}\nnext: {then}"

    def _diff(self, principal: Principal, options: dict[str, Any]) -> _Result:
        found = profiling.compare(principal=principal, profile_id=_uuid(options), now=current_time())
        less = "".join(f"\nmasks or protects less: {way}" for way in found.weakens)
        return {"diff": found.diff, "weakens": found.weakens}, (found.diff or "no difference") + less

    def _try(self, principal: Principal, options: dict[str, Any]) -> _Result:
        if not options["text"]:
            raise CommandError("Name a text to try it on: --text FILE, or --text - for standard input.")
        with opened(options["text"]) as source:
            text = source.read(LARGEST_TEXT)
        found = profiling.try_out(principal=principal, profile_id=_uuid(options), item=text, now=current_time())
        return found.as_facts(), told(found)

    def _ask(self, principal: Principal, options: dict[str, Any]) -> _Result:
        approval = profiling.ask_activation(
            principal=principal, profile_id=_uuid(options), reason=options["reason"], now=current_time()
        )
        then = f"manage.py approvals second {approval}"
        return {"approval": approval}, f"approval {approval} waits for a second person: {then}"

    def _apply(self, principal: Principal, options: dict[str, Any]) -> _Result:
        row, job = profiling.activate(
            principal=principal, profile_id=_uuid(options), approval_id=options["approval"], now=current_time()
        )
        return {**_facts(row), "job": job}, f"version {row.version} is in force; job {job} scans anew what was scanned"


def _settings(file: Path | None) -> Any:
    if file is None:
        raise CommandError("Name the file that holds the settings: --file PROFILE.json.")
    try:
        return json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError):
        raise CommandError(f"{file}: no JSON in UTF-8.") from None
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.") from None


def _uuid(options: dict[str, Any]) -> UUID:
    try:
        return UUID(options["id"])
    except ValueError:
        raise CommandError("Name the version by its id; `profiles list` shows them.") from None


def _facts(row: profiling.Shown) -> dict[str, Any]:
    return {key: value for key, value in asdict(row).items() if key != "settings"}
