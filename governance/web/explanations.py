"""What an error code means, in the reader's language: the sentences of docs/errors.md, by code.

The domain says its errors in English and names what is at hand; a reader of another language is told what the code means,
and then what was said. The code stays as it is in every language.
"""

from typing import Final

from django.utils.translation import get_language
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

SOURCE: Final = "en"
MEANINGS: Final = {
    "identity.token_invalid": _("The token is unknown, revoked or expired: one answer for all."),
    "identity.not_a_member": _(
        "The account is inactive or holds no role in the tenant; a superuser without a role is no member either."
    ),
    "identity.member_refused": _(
        "The account cannot be made, or the role cannot be given or taken: name taken, wrong kind of account, "
        "one's own role, the last security officer."
    ),
    "identity.member_unknown": _("This tenant has no such member, or the member no such role."),
    "identity.token_refused": _(
        "The token would have an unknown scope or purpose, live too long, or be wider than the one that makes it."
    ),
    "identity.token_unknown": _("There is no such token."),
    "token.service": _("A service account makes no tokens."),
    "token.scope": _("The token was minted without the scope for this action."),
    "purpose.missing": _("No purpose was named."),
    "purpose.unknown": _("The tenant does not know that purpose; the answer lists those it has."),
    "purpose.token": _("The token is limited to other purposes."),
    "purpose.form": _("The form of the export is for another purpose alone."),
    "purpose.collection": _("The collection does not allow the purpose; Cedar was not asked."),
    "precondition.required": _("A change of a key, a policy, a profile or a collection names what its asker saw."),
    "precondition.invalid": _("`If-Match` holds no single tag in quotes."),
    "search.nothing": _("What is looked for holds no value that the detectors recognise."),
    "policy.denied": _("No policy permits this, or one forbids it."),
    "policy.forbidden": _("A policy forbids this, and break-glass does not lift a forbid."),
    "break_glass.needed": _(
        "The purpose is break-glass, and nobody opened it for this person on all of these conversations."
    ),
    "access.break_glass_unknown": _("This tenant has no such break-glass."),
    "access.emergency": _("A break-glass cannot be asked for, opened, ended or reviewed like this."),
    "access.policy": _(
        "A policy cannot be drafted, activated or retired like this: wrong state, the same text, or a lockout."
    ),
    "access.changed": _("The policy is not as its ETag says any more, or another version is in force by now."),
    "access.purpose": _("A purpose or a lawful basis is not one that the tenant knows, or cannot be added."),
    "access.policy_unknown": _("This tenant has no such policy."),
    "access.policy_invalid": _("A policy text does not pass the schema, or names one conversation."),
    "federation.refused": _(
        "What the provider, or the browser that came from it, said is not believed: the token, its signature, "
        "issuer, audience, age or nonce, or the attempt was another browser's."
    ),
    "federation.no_role": _("The provider knows the person, and no group of theirs has a role here."),
    "federation.away": _("The provider does not answer, not as the standard says, or names an address that is not asked."),
    "federation.misconfigured": _("A setting of the provider is missing or cannot be one, or its tenant is not there."),
    "federation.closed": _("People sign in by the provider alone, and this page is another way."),
    "federation.emergency": _(
        "A link around the provider is not needed, or is used, late, or for an account that is disabled."
    ),
    "limits.away": _("The store of the counters does not answer, so no code and no password is looked at."),
    "limits.exceeded": _("Too many tries or calls."),
    "second_factor.needed": _("The action needs a fresh second factor."),
    "second_factor.none": _("The account has no second factor."),
    "second_factor.wrong": _("The code is wrong or was used already."),
    "second_factor.tries": _("More than five tries in five minutes."),
    "approvals.unknown": _("This tenant has no such approval."),
    "approvals.refused": _(
        "The approval does not allow this: same person, expired, used, withdrawn, undecided, without a "
        "reason, or for something else."
    ),
    "grant.none": _("No grant is open in this thread."),
    "grant.nested": _("Another grant is open here already."),
    "grant.closed": _("The block of the grant has ended; a copied context does not keep it."),
    "grant.process": _("The grant belongs to another process, for instance the parent of a fork."),
    "grant.thread": _("The grant belongs to another thread."),
    "grant.task": _("The grant belongs to another asyncio task."),
    "grant.context": _("The grant is not the one of this context."),
    "grant.expired": _("Its time is over (`THREADVAULT_GRANT_SECONDS`)."),
    "grant.epoch": _("Policies or members have changed since."),
    "grant.scope": _("The conversation is not in its scope."),
    "grant.view": _("Its action, or its ticket, does not open that view."),
    "grant.budget": _("It would open more messages than it may (`THREADVAULT_GRANT_BUDGET`)."),
    "ticket.expired": _("The ticket waited too long (`THREADVAULT_TICKET_SECONDS`), or its grant's time is over."),
    "ticket.process": _("The ticket belongs to another process."),
    "ticket.used": _("The ticket was redeemed already."),
    "ticket.wider": _("The ticket asks for more than its grant opens."),
    "vault.collection_unknown": _("This tenant has no such collection."),
    "vault.changed": _("The collection is not as its ETag says any more."),
    "vault.not_found": _("No such row in this tenant: the same answer for an unknown id and for another tenant's."),
    "query.unknown": _("The address has a query parameter that is not known there."),
    "query.doubled": _("A query parameter stands twice."),
    "view.unknown": _("The view is neither `redacted` nor `source`."),
    "query.value": _("A query parameter has a value that is not one of its values."),
    "cursor.invalid": _("The cursor or page size is not one that this API gives or takes."),
    "integrity_failure": _(
        "A sealed value did not open at its place: it was changed, moved or replaced from outside. Recorded."
    ),
    "privacy.held": _("A legal hold keeps this from being destroyed."),
    "privacy.unknown_subject": _("The tenant knows no person by this reference, or the person is erased already."),
    "audit.record_refused": _("No record could be written, so nothing was read or done."),
    "audit.signer_missing": _("There is no key that signs checkpoints, or it is not 64 hexadecimal digits."),
    "audit.verdict_unsigned": _(
        "The verdict of a verification that stands in the database was not signed by this installation, so it is not shown."
    ),
    "audit.verification_unknown": _("This tenant has no such verification."),
    "keys.provider": _(
        "A key provider is not listed, its URI cannot be read, a package is missing, or its key is damaged or "
        "another one; the message says which."
    ),
    "keys.provider_away": _(
        "A key provider gives no answer: file, token or server are away, or it refuses (the message names its "
        "code). It is asked again after half a second to half a minute."
    ),
    "keys.provider_unlisted": _("Somebody named a key provider that the configuration does not list."),
    "keys.under_lock": _("A key provider would have been asked inside a transaction; this is a fault of the program."),
    "keys.not_warm": _(
        "A key version was rotated or went cold in the middle of an act, and its provider is not asked under locks."
    ),
    "keys.unavailable": _("A key exists but may not be used in its state, or a ring has no active version."),
    "keys.destroyed": _("The key was destroyed on purpose; what it sealed cannot be read again."),
    "keys.unknown": _("This tenant has no such key or ring."),
    "keys.too_old": _("A ring accepts the version that wraps this no more: it is below the ring's minimum."),
    "keys.exhausted": _("A version has wrapped 2^32 times, which is as often as it may."),
    "keys.in_use": _("A version wraps data keys still; the text says how many."),
    "keys.changed": _("The ring or version is not as its ETag says any more: somebody else was faster."),
    "keys.replaced": _(
        "A data key that was to be destroyed was re-encrypted meanwhile; a reader that meets one reads its row again."
    ),
    "keys.reason": _("A change of a key's state needs its reason."),
    "keys.busy": _("The ring has a job of this kind already, or the version changed while its successor was made."),
    "keys.transition": _("The change of state is not one of those listed (NIST SP 800-57 part 1, section 7)."),
    "profiles.changed": _("The version is not as its ETag says any more, or another one is in force by now."),
    "profiles.unknown": _("This tenant has no such detection profile."),
    "profiles.invalid": _("The settings of a profile are not taken."),
    "profiles.refused": _(
        "The version is no draft, says what is in force already, or masks or protects less and needs a second person."
    ),
    "detector.away": _("The detector of your own does not start or answers nothing; records wait and no attempt is burnt."),
    "detector.failed": _("The detector of your own was late, ended or answered wrongly on these texts."),
    "findings.unknown": _("This tenant has no such finding, message or conversation, or it was not scanned yet."),
    "findings.place": _("The record has no such place, or there is no such type."),
    "detect.input": _(
        "A text that was to be tried out cannot be scanned whole, or a line of the file is not as it should be."
    ),
    "jobs.unknown": _("This tenant has no such job."),
    "jobs.state": _(
        "The job's state does not allow this: what is done or cancelled stays so, only what is paused or set "
        "aside is resumed."
    ),
    "ingest.refused": _("No policy lets this account append."),
    "ingest.key_reused": _("The `Idempotency-Key` was used for another request."),
    "ingest.key_busy": _("The request with this `Idempotency-Key` is being carried out, or was cut off."),
    "ingest.key_invalid": _("The `Idempotency-Key` is empty, too long or holds what no header should."),
    "ingest.reply_not_kept": _(
        "The request was carried out before, and its answer held what is shown once or may not be seen any more."
    ),
    "batch.media_type": _("The body is neither JSON nor NDJSON."),
    "body.too_large": _("A body of more than 8 MiB at another address than that of batches."),
    "batch.too_large": _("More bytes than `THREADVAULT_BATCH_BYTES`."),
    "batch.too_many": _("More items than `THREADVAULT_BATCH_ITEMS`."),
    "batch.empty": _("The batch has no items."),
    "batch.shape": _("The body is no object with a list `items`."),
    "message.changed": _("A message with this `external_id` is stored with other content."),
    "parent.unknown": _("A message names a parent that is not in this conversation."),
    "conversation.erased": _("This conversation was erased."),
    "subject.erased": _("This person was erased; nothing more is stored about them."),
    "vault.document_invalid": _("The item cannot be written as UTF-8 JSON."),
    "vault.raced": _("Another writer made one of these conversations, or a person in one was erased, three times in a row."),
    "encoding.bom": _("The data begins with a byte order mark."),
    "encoding.utf8": _("The data is not UTF-8."),
    "encoding.utf16": _("The data is UTF-16."),
    "json.syntax": _("The data is not JSON at the place that is named."),
    "json.truncated": _("The end of the data is missing."),
    "json.trailing": _("Something follows the value."),
    "json.depth": _("More than 64 levels."),
    "json.nodes": _("Too many values in one."),
    "json.number": _("NaN, an infinity, or a number of too many digits."),
    "json.duplicate_key": _("An object has a name twice."),
    "json.type": _("A value of a type that JSON does not have."),
    "format.unknown": _("The data is of no known format."),
    "field.missing": _("A field is missing."),
    "field.unknown": _("An item has a field that it may not have."),
    "field.type": _("A field has another type than is expected."),
    "field.empty": _("A field is empty."),
    "field.length": _("A field is too long."),
    "field.value": _("A value is not one that the field takes."),
    "role.missing": _("A message has no role."),
    "role.invalid": _("The role is not a plain word."),
    "messages.empty": _("A conversation has no message."),
    "id.duplicate": _("Two messages have one id."),
    "tree.cycle": _("Messages answer each other in a circle."),
    "text.nul": _("A text holds U+0000."),
    "text.surrogate": _("A text holds half of a pair of surrogates."),
    "item.too_large": _("One conversation is too large."),
}


def told(code: str, text: str) -> str:
    """Return what a reader is told of an error: `text` as it is, but in another language the meaning of the code first."""
    if (get_language() or SOURCE).split("-")[0] == SOURCE:
        return text
    if text and (own := translated(text)) != text:
        return own
    meaning = MEANINGS.get(code)
    return f"{meaning} ({text})" if meaning else text
