"""Imports files: reads, batches, stores, and counts what became of each conversation."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from governance.identity.principals import Principal
from governance.ingest.formats.errors import ItemError
from governance.ingest.formats.files import read_file, shown_path
from governance.ingest.formats.incoming import IncomingConversation
from governance.ingest.receiving import Batch, receive

BATCH_CONVERSATIONS = 500
BATCH_MESSAGES = 5_000


@dataclass(slots=True)
class ImportReport:
    """What one file came to; `errors` name file, place and reason, never text."""

    file: str
    conversations: int = 0
    messages: int = 0
    duplicates: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list)


def import_file(
    *,
    path: Path,
    collection: str,
    format: str,  # noqa: A002 - the name of the command's option
    actor: Principal,
    clock: Callable[[], datetime],
    on_bytes: Callable[[int], object] | None = None,
) -> ImportReport:
    """Import one file; a bad item costs only itself. Importing the same file again adds nothing."""
    report = ImportReport(file=shown_path(path))
    incoming = read_file(path, collection=collection, format=format, on_bytes=on_bytes)
    done = 0
    for batch in _batches(_good(incoming, report)):
        results = receive(actor=actor, batch=Batch(batch), idempotency_key="", now=clock())
        for number, result in enumerate(results, start=done):
            if result.code:
                report.refused += 1
                report.errors.append(f"{report.file}, conversation {number}: {result.error} [{result.code}]")
                continue
            report.conversations += result.status == 201  # noqa: PLR2004 - created
            report.messages += result.messages
            report.duplicates += result.duplicates
        done += len(batch)
    return report


def _good(incoming: Iterable[IncomingConversation | ItemError], report: ImportReport) -> Iterator[IncomingConversation]:
    for found in incoming:
        if isinstance(found, ItemError):
            report.refused += 1
            report.errors.append(str(found))
        else:
            yield found


def _batches(conversations: Iterable[IncomingConversation]) -> Iterator[list[IncomingConversation]]:
    batch: list[IncomingConversation] = []
    messages = 0
    for conversation in conversations:
        batch.append(conversation)
        messages += len(conversation.messages)
        if len(batch) >= BATCH_CONVERSATIONS or messages >= BATCH_MESSAGES:
            yield batch
            batch, messages = [], 0
    if batch:
        yield batch
