"""What the source says of itself, read without importing anything that needs Django: codes, events, purposes, variables."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for path in (ROOT / "governance").rglob("*.py") if "migrations" not in path.parts]
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in SOURCES}
_CODE = re.compile(r"[a-z_]+\.[a-z0-9_]+")
_VARIABLE = re.compile(r"\b(?:THREADVAULT_[A-Z_]+[A-Z]|(?:DATABASE|DATABASE_OWNER|BROKER)_URL|PG_BIN|NO_APT)\b")


def nodes(kind):
    return [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, kind)]


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def named(node):
    """The last name of what is called or inherited: `errors.AccessDenied` and `AccessDenied` are one."""
    return getattr(node, "id", getattr(node, "attr", ""))


def _own_code(node):
    """The place of `code` among the arguments of a class that takes one; None where it takes none."""
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and line.name == "__init__":
            names = [argument.arg for argument in line.args.args[1:]]
            return names.index("code") if "code" in names else None
        if isinstance(line, ast.AnnAssign) and getattr(line.target, "id", "") == "code":
            fields = [each.target.id for each in node.body if isinstance(each, ast.AnnAssign)]
            return fields.index("code")
    return None


def classes_with_code():
    """Classes that take a code as an argument, by name, with its place; a subclass inherits it."""
    classes = nodes(ast.ClassDef)
    places = {node.name: place for node in classes if (place := _own_code(node)) is not None}
    for _ in classes:  # As many rounds as an inheritance can be deep.
        heirs = {node.name: places[named(base)] for node in classes for base in node.bases if named(base) in places}
        if heirs.keys() <= places.keys():
            break
        places = {**heirs, **places}
    return places


def _of_classes():
    for node in nodes(ast.ClassDef):
        for line in node.body:
            targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
            if any(getattr(target, "id", "") == "code" for target in targets) and is_text(getattr(line, "value", None)):
                yield line.value.value


def _of_calls():
    places = classes_with_code()
    for node in nodes(ast.Call):
        yield from (word.value.value for word in node.keywords if word.arg == "code" and is_text(word.value))
        place = places.get(named(node.func))
        if place is not None and len(node.args) > place and is_text(node.args[place]):
            yield node.args[place].value


def _of_faults():
    """A fault is named by a pair of code and text, returned or kept as `fault`."""
    kept = [node for node in nodes(ast.Assign) if getattr(node.targets[0], "id", "") == "fault"]
    for node in (*nodes(ast.Return), *kept):
        pair = node.value.elts if isinstance(node.value, ast.Tuple) else []
        if len(pair) == 2 and is_text(pair[0]) and _CODE.fullmatch(pair[0].value):
            yield pair[0].value


def error_codes():
    """Every stable code that the tree can answer with."""
    return {code for code in {*_of_classes(), *_of_calls(), *_of_faults()} if code}


def assigned(path, name):
    """The value of a constant of a module, which must be a literal."""
    for node in TREES[path].body:
        if getattr(getattr(node, "target", None), "id", "") == name:
            return ast.literal_eval(node.value)
    raise LookupError(name)


def texts_outside(path):
    """Every string of one word in the tree, but for those of one module."""
    return {
        node.value
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if is_text(node) and name != path and " " not in node.value
    }


def variables():
    """Every environment variable that the project reads by name; NAME_FILE stands for any of them."""
    files = [*SOURCES, *(ROOT / "settings").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    files += [ROOT / "manage.py", ROOT / "Makefile", ROOT / ".ci" / "run"]
    found = {name for path in files for name in _VARIABLE.findall(path.read_text("utf-8"))}
    return found - {"THREADVAULT_NAME_FILE"} | {"PORT"}
