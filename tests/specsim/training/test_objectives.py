import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsim.training import objectives as o

P = np.array([0.5, 0.25, 0.25])
Q = np.array([0.25, 0.5, 0.25])


def logs(p=P, q=Q):
    with np.errstate(divide="ignore"):
        return {"log_p": np.log(p).astype(np.float32), "log_q": np.log(q).astype(np.float32)}


def test_values_by_hand():
    log2 = float(np.log(2))
    assert float(o.cross_entropy(log_q=logs()["log_q"], tokens=jnp.array(0))) == pytest.approx(2 * log2)
    assert float(o.forward_kl(**logs())) == pytest.approx(0.25 * log2)
    assert float(o.reverse_kl(**logs())) == pytest.approx(0.25 * log2)
    assert float(o.acceptance(**logs())) == 0.75
    assert float(o.total_variation(**logs())) == 0.25
    assert float(o.soft_cross_entropy(**logs())) == pytest.approx((1 + 0.25 + 0.5) * log2)
    m = 0.5 * (P + Q)
    halves = 0.5 * (P @ np.log(P / m) + Q @ np.log(Q / m))
    assert float(o.jensen_shannon(**logs(), beta=0.5)) == pytest.approx(halves)


def test_a_token_outside_the_vocabulary_has_no_loss():
    losses = o.cross_entropy(log_q=jnp.log(jnp.asarray([Q, Q])), tokens=jnp.array([1, -1]))
    assert losses.tolist() == [pytest.approx(float(np.log(2))), 0.0]


def test_smooth_l1_is_smooth_where_its_pieces_meet():
    at = jnp.array([[1.999], [2.001]])
    below, above = o.smooth_l1(predicted=at, features=jnp.zeros((2, 1)), width=2.0)
    assert above - below == pytest.approx(0.002, rel=1e-2)


def test_weighted_bce_weighs_rejections():
    plain = o.weighted_bce(score=jnp.array([2.0, 2.0]), label=jnp.array([1.0, 0.0]))
    heavy = o.weighted_bce(score=jnp.array([2.0, 2.0]), label=jnp.array([1.0, 0.0]), negative_weight=6.0)
    assert heavy[0] == plain[0]
    assert heavy[1] == pytest.approx(6 * float(plain[1]))


@pytest.mark.slow
def test_the_least_weighted_bce_is_at_the_weighted_odds():
    """With weight w the optimum is l / (l + w (1 - l)), not the label itself."""
    scores = jnp.linspace(-6, 6, 2401)
    losses = o.weighted_bce(score=scores, label=jnp.full(2401, 0.75), negative_weight=6.0)
    best = float(jax.nn.sigmoid(scores[jnp.argmin(losses)]))
    assert best == pytest.approx(0.75 / (0.75 + 6 * 0.25), abs=2e-3)


def test_heads_and_exits():
    losses = jnp.array([[1.0, 2.0, 4.0]])
    assert o.multi_head(losses=losses, decay=0.5).tolist() == [1.5]
    assert o.multi_exit(losses=losses).tolist() == [pytest.approx(7 / 3)]


def test_probe_adds_its_penalty():
    loss = o.logistic_probe(score=jnp.array(0.0), label=jnp.array(1.0), penalty=jnp.array(2.0), strength=0.5)
    assert float(loss) == pytest.approx(float(np.log(2)) + 1.0)


NAMES = ["soft_cross_entropy", "forward_kl", "reverse_kl", "jensen_shannon", "total_variation"]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_against_finite_differences(name):
    more = {"beta": 0.3} if name == "jensen_shannon" else {}
    with jax.enable_x64(True):
        logits = np.array([0.3, -1.2, 0.7, 0.1])
        log_p = np.log([0.1, 0.6, 0.1, 0.2])

        def loss(values):
            return getattr(o, name)(log_p=log_p, log_q=jax.nn.log_softmax(values), **more)

        steps = 1e-6 * np.eye(4)
        both = jax.jit(jax.vmap(loss))(np.concatenate([logits + steps, logits - steps]))
        slopes = (both[:4] - both[4:]) / 2e-6
        np.testing.assert_allclose(jax.jit(jax.grad(loss))(logits), slopes, atol=1e-8)


@pytest.mark.parametrize("name", ["soft_cross_entropy", "forward_kl", "jensen_shannon", "total_variation"])
def test_zeros_of_the_target_leave_values_and_gradients_finite(name):
    more = {"beta": 0.5} if name == "jensen_shannon" else {}
    log_p = logs(p=[1.0, 0.0, 0.0])["log_p"]

    def loss(values):
        return getattr(o, name)(log_p=log_p, log_q=jax.nn.log_softmax(values), **more)

    value, gradient = jax.jit(jax.value_and_grad(loss))(jnp.array([0.0, 1.0, 2.0]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_reverse_kl_is_infinite_off_the_targets_support():
    assert float(o.reverse_kl(**logs(p=[1.0, 0.0, 0.0]))) == np.inf
    assert float(o.reverse_kl(**logs(p=[0.5, 0.5, 0.0], q=[0.25, 0.75, 0.0]))) < np.inf


@pytest.mark.slow
def test_forward_kl_and_soft_cross_entropy_have_the_same_gradient():
    log_p = logs()["log_p"]
    slopes = [
        jax.jit(jax.grad(lambda z, f=f: f(log_p=log_p, log_q=jax.nn.log_softmax(z))))(jnp.arange(3.0))
        for f in (o.forward_kl, o.soft_cross_entropy)
    ]
    np.testing.assert_allclose(*slopes, atol=1e-6)


laws = st.lists(st.integers(1, 50), min_size=4, max_size=4).map(lambda w: np.array(w) / sum(w))


@jax.jit
def divergences(log_p, log_q):
    pair = {"log_p": log_p, "log_q": log_q}
    return (
        o.total_variation(**pair),
        o.acceptance(**pair),
        o.forward_kl(**pair),
        o.jensen_shannon(**pair, beta=0.5),
    )


@given(p=laws, q=laws)
def test_distance_and_acceptance(p, q):
    distance, accepted, forward, halves = map(float, divergences(**logs(p, q)))
    assert 1 - distance == pytest.approx(accepted, abs=1e-6)
    assert distance == pytest.approx(0.5 * np.abs(p - q).sum(), abs=1e-6)
    assert 2 * distance**2 <= forward + 1e-5  # Pinsker
    assert -1e-6 <= halves <= np.log(2)


@pytest.mark.slow
def test_jensen_shannon_tends_to_both_divergences():
    with jax.enable_x64(True):
        pair, small = logs(), 1e-6
        forward = o.jensen_shannon(**pair, beta=small) / small
        reverse = o.jensen_shannon(**pair, beta=1 - small) / small
        assert float(forward) == pytest.approx(float(o.forward_kl(**pair)), rel=1e-4)
        assert float(reverse) == pytest.approx(float(o.reverse_kl(**pair)), rel=1e-4)


def test_a_sub_vocabulary_keeps_the_distance_exact():
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.7, 0.3, 0.0, 0.0])
    part = logs(p[:2], q[:2])
    assert float(o.total_variation(**part)) == pytest.approx(0.5 * np.abs(p - q).sum())


@pytest.mark.parametrize("beta", [0.0, 1.0, -1.0, float("nan")])
def test_beta_is_inside(beta):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        o.jensen_shannon(**logs(), beta=beta)


def test_bad_numbers_are_refused():
    one = jnp.ones(1)
    with pytest.raises(ValueError, match="negative_weight must be positive"):
        o.weighted_bce(score=one, label=one, negative_weight=0)
    with pytest.raises(ValueError, match="width must be positive"):
        o.smooth_l1(predicted=one, features=one, width=0)
    with pytest.raises(ValueError, match="decay must be positive"):
        o.multi_head(losses=one, decay=0)
