"""The two-step claim of pending rows. What it guarantees:

- step one counts the attempt and commits, so that a row which kills its worker is known to have been tried;
- a row that was tried before is claimed alone, and one that was tried three times is set aside;
- step two locks the same rows, where state and attempt are as they were claimed, and the locks are held while working:
  effect and state are one transaction, so exactly one effect.

The lease of step one only bridges the gap to the locks of step two. Call both inside the tenant's scope.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from governance.jobs.models import Claimable

LEASE_SECONDS: Final = 2
LONGEST_LEASE: Final = 600.0  # Beyond what is asked for; a lease that ends later was given before the clock went back.
PATIENCE: Final = 0.8  # For locks that come before the rows': two such waits are shorter than the lease.
BYTES: Final = 65_536
SMALL: Final = 1_024  # What a row costs beside its text; only what is larger counts into the bytes of a batch.


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row claimed by step one; `group` is the conversation that it belongs to."""

    id: UUID
    group: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What step one took, and what it set aside."""

    rows: tuple[Claimed, ...]
    quarantined: tuple[UUID, ...] = ()


def without_flush() -> None:
    """Let the open transaction commit before its log is on the disk: for what a worker does to rows that it claims again.

    Where the server dies in that moment the count of an attempt is lost, or a whole batch: its state, its effect and its
    entry in the record together, for they are one transaction, and the rows are claimed again. The log keeps its order, so
    the next commit that does wait, such as that of a signed checkpoint before it is delivered, covers what came before.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def impatient() -> None:
    """Let the open transaction wait for a lock for a shorter time than the lease lasts.

    Else others would claim the rows meanwhile and wait as well, until all attempts are burnt by a lock alone.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %b, true)", [f"{PATIENCE * 1000:.0f}ms"])


def patient() -> None:
    """Let the open transaction wait as long as the session does; the locks of rows themselves are never waited for.

    Its statements go to rows by their ids, whatever the statistics say: a plan that was made while the table was small
    walks all of it for each batch, seen to make an import of 137,000 messages ten times slower until the next analysis.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        cursor.execute("SET LOCAL enable_seqscan = off")


def claim(
    *, table: str, group: str, state: int, quarantine: int, limit: int, size: int = BYTES, lease: float = LEASE_SECONDS
) -> Claim:
    """Step one: claim at most `limit` rows of `table` in `state`, of `size` bytes beyond 1 KiB each but for the first.

    `lease` is how long, in seconds, they are left to this worker until it locks them; one of another worker that ends
    much later than any lease does was given before the server's clock was set back, and counts as over.

    `table`, `group` (the column of the conversation) are fixed names of the caller's model. Commit right after it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {group}, attempt, length(source) FROM {table}"  # noqa: S608 - fixed names
            " WHERE state = %b AND (lease_until IS NULL OR lease_until < clock_timestamp()"
            " OR lease_until > clock_timestamp() + make_interval(secs => %b))"
            " ORDER BY id LIMIT %b FOR NO KEY UPDATE SKIP LOCKED",
            [state, lease + LONGEST_LEASE, limit],
        )
        found = cursor.fetchall()
        spent = [row[0] for row in found if row[2] >= Claimable.LAST_ATTEMPT]
        if spent:
            cursor.execute(
                f"UPDATE {table} SET state = %b WHERE id = ANY(%b::uuid[])",  # noqa: S608 - fixed names
                [quarantine, spent],
            )
        taken = _take([row for row in found if row[2] < Claimable.LAST_ATTEMPT], size)
        if taken:
            cursor.execute(
                f"UPDATE {table} SET attempt = attempt + 1,"  # noqa: S608 - fixed names
                " lease_until = clock_timestamp() + make_interval(secs => %b) WHERE id = ANY(%b::uuid[])",
                [float(lease), [row[0] for row in taken]],
            )
    rows = tuple(Claimed(id=row[0], group=row[1], attempt=row[2] + 1) for row in taken)
    return Claim(rows=rows, quarantined=tuple(spent))


def _take(rows: list[tuple[UUID, UUID, int, int]], most: int) -> list[tuple[UUID, UUID, int, int]]:
    """Return one row that was tried before, or the fresh ones up to `most` bytes beyond 1 KiB each, and at least one."""
    if not rows:
        return []
    if rows[0][2] > 0:
        return rows[:1]
    taken: list[tuple[UUID, UUID, int, int]] = []
    size = 0
    for row in rows:
        size += max(row[3] - SMALL, 0)
        if row[2] > 0 or (taken and size > most):
            break
        taken.append(row)
    return taken


def lock_claimed(*, table: str, state: int, rows: tuple[Claimed, ...]) -> set[UUID]:
    """Step two: lock the claimed rows that are as they were claimed, and return their ids; others are somebody else's."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.id FROM {table} m JOIN unnest(%b::uuid[], %b::int4[]) AS c(id, attempt) USING (id)"  # noqa: S608
            " WHERE m.state = %b AND m.attempt = c.attempt ORDER BY m.id FOR NO KEY UPDATE OF m SKIP LOCKED",
            [[row.id for row in rows], [row.attempt for row in rows], state],
        )
        return {row[0] for row in cursor.fetchall()}


def put_back(*, table: str, rows: tuple[Claimed, ...], seconds: float, burnt: bool = False) -> None:
    """Take back step one for rows that could not be worked on; they rest for `seconds`.

    The attempt counts only where it is `burnt`: where it may be the fault of one of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} m SET attempt = m.attempt - {int(not burnt)},"  # noqa: S608 - fixed names
            " lease_until = clock_timestamp() + make_interval(secs => %b)"
            " FROM unnest(%b::uuid[], %b::int4[]) AS c(id, attempt) WHERE m.id = c.id AND m.attempt = c.attempt",
            [seconds, [row.id for row in rows], [row.attempt for row in rows]],
        )


def pending_tenants(limit: int = 1_000) -> list[UUID]:
    """Return ids of tenants that have pending rows; works outside a scope and tells nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pending_tenants(%b::int4)", [limit])
        return [row[0] for row in cursor.fetchall()]


def job_tenants(limit: int = 1_000) -> list[UUID]:
    """Return ids of tenants that have a job which is due and not leased; works outside a scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT job_tenants(%b::int4)", [limit])
        return [row[0] for row in cursor.fetchall()]
