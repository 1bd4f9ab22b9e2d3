"""The shapes of policies, approvals, break-glass and explanations."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from governance.access.cells import CLASSIFICATIONS
from governance.access.forms import PolicyForm
from governance.identity.roles import Role


class Strict(serializers.Serializer):
    """Arguments: a member that is not one of them is refused and named, so that nothing is silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the arguments. Raises ValidationError."""
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), _("There is no such member.")))
        return super().to_internal_value(data)


class FormSerializer(Strict):
    """A usual policy; it is written as Cedar."""

    roles = serializers.ListField(child=serializers.ChoiceField(Role.values), default=list)
    actions = serializers.ListField(child=serializers.CharField(max_length=32), min_length=1)
    forbid = serializers.BooleanField(default=False)
    purposes = serializers.ListField(child=serializers.CharField(max_length=64), default=list)
    collections = serializers.ListField(child=serializers.CharField(max_length=255), default=list)
    highest = serializers.ChoiceField(CLASSIFICATIONS, default="", allow_blank=True)
    lowest = serializers.ChoiceField(CLASSIFICATIONS, default="", allow_blank=True)
    held = serializers.BooleanField(default=None, allow_null=True)
    restricted = serializers.BooleanField(default=None, allow_null=True)
    second_factor = serializers.BooleanField(default=False)
    not_before = serializers.DateTimeField(default=None, allow_null=True)
    not_after = serializers.DateTimeField(default=None, allow_null=True)
    weekdays = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=7), default=list)
    from_time = serializers.TimeField(default=None, allow_null=True)
    until_time = serializers.TimeField(default=None, allow_null=True)


def form_of(name: str, fields: dict[str, Any]) -> PolicyForm:
    """Return the form of checked fields: what is listed becomes a set."""
    checked: dict[str, Any] = {key: frozenset(value) if isinstance(value, list) else value for key, value in fields.items()}
    return PolicyForm(name=name, **checked)


class DraftSerializer(Strict):
    """A new version of a policy: `cedar` or `form`, one of the two."""

    name = serializers.CharField(max_length=64)
    cedar = serializers.CharField(max_length=16_384, required=False)
    form = FormSerializer(required=False)
    reason = serializers.CharField(max_length=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments. Raises ValidationError unless there is exactly one text."""
        if ("cedar" in attrs) == ("form" in attrs):
            raise serializers.ValidationError(_("Give the policy as cedar or as form, one of the two."))
        return attrs


class ReasonSerializer(Strict):
    """Why something is asked for."""

    reason = serializers.CharField(max_length=500)


class ApplySerializer(Strict):
    """The approval by which something is carried out."""

    approval = serializers.UUIDField()


class DryRunSerializer(Strict):
    """How many recorded requests are decided again."""

    last = serializers.IntegerField(min_value=1, max_value=10_000, default=1_000)


class AskSerializer(Strict):
    """A grave act that has no address of its own yet."""

    act = serializers.ChoiceField(["erase", "release_hold"])
    subject = serializers.UUIDField()
    reason = serializers.CharField(max_length=500)


class BreakGlassAskSerializer(Strict):
    """What somebody wants to open in an emergency."""

    conversations = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=50)
    ticket = serializers.CharField(max_length=64)
    minutes = serializers.IntegerField(min_value=1, max_value=480)
    reason = serializers.CharField(max_length=500)


class ReviewSerializer(Strict):
    """What somebody else found when looking at a break-glass."""

    justified = serializers.BooleanField()
    note = serializers.CharField(max_length=500)


class ExplainSerializer(Strict):
    """A request to explain: it is decided, not made."""

    action = serializers.CharField(max_length=32, default="read_redacted")
    purpose = serializers.CharField(max_length=64)


class PurposeSerializer(Strict):
    """A purpose of the tenant."""

    code = serializers.CharField(max_length=64)
    description = serializers.CharField(max_length=255, default="", allow_blank=True)


class CollectionChangeSerializer(Strict):
    """What a collection allows."""

    purposes = serializers.ListField(child=serializers.CharField(max_length=64), required=False)
    lawful_basis = serializers.CharField(max_length=20, required=False)


class CollectionSerializer(serializers.Serializer):
    """A collection."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    purposes = serializers.ListField(child=serializers.CharField())
    lawful_basis = serializers.CharField()


class PolicySerializer(serializers.Serializer):
    """One version of a policy."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField()
    cedar = serializers.CharField()
    reason = serializers.CharField()
    drafted_by = serializers.CharField(source="drafted_by.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)


class DiffSerializer(serializers.Serializer):
    """How a version differs from the one in force."""

    diff = serializers.CharField(allow_blank=True)


class AskedSerializer(serializers.Serializer):
    """The approval that now waits for a second person."""

    approval = serializers.UUIDField()


class ApprovalSerializer(serializers.Serializer):
    """An approval as the second person reads it."""

    id = serializers.UUIDField()
    act = serializers.CharField()
    meaning = serializers.CharField()
    subject_id = serializers.UUIDField()
    details = serializers.JSONField()
    reason = serializers.CharField()
    state = serializers.CharField()
    asker = serializers.CharField()
    seconder = serializers.CharField(allow_blank=True)
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class BreakGlassSerializer(serializers.Serializer):
    """A break-glass."""

    id = serializers.UUIDField()
    user = serializers.CharField()
    ticket = serializers.CharField()
    reason = serializers.CharField()
    conversations = serializers.ListField(child=serializers.UUIDField())
    began_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    justified = serializers.BooleanField(allow_null=True)


class ReaderSerializer(serializers.Serializer):
    """One way in which somebody may open a conversation."""

    user_id = serializers.UUIDField()
    username = serializers.CharField()
    view = serializers.CharField()
    purpose = serializers.CharField()
    second_factor = serializers.BooleanField()
    policies = serializers.ListField(child=serializers.CharField())
    until = serializers.DateTimeField(allow_null=True)


class RemedySerializer(serializers.Serializer):
    """What would make the difference."""

    kind = serializers.CharField()
    value = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())


class ExplanationSerializer(serializers.Serializer):
    """Why a request is allowed or not."""

    allowed = serializers.BooleanField()
    because = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())
    remedies = RemedySerializer(many=True)


class ChangeSerializer(serializers.Serializer):
    """A recorded request that a draft would decide otherwise."""

    kind = serializers.CharField()
    sequence = serializers.IntegerField()
    actor = serializers.UUIDField()
    action = serializers.CharField()
    purpose = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class DryRunResultSerializer(serializers.Serializer):
    """What a draft would change."""

    requests = serializers.IntegerField()
    skipped = serializers.IntegerField()
    changes = ChangeSerializer(many=True)
