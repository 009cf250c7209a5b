r"""Tickets that give a raffle a wanted law.

Giving token x the tickets :math:`a_x \leftarrow a_x\, y^*_x / y_x(a)` raises the concave
:math:`\sum_x y^*_x \log a_x - \sum_D w_D \log \sum_{i \in D'} a_i` at every step (the minorisation of Hunter
2004 for Plackett-Luce choices), whose stationary points have :math:`y(a) = y^*`. Such tickets exist if the
wanted law is strictly inside of what the levels can reach. The steps are sped up by Anderson mixing.

Nothing rests on how well this converges but the quality of the rule: any tickets make a lossless one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theory.simplex import Array

_MEMORY = 8
_BELOW, _ABOVE = 22.0, 9.0  # logarithms of tickets, beside those of the group that most is wanted of
_DAMPING = 1e-10


def calibrated(
    masses: Callable[[Array], Array],
    wanted: Array,
    first: Array,
    *,
    tolerance: float,
    rounds: int,
) -> Array:
    """Logarithms of tickets whose raffle has nearly the wanted law.

    Parameters
    ----------
    masses
        The raffle's law for log-tickets, both of shape ``(G,)``.
    wanted
        The law asked for, shape ``(G,)``.
    first
        Level of each group, shape ``(G,)``.
    tolerance
        Stop at this total variation distance.
    rounds
        Most laws to be computed.

    Examples
    --------
    >>> from theory.laws import WithoutReplacement
    >>> from theory.raffle.sets import RaffleSets
    >>> level, wanted = np.ones(3, dtype=bool), np.array([0.5, 0.3, 0.2])
    >>> raffle = RaffleSets.of(WithoutReplacement(np.array([0.4, 0.3, 0.3]), 2), level)
    >>> logs = calibrated(lambda logs: raffle.law(np.exp(logs)), wanted, level,
    ...     tolerance=1e-10, rounds=50)
    >>> raffle.law(np.exp(logs)).round(9).tolist()
    [0.5, 0.3, 0.2]
    """
    logs = np.zeros(wanted.size)
    best, best_distance = logs, np.inf
    points: list[Array] = []
    steps: list[Array] = []
    weight = np.sqrt(np.maximum(wanted, 0.0))
    for _ in range(rounds):
        reached = masses(logs)
        distance = 0.5 * float(np.abs(reached - wanted).sum())
        if distance < best_distance:
            best, best_distance = logs, distance
        if distance <= tolerance:
            break
        if distance > 3 * best_distance:
            points, steps, logs = [], [], best
            reached = masses(logs)
        points.append(logs)
        steps.append(_step(reached, wanted))
        points, steps = points[-_MEMORY:], steps[-_MEMORY:]
        logs = _bounded(_mixed(points, steps, weight), wanted, first)
    return best


def _step(reached: Array, wanted: Array) -> Array:
    """log of wanted over reached; as far as allowed where one of them is zero."""
    tiny = 1e-290
    step: Array = np.clip(np.log(np.maximum(wanted, tiny) / np.maximum(reached, tiny)), -_BELOW, _ABOVE)
    step[(wanted <= tiny) & (reached <= tiny)] = 0.0
    return step


def _mixed(points: list[Array], steps: list[Array], weight: Array) -> Array:
    """The next point: Anderson's combination of the last ones."""
    if len(points) == 1:
        following: Array = points[0] + steps[0]
        return following
    moves = np.stack([steps[-1] - step for step in steps[:-1]], axis=1)
    shifts = np.stack([points[-1] - point for point in points[:-1]], axis=1)
    scaled = moves * weight[:, None]
    gram = scaled.T @ scaled
    gram += _DAMPING * np.trace(gram) * np.eye(gram.shape[0]) + 1e-300 * np.eye(gram.shape[0])
    share = np.linalg.solve(gram, scaled.T @ (weight * steps[-1]))
    mixed: Array = points[-1] + steps[-1] - (shifts + moves) @ share
    return mixed


def _bounded(logs: Array, wanted: Array, first: Array) -> Array:
    """Each level's group that most is wanted of at zero, the others within the bounds of it."""
    out = logs.copy()
    for level in (True, False):
        chosen = np.flatnonzero(first == level)
        if chosen.size:
            middle = out[chosen[np.argmax(wanted[chosen])]]
            out[chosen] = np.clip(out[chosen] - middle, -_BELOW, _ABOVE)
    return out
