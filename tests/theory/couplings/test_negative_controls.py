"""Broken rules. Each is a real bug of a published implementation; the auditor has to refute every one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from tests.theory.audit import assert_lossless
from tests.theory.strategies import fractions, problems
from theory.couplings import Maximal, NoClosedForm, Recursive, SampleAndMatch
from theory.couplings.base import draw_residual, ratio_capped, resolved
from theory.laws import Iid, WithoutReplacement
from theory.simplex import residual


@dataclass(frozen=True)
class Broken:
    """No closed form: only the output law is in question."""

    lossless = False

    def acceptance(self, *, p, law):
        raise NoClosedForm("broken")


class SwappedSides(Broken):
    """Accepts with min(1, q / p)."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        (token,), q = drafts, law.conditional(())
        swapped = ratio_capped(q[token], p[token]) if p[token] > 0 else 1
        if chance.flip(swapped, stream="accept/0"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)


class ResampleFromTarget(Broken):
    """Draws from p after a rejection."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        (token,), q = drafts, law.conditional(())
        if chance.flip(ratio_capped(p[token], q[token]), stream="accept/0"):
            return resolved(token, drafts)
        return resolved(chance.draw(p, stream="residual/0"), drafts)


class ResidualNotNormalised(Broken):
    """Tests the second draft against (r - q)_+ as it stands, not normalised."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        left = p
        for index, token in enumerate(drafts):
            q = law.conditional(drafts[:index])
            if chance.flip(ratio_capped(left[token], q[token]), stream="accept/0"):
                return resolved(token, drafts)
            left = residual(left, q)
        return resolved(draw_residual(left, fallback=p, chance=chance, level=level), drafts)


class DraftNotNormalised(Broken):
    """Without replacement, removes the drawn tokens from q but does not normalise what is left of it."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        left, q = p, law.q.copy()
        for token in drafts:
            if chance.flip(ratio_capped(left[token], q[token]), stream="accept/0"):
                return resolved(token, drafts)
            rest = residual(left, q)
            left = rest / rest.sum() if rest.sum() else left
            q[token] = 0
        return resolved(draw_residual(left, fallback=p, chance=chance, level=level), drafts)


class SkipsDuplicates(Broken):
    """A token that was rejected once is not tested again (SpecHub's published baseline)."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        left, seen = p, set()
        for index, token in enumerate(drafts):
            if token in seen:
                continue
            seen.add(token)
            q = law.conditional(drafts[:index])
            if chance.flip(ratio_capped(left[token], q[token]), stream="accept/0"):
                return resolved(token, drafts)
            rest = residual(left, q)
            left = rest / rest.sum()
        return resolved(draw_residual(left, fallback=p, chance=chance, level=level), drafts)


class AccountedWithReplacement(Broken):
    """Drafts without replacement are tested as if each had been drawn from all of q."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        return Recursive().resolve(p=p, drafts=drafts, law=Iid(law.q, law.k), chance=chance, level=level)


class IndependentTests(Broken):
    """Every draft is tested at full acceptance against p (SpecTr's counter-example)."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        q = law.conditional(())
        for token in drafts:
            if chance.flip(ratio_capped(p[token], q[token]), stream="accept/0"):
                return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)


class GreedyDraftTestedAsSampled(Broken):
    """The draft is the argmax, the ratio divides by its softmax probability (transformers #32867)."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        return Maximal().resolve(p=p, drafts=drafts, law=Iid(fractions([3, 2, 1]), 1), chance=chance)


class Threshold(Broken):
    """A target above 0.999 accepts outright (SpecHub's shipped shortcut)."""

    def resolve(self, *, p, drafts, law, chance, level=0):
        if p[drafts[0]] > 0.999:
            return resolved(drafts[0], drafts)
        return Maximal().resolve(p=p, drafts=drafts, law=law, chance=chance, level=level)


@pytest.mark.parametrize(
    ("broken", "name", "drafts"),
    [
        (SwappedSides(), "iid", (1,)),
        (ResampleFromTarget(), "iid", (1,)),
        (ResidualNotNormalised(), "iid", (2, 3)),
        (ResidualNotNormalised(), "without replacement", (2, 3)),
        (DraftNotNormalised(), "without replacement", (2, 3)),
        (SkipsDuplicates(), "iid", (2, 3)),
        (AccountedWithReplacement(), "without replacement", (2, 3)),
        (IndependentTests(), "iid", (2, 3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Broken) else str(value),
)
def test_a_search_refutes_it(broken, name, drafts):
    """The very search that the sound rules pass."""

    @given(problem=problems(law=name, sizes=(3,), drafts=drafts))
    @settings(max_examples=200, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False)
    def check(problem):
        assert_lossless(broken, *problem)

    with pytest.raises((AssertionError, BaseExceptionGroup)) as caught:
        check()
    assert "is not p" in str(caught.value)


P, Q = fractions([4, 3, 1]), fractions([1, 2, 5])


@pytest.mark.parametrize(
    ("broken", "p", "law"),
    [
        (SwappedSides(), P, Iid(Q, 1)),
        (ResampleFromTarget(), P, Iid(Q, 1)),
        (ResidualNotNormalised(), P, Iid(Q, 2)),
        (ResidualNotNormalised(), P, WithoutReplacement(Q, 2)),
        (DraftNotNormalised(), P, WithoutReplacement(Q, 2)),
        (SkipsDuplicates(), P, Iid(Q, 2)),
        (AccountedWithReplacement(), P, WithoutReplacement(Q, 2)),
        (IndependentTests(), P, Iid(Q, 2)),
        (GreedyDraftTestedAsSampled(), P, Iid(fractions([1, 0, 0]), 1)),
        (Threshold(), fractions([9999, 1, 0]), Iid(fractions([1, 0, 0]), 1)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Broken) else "",
)
def test_one_example_refutes_it(broken, p, law):
    with pytest.raises(AssertionError, match="is not p"):
        assert_lossless(broken, p, law)


class ClaimsTooMuch(SampleAndMatch):
    """Lossless, but its acceptance formula is another rule's."""

    def acceptance(self, *, p, law):
        return Recursive().acceptance(p=p, law=law)


def test_a_wrong_acceptance_formula_is_refuted():
    with pytest.raises(AssertionError, match="the formula says"):
        assert_lossless(ClaimsTooMuch(), P, Iid(Q, 2))


def test_two_tokens_are_blind():
    """Why nothing here is tested with a vocabulary of two: this bug does not show there."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        p, q = (fractions((1 + rng.integers(0, 9, 2)).tolist()) for _ in range(2))
        assert_lossless(DraftNotNormalised(), p, WithoutReplacement(q, 2))
