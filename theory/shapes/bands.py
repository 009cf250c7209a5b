r"""Profiles estimated from samples: confidence bands of the value, and how many samples a tree needs.

Under a node, m times, one of the ranks or none was accepted. Each entry of the profile gets a Clopper-Pearson
interval at a level that makes **all** of them hold together with the wanted confidence (union bound); values
grow with every entry, so

* the optimum G(n) of the true profile lies between the optima of the lower and the upper profile, for all n
  at once, with that confidence;
* a tree T chosen from the same samples loses at most ``1 - F_lower(T) / G_upper(n)`` of the optimum, and at
  most what its nodes at their lower weights give to the heaviest other nodes at their upper weights.

These are intervals at a confidence, with no approximation. :func:`plug_in_regret` is the average loss itself,
an estimate by simulation with its standard error; it is far smaller than the bands' width, since a tree can
be right where the value is still uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from theory.shapes.best_first import best_first
from theory.shapes.hardware import optimum
from theory.shapes.isotonic import isotonic, sorted_rows
from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class ProfileBand:
    """Profiles below and above the true one.

    Attributes
    ----------
    estimate, lower, upper
        Profiles; the upper one's rows may sum to more than one.
    confidence
        Probability, at least, with which the true profile lies between in every entry.
    """

    estimate: Profile
    lower: Profile
    upper: Profile
    confidence: float


@dataclass(frozen=True, eq=False)
class ValueBand:
    """Ends of the optimal value at every size.

    Attributes
    ----------
    lower, upper
        Ends of G(0), ..., G(N).
    confidence
        Probability, at least, with which all hold.
    """

    lower: Array
    upper: Array
    confidence: float


@dataclass(frozen=True)
class Estimate:
    """A mean over independent repetitions, with its standard error.

    Attributes
    ----------
    value, standard_error
        Of the mean.
    repeats
        Number of repetitions.
    """

    value: float
    standard_error: float
    repeats: int


def clopper_pearson(
    successes: Sequence[int] | Array, trials: Sequence[int] | Array | int, *, confidence: float
) -> tuple[Array, Array]:
    """Exact two-sided intervals of binomial proportions.

    Examples
    --------
    >>> low, high = clopper_pearson([0, 5, 10], 10, confidence=0.95)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.1871, 0.6915], [0.3085, 0.8129, 1.0])
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, got {confidence}")
    hits, total = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    if (hits < 0).any() or (hits > total).any() or (total < 1).any():
        raise ValueError("successes must be between 0 and the number of trials, which is at least 1")
    tail = (1 - confidence) / 2
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), total - hits + 1, tail), 0.0)
    high = np.where(hits < total, betaincinv(hits + 1, np.maximum(total - hits, 1), 1 - tail), 1.0)
    return low, high


def profile_band(
    profile: Profile,
    *,
    samples: int | Sequence[int] | Array,
    confidence: float = 0.95,
    monotone: bool = False,
) -> ProfileBand:
    """Bands of a profile that was estimated from frequencies. An interval at a confidence.

    Parameters
    ----------
    profile
        Frequencies: accepted rank k so many times out of the samples of the row. Counts are rounded to whole
        ones.
    samples
        Number of samples behind each row, or one number for all.
    confidence
        With which all entries lie in their intervals together.
    monotone
        Whether the true rows are known not to rise: tighter then.

    Returns
    -------
    ProfileBand
        Of the same kind.

    Examples
    --------
    >>> band = profile_band(Profile.positional([0.6, 0.2]), samples=1000)
    >>> band.lower.rows.round(3).tolist(), band.upper.rows.round(3).tolist()
    ([[0.564, 0.172]], [[0.635, 0.23]])
    """
    rows = profile.rows.astype(np.float64)
    trials = np.broadcast_to(np.asarray(samples).reshape(-1, 1), (len(rows), 1))
    level = 1 - (1 - confidence) / rows.size
    low, high = clopper_pearson(np.rint(rows * trials), trials, confidence=level)
    if monotone:
        low = np.maximum.accumulate(low[:, ::-1], axis=1)[:, ::-1]
        high = np.minimum.accumulate(high, axis=1)
    # an entry is at most what the others leave
    high = np.minimum(high, np.clip(1 - (low.sum(axis=1, keepdims=True) - low), 0, 1))
    high = np.maximum(high, low)
    upper = Profile(high, profile.following, profile.kind, exclusive=False)
    return ProfileBand(profile, profile.with_rows(low), upper, confidence)


def value_band(
    band: ProfileBand, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> ValueBand:
    """The band of the optimal value at all sizes. An interval at the band's confidence.

    Examples
    --------
    >>> band = profile_band(Profile.positional([0.6, 0.2]), samples=1000)
    >>> ends = value_band(band, nodes=8)
    >>> ends.lower[8].round(3).item(), ends.upper[8].round(3).item()
    (2.589, 3.081)
    """

    def values(profile: Profile) -> Array:
        run = optimum(profile, nodes=nodes, max_depth=max_depth, max_children=max_children)
        more = nodes + 1 - len(run.values)
        return np.concatenate([run.values, np.full(more, run.values[-1])]).astype(np.float64)

    upper = band.upper
    if not upper.is_monotone and (upper.following == upper.following[:, :1]).all():
        ranks = upper.ranks if max_children is None else min(max_children, upper.ranks)
        upper = sorted_rows(upper.first_ranks(ranks)) if ranks else upper
    return ValueBand(values(band.lower), values(upper), band.confidence)


def regret_bound(
    shape: TreeShape, band: ProfileBand, *, max_depth: int | None = None, max_children: int | None = None
) -> float:
    """Largest share of the optimum that a tree can lose, at the band's confidence; same size and caps.

    The smaller of two bounds: the ends of the values against each other; and node by node, since trees share
    most nodes and any other tree swaps some of this one's nodes, at their lower weights, for others, at their
    upper weights.

    Examples
    --------
    >>> band = profile_band(Profile.positional([0.6, 0.2]), samples=10**6)
    >>> round(regret_bound(best_first(band.estimate, nodes=8).shape(), band), 4)
    0.0
    """
    caps = {"max_depth": max_depth, "max_children": max_children}
    reached = float(shape.value(band.lower))
    apart = 1 - reached / float(value_band(band, nodes=shape.size, **caps).upper[-1])
    # no row of the upper profile rises once each entry is the largest from it on
    rows = np.maximum.accumulate(band.upper.rows[:, ::-1], axis=1)[:, ::-1]
    above = Profile(rows, band.upper.following, exclusive=False)
    heavy = best_first(above, nodes=2 * shape.size, max_depth=max_depth, max_children=max_children).shape()
    chosen = set(shape.choices())
    weights = above.weights(heavy)[1:].tolist()
    outside = [weight for weight, node in zip(weights, heavy.choices(), strict=True) if node not in chosen]
    outside = sorted(outside, reverse=True)[: shape.size]
    inside = sorted(shape.weights(band.lower)[1:].tolist())[: len(outside)]
    swaps = sum(max(0.0, gain - loss) for gain, loss in zip(outside, inside, strict=True))
    return float(max(0.0, min(apart, swaps / (reached + swaps))))


def samples_needed(
    profile: Profile,
    *,
    nodes: int,
    regret: float,
    confidence: float = 0.95,
    monotone: bool = False,
    max_depth: int | None = None,
    max_children: int | None = None,
) -> int:
    """How many samples a row certify that the best tree for their frequencies loses at most ``regret``.

    A planning number: for samples whose frequencies come out as this profile says. It certifies, so it is
    conservative; :func:`plug_in_regret` says what is lost on average.

    ``monotone`` is for true rows that are known not to rise, as in :func:`profile_band`.

    Returns
    -------
    int
        The smallest number, to within 2 percent.

    Examples
    --------
    >>> samples_needed(Profile.positional([0.6, 0.2]), nodes=8, regret=0.05)
    324
    """
    if not 0 < regret < 1:
        raise ValueError(f"regret is a share between 0 and 1, got {regret}")
    caps = {"max_depth": max_depth, "max_children": max_children}
    shape = optimum(profile, nodes=nodes, **caps).shape(nodes)

    def enough(samples: int) -> bool:
        band = profile_band(profile, samples=samples, confidence=confidence, monotone=monotone)
        return regret_bound(shape, band, **caps) <= regret

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > 10**12:
            raise ValueError("more than 1e12 samples; allow a larger regret")
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def plug_in_regret(
    profile: Profile, *, samples: int, nodes: int, rng: np.random.Generator, repeats: int = 200
) -> Estimate:
    """Average share of the optimum lost by the tree of an estimated, projected profile. An estimate.

    Each repetition draws so many accepted ranks (or none) a row, projects the frequencies on non-rising rows,
    and scores their best tree with the true profile.

    Examples
    --------
    >>> result = plug_in_regret(
    ...     Profile.positional([0.6, 0.2, 0.1]), samples=100, nodes=64, rng=np.random.default_rng(0))
    >>> 0 < result.value < 0.02
    True
    """
    best = optimum(profile, nodes=nodes).value(nodes)
    rows = np.append(profile.rows, 1 - profile.rows.sum(axis=1, keepdims=True), axis=1).clip(0)
    rows /= rows.sum(axis=1, keepdims=True)
    losses = []
    for _ in range(repeats):
        counts = rng.multinomial(samples, rows)[:, :-1]
        estimated = isotonic(profile.with_rows(counts / samples))
        losses.append(1 - best_first(estimated, nodes=nodes).shape().value(profile) / best)
    return Estimate(float(np.mean(losses)), float(np.std(losses, ddof=1) / repeats**0.5), repeats)
