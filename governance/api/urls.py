"""The URLs of the API, version 1."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from governance.api import schema as _schema  # noqa: F401 - registers what the OpenAPI file says of tokens
from governance.api.batches import BatchView
from governance.api.conversations import ConversationListView, ConversationView, MessageListView
from governance.api.tokens import StepUpView

urlpatterns = [
    path("conversations:batch", BatchView.as_view(), name="api-batch"),
    path("conversations", ConversationListView.as_view(), name="api-conversations"),
    path("conversations/<uuid:conversation_id>", ConversationView.as_view(), name="api-conversation"),
    path("conversations/<uuid:conversation_id>/messages", MessageListView.as_view(), name="api-messages"),
    path("tokens/step-up", StepUpView.as_view(), name="api-step-up"),
    path("schema", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]), name="api-schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema", authentication_classes=[], permission_classes=[]),
        name="api-docs",
    ),
]
