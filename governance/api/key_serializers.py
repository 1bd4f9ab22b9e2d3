"""The shapes of key rings, versions, plans and what is asked of them; never key bytes."""

from rest_framework import serializers

from governance.api.governing_serializers import Strict
from governance.keys.limits import LONGEST_WAIT_DAYS, SHORTEST_WAIT_DAYS
from governance.keys.models import KeyUse, KeyVersion

STATES = KeyVersion.State.values


class RingSerializer(serializers.Serializer):
    """A ring: `active` is the number of its active version (0: none), `minimum` the lowest that it accepts."""

    id = serializers.UUIDField()
    use = serializers.ChoiceField(KeyUse.values)
    active = serializers.IntegerField()
    minimum = serializers.IntegerField()
    versions = serializers.IntegerField()
    data_keys = serializers.IntegerField()


class VersionSerializer(serializers.Serializer):
    """A version: `data_keys` are live, `uses` are counted never fewer than were made."""

    id = serializers.UUIDField()
    use = serializers.ChoiceField(KeyUse.values)
    version = serializers.IntegerField()
    state = serializers.ChoiceField(STATES)
    provider = serializers.CharField()
    data_keys = serializers.IntegerField()
    uses = serializers.IntegerField()
    minimum = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)
    destroy_at = serializers.DateTimeField(allow_null=True)


class TransitionSerializer(serializers.Serializer):
    """How a version came into a state."""

    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField()
    at = serializers.DateTimeField()
    actor = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class DescribedSerializer(VersionSerializer):
    """A version with its history."""

    transitions = TransitionSerializer(many=True)


class PlanSerializer(serializers.Serializer):
    """What a rewrap and a re-encryption would come to; seconds by the rate of the last job, null where there was none."""

    use = serializers.CharField()
    data_keys = serializers.IntegerField()
    kept = serializers.IntegerField()
    records = serializers.IntegerField(allow_null=True)
    rewrap_seconds = serializers.FloatField(allow_null=True)
    reencrypt_seconds = serializers.FloatField(allow_null=True)


class RadiusSerializer(serializers.Serializer):
    """What would be unreadable without a version."""

    version = serializers.IntegerField()
    use = serializers.CharField()
    state = serializers.CharField()
    data_keys = serializers.IntegerField()
    conversations = serializers.IntegerField()
    owners = serializers.IntegerField()
    held = serializers.IntegerField()
    destroyable = serializers.BooleanField()


class ErasedSerializer(serializers.Serializer):
    """What became unreadable."""

    data_keys = serializers.IntegerField()
    messages = serializers.IntegerField()
    conversations = serializers.IntegerField()
    index_entries = serializers.IntegerField()


class RotateSerializer(Strict):
    """Why a ring rotates, which is kept with the version that leaves, and which listed provider wraps the new one."""

    reason = serializers.CharField(max_length=500, default="", allow_blank=True)
    provider = serializers.CharField(max_length=500, default="", allow_blank=True)


class DestroySerializer(Strict):
    """How long a destruction waits, in days, and why it is asked for."""

    days = serializers.IntegerField(
        min_value=SHORTEST_WAIT_DAYS, max_value=LONGEST_WAIT_DAYS, default=SHORTEST_WAIT_DAYS
    )  # fmt: skip
    reason = serializers.CharField(max_length=500)


class MinimumSerializer(Strict):
    """The lowest version that a ring shall accept."""

    number = serializers.IntegerField(min_value=1, max_value=2_147_483_647)


class LowerSerializer(MinimumSerializer):
    """The same, below the one of now: a second person reads why."""

    reason = serializers.CharField(max_length=500)
