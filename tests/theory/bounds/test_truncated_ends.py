"""Intervals from lists: every completion inside, both ends attained, against all subsets and by search.

The reference for the ends is the minimum over all subsets of the formulas in the documentation; that they
are ends at all is shown by random and extreme completions, and that they are attained by the completions
that come with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction as F

import numpy as np
import pytest

from specsim.sources.synthetic import family
from tests.theory.audit import subsets
from tests.theory.strategies import floats, fractions
from theory.bounds import (
    Truncated,
    k_seq_ends,
    optimal_acceptance,
    optimal_iid_ends,
    overlap_ends,
    point_ends,
    recursive_ends,
    top_k_plus_sample_ends,
    total_variation_ends,
)
from theory.bounds.completions import Layout, closest, farthest
from theory.bounds.truncated_ends import hockey_stick
from theory.couplings import GreedyDraft, KSeq, Recursive
from theory.laws import Iid, Point, TopKPlusSample
from theory.simplex import overlap, total_variation


def random_distribution(rng, size):
    while True:
        shapes = (rng.integers(0, 7, size), rng.integers(0, 2, size), rng.choice([0, 1, 10, 100], size))
        values = shapes[rng.integers(3)].tolist()
        if sum(values):
            return fractions(values)


def random_list(rng, p):
    """Some top of p, or some tokens of it, with or without a cap."""
    size, count = p.size, int(rng.integers(0, p.size + 1))
    if rng.integers(3):
        return Truncated.of(p, count)
    tokens = rng.permutation(size)[:count]
    cap = max(p) if rng.integers(2) else None
    return Truncated(tokens, p[tokens], size, cap)


def problems(seed, count, sizes=(2, 3, 4, 5)) -> Iterator[tuple[Truncated, Truncated]]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        size = int(rng.choice(sizes))
        p = random_distribution(rng, size)
        q = p if rng.integers(4) == 0 else random_distribution(rng, size)
        yield random_list(rng, p), random_list(rng, q)


def completed(known, rng):
    """A random completion; each token takes the least, the most, or something between, of what is left."""
    out = [known.known.get(token) for token in range(known.vocabulary)]
    free = rng.permutation([token for token in range(known.vocabulary) if out[token] is None])
    rest, extreme = known.rest, rng.integers(2)
    for place, token in enumerate(free):
        low = max(F(0), rest - (free.size - place - 1) * known.largest)
        high = min(rest, known.largest)
        out[token] = low + (high - low) * (F(int(rng.integers(2))) if extreme else F(int(rng.integers(9)), 8))
        rest -= out[token]
    return np.array(out, dtype=object)


def assert_fits(known, values):
    assert values.sum() == 1
    assert all(values[token] == mass for token, mass in known.known.items())
    assert all(0 <= values[t] <= known.largest for t in range(values.size) if t not in known.known)


def masses(known, inside):
    """Least and largest mass of a set."""
    held = sum((known.known.get(token, F(0)) for token in inside), F(0))
    unlisted = sum(token not in known.known for token in inside)
    outside = known.vocabulary - len(known.known) - unlisted
    return held + max(F(0), known.rest - known.largest * outside), held + min(
        known.rest, known.largest * unlisted
    )


def set_ends(p, q, k):
    """Ends of the optimum by all subsets."""
    pairs = [(masses(p, h), masses(q, h)) for h in subsets(p.vocabulary)]
    return min(1 + a[0] - b[1] ** k for a, b in pairs), min(1 + a[1] - b[0] ** k for a, b in pairs)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_ends_of_the_optimum_are_the_minima_over_sets_and_attained(k):
    for p, q in problems(k, 250):
        ends = optimal_iid_ends(p=p, q=q, k=k)
        assert (ends.lower, ends.upper) == set_ends(p, q, k) == ends.attained
        assert ends.tight
        assert ends.kind == ("exact" if ends.lower == ends.upper else "interval")
        for pair, value in ((ends.lower_at, ends.lower), (ends.upper_at, ends.upper)):
            target, draft = pair.dense()
            assert_fits(p, target)
            assert_fits(q, draft)
            assert optimal_acceptance(p=target, law=Iid(draft, k)).value == value


def test_every_completion_is_inside():
    rng = np.random.default_rng(5)
    for p, q in problems(6, 60, (3, 4, 5)):
        k = int(rng.integers(1, 4))
        best, recursive, k_seq = (
            make(p=p, q=q, k=k) for make in (optimal_iid_ends, recursive_ends, k_seq_ends)
        )
        shared, distance = overlap_ends(p=p, q=q), total_variation_ends(p=p, q=q)
        for _ in range(4):
            target, draft = completed(p, rng), completed(q, rng)
            law = Iid(draft, k)
            assert best.lower <= optimal_acceptance(p=target, law=law).value <= best.upper
            assert recursive.lower <= Recursive().acceptance(p=target, law=law) <= recursive.upper
            assert shared.lower <= overlap(target, draft) <= shared.upper
            assert distance.lower <= total_variation(target, draft) <= distance.upper
            value = KSeq().acceptance(p=target.astype(float), law=Iid(draft.astype(float), k))
            assert float(k_seq.lower) - 1e-12 <= value <= float(k_seq.upper) + 1e-12


def test_divergences_are_extreme_at_every_ratio():
    for p, q in problems(7, 80):
        layout = Layout(p.listed, q.listed, p.vocabulary)
        near = closest(layout)
        pairs = [(masses(p, s), masses(q, s)) for s in subsets(p.vocabulary)]
        for ratio in (F(1, 3), F(1), F(3, 2), F(4)):
            assert hockey_stick(near, ratio) == max(a[0] - ratio * b[1] for a, b in pairs)
            far = farthest(layout, lambda mass, ratio=ratio: ratio * mass)
            assert hockey_stick(far, ratio) == max(a[1] - ratio * b[0] for a, b in pairs)


def test_a_search_finds_nothing_beyond():
    """All completions on a grid, at three tokens: the ends of the optimum are met, not only bounded."""
    p = Truncated.top([0], [F(1, 2)], vocabulary=3)
    q = Truncated.top([1], [F(3, 8)], vocabulary=3)
    steps = [F(n, 16) for n in range(17)]
    targets = [fractions_of(F(1, 2), a, F(1, 2) - a) for a in steps if a <= F(1, 2)]
    drafts = [
        fractions_of(a, F(3, 8), F(5, 8) - a) for a in steps if 0 <= F(5, 8) - a <= F(3, 8) and a <= F(3, 8)
    ]
    for k in (1, 2, 3):
        values = [optimal_acceptance(p=a, law=Iid(b, k)).value for a in targets for b in drafts]
        ends = optimal_iid_ends(p=p, q=q, k=k)
        assert ends.lower == min(values)
        assert max(values) <= ends.upper <= max(values) + F(1, 16)


def fractions_of(*values):
    return np.array(values, dtype=object)


class TestRecursive:
    def test_one_draft_is_tight(self):
        for p, q in problems(11, 20):
            ends = recursive_ends(p=p, q=q, k=1)
            assert (ends.lower, ends.upper, ends.tight) == (*set_ends(p, q, 1), True)

    def test_the_formula_in_hockey_sticks(self):
        """Known lists: the ends are the rule's acceptance itself, from 1 - M(a_{k+1})."""
        rng = np.random.default_rng(12)
        for _ in range(40):
            p, q = random_distribution(rng, 4), random_distribution(rng, 4)
            for k in (1, 2, 4):
                ends = recursive_ends(p=Truncated.of(p, 4), q=Truncated.of(q, 4), k=k)
                assert ends.lower == ends.upper == Recursive().acceptance(p=p, law=Iid(q, k))
                assert ends.kind == "exact"

    def test_what_is_attained_is_inside_and_has_witnesses(self):
        for p, q in problems(13, 60):
            ends = recursive_ends(p=p, q=q, k=2)
            assert ends.lower <= ends.attained[0] <= ends.attained[1] <= ends.upper

    def test_it_is_not_monotone_in_the_divergences(self):
        """Why its ends are not those of the closest and farthest: a worse draft that is accepted more."""
        rng, found = np.random.default_rng(14), False
        for p, q in problems(15, 400, (4, 5)):
            ends = recursive_ends(p=p, q=q, k=2)
            values = []
            for _ in range(2):
                law = Iid(completed(q, rng), 2)
                values.append(Recursive().acceptance(p=completed(p, rng), law=law))
            found = found or any(not ends.attained[0] <= value <= ends.attained[1] for value in values)
        assert found


class TestOthers:
    def test_top_k_plus_sample(self):
        rng = np.random.default_rng(21)
        for p, q in problems(22, 150, (3, 4, 5)):
            k = int(rng.integers(1, 4))
            try:
                ends = top_k_plus_sample_ends(p=p, q=q, k=k)
            except ValueError as error:
                assert "are not all known" in str(error)  # noqa: PT017
                continue
            for _ in range(4):
                target, draft = completed(p, rng), completed(q, rng)
                if (draft > 0).sum() < k or len(set(draft.tolist())) < draft.size:
                    continue
                value = GreedyDraft().acceptance(p=target, law=TopKPlusSample(draft, k))
                assert ends.lower <= value <= ends.upper

    def test_top_k_plus_sample_is_attained(self):
        p, q = fractions([4, 3, 2, 1, 1, 1]), fractions([2, 5, 1, 1, 1, 1])
        ends = top_k_plus_sample_ends(p=Truncated.of(p, 2), q=Truncated.of(q, 2), k=2)
        far = fractions([4, 3, 3, 2, 0, 0]), fractions([2, 5, 0, 0, 2, 2])
        near = GreedyDraft().acceptance(
            p=fractions([16, 12, 5, 5, 5, 5]), law=TopKPlusSample(fractions([2, 5, 1, 1, 1, 1]), 2)
        )
        assert ends.lower == GreedyDraft().acceptance(p=far[0], law=TopKPlusSample(far[1], 2))
        assert ends.upper == near

    def test_points(self):
        rng = np.random.default_rng(23)
        for p, _ in problems(24, 60, (3, 4, 5)):
            tokens = rng.permutation(p.vocabulary)[: int(rng.integers(1, 4))].tolist()
            ends = point_ends(p=p, tokens=tokens)
            assert (ends.lower, ends.upper) == masses(p, tokens)
            for _ in range(4):
                target = completed(p, rng)
                assert ends.lower <= Recursive().acceptance(p=target, law=Point(tokens)) <= ends.upper

    def test_k_seq_meets_its_ends(self):
        for p, q in problems(25, 25, (3, 4)):
            ends = k_seq_ends(p=p, q=q, k=2)
            for pair, value in ((ends.lower_at, ends.lower), (ends.upper_at, ends.upper)):
                target, draft = (side.astype(float) for side in pair.dense())
                found = KSeq().acceptance(p=target, law=Iid(draft, 2))
                assert found == pytest.approx(float(value), abs=1e-12)


class TestFullDistributions:
    @pytest.mark.parametrize("name", ["zipf", "sharpened", "flattened", "peaked"])
    @pytest.mark.parametrize("count", [5, 20])
    def test_truncations_hold_the_truth(self, name, count):
        pair = family(name).pair(vocabulary=5000, rng=np.random.default_rng(0))
        p, q = Truncated.of(pair.p, count), Truncated.of(pair.q, count)
        for k in (1, 4):
            law = Iid(pair.q, k)
            for make, value in (
                (optimal_iid_ends, optimal_acceptance(p=pair.p, law=law).value),
                (recursive_ends, Recursive().acceptance(p=pair.p, law=law)),
                (k_seq_ends, KSeq().acceptance(p=pair.p, law=law)),
            ):
                ends = make(p=p, q=q, k=k)
                assert isinstance(ends.lower, float)
                assert ends.lower - 1e-12 <= value <= ends.upper + 1e-12
                assert ends.lower < ends.upper

    def test_longer_lists_say_more(self):
        pair = family("zipf").pair(vocabulary=2000, rng=np.random.default_rng(1))
        before = None
        for count in (1, 5, 20, 100, 400):
            p, q = Truncated.of(pair.p, count), Truncated.of(pair.q, count)
            ends = optimal_iid_ends(p=p, q=q, k=2)
            assert before is None or (before.lower <= ends.lower and ends.upper <= before.upper)
            before = ends

    def test_complete_lists_leave_a_rounding(self):
        p, q = floats([0.5, 0.3, 0.2]), floats([0.2, 0.3, 0.5])
        ends = optimal_iid_ends(p=Truncated.of(p, 3), q=Truncated.of(q, 3), k=2)
        assert ends.lower <= optimal_acceptance(p=p, law=Iid(q, 2)).value + 1e-15
        assert ends.upper - ends.lower <= 2e-16

    def test_floats_are_rounded_outward(self):
        p, q = Truncated.top([0], [0.1 + 0.5], vocabulary=10), Truncated.top([0], [0.7], vocabulary=10)
        ends = overlap_ends(p=p, q=q)
        exact = overlap_ends(
            p=Truncated([0], [F(0.6)], 10, cap=F(0.6)), q=Truncated([0], [F(0.7)], 10, cap=F(0.7))
        )
        assert F(ends.lower) <= exact.lower <= exact.upper <= F(ends.upper)

    def test_one_full_side(self):
        """The target is one's own model, the draft behind an interface."""
        pair = family("zipf").pair(vocabulary=300, rng=np.random.default_rng(2))
        p, q = Truncated.of(pair.p, 300), Truncated.of(pair.q, 10)
        ends = optimal_iid_ends(p=p, q=q, k=2)
        value = optimal_acceptance(p=pair.p, law=Iid(pair.q, 2)).value
        assert ends.lower - 1e-12 <= value <= ends.upper + 1e-12


class TestErrors:
    def test_vocabularies(self):
        p, q = Truncated.top([0], [0.5], vocabulary=4), Truncated.top([0], [0.5], vocabulary=5)
        for make in (overlap_ends, total_variation_ends):
            with pytest.raises(ValueError, match="p has a vocabulary of 4 tokens and q of 5"):
                make(p=p, q=q)

    @pytest.mark.parametrize("make", [optimal_iid_ends, recursive_ends, k_seq_ends, top_k_plus_sample_ends])
    def test_numbers_of_drafts(self, make):
        p = Truncated.top([0], [0.5], vocabulary=4)
        with pytest.raises(ValueError, match="the number of drafts must be an integer of at least 1"):
            make(p=p, q=p, k=0)

    def test_a_top_that_is_not_known(self):
        q = Truncated([0, 1], [0.5, 0.1], 9)
        with pytest.raises(ValueError, match=r"the top 2 tokens of q are not all known: .* up to 0\.4"):
            top_k_plus_sample_ends(p=q, q=q, k=3)

    def test_tokens_outside(self):
        with pytest.raises(ValueError, match="tokens holds the token 9"):
            point_ends(p=Truncated.top([0], [0.5], vocabulary=4), tokens=[9])
