#!/usr/bin/env python3
"""Runs a command; finds the embedded services, or starts them for its own duration."""

import os
import sys

from governance.runtime.services import ensure
from governance.runtime.state import RuntimeProblem, StateFolder

WITHOUT_SERVICES = {
    "help",
    "--help",
    "-h",
    "version",
    "--version",
    "check",
    "collectstatic",
    "compilemessages",
    "makemessages",
}
# With the file of a backup alone, also on a machine that holds nothing else; the drill starts servers of its own.
ON_FILES = {("backup", what) for what in ("keygen", "describe", "verify", "drill")}


def default_settings() -> str:
    """Return the settings module: production where a database of your own is named."""
    return "settings.production" if os.environ.get("DATABASE_URL") else "settings.dev"


def execute() -> None:
    """Hand over to Django."""
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def main() -> None:
    """Run the command of the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", default_settings())
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in WITHOUT_SERVICES or tuple(sys.argv[1:3]) in ON_FILES or "--help" in sys.argv or "-h" in sys.argv:
        execute()
        return
    state = StateFolder.from_environment()
    with ensure(state) as services:
        os.environ.update(services.environment(state.home))
        execute()


if __name__ == "__main__":
    try:
        main()
    except RuntimeProblem as problem:
        sys.exit(f"threadvault: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
