"""Debian packages that only tests need: named, measured, and installed where we are root with apt."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "chromium": "chromium",
    "fonts-noto-cjk": "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "softhsm2": "softhsm2-util",
}


def missing() -> list[str]:
    """Return the packages whose program or file is not here."""
    return [name for name, probe in PACKAGES.items() if not (Path(probe).exists() or shutil.which(probe))]


def can_install() -> bool:
    """Return whether we may install: root, apt there, not switched off."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and not os.environ.get("NO_APT")


def mend(names: list[str]) -> str:
    """Return the one command that mends it."""
    return f"sudo apt-get install -y --no-install-recommends {' '.join(names)}"


def _apt(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", *arguments], env=environment, check=False, capture_output=True, text=True)


def install() -> int:
    """Install what is missing, after saying what and how large; return 0 also where nothing can be done."""
    wanted = missing()
    if not wanted:
        return 0
    if not can_install():
        print(f"· tests that need {', '.join(wanted)} will be skipped; to run them: {mend(wanted)}")
        return 0
    _apt("update", "-q")
    plan = _apt("install", "--no-install-recommends", "--assume-no", *wanted).stdout
    size = re.search(r"Need to get ([\d.,]+ \w+)", plan)
    print(
        f"· installing for tests: {', '.join(wanted)} ({size[1] if size else 'size unknown'}; NO_APT=1 stops this)",
        flush=True,
    )
    done = _apt("install", "-y", "--no-install-recommends", *wanted)
    if done.returncode:
        print(f"· apt-get could not install them: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(install())
