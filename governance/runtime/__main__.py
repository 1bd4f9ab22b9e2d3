"""`python -m governance.runtime run | exec -- COMMAND... | status`."""

import os
import subprocess
import sys

from governance.runtime.services import ensure
from governance.runtime.state import RuntimeProblem, StateFolder
from governance.runtime.supervising import Supervisor

USAGE = "usage: python -m governance.runtime run | exec -- COMMAND... | status"
BAD_USAGE = 2


def execute(state: StateFolder, command: list[str]) -> int:
    """Run a command with the services and return its exit code."""
    with ensure(state) as services:
        environment = {**os.environ, **services.environment(state.home)}
        return subprocess.run(command, env=environment, check=False).returncode


def status(state: StateFolder) -> int:
    """Print what runs on the state folder."""
    found = state.read_services()
    print(f"running since process {found['pid']}" if found else "nothing runs", f"on {state.home}")
    return 0 if found else 1


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    state = StateFolder.from_environment()
    match arguments:
        case ["run"]:
            Supervisor(state).run()
            return 0
        case ["exec", "--", *command] if command:
            return execute(state, command)
        case ["status"]:
            return status(state)
    print(USAGE, file=sys.stderr)
    return BAD_USAGE


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeProblem as problem:
        sys.exit(f"threadvault: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
