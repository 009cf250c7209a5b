"""Every rule in float64 at a vocabulary of a thousand, and at the awkward ends of the float range."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.audit import outcomes
from tests.theory.strategies import MAKERS, floats, frozen
from theory.bounds import optimal_acceptance
from theory.chance import Sampled
from theory.couplings import GreedyDraft, KSeq, Maximal, NoClosedForm, Recursive, SampleAndMatch, SpecHub
from theory.laws import HubPair, Iid, Point, WithoutReplacement
from theory.proof import resolve_fresh

V = 1000


def pairs():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(V, 0.1), size=2)
    half = np.arange(V) < V // 2
    one_hot = np.zeros(V)
    one_hot[3] = 1.0
    nearly = np.full(V, 1e-15)
    nearly[3] = 1 - nearly[4:].sum()
    return {
        "random": (p, q),
        "equal": (p, p),
        "equal but for rounding": (p, np.exp(np.log(p + 1e-300)) / np.exp(np.log(p + 1e-300)).sum()),
        "disjoint": (half / half.sum(), ~half / (~half).sum()),
        "one-hot p": (one_hot, q),
        "one-hot q": (p, one_hot),
        "both one-hot": (one_hot, one_hot),
        "different one-hots": (one_hot, np.roll(one_hot, 1)),
        "nearly one-hot q": (p, nearly / nearly.sum()),
        "float32 rows": (p.astype(np.float32).astype(float), q.astype(np.float32).astype(float)),
    }


PAIRS = pairs()
COMBINATIONS = [
    (Maximal(), "iid", 1),
    (Recursive(), "iid", 4),
    (Recursive(), "without replacement", 2),
    (Recursive(), "without replacement", 4),
    (Recursive(), "top k plus sample", 4),
    (Recursive(), "point", 4),
    (SampleAndMatch(), "iid", 4),
    (SampleAndMatch(), "point", 4),
    (KSeq(), "iid", 4),
    (GreedyDraft(), "top k plus sample", 4),
    (SpecHub(), "hub pair", 2),
]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    ("rule", "name", "k"), COMBINATIONS, ids=[f"{type(r).__name__} on {n}, {k}" for r, n, k in COMBINATIONS]
)
def test_rounds_and_formulas_run(rule, name, k, pair):
    """No warning, no NaN; only tokens the target has; acceptance in [0, 1] and not above the bound."""
    p, q = (frozen(side) for side in PAIRS[pair])
    try:
        law = MAKERS[name](q, k, [])
    except ValueError as error:
        assert "can't draw" in str(error)  # noqa: PT017
        assert (q > 0).sum() < k
        return
    law = law.over(V)
    chance = Sampled(np.random.default_rng(0))
    for _ in range(8):
        resolution = resolve_fresh(rule, p, law, chance)
        assert p[resolution.token] > 0
    try:
        acceptance = rule.acceptance(p=p, law=law)
    except NoClosedForm:
        acceptance = rule.estimate(p=p, law=law, rng=np.random.default_rng(0), samples=50).value
    assert -1e-12 <= acceptance <= 1 + 1e-6
    if isinstance(law, Iid | Point | HubPair) and pair != "float32 rows":
        assert acceptance <= optimal_acceptance(p=p, law=law).upper + 1e-12
    if pair == "equal" and name in ("iid", "without replacement") and not isinstance(rule, SampleAndMatch):
        assert acceptance == pytest.approx(1, abs=1e-9)
    if pair in ("disjoint", "different one-hots") and name in ("iid", "without replacement"):
        assert acceptance == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("light", [1e-9, 1e-12, 1e-15, 1e-17, 1e-20, 1e-100])
def test_two_drafts_without_replacement_behind_a_heavy_token(light):
    """The closed form against enumeration of the very program, whose conditional laws lose no digits."""
    p, q = floats([0.5, 0.25, 0.25]), floats([1 - 4 * light, light, 3 * light])
    law = WithoutReplacement(q, 2)
    exact = sum(weight for (_, drafted), weight in outcomes(Recursive(), p, law).items() if drafted)
    assert Recursive().acceptance(p=p, law=law) == pytest.approx(float(exact), abs=1e-9)


@pytest.mark.parametrize(
    "rule", [KSeq(), Recursive(), SampleAndMatch()], ids=lambda rule: type(rule).__name__
)
def test_drafts_of_denormal_probability(rule):
    p, q = floats([0.5, 0.5, 0.0]), floats([1.0, 1e-310, 0.0])
    assert rule.acceptance(p=p, law=Iid(q, 2)) == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("k", [1, 4])
def test_rows_that_miss_one_are_not_accepted_above_their_bound(k):
    """Rows of float32 sum to one within 1e-8 or so and are let in; the bound has to hold for them as well."""
    p, q = (frozen(side) for side in PAIRS["float32 rows"])
    law = Iid(q, k)
    bound = optimal_acceptance(p=p, law=law).upper
    for rule in (Recursive(), KSeq(), SampleAndMatch()):
        assert rule.acceptance(p=p, law=law) <= bound + 1e-12


def test_sample_and_match_keeps_small_probabilities():
    """1 - (1 - q)^k for q far below rounding of one."""
    p, q = floats([0.5, 0.5]), floats([1e-20, 1.0])
    assert SampleAndMatch().acceptance(p=p, law=Iid(q, 3)) == 0.5 * 3e-20 + 0.5
