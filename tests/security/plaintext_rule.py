"""A rule over the source: what carries a text is neither printed, nor logged, nor written into an error or an f-string.

Names stand for what they hold: `document`, `text`, `item` ... are texts of people; a name of that kind in one of the
places below is a finding. It sees names, not values, so it is a rule for reviewers as well.
"""

import ast

# Names that hold what people wrote, or a key. `title` and `text` of a refusal are ours and stand in no log call.
CARRIERS = frozenset({
    "document", "documents", "item", "items", "plain", "plaintext", "content", "contents", "message_text", "leaf", "leaves",
    "sealed", "envelope", "secret", "password", "opened", "source", "redacted", "head", "payload",
})  # fmt: skip
LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})


def _name(node):
    return getattr(node, "id", getattr(node, "attr", ""))


def _carriers(node):
    """The carriers whose value would be written: not what is only counted, measured or named by id."""
    if isinstance(node, ast.Call):
        return set() if _name(node.func) in {"len", "type", "isinstance", "sorted", "count", "sum"} else {
            found for each in (*node.args, *(word.value for word in node.keywords)) for found in _carriers(each)
        }  # fmt: skip
    if isinstance(node, ast.Attribute):
        return {node.attr} & CARRIERS
    if isinstance(node, ast.Name):
        return {node.id} & CARRIERS
    return {found for each in ast.iter_child_nodes(node) for found in _carriers(each)}


def _is_log(node):
    return isinstance(node, ast.Call) and _name(node.func) in LOGS and _name(getattr(node.func, "value", None)) in {
        "logger", "logging", "log",
    }  # fmt: skip


def findings(tree):
    """(line, place, names) of each carrier in a print, a log call, an exception that is raised, or an f-string."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "print":
            place, parts = "print", node.args
        elif _is_log(node):
            place, parts = "log", [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            place, parts = "error", node.exc.args
        elif isinstance(node, ast.JoinedStr):
            place, parts = "f-string", [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        else:
            continue
        names = {name for part in parts for name in _carriers(part)}
        if names:
            found.append((node.lineno, place, sorted(names)))
    return found
