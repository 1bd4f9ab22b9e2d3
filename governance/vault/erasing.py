"""Makes the texts of one owner unreadable: data keys destroyed, index entries gone, records marked. Idempotent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from governance.keys.data_keys import destroy_data_keys
from governance.keys.models import DataKey
from governance.vault.models import Conversation, DataSubject, IndexEntry, Message, State


@dataclass(frozen=True, slots=True)
class Erased:
    """What became unreadable."""

    data_keys: int
    messages: int
    conversations: int
    index_entries: int


def lock_subject(subject: UUID) -> None:
    """Take the eraser's lock: it waits for everybody who writes for this person, and they wait for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM governance_datasubject WHERE id = %s FOR UPDATE", [subject])


def conversations_of(subject: UUID) -> list[UUID]:
    """Return the conversations in which the person owns a text."""
    keys = DataKey.objects.filter(owner_id=subject)
    return list(keys.order_by("conversation_id").values_list("conversation_id", flat=True).distinct())


def owned_records(subject: UUID) -> tuple[list[UUID], list[UUID]]:
    """Return the ids of the messages and of the conversation heads that the person's data keys seal."""
    keys = list(DataKey.objects.filter(owner_id=subject).values_list("id", flat=True))
    messages = Message.objects.filter(conversation_id__in=conversations_of(subject), source_data_key_id__in=keys)
    heads = Conversation.objects.filter(id__in=conversations_of(subject), source_data_key_id__in=keys)
    return list(messages.order_by("id").values_list("id", flat=True)), list(heads.values_list("id", flat=True))


def records_of(*, owner: UUID, conversation: UUID) -> tuple[list[UUID], list[UUID]]:
    """Return the ids of the messages and of the head that one owner's data keys in one conversation seal."""
    keys = list(DataKey.objects.filter(owner_id=owner, conversation_id=conversation).values_list("id", flat=True))
    messages = Message.objects.filter(conversation_id=conversation, source_data_key_id__in=keys)
    heads = Conversation.objects.filter(id=conversation, source_data_key_id__in=keys)
    return list(messages.order_by("id").values_list("id", flat=True)), list(heads.values_list("id", flat=True))


def erase_texts(*, owner: UUID, conversation: UUID, now: datetime) -> Erased:
    """Destroy one owner's data keys in one conversation inside the open transaction, with `lock_subject` held."""
    messages, heads = records_of(owner=owner, conversation=conversation)
    return _erase(Q(owner_id=owner, conversation_id=conversation), messages, heads, now)


def erase_owner(*, subject: UUID, now: datetime) -> Erased:
    """Destroy the owner's data keys inside the open transaction, with `lock_subject` held."""
    messages, heads = owned_records(subject)
    erased = _erase(Q(owner_id=subject), messages, heads, now)
    DataSubject.objects.filter(id=subject).update(erased_at=now)
    return erased


def _erase(keys: Q, messages: list[UUID], heads: list[UUID], now: datetime) -> Erased:
    entries, _ = IndexEntry.objects.filter(message_id__in=messages).delete()
    more, _ = IndexEntry.objects.filter(conversation_id__in=heads, message=None).delete()
    return Erased(
        data_keys=destroy_data_keys(where=keys, now=now),
        messages=Message.objects.filter(id__in=messages).update(state=State.ERASED),
        conversations=Conversation.objects.filter(id__in=heads).update(state=State.ERASED),
        index_entries=entries + more,
    )
