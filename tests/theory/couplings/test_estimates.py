"""Estimates are unbiased, their errors are honest, and the fast paths have the law of the slow ones.

Means are held to exact enumeration with an empirical Bernstein bound: false alarm 1e-9 at any sample size.
With n samples of standard deviation s it resolves about 9.4 s / sqrt(n) + 52 / n.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.audit import assert_mean, outcomes
from tests.theory.strategies import MAKERS, as_floats, floats, fractions, frozen
from theory.couplings import Recursive, SampleAndMatch
from theory.couplings.race_paths import RacePaths
from theory.laws import Iid, Point, WithoutReplacement

PAIRS = {
    "opposed": (fractions([1, 2, 3, 4, 5]), fractions([5, 4, 3, 2, 1])),
    "sharp": (fractions([90, 5, 3, 1, 1]), fractions([4, 60, 20, 10, 6])),
    "zeros": (fractions([0, 2, 0, 3, 1]), fractions([3, 0, 3, 2, 2])),
    "peaked draft": (fractions([2, 3, 2, 2, 1]), fractions([10**6, 3, 2, 1, 1])),
    "ties": (fractions([1, 1, 1, 1, 1]), fractions([3, 3, 1, 1, 1])),
}
EVERY_PAIR = pytest.mark.parametrize("pair", PAIRS)
SAMPLES = 20_000


def accepted(rule, p, law):
    return sum(weight for (_, drafted), weight in outcomes(rule, p, law).items() if drafted)


def means_agree(estimate, exact):
    """Six and a half standard errors (1e-10 for a normal mean), and the Bernstein term for heavy tails."""
    slack = 6.5 * estimate.standard_error + 52 / estimate.samples
    assert abs(estimate.value - float(exact)) < slack


@EVERY_PAIR
@pytest.mark.parametrize("k", [2, 3, 4])
class TestWithoutReplacement:
    def test_rejected_paths_are_unbiased(self, pair, k):
        p, q = PAIRS[pair]
        paths = RacePaths(floats(p), floats(q)).accepted(k, rng=np.random.default_rng(k), samples=SAMPLES)
        assert paths.shape == (SAMPLES, k)
        assert np.all((paths >= 0) & (paths <= 1))
        assert np.all(np.diff(paths, axis=1) >= -1e-12)
        for drafts in range(1, k + 1):
            exact = accepted(Recursive(), p, WithoutReplacement(q, drafts))
            assert_mean(paths[:, drafts - 1], exact)

    def test_estimates_agree_with_enumeration(self, pair, k):
        p, q = PAIRS[pair]
        law, exact = WithoutReplacement(floats(q), k), WithoutReplacement(q, k)
        for rule in (Recursive(), SampleAndMatch()):
            estimate = rule.estimate(p=floats(p), law=law, rng=np.random.default_rng(7), samples=SAMPLES)
            assert estimate.samples == SAMPLES
            means_agree(estimate, accepted(rule, p, exact))


@pytest.mark.parametrize(
    "name", ["iid", "hub pair", "correlated", "independent", "top k plus sample", "point"]
)
@pytest.mark.parametrize("rule", [Recursive(), SampleAndMatch()], ids=["recursive", "match"])
def test_other_laws_by_replayed_paths(rule, name):
    p, q = PAIRS["opposed"]
    law = MAKERS[name](q, 2, [PAIRS["sharp"][1], PAIRS["ties"][1]]).over(5)
    estimate = rule.estimate(p=floats(p), law=as_floats(law), rng=np.random.default_rng(1), samples=1500)
    means_agree(estimate, accepted(rule, p, law))


def test_fractions_take_the_same_estimate():
    p, q = PAIRS["sharp"]
    for rule in (Recursive(), SampleAndMatch()):
        law = WithoutReplacement(q, 3)
        estimate = rule.estimate(p=p, law=law, rng=np.random.default_rng(1), samples=1500)
        means_agree(estimate, accepted(rule, p, law))


def test_ranked_laws_need_no_luck():
    """For laws whose residuals do not depend on the path, every sample is the closed form itself."""
    p, q = (floats(side) for side in PAIRS["sharp"])
    for law in (Iid(q, 3), Point([0, 2], 5)):
        estimate = Recursive().estimate(p=p, law=law, rng=np.random.default_rng(0), samples=20)
        assert estimate.value == pytest.approx(Recursive().acceptance(p=p, law=law), abs=1e-12)
        assert estimate.standard_error == pytest.approx(0, abs=1e-12)


def test_a_bias_is_refuted():
    """Negative control: i.i.d. sets are no estimate of sample-and-match without replacement."""
    p, q = (floats(side) for side in PAIRS["opposed"])
    exact = accepted(SampleAndMatch(), *[PAIRS["opposed"][0], WithoutReplacement(PAIRS["opposed"][1], 2)])
    rng = np.random.default_rng(0)
    drafts = rng.choice(5, p=q, size=(SAMPLES, 2))
    values = p[drafts].sum(axis=1) - np.where(drafts[:, 0] == drafts[:, 1], p[drafts[:, 0]], 0)
    with pytest.raises(AssertionError, match="is more than"):
        assert_mean(values, exact)
    assert_mean(values, SampleAndMatch().acceptance(p=p, law=Iid(q, 2)))


def test_the_same_seed_gives_the_same_estimate():
    p, q = (floats(side) for side in PAIRS["opposed"])
    law = WithoutReplacement(q, 3)
    runs = [
        Recursive().estimate(p=p, law=law, rng=np.random.default_rng(5), samples=100).value for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_errors_are_honest():
    """400 small estimates: their deviations, over their own errors, spread like a normal variable's."""
    p, q = PAIRS["opposed"]
    exact = float(accepted(Recursive(), p, WithoutReplacement(q, 3)))
    law = WithoutReplacement(floats(q), 3)
    rng = np.random.default_rng(2)
    estimates = [Recursive().estimate(p=floats(p), law=law, rng=rng, samples=300) for _ in range(400)]
    deviations = np.array([(e.value - exact) / e.standard_error for e in estimates])
    assert abs(deviations.mean()) < 6.5 / np.sqrt(400)
    assert 0.75 < deviations.std() < 1.3  # seven standard errors of a standard deviation


class TestAtFullSize:
    @pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
    def test_two_drafts_against_the_closed_form(self, sharpness):
        rng = np.random.default_rng(3)
        logits = rng.normal(size=1000)
        p = np.exp(sharpness * (logits + 0.5 * rng.normal(size=1000)))
        q = np.exp(sharpness * logits)
        p, q = frozen(p / p.sum()), frozen(q / q.sum())
        law = WithoutReplacement(q, 2)
        estimate = Recursive().estimate(p=p, law=law, rng=rng, samples=SAMPLES)
        means_agree(estimate, Recursive().acceptance(p=p, law=law))

    def test_fast_paths_against_the_rule_s_own(self):
        """Ten thousand fast paths against 300 that the rule itself takes, at V = 300 and six drafts."""
        rng = np.random.default_rng(4)
        p, q = (frozen(rng.dirichlet(np.full(300, 0.2))) for _ in range(2))
        law = WithoutReplacement(q, 6)
        fast = Recursive().estimate(p=p, law=law, rng=rng, samples=10_000)

        class Unsorted(WithoutReplacement):
            """The same law, but of a type without a fast path: each sibling from its conditional."""

        slow_law = Unsorted(q, 6)
        from theory.chance import Sampled
        from theory.couplings.recursive import _rejected_path

        chance = Sampled(rng)
        slow = np.array([_rejected_path(p, slow_law, chance) for _ in range(300)])
        spread = np.hypot(fast.standard_error, slow.std(ddof=1) / np.sqrt(300))
        assert abs(fast.value - slow.mean()) < 6.5 * spread + 1e-9

    @pytest.mark.parametrize("light", [1e-9, 1e-16, 1e-40, 1e-200])
    def test_light_tokens_behind_a_heavy_one(self, light):
        """Token 0 takes all of q; the residual has all of the others, who then come by their own ratio."""
        p = fractions([1, 1, 1])
        q = floats([1 - 4 * light, light, 3 * light])
        exact = np.array([1 / 3 + (1 - 1 / 3) * 0.75, 1.0])  # second draft: min(1/2, 1/4) + min(1/2, 3/4)
        paths = RacePaths(floats(p), q).accepted(3, rng=np.random.default_rng(0), samples=2000)
        assert_mean(paths[:, 1], exact[0])
        assert paths[:, 2].min() > 1 - 1e-9

    @pytest.mark.parametrize("digits", [6, 11, 13, 16])
    @pytest.mark.parametrize("weights", [[7, 3, 2, 5], [1, 40, 2, 9]])
    def test_nearly_certain_drafts(self, digits, weights):
        """What is left for later drafts may be less than the rounding of sums over the vocabulary."""
        p, q = fractions([2, 3, 1, 4, 5]), fractions([10 ** (digits + 2), *weights])
        exact = accepted(Recursive(), p, WithoutReplacement(q, 4))
        law = WithoutReplacement(floats(q), 4)
        rng = np.random.default_rng(digits)
        found = Recursive().estimate(p=floats(p), law=law, rng=rng, samples=3000)
        assert abs(found.value - float(exact)) <= 6.5 * found.standard_error + 1e-9
