"""The shapes of the API, for checking arguments and for the OpenAPI file."""

from rest_framework import serializers

from governance.api.governing_serializers import Strict


class BatchMessageSerializer(serializers.Serializer):
    """One message; unknown members are kept with it."""

    external_id = serializers.CharField(max_length=255, required=False)
    role = serializers.CharField(max_length=32)
    content = serializers.JSONField(required=False, allow_null=True)
    author = serializers.CharField(max_length=255, required=False)
    parent = serializers.CharField(max_length=255, required=False)
    created_at = serializers.DateTimeField(required=False)
    tool_calls = serializers.JSONField(required=False)


class BatchItemSerializer(serializers.Serializer):
    """One conversation."""

    external_id = serializers.CharField(max_length=255, required=False)
    collection = serializers.CharField(max_length=255)
    data_subject = serializers.CharField(max_length=255, required=False)
    title = serializers.CharField(max_length=1000, required=False)
    metadata = serializers.JSONField(required=False)
    messages = BatchMessageSerializer(many=True)


class BatchSerializer(serializers.Serializer):
    """The body of a batch."""

    items = BatchItemSerializer(many=True)


class ItemErrorSerializer(serializers.Serializer):
    """Why an item was refused."""

    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(required=False)
    position = serializers.IntegerField(required=False)


class BatchResultSerializer(serializers.Serializer):
    """What became of one item."""

    external_id = serializers.CharField(allow_null=True)
    status = serializers.IntegerField()
    id = serializers.UUIDField(allow_null=True)
    error = ItemErrorSerializer(allow_null=True)


class BatchResultsSerializer(serializers.Serializer):
    """One result an item, in order."""

    results = BatchResultSerializer(many=True)


class ConversationLineSerializer(serializers.Serializer):
    """One line of a list."""

    id = serializers.UUIDField()
    collection = serializers.CharField()
    classification = serializers.CharField()
    state = serializers.CharField()
    messages = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    title = serializers.CharField(allow_null=True)


class ConversationPageSerializer(serializers.Serializer):
    """A page of conversations; `next` is the cursor of the page after it."""

    results = ConversationLineSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SearchSerializer(Strict):
    """What is looked for, as it would stand in a chat; all of its values must be in a conversation."""

    text = serializers.CharField(max_length=4_096)
    cursor = serializers.CharField(max_length=128, default="", allow_blank=True)
    page_size = serializers.IntegerField(min_value=1, max_value=500, default=50)


class ConversationSerializer(serializers.Serializer):
    """One conversation without its messages."""

    id = serializers.UUIDField()
    collection = serializers.CharField()
    classification = serializers.CharField()
    messages = serializers.IntegerField()
    view = serializers.CharField()
    head = serializers.JSONField(allow_null=True)


class MessageSerializer(serializers.Serializer):
    """One message in the view that was asked for; `item` is null where it is withheld."""

    id = serializers.UUIDField()
    ordinal = serializers.IntegerField()
    role = serializers.CharField()
    parent = serializers.UUIDField(allow_null=True)
    state = serializers.CharField()
    withheld = serializers.CharField(allow_blank=True)
    text = serializers.ListField(child=serializers.CharField(), allow_null=True)
    item = serializers.JSONField(allow_null=True)


class MessagePageSerializer(serializers.Serializer):
    """A page of messages; `next` is the cursor of the page after it."""

    view = serializers.CharField()
    results = MessageSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class StepUpSerializer(Strict):
    """A one-time code of the token's person."""

    code = serializers.CharField(max_length=16)


class SteppedUpSerializer(serializers.Serializer):
    """A token that counts as a fresh second factor until it expires."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
