r"""How far bounds can move if p and q do: sharp constants.

**i.i.d. drafts.** With :math:`s = TV(p, p')` and :math:`t = TV(q, q')`

.. math:: |\alpha^*(p, q) - \alpha^*(p', q')| \le \min(1, s + 1 - (1 - t)^k) \le s + k t .

*Proof.* Couple each draft with its counterpart so that they differ with probability t, all independent: none
differs with probability :math:`(1 - t)^k`. So for each set H the probability :math:`q(H)^k` that all drafts
are in H moves by at most :math:`1 - (1 - t)^k`, and p(H) by at most s; so the minimum over H moves by at most
their sum. *Sharp for every s, t, k:* :math:`p = \delta_b, q = \delta_a` have :math:`\alpha^* = 0`, and
:math:`p' = (1 - s) \delta_b + s \delta_a, q' = (1 - t) \delta_a + t \delta_b` have the right side (at
:math:`H = \{a\}`; the other sets give one or more).

**Without replacement** there is no such bound in TV: :math:`q = (1 - \epsilon) \delta_a + \epsilon \delta_b`
and :math:`(1 - \epsilon) \delta_a + \epsilon \delta_c` are close, their second drafts are not. What counts
are *ratios*: let all q'/q be within a factor :math:`e^w` of each other (the distance of Hilbert's metric;
logits that are off by at most d have w = 2d). That survives renormalisation, so each draft given the earlier
ones has a TV of at most :math:`\tanh(w / 4)` (likelihood ratios in [a, b] with mean one have
:math:`TV \le (b - 1)(1 - a) / (b - a) \le \tanh(w / 4)` for :math:`b / a = e^w`), and Q(H) moves by at most
:math:`1 - (1 - \tanh(w / 4))^k`. A bound that does *not* grow with k:

.. math:: Q(H)^{1 / \gamma} \le Q'(H) \le Q(H)^\gamma, \qquad \gamma = e^{-w} .

*Proof.* Let drafts be the first rings of exponential clocks with rates q, T the time of the k-th ring in H, c
the rate outside: :math:`Q(H) = E e^{-c T}`. Make all clocks of H faster by :math:`e^u` and all others slower
by :math:`e^v`, u + v = w: Q becomes :math:`E e^{-c e^{-w} T} = E (e^{-cT})^\gamma`, at most
:math:`Q(H)^\gamma` by Jensen. Rates q' within these factors give no more: Q grows with the rates in H and
falls with those outside. The left side is the same with q and q' exchanged. So Q moves by at most
:math:`\max_x x^\gamma - x = \gamma^{\gamma / (1 - \gamma)} (1 - \gamma) \approx w / e`, whatever k is.
"""

from __future__ import annotations

from math import exp, expm1, isfinite, tanh

from theory.laws.base import check_k


def iid_modulus(*, p_distance: float, q_distance: float, k: int) -> float:
    """The most that the optimum of k i.i.d. drafts can move; attained.

    Parameters
    ----------
    p_distance, q_distance
        Total variation distances that p and q may move by, in [0, 1].
    k
        Number of drafts.

    Raises
    ------
    ValueError
        For a distance outside of [0, 1].

    Examples
    --------
    >>> round(iid_modulus(p_distance=0.001, q_distance=0.002, k=4), 6)
    0.008976
    """
    for name, value in (("p_distance", p_distance), ("q_distance", q_distance)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a total variation distance in [0, 1], got {value}")
    return min(1.0, p_distance + 1 - (1 - q_distance) ** check_k(k))


def log_error_distance(spread: float) -> float:
    """The largest TV of two distributions whose ratios are within a factor ``exp(spread)`` of each other.

    Logits that are each off by at most d have a spread of 2 d.

    Raises
    ------
    ValueError
        For a negative spread.

    Examples
    --------
    >>> round(log_error_distance(2 * 2**-7), 6)
    0.003906
    """
    if not spread >= 0:
        raise ValueError(f"a spread of log-ratios is at least 0, got {spread}")
    return tanh(spread / 4)


def race_modulus(*, p_distance: float, spread: float, k: int) -> float:
    """The most that the optimum of k drafts without replacement can move.

    Parameters
    ----------
    p_distance
        Total variation distance that p may move by.
    spread
        Ratios q' / q are within a factor ``exp(spread)`` of each other; twice the error of logits.
    k
        Number of drafts.

    Examples
    --------
    >>> [round(race_modulus(p_distance=0.0, spread=2 * 2**-7, k=k), 6) for k in (1, 2, 8)]
    [0.003906, 0.005748, 0.005748]
    """
    step = log_error_distance(spread)
    moved = 1 - (1 - step) ** check_k(k)
    return min(1.0, p_distance + min(moved, power_gap(spread)))


def power_gap(spread: float) -> float:
    """The largest ``x**gamma - x`` for ``gamma = exp(-spread)`` and x in [0, 1].

    Examples
    --------
    >>> power_gap(0.0), round(power_gap(0.01) / 0.01, 3)
    (0.0, 0.368)
    """
    gap = -expm1(-spread)
    if gap == 0 or not isfinite(spread):
        return float(gap)
    gamma = exp(-spread)
    return float(exp(-spread * gamma / gap)) * gap
