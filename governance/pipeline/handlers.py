"""Topic to function: what a job's topic means. A process claims no topic that is not in here."""

from typing import Final

from governance.approvals import telling
from governance.custody import reencrypting, reindexing, rewrapping, verifying
from governance.notices import mailing
from governance.pipeline.working import Handler
from governance.privacy import rescanning

HANDLERS: Final[dict[str, Handler]] = {
    rescanning.TOPIC: rescanning.rescan_step,
    telling.TOPIC: mailing.tell,
    rewrapping.TOPIC: rewrapping.rewrap_step,
    reencrypting.TOPIC: reencrypting.reencrypt_step,
    reindexing.TOPIC: reindexing.reindex_step,
    verifying.TOPIC: verifying.verify_step,
}
