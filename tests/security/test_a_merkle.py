"""ATTACKS.md, row A06: the public vectors of RFC 6962 proofs. Those that must fail fail."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from governance.audit import merkle
from governance.audit.merkle import BadProof, verify_consistency, verify_inclusion

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "vectors" / "rfc6962" / "testdata"
COUNTS = {"inclusion": (98, 92), "consistency": (98, 92)}
missing = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the public vectors are not at {FOLDER}")


def vectors(kind):
    return [json.loads(path.read_text()) for path in sorted((FOLDER / kind).rglob("*.json"))]


def decoded(text):
    return b64decode(text or "")


def run(kind, case):
    proof = [decoded(one) for one in case["proof"] or []]
    if kind == "inclusion":
        verify_inclusion(
            leaf=decoded(case["leafHash"]), index=case["leafIdx"], size=case["treeSize"], proof=proof,
            root=decoded(case["root"]),
        )  # fmt: skip
    else:
        verify_consistency(
            first=case["size1"], second=case["size2"], first_root=decoded(case["root1"]),
            second_root=decoded(case["root2"]), proof=proof,
        )  # fmt: skip


def passes(kind, case):
    try:
        run(kind, case)
    except BadProof:
        return False
    return True


@missing
@pytest.mark.parametrize("kind", COUNTS)
def test_a06_public_vectors_pass_and_fail_as_they_must(kind):
    cases = vectors(kind)
    assert (len(cases), sum(case["wantErr"] for case in cases)) == COUNTS[kind]
    wrong = [case["desc"] for case in cases if passes(kind, case) == case["wantErr"]]
    assert wrong == []


@missing
@pytest.mark.parametrize("kind", COUNTS)
def test_a06_control_without_the_comparison_of_roots_wrong_proofs_pass(kind, monkeypatch):
    """The mutant takes every hash for equal: what then still fails are wrong lengths alone."""

    class Equal(bytes):
        def __eq__(self, other):
            return True

        def __ne__(self, other):
            return False

        __hash__ = bytes.__hash__

    monkeypatch.setattr(merkle, "node_hash", lambda left, right: Equal(32))
    assert sum(passes(kind, case) for case in vectors(kind) if case["wantErr"]) > 20
