"""What a tenant adds to the detectors: classes, terms to mask, values to leave, patterns of its own.

Pure, but for `sealing` and `loading`.
"""

from governance.privacy.profiles.profile import PLAIN, Profile, profile_of
from governance.privacy.profiles.settings import Fault, Settings, SettingsInvalid, read_settings, weakened

__all__ = ["PLAIN", "Fault", "Profile", "Settings", "SettingsInvalid", "profile_of", "read_settings", "weakened"]
