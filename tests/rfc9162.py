"""Trees and proofs word for word as RFC 9162 defines them: by nothing of the code under test."""

import hashlib
from collections.abc import Sequence


class Defined:
    """The trees over leaves that are given by their hashes, sha256(0x00 || data)."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def tree_hash(self, begin: int, end: int) -> bytes:
        """Return MTH(D[begin:end]) as 2.1.1 defines it."""
        if (begin, end) not in self._known:
            self._known[begin, end] = self._tree_hash(begin, end)
        return self._known[begin, end]

    def _tree_hash(self, begin: int, end: int) -> bytes:
        if begin == end:
            return hashlib.sha256(b"").digest()
        if end - begin == 1:
            return self.leaves[begin]
        half = split(end - begin)
        left = self.tree_hash(begin, begin + half)
        return hashlib.sha256(b"\1" + left + self.tree_hash(begin + half, end)).digest()

    def path(self, index: int, begin: int, end: int) -> list[bytes]:
        """Return PATH(index, D[begin:end]) as 2.1.3.1 defines it."""
        if end - begin == 1:
            return []
        half = split(end - begin)
        if index < begin + half:
            below = self.path(index, begin, begin + half)
            return [*below, self.tree_hash(begin + half, end)]
        return [*self.path(index, begin + half, end), self.tree_hash(begin, begin + half)]

    def subproof(self, first: int, begin: int, end: int, whole: bool) -> list[bytes]:
        """Return SUBPROOF(first, D[begin:end], whole) as 2.1.4.1 defines it."""
        if begin + first == end:
            return [] if whole else [self.tree_hash(begin, end)]
        half = split(end - begin)
        if first <= half:
            rest = self.subproof(first, begin, begin + half, whole)
            return [*rest, self.tree_hash(begin + half, end)]
        rest = self.subproof(first - half, begin + half, end, whole=False)
        return [*rest, self.tree_hash(begin, begin + half)]


def split(size: int) -> int:
    """Return the largest power of two below a size."""
    half = 1
    while half * 2 < size:
        half *= 2
    return half
