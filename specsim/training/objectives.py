r"""Objectives: one small pure function each, from logs of distributions (or features, or scores) to losses.

Every function returns one loss a position (the last axis is gone); weighing and averaging positions is done
in one place, :mod:`specsim.training.losses`. ``log_p`` is the log of the target's law, ``log_q`` that of
the draft's (``jax.nn.log_softmax`` of its logits), over one vocabulary, on the last axis. Where p is zero
``log_p`` is minus infinity. A draft over a *sub-vocabulary* gets the target's law on it **as it is, not
renormalised**; the mass outside is then lost for every draft alike:

* :func:`total_variation` stays exact (``1 - sum min(p, q)``);
* :func:`reverse_kl` stays exact;
* :func:`forward_kl` leaves out an infinite constant, :func:`jensen_shannon` a finite one; gradients stay.

Sources: Hinton, Vinyals & Dean, 2015 (soft cross-entropy); Zhou et al., 2024, *DistillSpec* (the
divergences); Liu et al., 2024, *Online Speculative Decoding*; Cai et al., 2024, *Medusa*
(:func:`multi_head`); Li et al., 2024, *EAGLE* (:func:`smooth_l1` with cross-entropy); Huang et al., 2024,
*SpecDec++* (:func:`weighted_bce`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def cross_entropy(*, log_q: jax.Array, tokens: jax.Array) -> jax.Array:
    r"""Hard labels: ``-log q(x)`` of the token that came.

    Parameters
    ----------
    log_q
        Shape ``(..., V)``.
    tokens
        Integers in ``[0, V)``, shape ``(...)``. A negative one gives loss 0 (a token outside a
        sub-vocabulary).

    Examples
    --------
    >>> cross_entropy(log_q=jnp.log(jnp.array([0.5, 0.5])), tokens=jnp.array(1)).item() == float(jnp.log(2.0))
    True
    """
    picked = jnp.take_along_axis(log_q, jnp.maximum(tokens, 0)[..., None], axis=-1)[..., 0]
    return jnp.where(tokens < 0, 0.0, -picked)


def soft_cross_entropy(*, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    r"""``-sum p log q``: forward KL without the target's entropy; same gradients, shape ``(...)``."""
    return -jnp.sum(jnp.exp(log_p) * log_q, axis=-1)


def forward_kl(*, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    r"""``KL(p || q) = sum p log(p / q)``: the draft must cover all that the target may say.

    Parameters
    ----------
    log_p, log_q
        Shape ``(..., V)``.

    Returns
    -------
    jax.Array
        Shape ``(...)``, nats.

    Examples
    --------
    >>> half, sure = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([1.0, 0.0]))
    >>> round(forward_kl(log_p=sure, log_q=half).item(), 6)
    0.693147
    """
    return _relative(log_p, log_p, log_q)


def reverse_kl(*, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    r"""``KL(q || p) = sum q log(q / p)``: the draft keeps to what the target may say.

    Infinite where the draft gives mass to a token of target probability zero.

    Examples
    --------
    >>> half, most = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.8, 0.2]))
    >>> round(reverse_kl(log_p=half, log_q=most).item(), 6)
    0.192745
    """
    return _relative(log_q, log_q, log_p)


def jensen_shannon(*, log_p: jax.Array, log_q: jax.Array, beta: float) -> jax.Array:
    r"""The generalised Jensen-Shannon divergence, ``beta KL(p || m) + (1 - beta) KL(q || m)``.

    With ``m = beta p + (1 - beta) q``. Always finite. Divided by beta it tends to forward KL as beta tends
    to 0, and, divided by ``1 - beta``, to reverse KL as beta tends to 1 (DistillSpec, section 3).

    Parameters
    ----------
    log_p, log_q
        Shape ``(..., V)``.
    beta
        Strictly between 0 and 1.

    Raises
    ------
    ValueError
        If beta is outside.

    Examples
    --------
    >>> one, other = jnp.log(jnp.array([1.0, 0.0])), jnp.log(jnp.array([0.0, 1.0]))
    >>> round(jensen_shannon(log_p=one, log_q=other, beta=0.5).item(), 6)
    0.693147
    """
    if not 0 < beta < 1:
        raise ValueError(
            f"beta must be strictly between 0 and 1, got {beta}; at the ends use a KL divergence"
        )
    log_m = jnp.logaddexp(jnp.log(beta) + log_p, jnp.log1p(-beta) + log_q)
    return beta * _relative(log_p, log_p, log_m) + (1 - beta) * _relative(log_q, log_q, log_m)


def acceptance(*, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    r"""``sum min(p, q)``: the probability that one draft token is accepted; shape ``(...)``.

    Examples
    --------
    >>> half, most = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.75, 0.25]))
    >>> round(acceptance(log_p=half, log_q=most).item(), 6)
    0.75
    """
    return jnp.sum(jnp.exp(jnp.minimum(log_p, log_q)), axis=-1)


def total_variation(*, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    r"""``1 - sum min(p, q)``, half of ``sum |p - q|``: one minus the acceptance probability.

    Its gradient vanishes where the two share no token: start from another objective.
    """
    return 1.0 - acceptance(log_p=log_p, log_q=log_q)


def smooth_l1(*, predicted: jax.Array, features: jax.Array, width: float = 1.0) -> jax.Array:
    r"""Mean over the last axis of ``d^2 / (2 width)`` where ``|d| < width``, else ``|d| - width / 2``.

    Parameters
    ----------
    predicted, features
        Shape ``(..., D)``; ``d`` is their difference.
    width
        Positive.

    Examples
    --------
    >>> smooth_l1(predicted=jnp.array([0.5, 3.0]), features=jnp.zeros(2)).item()
    1.3125
    """
    if not width > 0:
        raise ValueError(f"width must be positive, got {width}")
    size = jnp.abs(predicted - features)
    return jnp.mean(jnp.where(size < width, size**2 / (2 * width), size - width / 2), axis=-1)


def weighted_bce(*, score: jax.Array, label: jax.Array, negative_weight: float = 1.0) -> jax.Array:
    r"""``-label log s - negative_weight (1 - label) log(1 - s)``, with ``s = sigmoid(score)``.

    Parameters
    ----------
    score
        Logits, any shape.
    label
        Probabilities in [0, 1] of the same shape: soft labels such as ``min(1, p / q)`` are welcome.
    negative_weight
        Positive; SpecDec++ weighs rejections 6 times.

    Examples
    --------
    >>> round(weighted_bce(score=jnp.array(0.0), label=jnp.array(0.5), negative_weight=3.0).item(), 6)
    1.386294
    """
    if not negative_weight > 0:
        raise ValueError(f"negative_weight must be positive, got {negative_weight}")
    return -label * jax.nn.log_sigmoid(score) - negative_weight * (1 - label) * jax.nn.log_sigmoid(-score)


def multi_head(*, losses: jax.Array, decay: float = 0.8) -> jax.Array:
    r"""``sum_k decay^k loss_k`` over the last axis, k = 1, 2, ...: Medusa weighs far heads less.

    Examples
    --------
    >>> round(multi_head(losses=jnp.array([1.0, 1.0]), decay=0.5).item(), 6)
    0.75
    """
    if not decay > 0:
        raise ValueError(f"decay must be positive, got {decay}")
    return losses @ (decay ** jnp.arange(1, losses.shape[-1] + 1))


def multi_exit(*, losses: jax.Array) -> jax.Array:
    """Mean over the last axis: every exit counts the same (Kavehzadeh et al., 2024, *S2D*)."""
    return jnp.mean(losses, axis=-1)


def logistic_probe(*, score: jax.Array, label: jax.Array, penalty: jax.Array, strength: float) -> jax.Array:
    """Logistic loss plus ``strength`` times a penalty (the squared norm of the probe): shape of the score."""
    return weighted_bce(score=score, label=label) + strength * penalty


def _relative(log_weight: jax.Array, log_a: jax.Array, log_b: jax.Array) -> jax.Array:
    """``sum w (log a - log b)``, where a weight of zero gives zero (and a gradient of zero)."""
    live = log_weight > -jnp.inf
    weight = jnp.exp(jnp.where(live, log_weight, 0.0))
    difference = jnp.where(live, log_a, 0.0) - jnp.where(live, log_b, 0.0)
    return jnp.sum(jnp.where(live, weight * difference, 0.0), axis=-1)
