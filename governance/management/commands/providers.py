"""`manage.py providers WHAT`: key providers that the configuration lists; makes and protects the file of a root key."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from governance.conf.settings import vault_settings
from governance.keys.providers import ask_all
from governance.keys.providers.root_files import create_root_key, protect_root_key
from governance.management.base import VaultCommand


class Command(VaultCommand):
    help = (
        "list (which may wrap keys, and whether they work), create (the file that THREADVAULT_ROOT_KEY names; an existing"
        " one is left), protect (that file, by THREADVAULT_ROOT_PASSPHRASE; the key stays the same)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["list", "create", "protect"])

    def act(self, options: dict[str, Any]) -> None:
        if options["what"] == "list":
            found = {uri: str(failure) if failure else "ok" for uri, failure in ask_all().items()}
            self.show(options, {"providers": found}, "\n".join(f"{uri}  {state}" for uri, state in found.items()))
            if set(found.values()) != {"ok"}:
                raise CommandError("Not every listed key provider works.")
            return
        path, passphrase = _root_file(), vault_settings().root_passphrase
        if options["what"] == "create":
            made = create_root_key(path, passphrase=passphrase)
            text = f"{path} is made; back it up, for without it no text opens" if made else f"{path} is there already"
        else:
            made = protect_root_key(path, passphrase=passphrase)
            text = f"{path} is under the passphrase; destroy copies from before" if made else f"{path} was under it already"
        self.show(options, {"path": str(path), "changed": made}, text)


def _root_file() -> Path:
    """Return the file of the configured root key. Raises CommandError where it is none."""
    scheme, _, place = vault_settings().root_key_uri.partition(":")
    if scheme != "local":
        raise CommandError("THREADVAULT_ROOT_KEY names no local: file; such a key is made where it lives.")
    return Path(place)
