"""Looks for live credentials in every file of the tree and of its history: `python -m tests.architecture.secrets_in_tree`.

What is meant to look like a secret is listed by file, with the reason.
"""

import subprocess
import sys
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parent.parent.parent
ALLOWED = {
    "governance/management/samples/": "made-up keys that show redaction",
    "tests/": "made-up values that the detectors must find",
    "requirements": "hashes of packages",
    "static/package-lock.json": "hashes of packages",
}
PLUGINS = [
    {"name": name}
    for name in (
        "AWSKeyDetector", "ArtifactoryDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "GitHubTokenDetector",
        "GitLabTokenDetector", "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector",
        "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector", "StripeDetector", "TwilioKeyDetector",
    )
]  # fmt: skip


def files_of_tree():
    """Every file that git tracks."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if not name.startswith(tuple(ALLOWED))]


def found_in(paths):
    """The secrets found, as `file:line type`."""
    secrets = SecretsCollection(root=str(ROOT))
    with transient_settings({"plugins_used": PLUGINS}):
        for path in paths:
            secrets.scan_file(path)
    return [f"{name}:{secret.line_number} {secret.type}" for name, secret in secrets]


def main():
    """Return 1 where something was found."""
    found = found_in(files_of_tree())
    print("\n".join(found) or "no credentials in the tree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
