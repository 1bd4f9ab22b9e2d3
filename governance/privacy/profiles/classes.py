"""How sensitive a text is by what was found in it: the table that holds where a tenant says nothing else.

What opens a door or is given out once for life is restricted; what says who or where somebody is, confidential.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from governance.privacy.detectors import Kind
from governance.vault.models import Classification

NOTHING: Final = "NONE"  # The row for a text in which nothing was found.
DEFAULTS: Final[Mapping[str, Classification]] = MappingProxyType(
    {
        NOTHING: Classification.INTERNAL,
        **dict.fromkeys(map(str, Kind), Classification.CONFIDENTIAL),
        **dict.fromkeys(
            map(
                str,
                (
                    Kind.CARD, Kind.IBAN, Kind.RESIDENT_ID, Kind.SSN, Kind.PASSPORT, Kind.API_KEY, Kind.PASSWORD,
                    Kind.PRIVATE_KEY,
                ),
            ),
            Classification.RESTRICTED,
        ),
    }
)  # fmt: skip
LEVELS: Final[Mapping[str, Classification]] = MappingProxyType({one.name.lower(): one for one in Classification})
