"""Inputs for a target: its seeds, cut, spliced and changed; words of its format; and mere bytes."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fuzz.targets import Target

MOST = 40_000  # bytes of an input
EDITS = st.tuples(
    st.sampled_from(["set", "insert", "remove", "word", "repeat"]),
    st.floats(0, 1, exclude_max=True),  # where, as a part of the whole
    st.integers(0, 64),
    st.binary(max_size=8),
)


def inputs(target: Target) -> SearchStrategy[bytes]:
    """Return what a target is to be fed with."""
    seeds = st.sampled_from(target.seeds)
    spliced = st.builds(splice, seeds, seeds, st.floats(0, 1), st.floats(0, 1))
    changed = st.builds(
        lambda seed, edits: change(seed, edits, target.words),
        st.one_of(seeds, spliced),
        st.lists(EDITS, max_size=12),
    )
    return st.one_of(changed, changed, changed, st.binary(max_size=2_000))


def splice(one: bytes, other: bytes, until: float, since: float) -> bytes:
    """Return the beginning of one and the end of the other."""
    return one[: int(until * len(one))] + other[int(since * len(other)) :]


def change(
    seed: bytes, edits: list[tuple[str, float, int, bytes]], words: tuple[bytes, ...]
) -> bytes:
    """Return a seed after some edits, one behind the other."""
    for what, where, length, more in edits:
        at = int(where * (len(seed) + 1))
        match what:
            case "set":
                seed = seed[:at] + more + seed[at + len(more) :]
            case "insert":
                seed = seed[:at] + more + seed[at:]
            case "remove":
                seed = seed[:at] + seed[at + length :]
            case "word":
                seed = seed[:at] + words[length % len(words)] + seed[at:]
            case _:
                seed = seed[:at] + seed[at : at + length] * (len(more) + 1) + seed[at + length :]
    return seed[:MOST]
