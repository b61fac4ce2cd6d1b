"""The Merkle tree over all events (RFC 9162, 2.1): roots, proofs and what verifies them.

Pure: no database. A tree is known by a function `hash_of(level, index)` that gives the hash of the
complete subtree of 2**level leaves that begins at leaf index * 2**level; what stores them is
`services/history_log.py`. Indexes are counted from 0, hashes are SHA-256.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

HashOf = Callable[[int, int], bytes]
EMPTY: Final = hashlib.sha256().digest()


def hash_leaf(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(size: int, hash_of: HashOf) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return hash_range(0, size, hash_of) if size else EMPTY


def hash_range(begin: int, end: int, hash_of: HashOf) -> bytes:
    """Return the hash of the leaves from `begin` up to `end`; a range that the tree is cut into."""
    hashes = [hash_of(level, index) for level, index in subtrees(begin, end)]
    found = hashes.pop()
    while hashes:
        found = hash_node(hashes.pop(), found)
    return found


def subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the complete subtrees (level, index) that a range consists of, from left to right."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield level, begin >> level
        begin += 1 << level


def prove_inclusion(index: int, size: int, hash_of: HashOf) -> list[bytes]:
    """Return the audit path of a leaf (RFC 9162, 2.1.3.1). Raises IndexError."""
    if not 0 <= index < size:
        raise IndexError(f"no leaf {index} in a tree of {size}")
    return _path(index, 0, size, hash_of)


def _path(index: int, begin: int, end: int, hash_of: HashOf) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + split(end - begin)
    if index < middle:
        return [*_path(index, begin, middle, hash_of), hash_range(middle, end, hash_of)]
    return [*_path(index, middle, end, hash_of), hash_range(begin, middle, hash_of)]


def split(size: int) -> int:
    """Return the largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)


def prove_consistency(first: int, second: int, hash_of: HashOf) -> list[bytes]:
    """Return the proof that a tree was extended (RFC 9162, 2.1.4.1). Raises IndexError."""
    if not 0 < first <= second:
        raise IndexError(f"a tree of {first} does not go before one of {second}")
    return _subproof(first, 0, second, hash_of, whole=True) if first < second else []


def _subproof(first: int, begin: int, end: int, hash_of: HashOf, *, whole: bool) -> list[bytes]:
    if first == end:
        return [] if whole else [hash_range(begin, end, hash_of)]
    middle = begin + split(end - begin)
    if first <= middle:
        left = _subproof(first, begin, middle, hash_of, whole=whole)
        return [*left, hash_range(middle, end, hash_of)]
    right = _subproof(first, middle, end, hash_of, whole=False)
    return [*right, hash_range(begin, middle, hash_of)]


def includes(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether a path leads from a leaf's hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for one in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = hash_node(one, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hash_node(found, one)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def extends(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether the second tree only adds leaves to the first (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if not 0 < first < second or not proof:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = hash_node(one, old), hash_node(one, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = hash_node(new, one)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


class Growing:
    """The root of a tree while leaves are added: the complete subtrees it consists of, no more."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []  # the largest first

    def add(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        below = self.size
        while below & 1:
            leaf = hash_node(self._subtrees.pop(), leaf)
            below >>= 1
        self._subtrees.append(leaf)
        self.size += 1

    @property
    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        if not self._subtrees:
            return EMPTY
        *left, found = self._subtrees
        for one in reversed(left):
            found = hash_node(one, found)
        return found


def hash_all(leaves: Iterable[bytes]) -> bytes:
    """Return the root of a tree by the hashes of its leaves."""
    tree = Growing()
    for one in leaves:
        tree.add(one)
    return tree.root
