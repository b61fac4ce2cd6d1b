"""The tree of RFC 9162 against its own definition, against vectors, and against forgeries."""

import hashlib

import pytest

from repair_app import merkle
from tests.rfc9162 import Defined

SIZES = 130
DATA = [str(number).encode() for number in range(SIZES)]
# The inputs and roots of the reference tests of Certificate Transparency (RFC 6962, RFC 9162).
VECTOR = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243")]
VECTOR += [bytes.fromhex(one) for one in ("5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


DEFINED = Defined([hashlib.sha256(b"\0" + one).digest() for one in DATA])
tree_hash, path, subproof = DEFINED.tree_hash, DEFINED.path, DEFINED.subproof


def hash_of(level: int, index: int) -> bytes:
    return tree_hash(index << level, (index + 1) << level)


@pytest.mark.parametrize("size", range(1, len(ROOTS) + 1))
def test_roots_are_those_of_the_reference_vectors(size: int) -> None:
    leaves = [merkle.hash_leaf(one) for one in VECTOR[:size]]
    assert merkle.hash_all(leaves).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.hash_all([]) == merkle.EMPTY == merkle.root_of(0, hash_of)
    assert merkle.EMPTY.hex() == hashlib.sha256().hexdigest()


def test_tree_and_proofs_agree_with_the_definition_for_every_size_and_every_leaf() -> None:
    checks = 0
    growing = merkle.Growing()
    for size in range(1, SIZES + 1):
        growing.add(merkle.hash_leaf(DATA[size - 1]))
        root = tree_hash(0, size)
        assert merkle.root_of(size, hash_of) == root == growing.root
        for index in range(size):
            proof = merkle.prove_inclusion(index, size, hash_of)
            assert proof == path(index, 0, size)
            assert merkle.includes(index, size, merkle.hash_leaf(DATA[index]), proof, root)
        for first in range(1, size + 1):
            between = merkle.prove_consistency(first, size, hash_of)
            assert between == subproof(first, 0, size, whole=True)
            assert merkle.extends(first, tree_hash(0, first), size, root, between)
        checks += 2 + 2 * size + 2 * size
    assert checks >= 17_000


def test_no_proof_holds_for_another_place_size_leaf_or_root() -> None:
    for size in range(1, 33):
        root, other = tree_hash(0, size), tree_hash(0, size + 1)
        for index in range(size):
            leaf, proof = merkle.hash_leaf(DATA[index]), path(index, 0, size)
            assert not merkle.includes(index, size, leaf, proof, other)
            assert not merkle.includes(index, size, merkle.hash_leaf(b"other"), proof, root)
            assert not merkle.includes(index, size, leaf, [*proof, root], root)
            assert not merkle.includes(size, size, leaf, proof, root)
            assert not merkle.includes(-1, size, leaf, proof, root)
            assert not proof or not merkle.includes(index, size, leaf, proof[:-1], root)
            places = [one for one in range(size) if one != index]
            assert not any(merkle.includes(one, size, leaf, proof, root) for one in places)


def test_no_tree_extends_one_that_it_does_not_hold() -> None:
    for size in range(2, 33):
        root = tree_hash(0, size)
        for first in range(1, size):
            proof = subproof(first, 0, size, whole=True)
            rewritten = tree_hash(1, first + 1)
            assert not merkle.extends(first, rewritten, size, root, proof)
            assert not merkle.extends(first, tree_hash(0, first), size, rewritten, proof)
            assert not merkle.extends(first, tree_hash(0, first), size, root, proof[:-1])
            assert not merkle.extends(first, tree_hash(0, first), size, root, [*proof, root])
            assert not merkle.extends(size, root, first, tree_hash(0, first), proof)
            assert not merkle.extends(0, merkle.EMPTY, size, root, proof)
    assert not merkle.extends(3, tree_hash(0, 3), 3, tree_hash(0, 3), [tree_hash(0, 3)])
    assert not merkle.extends(3, tree_hash(0, 3), 3, tree_hash(1, 4), [])


@pytest.mark.parametrize(("first", "second"), [(0, 5), (6, 5), (-1, 5)])
def test_what_cannot_be_proved_is_refused(first: int, second: int) -> None:
    with pytest.raises(IndexError):
        merkle.prove_consistency(first, second, hash_of)
    with pytest.raises(IndexError):
        merkle.prove_inclusion(second, second, hash_of)
