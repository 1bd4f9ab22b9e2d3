"""Pure scanners: text in, spans out.

The pipeline (`scanner`): normalise characters one to one -> a gate that says which rules can match at all -> only
those rules -> checksum or numbering-plan validation -> context -> overlaps resolved. Nothing here knows Django, stores
text, or puts a match into a repr, a log line or an exception.
"""

from governance.privacy.detectors.budget import Budget, BudgetExceeded, Unscannable
from governance.privacy.detectors.scanner import RULESET_VERSION, scan
from governance.privacy.detectors.spans import Kind, Span, Tier

__all__ = ["RULESET_VERSION", "Budget", "BudgetExceeded", "Kind", "Span", "Tier", "Unscannable", "scan"]
