from fractions import Fraction

import numpy as np
import pytest

from specsim.sources import Pair, families, family, with_denominator

F = Fraction
SEEDS = range(20)


def rng(seed=0):
    return np.random.default_rng(seed)


def shared(pair):
    """1 - TV(p, q)."""
    return np.minimum(pair.p, pair.q).sum()


@pytest.mark.parametrize("name", families())
@pytest.mark.parametrize("vocabulary", [2, 3, 17, 1000])
def test_pairs_are_float_distributions(name, vocabulary):
    for seed in range(5):
        pair = family(name).pair(vocabulary=vocabulary, rng=rng(seed))
        for values in (pair.p, pair.q):
            assert values.shape == (vocabulary,)
            assert values.dtype == np.float64
            assert values.min() >= 0
            assert abs(values.sum() - 1) < 1e-12


@pytest.mark.parametrize("name", families())
def test_exact_pairs_sum_to_one_exactly(name):
    for seed in SEEDS:
        pair = family(name).exact_pair(vocabulary=4, rng=rng(seed), denominator=30)
        for values in (pair.p, pair.q):
            assert all(isinstance(value, Fraction) for value in values)
            assert values.sum() == 1
            assert min(values) >= 0
            assert all(30 % value.denominator == 0 for value in values) or name == "uniform"


@pytest.mark.parametrize("name", families())
def test_same_state_same_pair_and_another_state_another(name):
    one, same, other = (family(name).pair(vocabulary=50, rng=rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.p, same.p)
    assert np.array_equal(one.q, same.q)
    assert not np.array_equal(one.p, other.p)


@pytest.mark.parametrize("name", families())
def test_large_vocabularies(name):
    pair = family(name).pair(vocabulary=128_000, rng=rng())
    assert pair.vocabulary == 128_000
    assert abs(pair.q.sum() - 1) < 1e-9


@pytest.mark.parametrize("name", families())
def test_no_family_leans_on_the_order_of_tokens(name):
    likeliest = {int(family(name).pair(vocabulary=8, rng=rng(seed)).p.argmax()) for seed in SEEDS}
    assert len(likeliest) >= 4


def test_zipf_ranks_and_correlation():
    noiseless = family("zipf", noise=0.0, exponent=2.0).pair(vocabulary=6, rng=rng())
    ranked = np.sort(noiseless.p)[::-1]
    np.testing.assert_allclose(ranked / ranked[0], np.arange(1.0, 7.0) ** -2, rtol=1e-12)
    assert np.array_equal(noiseless.p, noiseless.q)
    overlaps = [
        np.mean([shared(family("zipf", correlation=rho).pair(vocabulary=200, rng=rng(s))) for s in SEEDS])
        for rho in (-1.0, 0.0, 0.5, 0.9, 1.0)
    ]
    assert overlaps == sorted(overlaps)
    assert overlaps[-1] > 1 - 1e-12


def test_dirichlet_mixing_scales_the_distance():
    far = family("dirichlet", mixing=0.0).pair(vocabulary=40, rng=rng(3))
    near = family("dirichlet", mixing=0.75).pair(vocabulary=40, rng=rng(3))
    assert np.array_equal(far.p, near.p)
    assert 1 - shared(near) == pytest.approx(0.25 * (1 - shared(far)), abs=1e-12)


@pytest.mark.parametrize(("name", "temperature"), [("sharpened", 0.25), ("flattened", 4.0)])
def test_tempered_drafts_are_powers_of_the_target(name, temperature):
    pair = family(name, temperature=temperature).pair(vocabulary=30, rng=rng())
    powered = pair.p ** (1 / temperature)
    np.testing.assert_allclose(pair.q, powered / powered.sum(), rtol=1e-10)


def test_peaked_tails_run_against_each_other():
    pair = family("peaked", mass=0.8, draft_mass=0.7).pair(vocabulary=9, rng=rng())
    peak = int(pair.p.argmax())
    assert (pair.p[peak], pair.q[peak]) == (0.8, 0.7)
    tail = np.arange(9) != peak
    assert np.array_equal(np.argsort(pair.p[tail]), np.argsort(-pair.q[tail]))


def test_uniform_disjoint_and_identical_are_what_they_are_called():
    for seed in SEEDS:
        uniform = family("uniform").exact_pair(vocabulary=7, rng=rng(seed), denominator=10)
        assert uniform.q.tolist() == [F(1, 7)] * 7
        disjoint = family("disjoint").exact_pair(vocabulary=7, rng=rng(seed), denominator=10)
        assert not (disjoint.p * disjoint.q).any()
        identical = family("identical").exact_pair(vocabulary=7, rng=rng(seed), denominator=10)
        assert identical.p.tolist() == identical.q.tolist()
        assert shared(family("disjoint").pair(vocabulary=2, rng=rng(seed))) == 0


def test_rounding_to_a_denominator():
    for seed in SEEDS:
        values = rng(seed).dirichlet(np.full(6, 0.3))
        values[seed % 6] = 0
        values /= values.sum()
        for denominator in (1, 2, 7, 1000):
            rounded = with_denominator(values, denominator)
            assert rounded.sum() == 1
            assert rounded[seed % 6] == 0
            assert max(abs(rounded.astype(float) - values)) < 1 / denominator
    exact = np.array([F(1, 2), F(1, 3), F(1, 6)])
    assert with_denominator(exact, 12).tolist() == exact.tolist()
    # a float sum off one by what is allowed still gives an exact distribution
    assert with_denominator([0.5, 0.5 + 5e-7], 10**9).sum() == 1


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("zipff", {}, r"there is no family 'zipff'; did you mean 'zipf'\? Known: zipf, dirichlet"),
        ("wavelet", {}, r"there is no family 'wavelet'. Known: zipf, dirichlet"),
        ("zipf", {"exponant": 1.0}, r"'exponant'; did you mean 'exponent'\? Known: exponent, noise, correl"),
        ("zipf", {"correlation": 1.5}, r"correlation of the family 'zipf' must be in \[-1, 1\], got 1.5"),
        ("zipf", {"noise": float("nan")}, "noise of the family 'zipf' must be in .* got nan"),
        ("zipf", {"noise": "much"}, "noise of the family 'zipf' must be in .* got 'much'"),
        ("dirichlet", {"concentration": 0}, "concentration of the family 'dirichlet' must be in"),
        ("dirichlet", {"mixing": -0.1}, "mixing of the family 'dirichlet' must be in"),
        ("sharpened", {"temperature": 2.0}, r"temperature of the family 'sharpened' must be in \(1e-06, 1\)"),
        (
            "flattened",
            {"temperature": 1.0},
            r"temperature of the family 'flattened' must be in \(1, 1e\+06\)",
        ),
        ("peaked", {"mass": 1.0}, "mass of the family 'peaked' must be in"),
        ("disjoint", {"concentration": -1}, "concentration of the family 'disjoint' must be in"),
    ],
)
def test_bad_names_and_parameters(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        family(name, **parameters)


def test_bad_requests():
    with pytest.raises(
        ValueError, match="vocabulary of the family 'disjoint' must be an integer of at least 2"
    ):
        family("disjoint").pair(vocabulary=1, rng=rng())
    with pytest.raises(ValueError, match=r"vocabulary of the family 'zipf' must be an integer .* got 2.5"):
        family("zipf").pair(vocabulary=2.5, rng=rng())
    with pytest.raises(ValueError, match="rng must be a numpy Generator"):
        family("zipf").pair(vocabulary=3, rng=0)
    with pytest.raises(ValueError, match="denominator must be an integer of at least 1, got 0"):
        family("zipf").exact_pair(vocabulary=3, rng=rng(), denominator=0)
    with pytest.raises(ValueError, match="vocabulary of 2 tokens and q of 3"):
        Pair([0.5, 0.5], [0.5, 0.25, 0.25])


def test_extreme_parameters_still_give_distributions():
    for made in (
        family("dirichlet", concentration=1e-5),
        family("uniform", concentration=1e5),
        family("zipf", noise=100.0),
        family("zipf", exponent=100.0),
        family("sharpened", temperature=2e-6),
        family("peaked", tail_exponent=100.0),
        family("disjoint", concentration=1e-5),
    ):
        pair = made.pair(vocabulary=300, rng=rng())
        assert abs(pair.p.sum() - 1) < 1e-12
        assert abs(pair.q.sum() - 1) < 1e-12
