"""`make check`: every static check, one line each with its time; output of those that fail only."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from governance.runtime.services import ensure
from governance.runtime.state import PROJECT, StateFolder

BIN = Path(sys.executable).parent
NODEV = {
    "THREADVAULT_SECRET_KEY": "check-only-" + "k3y" * 20,
    "THREADVAULT_ALLOWED_HOSTS": "vault.example",
    "THREADVAULT_ROOT_KEY": "local:/nonexistent/root.key",
    "DJANGO_SETTINGS_MODULE": "settings.production",
}
DEV = {"DJANGO_SETTINGS_MODULE": "settings.dev"}
STEPS: list[tuple[str, list[str], dict[str, str]]] = [
    ("ruff check", [str(BIN / "ruff"), "check", "."], {}),
    ("ruff format", [str(BIN / "ruff"), "format", "--check", "."], {}),
    ("import-linter", [str(BIN / "lint-imports"), "--no-cache"], {}),
    ("mypy --strict", [str(BIN / "mypy")], DEV),
    ("migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"], DEV),
    ("check --deploy", [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], NODEV),
    ("foreign keys, sizes", [sys.executable, "-m", "pytest", "-q", "tests/architecture/test_structure.py"], {}),
    ("bandit", [str(BIN / "bandit"), "-q", "-c", "pyproject.toml", "-r", "governance", "settings", "manage.py"], {}),
    ("detect-secrets", [sys.executable, "-m", "tests.architecture.secrets_in_tree"], {}),
    (
        "SBOM",
        [
            str(BIN / "cyclonedx-py"),
            "requirements",
            "requirements.txt",
            "--pyproject",
            "pyproject.toml",
            "-o",
            "sbom.json",
        ],
        {},
    ),
]


def run_step(name: str, command: list[str], extra: dict[str, str], environment: dict[str, str]) -> bool:
    """Run one check and return whether it passed."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, env={**environment, **extra}, check=False, capture_output=True, text=True)
    passed = done.returncode == 0
    print(f"{'ok  ' if passed else 'FAIL'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    if not passed:
        print(done.stdout[-6000:] + done.stderr[-4000:], flush=True)
    return passed


def main() -> int:
    """Return 0 where all pass."""
    with tempfile.TemporaryDirectory(prefix="threadvault-check-") as folder:
        Path(folder).chmod(0o711)
        state = StateFolder(Path(folder) / "state")
        with ensure(state) as services:
            environment = {**os.environ, **services.environment(state.home), "PYTHONPATH": str(PROJECT)}
            results = [run_step(*step, environment) for step in STEPS]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
