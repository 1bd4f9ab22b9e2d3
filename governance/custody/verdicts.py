"""What a verification in steps has seen, as its job keeps it: signed with the audit key after each step.

The job's row lies in the database that is verified. Were its state not signed, whoever writes the database could let a
verification begin behind the entry that he changed, end before it, or write down that the chain is whole. A state without
a signature of this installation over exactly this job is no state: the walk begins anew, and a verdict is not shown.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from governance.audit.chain import ChainReport
from governance.audit.heads import UnreadableRecord
from governance.audit.judgement import Judgement, judgement_of
from governance.audit.signers import audit_signer, trusted_keys
from governance.crypto.signing import BadSignature, verify

_STATE: Final = b"TVV1"


@dataclass(slots=True)
class Progress:
    """How far a verification is that goes to the entry `end`; `report` is there when it is over.

    `moment` is when its walk began, `walks` how often it did, `closed` when the report was made (UTC, ISO 8601).
    """

    judgement: Judgement
    end: int
    moment: str = ""
    walks: int = 1
    report: ChainReport | None = None
    closed: str = ""


def signed_state(*, job: UUID, progress: Progress) -> dict[str, Any]:
    """Return what the job keeps of `progress`. Raises SignerMissing."""
    state = {
        "judgement": progress.judgement.kept(),
        "end": progress.end,
        "moment": progress.moment,
        "walks": progress.walks,
        "report": progress.report and progress.report.as_json(),
        "closed": progress.closed,
    }
    signer = audit_signer()
    signature = signer.sign(_signed_bytes(job, state))
    return {"state": state, "public_key": signer.public.hex(), "signature": signature.hex()}


def progress_of(*, job: UUID, tenant: UUID, cursor: Mapping[str, Any]) -> Progress | None:
    """Return what the job has kept; None where nothing is, or where it is not signed by this installation."""
    try:
        state, public = cursor["state"], bytes.fromhex(cursor["public_key"])
        verify(public, bytes.fromhex(cursor["signature"]), _signed_bytes(job, state))
        if public not in trusted_keys():
            return None
        judgement = Judgement.resumed(state["judgement"], trusted=trusted_keys())
        report = state["report"] and ChainReport.from_json(state["report"])
        moment, closed = str(state["moment"]), str(state["closed"])
        progress = Progress(judgement, int(state["end"]), moment, int(state["walks"]), report, closed)
    except (KeyError, TypeError, ValueError, AttributeError, BadSignature, UnreadableRecord):
        return None
    return progress if judgement.walk.tenant == tenant else None


def begun(tenant: UUID, *, end: int, walks: int = 1) -> Progress:
    """Return the progress of a verification that has read nothing."""
    return Progress(judgement_of(tenant, trusted_keys()), end, walks=walks)


def _signed_bytes(job: UUID, state: Mapping[str, Any]) -> bytes:
    body = json.dumps(state, sort_keys=True, separators=(",", ":")).encode()
    return _STATE + job.bytes + hashlib.sha256(body).digest()
