"""How random a candidate for a secret looks, and what is only a placeholder or code."""

import math
import re
from collections import Counter

SAMPLE = 128
_PLACEHOLDER = re.compile(
    r"(?<![a-z])(?:your|my|the|some|insert|replace|change|test|todo)[_-]|changeme|replaceme|example|placeholder|redacted|"
    r"dummy|xxxx|\*{3}|\.{3}|env\[|environ|getenv|process\.env|secrets?\.|config[.\[]|settings\.|vault\."
)


_WORDS = frozenset(["password", "passwd", "passphrase", "pass", "pwd", "pw", "secret", "token", "key", "user", "username"])
# Names of algorithms, encodings and the like: what is said of a password, not the password.
_TERM = re.compile(
    r"(?:scram-)?(?:sha|md|aes|rsa|base|hs|rs|es|ed|utf|wpa|oauth|argon|bcrypt|scrypt|http|ipv|pbkdf|php|python|mysql|ascii|win|web)[-_]?\d[\w-]{0,6}"
)


def names_itself(value: str) -> bool:
    """Tell whether the value only says what would stand in its place, or how it is kept."""
    folded = value[:SAMPLE].lower()
    if folded.rstrip("0123456789") in _WORDS or "a-z" in folded or "0-9" in folded:
        return True
    return _TERM.fullmatch(folded) is not None


def bits(value: str) -> float:
    """Return the Shannon entropy of the characters of `value`, in bits a character (the first 128 count)."""
    sample = value[:SAMPLE]
    size = len(sample)
    return -sum(n / size * math.log2(n / size) for n in Counter(sample).values()) if size else 0.0


def classes(value: str) -> int:
    """Count the classes of characters: lower, upper, digit, other."""
    return (
        any(char.islower() for char in value)
        + any(char.isupper() for char in value)
        + any(char.isdigit() for char in value)
        + any(not char.isalnum() for char in value)
    )


def placeholder(value: str) -> bool:
    """Tell whether the value is what people write in documentation, or an expression that fetches the secret."""
    return bool(_PLACEHOLDER.search(value[:SAMPLE].lower()))
