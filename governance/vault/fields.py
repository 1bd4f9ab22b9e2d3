"""The sealed column: the plumbing of django-cryptography's EncryptedMixin, without its cipher, keys and pickle.

Two levels of inheritance are needed: a direct subclass of EncryptedMixin degrades to the stock field in migrations.
"""

from base64 import b64decode, b64encode
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django_cryptography.fields import EncryptedMixin

from governance.crypto.errors import CannotOpen
from governance.vault.sealed import Sealed


class SealedMixin(EncryptedMixin):
    """A column of envelopes: yields `Sealed`, accepts nothing but `Sealed`; its lookups are closed to `isnull`.

    `label` stands in the AAD of each envelope and in the migration, so that renaming a field breaks nothing.
    """

    wasinstance = True

    def __init__(self, *args: Any, label: str = "", **kwargs: Any) -> None:
        self.label = label
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "label": self.label}

    def clone(self) -> "SealedMixin":
        _, _, args, kwargs = self.deconstruct()
        return self.__class__(*args, **kwargs)

    def _dump(self, value: Any) -> bytes:
        if not isinstance(value, Sealed):
            raise TypeError(f"The column {self.label} takes Sealed values only; seal the text through vault.storing.")
        return value.envelope

    def _load(self, value: bytes) -> Sealed:
        return Sealed(value)

    def from_db_value(self, value: Any, *args: Any, **kwargs: Any) -> Sealed | None:
        return None if value is None else Sealed(bytes(value))

    def get_prep_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Sealed | None:
        if value is None or isinstance(value, Sealed):
            return value
        try:
            return Sealed(b64decode(str(value), validate=True))
        except (ValueError, CannotOpen):
            raise ValidationError(f"{self.label} takes an envelope in base64, never text.", code="sealed") from None

    def value_to_string(self, obj: models.Model) -> Any:
        value = self.value_from_object(obj)
        return None if value is None else b64encode(value.envelope).decode()

    def formfield(self, **kwargs: Any) -> None:
        """A sealed column has no form field."""


class SealedTextField(SealedMixin, models.TextField):  # type: ignore[type-arg]
    """Text (UTF-8 JSON) in an envelope of version 1."""
