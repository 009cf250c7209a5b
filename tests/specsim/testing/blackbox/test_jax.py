"""Functions of JAX arrays and a key."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.testing import Budget, audit
from specsim.testing.blackbox.drive import Drive, NotDrivable
from specsim.testing.blackbox.extraction import Effort, extract

jax = pytest.importorskip("jax", reason="needs jax: pip install 'specsim[models]'")

from specsim.testing.blackbox.jax_backend import DrivenKey, _driven_random, jax_rule  # noqa: E402

jnp = jax.numpy
QUICK = Effort(probes=8, max_runs=1_500, resolution=2.0**-24)


def leftover(p, q):
    rest = jnp.maximum(p - q, 0)
    return jnp.where(rest.sum() > 0, rest, p)


def right(p, q, token, key):
    coin, draw = jax.random.split(key)
    accepted = jax.random.uniform(coin) * q[token] < p[token]
    return jnp.where(accepted, token, jax.random.categorical(draw, jnp.log(leftover(p, q))))


def residual_is_p(p, q, token, key):
    coin, draw = jax.random.split(key)
    accepted = jax.random.uniform(coin) * q[token] < p[token]
    return jnp.where(accepted, token, jax.random.categorical(draw, jnp.log(p)))


def key_used_twice(p, q, token, key):
    accepted = jax.random.uniform(key) * q[token] < p[token]
    return jnp.where(accepted, token, jax.random.categorical(key, jnp.log(leftover(p, q))))


def test_a_right_function_and_a_jitted_one():
    for function in (right, jax.jit(right)):
        verdict = audit(jax_rule(function, name="right", effort=QUICK), examples=1)
        assert verdict.status == "lossless on all examples (to a stated precision)"
        assert 1e-6 < verdict.checks[0].precision < 1e-4


@pytest.mark.slow
def test_a_wrong_function():
    assert audit(jax_rule(residual_is_p, effort=QUICK), examples=6).lossless is False


def test_it_is_recognised_by_its_key():
    assert audit(right, examples=1).form == "a single-draft rule of arrays, of JAX arrays"


def test_a_key_used_for_two_draws_is_sampled():
    small = Budget(pairs=2, first=10, batch=10, total=20)
    verdict = audit(key_used_twice, examples=1, budget=small)
    assert "one key is used for two draws, uniform and categorical; split it" in verdict.checks[0].name


def test_a_function_without_a_key_is_refused():
    with pytest.raises(ValueError, match="has a parameter 'key'"):
        jax_rule(lambda p, q, token: token)


def law(draw):
    def function(drive):
        with _driven_random(), jax.disable_jit():
            return draw(DrivenKey(drive))

    return extract(function, QUICK).law()


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda key: bool(jax.random.bernoulli(key, 0.25)), {True: 0.25, False: 0.75}),
        (
            lambda key: int(jax.random.choice(key, 3, p=jnp.array([0.5, 0.25, 0.25]))),
            {0: 0.5, 1: 0.25, 2: 0.25},
        ),
        (lambda key: int(jax.random.randint(key, (), 1, 3)), {1: 0.5, 2: 0.5}),
        (lambda key: bool(jax.random.uniform(key, minval=1.0, maxval=3.0) < 1.5), {True: 0.25, False: 0.75}),
        (lambda key: bool(jax.random.exponential(key) < np.log(2)), {True: 0.5, False: 0.5}),
        (lambda key: bool(jax.random.gumbel(key) < 0), {True: np.exp(-1), False: 1 - np.exp(-1)}),
        (
            lambda key: tuple(
                jax.random.categorical(key, jnp.log(jnp.array([[0.5, 0.5], [1.0, 0.0]]))).tolist()
            ),
            {(0, 0): 0.5, (1, 0): 0.5},
        ),
        (lambda key: bool(jax.random.uniform(jax.random.fold_in(key, 3)) < 0.5), {True: 0.5, False: 0.5}),
    ],
)
def test_laws(draw, expected):
    found = law(draw)
    assert set(found) == set(expected)
    for outcome, mass in expected.items():
        assert found[outcome] == pytest.approx(mass, abs=1e-6)


def test_the_same_draw_from_the_same_key_is_the_same():
    assert law(lambda key: bool(jax.random.uniform(key) == jax.random.uniform(key))) == {
        True: pytest.approx(1)
    }


@pytest.mark.parametrize("name", ["normal", "key", "PRNGKey", "permutation", "dirichlet"])
def test_what_is_not_driven_refuses(name):
    with _driven_random(), pytest.raises(NotDrivable, match=f"jax.random.{name} is not driven"):
        getattr(jax.random, name)(0)


def test_everything_is_as_before_afterwards():
    before = jax.random.uniform
    with pytest.raises(NotDrivable), _driven_random():
        jax.random.normal(DrivenKey(Drive(lambda position: 0.5, {})))
    assert jax.random.uniform is before
    assert 0 <= float(jax.random.uniform(jax.random.key(0))) < 1
