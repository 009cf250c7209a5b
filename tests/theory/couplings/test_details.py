"""Edges and last digits of the couplings: equal entries, empty residuals, limits, double precision."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.theory.strategies import F, floats, fractions
from theory.chance import Enumerated, Sampled
from theory.couplings import (
    Canonical,
    Clipped,
    GreedyDraft,
    GumbelCoupling,
    GumbelList,
    KSeq,
    Maximal,
    NoClosedForm,
    Recursive,
    SpecHub,
    UnsupportedLaw,
)
from theory.couplings.gumbel_coupling import match_probability, mismatch_weights
from theory.couplings.gumbel_list import _check_size, winner_weights
from theory.couplings.k_seq import _beta, _exact_scaled_overlap, _scaled_overlap, _split
from theory.couplings.race_paths import RacePaths, resolves
from theory.couplings.second_draft import mean_second_overlap
from theory.couplings.selections import PooledClip, PriorityOrder, UniformSlot
from theory.laws import HubPair, Iid, TopKPlusSample, WithoutReplacement
from theory.lossy import Lenient, Rapid

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])


class Tails:
    """A chance whose coins always fail; it keeps the weights of the last draw."""

    def __init__(self):
        self.weights = None

    def flip(self, probability, *, stream):
        return False

    def draw(self, weights, *, stream):
        self.weights = np.array(weights)
        return int(np.argmax(weights))


#: q is p and a little more: nothing is left, and p itself is the right law then.
CERTAIN = floats([0.5, 0.25, 0.25])
HEAVIER = CERTAIN * (1 + 2.0**-21)


@pytest.mark.parametrize(
    ("rule", "law", "drafts"),
    [
        (Maximal(), Iid(HEAVIER, 1), (1,)),
        (Recursive(), Iid(HEAVIER, 1), (1,)),
        (KSeq(), Iid(HEAVIER, 1), (1,)),
        (GreedyDraft(), TopKPlusSample(HEAVIER, 1), (1,)),
        (Canonical(PriorityOrder()), Iid(HEAVIER, 1), (1,)),
        (Canonical(UniformSlot()), Iid(HEAVIER, 2), (1, 0)),
        (Lenient(F(1)), Iid(HEAVIER, 1), (1,)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_where_rounding_leaves_nothing_the_target_is_drawn_from(rule, law, drafts):
    chance = Tails()
    rule.resolve(p=CERTAIN, drafts=drafts, law=law, chance=chance)
    assert chance.weights.tolist() == CERTAIN.tolist()


def test_where_a_race_cannot_be_lost_the_target_is_drawn_from():
    chance = Tails()
    law = Iid(floats([0.2, 0.5, 0.3]), 1)
    GumbelCoupling().resolve(p=floats([0, 1, 0]), drafts=(1,), law=law, chance=chance)
    assert chance.weights.tolist() == [0, 1, 0]
    chance = Tails()
    SpecHub().resolve(
        p=floats([0.5, 0.5, 0]), drafts=(0, 1), law=HubPair(floats([0.5, 0.5, 0])), chance=chance
    )
    assert chance.weights is not None
    p = floats([0, 0, 1])
    assert Rapid(0).resolve(p=p, drafts=(2,), law=Iid(p, 1), chance=Tails()).token == 2


@pytest.mark.parametrize(
    ("rule", "law", "drafts", "message"),
    [
        (GreedyDraft(), TopKPlusSample(Q, 2), (2, 2), "probability 0 under the law"),
        (Maximal(), Iid(Q, 1), (1, 1), "2 drafts were given, but their law draws 1"),
        (Recursive(), Iid(Q, 1), (1, 1), "2 drafts were given, but their law draws 1"),
        (KSeq(), Iid(Q, 1), (1, 1), "2 drafts were given, but their law draws 1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_draft_given_twice_counts_twice(rule, law, drafts, message):
    with pytest.raises(ValueError, match=message):
        rule.resolve(p=P, drafts=drafts, law=law, chance=Sampled(np.random.default_rng(0)))


class TestGumbel:
    def test_batches_of_fractions(self):
        p = np.array([P.tolist(), Q.tolist(), [F(0), F(1), F(0)]], dtype=object)
        q = np.array([Q.tolist(), Q.tolist(), P.tolist()], dtype=object)
        values = GumbelCoupling().acceptance(p=p, law=Iid(q, 1))
        assert values.dtype == object
        assert values.tolist() == [
            GumbelCoupling().acceptance(p=a, law=Iid(b, 1)) for a, b in zip(p, q, strict=True)
        ]

    def test_no_token_in_common(self):
        value = GumbelCoupling().acceptance(p=fractions([1, 0, 0]), law=Iid(fractions([0, 1, 1]), 1))
        assert value == 0
        assert type(value) is F

    def test_totals_that_miss_one_by_rounding_are_not_mixed_up(self):
        """Against the O(V^2) formula, for a draft whose total is 1 + 5e-7."""
        p, q = floats([0.5, 0.3, 0.2]), floats([0.2, 0.3, 0.5]) * (1 + 5e-7)
        slow = sum(1 / np.maximum(p / p[i], q / q[i]).sum() for i in range(3))
        assert GumbelCoupling().acceptance(p=p, law=Iid(q, 1)) == pytest.approx(slow, abs=1e-14)

    def test_mismatch_weights_are_the_integral(self):
        """p_y times the integral of D^-2 between two directions, by Simpson's rule."""
        p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.3, 0.0, 0.6])
        x, where = 3, q / np.where(p + q > 0, p + q, 1)
        row = mismatch_weights(p, q, x)
        for y in range(3):
            grid = np.linspace(where[y], where[x], 20_001)
            pace = np.maximum((1 - grid)[:, None] * q, grid[:, None] * p).sum(axis=1)
            steps = np.full(grid.size, 2.0)
            steps[1::2], steps[0], steps[-1] = 4.0, 1.0, 1.0
            integral = (steps / pace**2).sum() * (grid[1] - grid[0]) / 3
            assert row[y] == pytest.approx(p[y] * integral, abs=1e-9)
        assert row[3] == 0

    def test_tokens_as_light_as_floats_allow(self):
        """Neither single precision nor a square would still hold them."""
        p, q = np.array([0.6, 0.4, 0.0, 1e-200]), np.array([0.3, 0.7, 1e-200, 0.0])
        row = mismatch_weights(p, q, 2)
        assert row[2] == 0
        assert (row[[0, 1, 3]] > 0).all()
        assert match_probability(p, q, 2) == 0


class Clocks:
    """A generator that hands out prepared clocks."""

    def __init__(self, *tables):
        self.tables = list(tables)

    def standard_exponential(self, shape):
        table = self.tables.pop(0)
        assert table.shape == shape
        return table


class TestGumbelList:
    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_weights_of_all_drafts_and_outputs_are_a_joint_law(self, k):
        """Unnormalised: with the drafts' own probabilities in them, duplicates and all."""
        p, q = fractions([3, 2, 1]), fractions([1, 2, 3])
        total = p * 0
        for drafts in product(range(3), repeat=k):
            weights = winner_weights(p, q, drafts)
            assert weights.sum() == np.prod([q[x] for x in drafts])
            total = total + weights
        assert total.tolist() == p.tolist()

    def test_the_limit_counts_every_draft(self):
        p = np.full(200, 1 / 200)
        with pytest.raises(NoClosedForm, match=r"about 200\^3 terms"):
            winner_weights(p, p, (0, 0, 0))
        _check_size(np.zeros(2_000_000), 1)
        with pytest.raises(NoClosedForm, match="2000001"):
            _check_size(np.zeros(2_000_001), 1)

    @pytest.mark.parametrize("side", ["target", "draft"])
    def test_races_are_run_in_double_precision(self, side):
        """Equal clocks: the token that is heavier by 2e-12 wins, and in single precision would not."""
        close, certain = floats([0.375 - 1e-12, 0.375 + 1e-12, 0.25]), floats([0, 1, 0])
        p, q = (close, certain) if side == "target" else (certain, close)
        lost = np.array([[9.0, 9.0, 0.001]])
        clocks = Clocks(np.ones((1, 3)), lost, lost)
        estimate = GumbelList().estimate(p=p, law=Iid(q, 1), rng=clocks, samples=3)
        assert abs(float(estimate.value) - 1 / 3) < 1e-15

    def test_floats_of_three_drafts(self):
        rounded = winner_weights(floats(P), floats(Q), (0, 2, 2))
        np.testing.assert_allclose(rounded, winner_weights(P, Q, (0, 2, 2)).astype(float), rtol=1e-12)


class TestKSeq:
    def test_a_factor_of_one_is_allowed_for_one_draft(self):
        assert KSeq(F(1)).factor(p=P, q=Q, k=1) == 1
        assert KSeq(F(1)).factor(p=P, q=P, k=1) == 1
        with pytest.raises(ValueError, match="makes the residual negative"):
            KSeq(F(1, 2)).factor(p=P, q=Q, k=1)
        with pytest.raises(ValueError, match="p and q hold fractions, but rho is the float"):
            KSeq(1.5).factor(p=P, q=Q, k=1)

    def test_overlaps_of_fractions_are_fractions(self):
        assert _beta(P, Q, F(3, 2)) == F(2, 10) + F(2, 10) + F(2, 15)
        assert _exact_scaled_overlap(P, Q)(F(3, 2)) == _beta(P, Q, F(3, 2))
        assert type(_beta(P, Q, F(3, 2))) is F

    def test_factors_of_a_batch_of_fractions(self):
        p = np.array([P.tolist(), Q.tolist()], dtype=object)
        q = np.array([Q.tolist(), Q.tolist()], dtype=object)
        found = KSeq().factor(p=p, q=q, k=3)
        assert found.dtype == object
        assert found.tolist() == [KSeq().factor(p=a, q=b, k=3) for a, b in zip(p, q, strict=True)]
        assert KSeq().factor(p=p[None], q=q[None], k=3).shape == (1, 2)

    def test_the_factor_is_the_root_to_the_last_digits(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            p, q = rng.dirichlet(np.full(6, 0.5), size=2)
            rho = KSeq().factor(p=p, q=q, k=3)

            def surplus(factor, p=p, q=q):
                beta = np.minimum(p / factor, q).sum()
                return factor * beta - (1 - (1 - beta) ** 3)

            assert surplus(rho) >= -1e-15
            assert surplus(rho * (1 - 1e-12)) < 1e-15
            assert abs(surplus(rho)) < 1e-12

    def test_the_exact_factor_is_within_its_bisections(self):
        rho = KSeq().factor(p=P, q=Q, k=2)
        step = F(1, 2**12)
        beta, before = _beta(P, Q, rho), _beta(P, Q, rho - step)
        assert 1 - (1 - beta) ** 2 <= rho * beta
        assert 1 - (1 - before) ** 2 > (rho - step) * before
        assert (rho * 2**12).denominator == 1

    def test_the_residual_is_never_negative(self):
        rng = np.random.default_rng(0)
        for _ in range(300):
            p, q = rng.dirichlet(np.full(5, 0.5), size=2)
            assert (_split(p, q, KSeq().factor(p=p, q=q, k=3), 3)[1] >= 0).all()
            assert (_split(p, p, 1.0, 1)[1] >= 0).all()

    def test_nothing_in_common(self):
        scaled, rest = _split(fractions([1, 0, 0]), fractions([0, 1, 1]), F(1), 2)
        assert scaled.tolist() == [0, 0, 0]
        assert rest.tolist() == [1, 0, 0]
        assert KSeq().acceptance(p=fractions([1, 0, 0]), law=Iid(fractions([0, 1, 1]), 2)) == 0
        assert KSeq().acceptance(p=P, law=Iid(P, 2)) == 1

    def test_ratios_just_above_one_count_as_what_they_are(self):
        for light, heavy in ((0.3, 0.7), (0.7, 0.3)):
            p, q = np.array([light + 3e-10, heavy - 3e-10]), np.array([light, heavy])
            assert _scaled_overlap(p, q)(1.0) == pytest.approx(1 - 3e-10, abs=1e-15)


class TestRacePaths:
    def test_what_resolves(self):
        """The lightest V - k + 1 tokens, what may be left for the last draft, weigh more than 1e-12."""
        for q in ([0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [1e-14, 1 - 2e-14, 1e-14], [1.0, 0.0, 0.0]):
            for k in (1, 2, 3):
                left = sum(sorted(q)[: 3 - k + 1])
                assert resolves(np.array(q), k) == (left > 1e-12), (q, k)
        assert resolves(np.array([1 - 2e-10, 1e-10, 1e-10]), 2)
        assert resolves(np.array([1 - 1e-12, 1.00000001e-12]), 2)
        assert not resolves(np.array([1 - 1e-12, 0.99999999e-12]), 2)
        assert not resolves(np.array([1 - 1e-12, 1e-12]), 2)

    def test_what_resolves_whatever_the_order(self):
        rng = np.random.default_rng(0)
        for _ in range(50):
            q = rng.permutation([0.9, 0.1 - 3e-12, 1e-12, 1e-12, 5e-13, 5e-13])
            assert [resolves(q, k) for k in (1, 2, 3, 4, 5, 6)] == [True, True, True, True, False, False]
            # of many tokens a partition leaves most in disorder
            q = rng.permutation([0.01] * 99 + [*(rng.random(201) * 1e-15)])
            assert [resolves(q, k) for k in (99, 100, 101)] == [True, False, False]

    def test_what_is_left_of_every_row(self):
        p, q = np.full(5, 0.2), np.array([9e-8, 5e-8, 4e-8, 2e-8, 1 - 20e-8])
        paths = RacePaths(p, q)
        ordered = q[paths._order]
        heavy = int(np.argmax(ordered))
        drawn = np.array([[heavy, x] for x in range(5) if x != heavy] + [[(heavy + 1) % 5, (heavy + 2) % 5]])
        expected = [sum(mass for place, mass in enumerate(ordered) if place not in row) for row in drawn]
        np.testing.assert_allclose(paths._left(drawn), expected, rtol=1e-12)

    def test_acceptance_never_leaves_the_unit_interval(self):
        rng = np.random.default_rng(0)
        for _ in range(40):
            p = rng.dirichlet(np.full(8, 0.7))
            q = p if rng.random() < 0.5 else rng.dirichlet(np.full(8, 0.7))
            accepted = RacePaths(p, q).accepted(3, rng=rng, samples=20)
            assert accepted.min() >= 0
            assert accepted.max() <= 1
            assert (np.diff(accepted, axis=1) >= 0).all()

    def test_one_path_is_the_product_along_it(self):
        """Every sample is 1 - prod(1 - beta) along some path of rejected drafts, to the last digits."""
        rng = np.random.default_rng(1)
        p, q = rng.dirichlet(np.full(5, 0.7), size=2)
        possible = sorted(_paths(p, q, 3))
        for value in RacePaths(p, q).accepted(3, rng=rng, samples=200)[:, -1]:
            assert min(abs(value - other) for other in possible) < 1e-12

    def test_steep_paths_keep_their_digits(self):
        """After the heavy token 1e-8 is left; each path has its own sum of what is left."""
        p = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
        q = np.array([0.999, *(np.array([9, 5, 4, 2]) * 1e-8)])
        q[0] = 1 - q[1:].sum()
        possible = sorted(_paths(p, q, 4))
        values = set()
        for value in RacePaths(p, q).accepted(4, rng=np.random.default_rng(0), samples=100)[:, -1]:
            assert min(abs(value - other) for other in possible) < 1e-9
            values.add(round(value, 9))
        assert len(values) >= 2

    def test_a_drawn_place_is_left_for_the_next_free_one(self):
        """Cyclically, and past tokens without mass; every row by itself."""
        p, q = np.array([0.2, 0.2, 0.2, 0.2, 0.2]), np.array([0.4, 0.0, 0.3, 0.2, 0.1])
        paths = RacePaths(p, q)
        mass = q[paths._order] > 0
        rows = [(a, b, c) for a in range(5) for b in range(4) for c in range(b)]
        place = np.array([row[0] for row in rows])
        drawn = np.array([row[1:] for row in rows])
        found = paths._off_drawn(place.copy(), drawn)
        for (start, *gone), end in zip(rows, found, strict=True):
            free = (x % 5 for x in range(start, start + 5) if mass[x % 5] and x % 5 not in gone)
            assert end == next(free)


def _paths(p, q, k, rejected=1.0, drawn=()):
    """Acceptance along every path of rejected drafts, one residual after the other."""
    left = p
    for rank in range(len(drawn)):
        left = _residual(left, _without(q, drawn[:rank]))
    law = _without(q, drawn)
    refused = np.maximum(law - left, 0)
    rejected = rejected * refused.sum()
    if len(drawn) + 1 == k:
        return {1 - rejected}
    return set().union(
        *(_paths(p, q, k, rejected, (*drawn, x)) for x in range(len(p)) if refused[x] > 1e-12), set()
    )


def _without(q, drawn):
    left = q.copy()
    left[list(drawn)] = 0
    return left / left.sum()


def _residual(left, law):
    rest = np.maximum(left - law, 0)
    return rest / rest.sum()


class TestSecondDraft:
    def test_against_the_double_sum(self):
        rng = np.random.default_rng(0)
        for heavy in (0.2, 0.5, 0.9, 1 - 1e-9):
            q = np.array([heavy, *(rng.dirichlet(np.ones(4)) * (1 - heavy))])
            r = np.array([0.0, 0.0, 0.5, 0.3, 0.2])
            weights = np.array([0.4, 0.1, 0.0, 0.0, 0.0])
            rest = [np.delete(q, x).sum() for x in range(2)]
            slow = sum(weights[x] * np.minimum(r, q / rest[x]).sum() for x in range(2))
            assert mean_second_overlap(r, q, weights) == pytest.approx(slow, rel=1e-13)

    def test_tokens_that_the_draft_never_draws(self):
        r, q = np.array([0.0, 0.5, 0.5]), np.array([0.6, 0.4, 0.0])
        assert mean_second_overlap(r, q, np.array([0.3, 0.0, 0.0])) == pytest.approx(0.15)

    def test_fractions(self):
        r, q = np.array([F(0), F(1, 2), F(1, 2)]), np.array([F(3, 5), F(1, 5), F(1, 5)])
        assert mean_second_overlap(r, q, np.array([F(3, 10), F(0), F(0)])) == F(3, 10)


def test_a_draft_that_is_below_the_target_everywhere():
    """Its total misses one by rounding: nothing is rejected, and its own mass is what is accepted."""
    p = floats([0.5, 0.25, 0.25])
    q = p * (1 - 2.0**-21)
    assert Recursive().acceptance(p=p, law=WithoutReplacement(q, 2)) == q.sum()


def test_a_hub_pair_without_its_hub():
    law = HubPair(P)
    for drafts in ((1, 2), (0, 0), (1, 1)):
        with pytest.raises(ValueError, match="draws the hub 0 and one other token, got"):
            SpecHub().resolve(p=P, drafts=drafts, law=law, chance=Tails())


class TestPooledClip:
    def test_fractions_and_floats_have_one_law(self):
        rng = np.random.default_rng(0)
        for k in (1, 2, 3):
            for _ in range(10):
                p, q = (fractions(rng.integers(0, 9, size=5) + np.eye(5, dtype=int)[0]) for _ in range(2))
                exact = PooledClip().law(p=p, law=Iid(q, k))
                assert exact.sum() == 1
                rounded = PooledClip().law(p=floats(p), law=Iid(floats(q), k))
                np.testing.assert_allclose(rounded, exact.astype(float), atol=1e-13)

    def test_ratios_that_only_fractions_tell_apart(self):
        """p is within reach; tokens sorted by ratios that were rounded would miss it."""
        tiny = F(1, 10**12)
        q = np.array([F(1, 4), F(1, 4), F(1, 2)])
        p = np.array([F(3, 10) - tiny, F(3, 10) + tiny, F(2, 5)])
        y = PooledClip().law(p=p, law=Iid(q, 2))
        assert y.tolist() == p.tolist()
        assert all(type(mass) is F for mass in y)
        assert PriorityOrder().law(p=p, law=Iid(q, 2)).tolist() == [F(5, 16), F(7, 16), F(1, 4)]
        q = np.array([F(1, 3), F(1, 5), F(7, 15)])
        p = np.array([F(1, 3) * (1 + F(1, 10**9)), F(1, 5), F(7, 15) - F(1, 3 * 10**9)])
        assert PooledClip().law(p=p, law=Iid(q, 2)).tolist() == p.tolist()

    def test_the_pick_comes_from_the_pools_of_its_own_p(self):
        law = Iid(Q, 2)
        y = PooledClip().law(p=P, law=law)
        total = P * 0
        for drafts, weight in law.enumerate().items():
            picks = Enumerated().law(
                lambda chance, drafts=drafts: (
                    PooledClip().pick(p=P, drafts=drafts, law=law, chance=chance).slot
                )
            )
            for slot, share in picks.items():
                total[drafts[slot]] = total[drafts[slot]] + weight * share
        assert total.tolist() == y.tolist()


class TestClippedDetails:
    def test_plans_are_for_their_law(self):
        rule = Clipped.planned(p=P, law=Iid(Q, 2))
        for p, law in ((P, Iid(Q, 3)), (Q, Iid(Q, 2)), (P, Iid(P, 2))):
            with pytest.raises(ValueError, match="this plan was solved for another p or law"):
                rule.resolve(p=p, drafts=(0,) * law.k, law=law, chance=Tails())
        same = Iid(np.array(Q), 2)
        assert Enumerated().law(
            lambda chance: rule.resolve(p=np.array(P), drafts=(0, 1), law=same, chance=chance).token
        )

    def test_drafts_of_another_law_are_refused_everywhere(self):
        law = WithoutReplacement(floats(Q), 2)
        for ask in (
            lambda: Clipped.planned(p=floats(P), law=law),
            lambda: Clipped().resolve(p=floats(P), drafts=(0, 1), law=law, chance=Tails()),
            lambda: Clipped().acceptance(p=floats(P), law=law),
            lambda: Clipped(bits=3).acceptance(p=floats(P), law=law),
            lambda: Clipped().picked_acceptance(p=floats(P), law=law),
            lambda: Clipped().estimate(p=floats(P), law=law, rng=np.random.default_rng(0), samples=2),
        ):
            with pytest.raises(UnsupportedLaw, match="Clipped verifies drafts of the law Iid"):
                ask()

    def test_the_bucketed_rule_with_one_draft_has_a_closed_form(self):
        p, q = floats(P), floats(Q)
        value = Clipped(bits=4).acceptance(p=p, law=Iid(q, 1))
        assert value == Clipped(bits=4).picked_acceptance(p=p, law=Iid(q, 1))
        with pytest.raises(NoClosedForm, match="the bucketed rule has no closed form"):
            Clipped(bits=4).acceptance(p=p, law=Iid(q, 2))


def test_pools_refuse_what_they_cannot_rank():
    with pytest.raises(ValueError, match="PooledClip selects among drafts of the law Iid"):
        PooledClip().law(p=P, law=WithoutReplacement(Q, 2))
    assert PooledClip().law(p=P, law=WithoutReplacement(Q, 1)).tolist() == Q.tolist()
