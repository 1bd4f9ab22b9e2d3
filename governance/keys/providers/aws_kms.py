"""`aws-kms:`: a symmetric key of AWS Key Management Service, by boto3. The key never leaves the service.

    aws-kms:arn:aws:kms:REGION:ACCOUNT:key/ID
    aws-kms:ID?region=REGION
    aws-kms://HOST[:PORT]/ID-or-ARN?region=REGION      another endpoint: https, and plain http to this machine only

An alias is refused, for who moves it would change the key of what is wrapped. Credentials come by boto3's own chain.
The context is the encryption context, which the service authenticates and writes into its trail in clear: ids only.
"""

import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from governance.keys.errors import ProviderAway, ProviderFailed
from governance.keys.providers.optional import library

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 3
ATTEMPTS: Final = 2
_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,128}")
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# What the service says of these bytes, and not of itself.
_REFUSED: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsKey(NamedTuple):
    """A key of the service: its id or ARN, its region, and the endpoint where it is not the region's own."""

    key: str
    region: str
    endpoint: str | None


def parse_place(place: str) -> KmsKey:
    """Return what the URI behind `aws-kms:` names. Raises ProviderFailed."""
    parts = urlsplit(place if place.startswith("//") else f"///{place}")
    key, endpoint = parts.path.removeprefix("/"), None
    try:
        if parts.netloc:
            port = f":{parts.port}" if parts.port else ""
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
            endpoint = f"{'http' if parts.hostname in _LOOPBACK else 'https'}://{host}{port}"
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ProviderFailed("This URI of a key of AWS KMS cannot be read.") from None
    arn = _ARN.fullmatch(key)
    region = query.pop("region", [arn[1] if arn else ""])[0]
    if parts.username or parts.password or parts.fragment or query:
        raise ProviderFailed("The URI of a key of AWS KMS holds host, key and region only; never credentials.")
    if not (arn or _ID.fullmatch(key)):
        raise ProviderFailed("Name the key of AWS KMS by its id or the ARN of the key; an alias can be moved.")
    if not _REGION.fullmatch(region):
        raise ProviderFailed("Name the region of the key of AWS KMS: aws-kms:ID?region=REGION.")
    return KmsKey(key, region, endpoint)


class AwsKmsProvider:
    """A key of AWS KMS, asked with short time-outs; a forked child makes its own connections."""

    remote = True

    def __init__(self, place: str) -> None:
        self.uri = f"aws-kms:{place}"
        self._kms = parse_place(place)
        self._boto3 = library("boto3", package="boto3")
        self._lock = threading.Lock()
        self._client: tuple[int, Any] = (0, None)

    def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Return `secret` encrypted by the service with the context."""
        answer = self._ask("encrypt", KeyId=self._kms.key, Plaintext=secret, EncryptionContext=dict(context))
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises ProviderFailed where key or context are others, ProviderAway."""
        answer = self._ask("decrypt", KeyId=self._kms.key, CiphertextBlob=wrapped, EncryptionContext=dict(context))
        return bytes(answer["Plaintext"])

    def describe(self) -> str:
        """Return kind, key, region and endpoint."""
        return f"AWS KMS key {self._kms.key} in {self._kms.region}" + (
            f" at {self._kms.endpoint}" if self._kms.endpoint else ""
        )

    def health(self) -> None:
        """Ask for the state of the key, and have it wrap and unwrap once. Raises ProviderFailed."""
        found = self._ask("describe_key", KeyId=self._kms.key)["KeyMetadata"]
        if found["KeyState"] != "Enabled":
            raise ProviderAway(f"{self.describe()} is {found['KeyState']}; enable it in the service.")
        if found.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
            raise ProviderFailed(f"{self.describe()} is no symmetric key for encryption.")
        if self.unwrap(self.wrap(b"health", _HEALTH), _HEALTH) != b"health":
            raise ProviderFailed(f"{self.describe()} does not give back what it wrapped.")

    def _ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        errors = library("botocore.exceptions", package="boto3")
        try:
            call: Callable[..., dict[str, Any]] = getattr(self._own_client(), what)
            return call(**arguments)
        except errors.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "Unknown"))
            if code in _REFUSED:
                raise ProviderFailed(
                    f"{self.describe()} does not open this key version ({code}): it is another key, or the row was changed."
                ) from None
            raise ProviderAway(f"{self.describe()} refuses ({code}).") from None
        except errors.BotoCoreError as error:  # Its text may hold addresses and more; its type says enough.
            raise ProviderAway(f"{self.describe()} does not answer ({type(error).__name__}).") from None

    def _own_client(self) -> Any:
        """Return the client of this process."""
        with self._lock:
            if self._client[0] != os.getpid():
                config = library("botocore.config", package="boto3").Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                )
                client = self._boto3.session.Session().client(
                    "kms", region_name=self._kms.region, endpoint_url=self._kms.endpoint, config=config
                )
                self._client = (os.getpid(), client)
            return self._client[1]

    def __repr__(self) -> str:
        return f"AwsKmsProvider({self.describe()!r})"


_HEALTH: Final = {"use": "health"}
