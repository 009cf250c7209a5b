"""Gumbel couplings: the joint law of two races, in closed form, by enumeration, and by racing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.audit import assert_frequencies, assert_lossless, assert_mean
from tests.theory.strategies import F, floats, fractions, pairs, problems
from theory.bounds import optimal_acceptance
from theory.couplings import (
    GumbelCoupling,
    GumbelList,
    Maximal,
    NoClosedForm,
    UnsupportedLaw,
    race_winner,
)
from theory.couplings.gumbel_coupling import match_probability, mismatch_weights
from theory.couplings.gumbel_list import winner_weights
from theory.laws import Iid, WithoutReplacement

P, Q = fractions([5, 3, 2]), fractions([2, 3, 5])


class TestOneList:
    @given(problem=problems(law="iid", drafts=(1,)))
    def test_lossless(self, problem):
        assert_lossless(GumbelCoupling(), *problem)

    @pytest.mark.parametrize("law", ["without replacement", "point", "independent"])
    def test_any_law_of_one_draft(self, law):
        @given(problem=problems(law=law, drafts=(1,)))
        @settings(max_examples=50)
        def check(problem):
            p, law = problem
            assert_lossless(GumbelCoupling(), p, law.over(p.size))

        check()

    @given(pair=pairs(size=4))
    def test_the_published_acceptance(self, pair):
        """Pr[X = Y = i] is one over the sum of max(p_j / p_i, q_j / q_i)."""
        p, q = pair
        both = [i for i in range(4) if p[i] > 0 and q[i] > 0]
        shares = [1 / sum(max(p[j] / p[i], q[j] / q[i]) for j in range(4)) for i in both]
        for i, share in zip(both, shares, strict=True):
            assert q[i] * match_probability(p, q, i) == share
        assert GumbelCoupling().acceptance(p=p, law=Iid(q, 1)) == sum(shares, F(0))

    @given(pair=pairs(size=4))
    def test_between_its_worst_case_and_the_maximal_coupling(self, pair):
        p, q = pair
        overlap = Maximal().acceptance(p=p, law=Iid(q, 1))
        assert overlap / (2 - overlap) <= GumbelCoupling().acceptance(p=p, law=Iid(q, 1)) <= overlap

    @given(pair=pairs(size=4))
    def test_the_joint_law_has_both_marginals(self, pair):
        p, q = pair
        rows = [q[x] * joint_row(p, q, x) if q[x] > 0 else p * 0 for x in range(4)]
        assert [row.sum() for row in rows] == q.tolist()
        assert np.sum(rows, axis=0).tolist() == p.tolist()
        if all(q > 0) and all(p > 0):
            # the races are alike: exchanging the models transposes the joint law
            back = [p[y] * joint_row(q, p, y) for y in range(4)]
            assert np.array(rows).T.tolist() == np.array(back).tolist()

    def test_the_worst_case_is_attained(self):
        """p and q uniform on sets that share one token of three: 1/3 against (1 - 1/2) / (1 + 1/2)."""
        p, q = fractions([1, 1, 0]), fractions([0, 1, 1])
        assert GumbelCoupling().acceptance(p=p, law=Iid(q, 1)) == F(1, 3)

    def test_racing_has_the_joint_law(self):
        """30,000 races against the closed form; false alarm 1e-9, a cell of 0.1 resolved to about 0.017."""
        rng, counts = np.random.default_rng(0), Counter()
        p, q = floats(P), floats(Q)
        for clocks in rng.standard_exponential((30_000, 3)):
            counts[race_winner(q, clocks), race_winner(p, clocks)] += 1
        law = {(x, y): Q[x] * joint_row(P, Q, x)[y] for x in range(3) for y in range(3)}
        assert_frequencies(counts, law)
        independent = {(x, y): P[y] * Q[x] for x in range(3) for y in range(3)}
        with pytest.raises(AssertionError):
            assert_frequencies(counts, independent)

    def test_the_output_of_the_race_does_not_know_the_drafter(self):
        """The same clocks give the same token for any drafter: bit for bit, not in law."""
        rng = np.random.default_rng(1)
        for clocks in rng.standard_exponential((200, 5)):
            p = rng.dirichlet(np.ones(5))
            outputs = set()
            for drafter in rng.dirichlet(np.ones(5), size=4):
                race_winner(drafter, clocks)
                outputs.add(race_winner(p, clocks))
            assert len(outputs) == 1

    def test_batches_and_floats(self):
        p = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
        q = np.array([[0.2, 0.3, 0.5], [0.0, 0.4, 0.6]])
        batch = GumbelCoupling().acceptance(p=p, law=Iid(q, 1))
        single = [GumbelCoupling().acceptance(p=a, law=Iid(b, 1)) for a, b in zip(p, q, strict=True)]
        np.testing.assert_allclose(batch, single, rtol=1e-14)
        assert abs(batch[0] - 41 / 65) < 1e-14

    def test_large_vocabulary(self):
        """Against the O(V^2) formula at V = 2000."""
        rng = np.random.default_rng(0)
        p, q = rng.dirichlet(np.full(2000, 0.1), size=2)
        live = np.flatnonzero((p > 0) & (q > 0))
        slow = sum(1 / np.maximum(p / p[i], q / q[i]).sum() for i in live)
        assert abs(GumbelCoupling().acceptance(p=p, law=Iid(q, 1)) - slow) < 1e-12
        x = int(live[0])
        weights = mismatch_weights(p, q, x)
        assert abs(match_probability(p, q, x) + weights.sum() - 1) < 1e-9

    def test_two_drafts_are_refused(self):
        with pytest.raises(
            UnsupportedLaw, match="GumbelCoupling verifies one draft, got a law of 2; use GumbelList"
        ):
            GumbelCoupling().acceptance(p=P, law=Iid(Q, 2))


def joint_row(p, q, x):
    """Law of the output given the draft x."""
    row = mismatch_weights(p, q, x)
    row[x] = row[x] + match_probability(p, q, x)
    return row


class TestLists:
    @given(problem=problems(law="iid", sizes=(3,), drafts=(1, 2)))
    @settings(max_examples=60)
    def test_lossless(self, problem):
        assert_lossless(GumbelList(), *problem)

    @pytest.mark.slow
    @given(problem=problems(law="iid", sizes=(3, 4), drafts=(2, 3)))
    @settings(max_examples=60)
    def test_lossless_with_more(self, problem):
        assert_lossless(GumbelList(), *problem)

    @given(pair=pairs(size=4))
    @settings(max_examples=50)
    def test_one_list_is_the_gumbel_coupling(self, pair):
        p, q = pair
        assert GumbelList().acceptance(p=p, law=Iid(q, 1)) == GumbelCoupling().acceptance(p=p, law=Iid(q, 1))
        for x in np.flatnonzero(q > 0).tolist():
            assert winner_weights(p, q, (x,)).tolist() == (q[x] * joint_row(p, q, x)).tolist()

    @given(problem=problems(law="iid", sizes=(3,), drafts=(2,)))
    @settings(max_examples=40)
    def test_more_lists_accept_more_and_the_optimum_is_above(self, problem):
        p, law = problem
        one, two, three = (GumbelList().acceptance(p=p, law=Iid(law.q, k)) for k in (1, 2, 3))
        assert one <= two <= three
        assert two <= optimal_acceptance(p=p, law=law).value

    def test_the_order_of_the_drafts_does_not_matter(self):
        assert winner_weights(P, Q, (0, 2)).tolist() == winner_weights(P, Q, (2, 0)).tolist()

    def test_racing_agrees(self):
        """Estimate by 20,000 races; false alarm 1e-9."""
        estimate = GumbelList().estimate(
            p=floats(P), law=Iid(floats(Q), 2), rng=np.random.default_rng(0), samples=20_000
        )
        exact = GumbelList().acceptance(p=P, law=Iid(Q, 2))
        share = float(exact)
        hits = np.zeros(20_000)
        hits[: round(estimate.value * 20_000)] = 1
        assert_mean(hits, share)
        assert abs(estimate.standard_error - np.sqrt(share * (1 - share) / 20_000)) < 1e-4
        with pytest.raises(AssertionError):
            assert_mean(hits, float(GumbelCoupling().acceptance(p=P, law=Iid(Q, 1))))

    def test_floats(self):
        for k in (2, 3):
            rounded = GumbelList().acceptance(p=floats(P), law=Iid(floats(Q), k))
            assert abs(rounded - float(GumbelList().acceptance(p=P, law=Iid(Q, k)))) < 1e-12

    def test_what_it_refuses(self):
        with pytest.raises(
            UnsupportedLaw, match="GumbelList verifies drafts of the law Iid, got WithoutReplacement"
        ):
            GumbelList().acceptance(p=P, law=WithoutReplacement(Q, 2))
        big = np.full(2000, 1 / 2000)
        with pytest.raises(NoClosedForm, match=r"about 2000\^2 terms, more than 2000000; use estimate"):
            GumbelList().acceptance(p=big, law=Iid(big, 2))
        with pytest.raises(ValueError, match=r"one position at a time, got p of shape \(1, 3\)"):
            GumbelList().acceptance(p=floats(P)[None], law=Iid(floats(Q)[None], 2))


class TestNegativeControls:
    def test_independent_clocks_are_lossless_but_accept_less(self):
        """Racing on clocks of one's own is sample-and-match: the law is right, the acceptance is less."""
        assert (P * Q).sum() < GumbelCoupling().acceptance(p=P, law=Iid(Q, 1))

    def test_a_wrong_remainder_is_refuted(self):
        """After a mismatch the maximal coupling's residual is the wrong law here."""

        class Wrong(GumbelCoupling):
            def resolve(self, *, p, drafts, law, chance, level=0):
                q = law.conditional(())
                if chance.flip(match_probability(p, q, drafts[0]), stream="accept"):
                    return type(super().resolve(p=p, drafts=drafts, law=law, chance=chance))(drafts[0], 0)
                token = chance.draw(np.maximum(p - q, 0), stream="residual")
                return type(super().resolve(p=p, drafts=drafts, law=law, chance=chance))(
                    token, 0 if token in drafts else None
                )

        with pytest.raises(AssertionError, match="is not p"):
            assert_lossless(Wrong(), P, Iid(Q, 1))
