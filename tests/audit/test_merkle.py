"""Merkle trees: proofs for every size and place, and nothing else passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.audit.merkle import (
    BadProof,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)

leaves_of = st.lists(st.binary(max_size=8), min_size=1, max_size=80)


def recursive_root(leaves):
    """The definition of RFC 6962, word by word."""
    import hashlib

    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + recursive_root(leaves[:split]) + recursive_root(leaves[split:])).digest()


@given(leaves_of, st.data())
def test_every_leaf_has_a_proof_and_no_other_leaf_passes_with_it(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = root_hash(leaves), inclusion_proof(leaves, index)
    asked = {"index": index, "size": len(leaves), "proof": proof, "root": root}
    verify_inclusion(leaf=leaf_hash(leaves[index]), **asked)
    with pytest.raises(BadProof):
        verify_inclusion(leaf=leaf_hash(leaves[index] + b"!"), **asked)
    with pytest.raises(BadProof):
        verify_inclusion(leaf=leaf_hash(leaves[index]), **{**asked, "proof": [*proof, root]})


@given(leaves_of, st.data())
def test_every_earlier_tree_is_proved_and_no_other_passes(leaves, data):
    first = data.draw(st.integers(1, len(leaves)))
    proof = consistency_proof(leaves, first)
    asked = {"first": first, "second": len(leaves), "second_root": root_hash(leaves), "proof": proof}
    verify_consistency(first_root=root_hash(leaves[:first]), **asked)
    with pytest.raises(BadProof):
        verify_consistency(first_root=root_hash([*leaves[: first - 1], b"another leaf"]), **asked)
    if proof:
        with pytest.raises(BadProof):
            verify_consistency(first_root=root_hash(leaves[:first]), **{**asked, "proof": proof[:-1]})


@given(st.lists(st.binary(max_size=8), max_size=80), st.data())
def test_a_kept_frontier_goes_on_as_if_it_had_never_stopped(leaves, data):
    stop = data.draw(st.integers(0, len(leaves)))
    grown = Frontier()
    for at, leaf in enumerate(leaves):
        if at == stop:
            grown = Frontier.unpacked(grown.size, grown.packed())
        grown.append(leaf)
    assert grown.root() == root_hash(leaves) == recursive_root(leaves)


def test_a_frontier_of_another_size_is_refused():
    with pytest.raises(BadProof):
        Frontier.unpacked(3, bytes(32))
