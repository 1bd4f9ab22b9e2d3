"""Trying the detectors out: what a text or a message holds. Nothing is stored, logged or recorded."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.governing_serializers import Strict
from governance.api.requests import arguments_of
from governance.api.views import ApiView
from governance.privacy.detecting import detect


class AnyJsonField(serializers.JSONField):
    """Any JSON value: a text, or a message with its parts."""


class DetectAskSerializer(Strict):
    """What is scanned; it is kept nowhere."""

    content = AnyJsonField()


class FindingSerializer(serializers.Serializer):
    """Where something stands: the leaf by its path and number, code points in it; never the match."""

    leaf = serializers.IntegerField()
    path = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    type = serializers.CharField()
    tier = serializers.ChoiceField(["validated", "contextual", "weak"])
    rule = serializers.CharField()


class DetectedSerializer(serializers.Serializer):
    """What was found, under which rule set, and the content redacted with marks that have no pseudonyms."""

    ruleset = serializers.IntegerField()
    findings = FindingSerializer(many=True)
    redacted = AnyJsonField()


class DetectView(ApiView):
    """Detection without storing; open to every member and service account of the tenant."""

    acts = False

    @extend_schema(request=DetectAskSerializer, responses=DetectedSerializer, operation_id="detect")
    def post(self, request: Request) -> Response:
        """Return what the content holds."""
        given: Any = arguments_of(request, DetectAskSerializer)["content"]
        return Response(detect(given).as_facts())
