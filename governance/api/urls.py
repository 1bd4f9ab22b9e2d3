"""The URLs of the API, version 1."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from governance.api import keys
from governance.api import schema as _schema  # noqa: F401 - registers what the OpenAPI file says of tokens
from governance.api.approvals import (
    ApprovalListView,
    ApprovalView,
    BreakGlassEndView,
    BreakGlassListView,
    BreakGlassOpenView,
    BreakGlassReviewView,
    BreakGlassView,
    RefuseView,
    SecondView,
    WithdrawView,
)
from governance.api.audit import EntryListView, RecordExportView, VerificationView, VerifyView
from governance.api.batches import BatchView
from governance.api.conversations import ConversationListView, ConversationView, MessageListView, SearchView
from governance.api.detection import DetectView
from governance.api.explanations import ExplainView, ReadersView, RefusalView
from governance.api.exports import ExportView
from governance.api.findings import (
    FindingAskView,
    FindingConfirmView,
    FindingListView,
    PrecisionView,
    UnmaskView,
)
from governance.api.jobs import CancelView, JobListView, JobView, PauseView, ResumeView
from governance.api.members import MemberListView, MemberRolesView, MemberRoleView
from governance.api.policies import (
    CollectionListView,
    CollectionView,
    DryRunView,
    PolicyApplyView,
    PolicyAskView,
    PolicyDiffView,
    PolicyListView,
    PolicyView,
    PurposeListView,
)
from governance.api.profiles import (
    ProfileApplyView,
    ProfileAskView,
    ProfileDiffView,
    ProfileListView,
    ProfileTryView,
    ProfileView,
)
from governance.api.tokens import StepUpView, TokenListView, TokenView
from governance.custody.changing import ACTS

urlpatterns = [
    path("conversations:batch", BatchView.as_view(), name="api-batch"),
    path("conversations", ConversationListView.as_view(), name="api-conversations"),
    path("conversations:search", SearchView.as_view(), name="api-search"),
    path("conversations:export", ExportView.as_view(), name="api-export"),
    path("conversations/<uuid:conversation_id>", ConversationView.as_view(), name="api-conversation"),
    path("conversations/<uuid:conversation_id>/messages", MessageListView.as_view(), name="api-messages"),
    path("conversations/<uuid:conversation_id>/readers", ReadersView.as_view(), name="api-readers"),
    path("conversations/<uuid:conversation_id>:explain", ExplainView.as_view(), name="api-explain"),
    path("audit", EntryListView.as_view(), name="api-audit"),
    path("audit/<int:sequence>/explanation", RefusalView.as_view(), name="api-refusal"),
    path("audit:verify", VerifyView.as_view(), name="api-audit-verify"),
    path("audit:export", RecordExportView.as_view(), name="api-audit-export"),
    path("audit/verifications/<uuid:job_id>", VerificationView.as_view(), name="api-verification"),
    path("policies", PolicyListView.as_view(), name="api-policies"),
    path("policies/<uuid:policy_id>", PolicyView.as_view(), name="api-policy"),
    path("policies/<uuid:policy_id>/diff", PolicyDiffView.as_view(), name="api-policy-diff"),
    path("policies/<uuid:policy_id>:dry-run", DryRunView.as_view(), name="api-policy-dry-run"),
    path("policies/<uuid:policy_id>:ask", PolicyAskView.as_view(), name="api-policy-ask"),
    path("policies/<uuid:policy_id>:apply", PolicyApplyView.as_view(), name="api-policy-apply"),
    path("purposes", PurposeListView.as_view(), name="api-purposes"),
    path("collections", CollectionListView.as_view(), name="api-collections"),
    path("collections/<uuid:collection_id>", CollectionView.as_view(), name="api-collection"),
    path("approvals", ApprovalListView.as_view(), name="api-approvals"),
    path("approvals/<uuid:approval_id>", ApprovalView.as_view(), name="api-approval"),
    path("approvals/<uuid:approval_id>:second", SecondView.as_view(), name="api-approval-second"),
    path("approvals/<uuid:approval_id>:refuse", RefuseView.as_view(), name="api-approval-refuse"),
    path("approvals/<uuid:approval_id>:withdraw", WithdrawView.as_view(), name="api-approval-withdraw"),
    path("jobs", JobListView.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", JobView.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>:pause", PauseView.as_view(), name="api-job-pause"),
    path("jobs/<uuid:job_id>:resume", ResumeView.as_view(), name="api-job-resume"),
    path("jobs/<uuid:job_id>:cancel", CancelView.as_view(), name="api-job-cancel"),
    path("key-rings", keys.RingListView.as_view(), name="api-key-rings"),
    path("key-rings/<uuid:ring_id>", keys.RingView.as_view(), name="api-key-ring"),
    path("key-rings/<uuid:ring_id>/plan", keys.PlanView.as_view(), name="api-key-ring-plan"),
    path("key-rings/<uuid:ring_id>:rotate", keys.RotateView.as_view(), name="api-key-ring-rotate"),
    path("key-rings/<uuid:ring_id>:rewrap", keys.RewrapView.as_view(), name="api-key-ring-rewrap"),
    path("key-rings/<uuid:ring_id>:reencrypt", keys.ReencryptView.as_view(), name="api-key-ring-reencrypt"),
    path("key-rings/<uuid:ring_id>:raise-minimum", keys.RaiseMinimumView.as_view(), name="api-key-ring-raise"),
    path("key-rings/<uuid:ring_id>:ask-minimum", keys.AskMinimumView.as_view(), name="api-key-ring-ask"),
    path("key-rings/<uuid:ring_id>:lower-minimum", keys.LowerMinimumView.as_view(), name="api-key-ring-lower"),
    path("key-versions", keys.VersionListView.as_view(), name="api-key-versions"),
    path("key-versions/<uuid:version_id>", keys.VersionView.as_view(), name="api-key-version"),
    path("key-versions/<uuid:version_id>/blast-radius", keys.RadiusView.as_view(), name="api-key-version-radius"),
    *(
        path(f"key-versions/<uuid:version_id>:{act}", keys.ChangeVersionView.as_view(act=act), name=f"api-key-version-{act}")
        for act in ACTS
    ),
    path("key-versions/<uuid:version_id>:ask-destroy", keys.AskDestroyView.as_view(), name="api-key-version-ask"),
    path("key-versions/<uuid:version_id>:destroy", keys.DestroyView.as_view(), name="api-key-version-destroy"),
    path("key-versions/<uuid:version_id>:cancel", keys.CancelDestroyView.as_view(), name="api-key-version-cancel"),
    path("data-keys/<uuid:data_key_id>:ask-destroy", keys.AskDestroyDataKeyView.as_view(), name="api-data-key-ask"),
    path("data-keys:destroy", keys.DestroyDataKeyView.as_view(), name="api-data-key-destroy"),
    path("records/<uuid:record_id>/findings", FindingListView.as_view(), name="api-findings"),
    path("findings/<int:finding_id>:confirm", FindingConfirmView.as_view(), name="api-finding-confirm"),
    path("findings/<int:finding_id>:ask-unmask", FindingAskView.as_view(), name="api-finding-ask"),
    path("findings:unmask", UnmaskView.as_view(), name="api-unmask"),
    path("findings/precision", PrecisionView.as_view(), name="api-precision"),
    path("detection-profiles", ProfileListView.as_view(), name="api-profiles"),
    path("detection-profiles/<uuid:profile_id>", ProfileView.as_view(), name="api-profile"),
    path("detection-profiles/<uuid:profile_id>/diff", ProfileDiffView.as_view(), name="api-profile-diff"),
    path("detection-profiles/<uuid:profile_id>:try", ProfileTryView.as_view(), name="api-profile-try"),
    path("detection-profiles/<uuid:profile_id>:ask", ProfileAskView.as_view(), name="api-profile-ask"),
    path("detection-profiles/<uuid:profile_id>:apply", ProfileApplyView.as_view(), name="api-profile-apply"),
    path("detect", DetectView.as_view(), name="api-detect"),
    path("break-glass", BreakGlassListView.as_view(), name="api-break-glass"),
    path("break-glass/<uuid:glass_id>", BreakGlassView.as_view(), name="api-break-glass-one"),
    path("break-glass:open", BreakGlassOpenView.as_view(), name="api-break-glass-open"),
    path("break-glass/<uuid:glass_id>:end", BreakGlassEndView.as_view(), name="api-break-glass-end"),
    path("break-glass/<uuid:glass_id>:review", BreakGlassReviewView.as_view(), name="api-break-glass-review"),
    path("members", MemberListView.as_view(), name="api-members"),
    path("members/<uuid:user_id>/roles", MemberRolesView.as_view(), name="api-member-roles"),
    path("members/<uuid:user_id>/roles/<slug:role>", MemberRoleView.as_view(), name="api-member-role"),
    path("tokens", TokenListView.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>", TokenView.as_view(), name="api-token"),
    path("tokens/step-up", StepUpView.as_view(), name="api-step-up"),
    path("schema", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]), name="api-schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema", authentication_classes=[], permission_classes=[]),
        name="api-docs",
    ),
]
