"""Errors of backup and restore: each says what is wrong and what was left as it is."""


class RecoveryError(Exception):
    """Base of backup and restore."""

    code = "recovery.error"


class RecoveryKeyRefused(RecoveryError):
    """No recovery key is named, or what is named is not one, or its passphrase is another."""

    code = "recovery.key"


class WrongRecoveryKey(RecoveryError):
    """The backup is sealed to another recovery key; names both."""

    code = "recovery.wrong_key"


class BackupDamaged(RecoveryError):
    """The file is no backup, or not whole as it was written: changed, cut, reordered or put together. One answer for all."""

    code = "recovery.damaged"

    def __init__(self) -> None:
        super().__init__("The file is not a backup as it was written: it was changed or cut, or is none. Take another copy.")


class SignedByAnother(RecoveryError):
    """The backup carries no signature of the key that was demanded."""

    code = "recovery.signature"


class SchemaDiffers(RecoveryError):
    """The backup has the tables of another version; says which version restores it."""

    code = "recovery.schema"


class NotEmpty(RecoveryError):
    """The database holds something already."""

    code = "recovery.not_empty"


class FileInTheWay(RecoveryError):
    """A file that would be written is there already, with other content."""

    code = "recovery.file_exists"


class NothingToBackUp(RecoveryError):
    """The installation has no tenant yet."""

    code = "recovery.nothing"


class NotProven(RecoveryError):
    """What was restored is not what the backup says, or its keys do not open it; it was taken back."""

    code = "recovery.not_proven"
