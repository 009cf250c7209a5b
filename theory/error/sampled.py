r"""Regions and bands from counts: p or q known only by independent draws from it.

With n draws over V tokens, at confidence :math:`1 - \delta`:

- **one ball**: :math:`TV(\hat p, p)` is at most the smaller of
  :math:`\sqrt{\ln((2^V - 2) / \delta) / 2n}` (Weissman et al. 2003) and
  :math:`\tfrac12 \sqrt{(V - 1) / n} + \sqrt{\ln(1 / \delta) / 2n}` (the mean is at most the first term by
  Cauchy-Schwarz, one draw moves TV by at most 1 / n, McDiarmid). Both numbers are known before the draws.
- **a box**: each token's Clopper-Pearson interval at :math:`\delta / 2V` on either side, all at once by the
  union bound. Better for peaked distributions.

Either holds for *all* sets at once, so every band of :mod:`theory.error` applies, at the joint confidence.
Their width grows with V. For the **upper end alone** one set is enough, and one set's mass is known within
about :math:`1 / \sqrt n`, whatever V is: choose H on one half of the draws, and evaluate it on the other
half, which knows nothing of the choice. There is no such way for the lower end: unseen mass may be anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

from theory.bounds.iid import IidScan
from theory.error.band import Band, jointly
from theory.error.ends import optimal_iid_band
from theory.error.regions import Ball, Box, check_regions
from theory.laws.base import check_k
from theory.simplex import Array, check_distribution


def counts_ball(counts: ArrayLike, *, confidence: float) -> Ball:
    """A ball that holds the distribution of independent draws with the stated probability.

    Parameters
    ----------
    counts
        How often each token was drawn, whole numbers of shape ``(V,)``.
    confidence
        In (0, 1).

    Raises
    ------
    ValueError
        If counts are none, or the confidence is out of its range.

    Examples
    --------
    >>> ball = counts_ball([600, 300, 100], confidence=0.95)
    >>> ball.center.round(3).tolist(), round(ball.radius, 4)
    ([0.6, 0.3, 0.1], 0.0489)
    """
    drawn, error = _counts(counts), _error(confidence)
    return Ball(drawn / drawn.sum(), deviation(int(drawn.sum()), drawn.size, error), confidence)


def deviation(draws: int, vocabulary: int, error: float) -> float:
    """The total variation distance that the frequencies of so many draws exceed with at most a probability.

    Examples
    --------
    >>> round(deviation(10_000, 5, 0.05), 5)
    0.01788
    """
    if vocabulary == 1:
        return 0.0
    # log(2^V - 2) without the power
    sets = vocabulary * log(2) + log(-np.expm1(log(2) * (1 - vocabulary)))
    weissman = sqrt((sets - log(error)) / (2 * draws))
    mcdiarmid = sqrt((vocabulary - 1) / draws) / 2 + sqrt(-log(error) / (2 * draws))
    return min(1.0, weissman * (1 + 1e-12), mcdiarmid * (1 + 1e-12))


def counts_box(counts: ArrayLike, *, confidence: float) -> Box:
    """A box that holds the distribution of independent draws with the stated probability.

    Parameters, errors: as :func:`counts_ball`.

    Examples
    --------
    >>> box = counts_box([600, 300, 100], confidence=0.95)
    >>> box.lower.round(3).tolist(), box.upper.round(3).tolist()
    ([0.562, 0.266, 0.079], [0.637, 0.336, 0.125])
    """
    drawn, error = _counts(counts), _error(confidence)
    total = drawn.sum()
    lower, upper = _clopper_pearson(drawn, total, error / (2 * drawn.size))
    return Box(lower, upper, confidence)


def _clopper_pearson(hits: Array, draws: float, error: float) -> tuple[Array, Array]:
    """Exact one-sided ends, each wrong with at most a probability; 0 and 1 where all or no draws hit."""
    with np.errstate(invalid="ignore"):
        lower = np.where(hits > 0, beta.ppf(error, hits, draws - hits + 1), 0.0)
        upper = np.where(hits < draws, beta.isf(error, hits + 1, draws - hits), 1.0)
    return np.clip(lower * (1 - 1e-9), 0, 1), np.clip(upper * (1 + 1e-9), 0, 1)


@dataclass(frozen=True, eq=False)
class _Halves:
    """The draws in two random halves, or a distribution that is known."""

    first: Array
    second: Array | None


def sampled_iid_band(
    *,
    p: ArrayLike,
    q: ArrayLike,
    k: int,
    confidence: float,
    sampled: str = "both",
    rng: np.random.Generator,
) -> Band:
    """Band of the best acceptance on k i.i.d. drafts when p, q or both are known by counts.

    The larger of the lower ends from balls and boxes, the smaller of their upper ends and that of one set,
    chosen on a random half of the draws. The error probability is shared out among them, so that all hold at
    once.

    Parameters
    ----------
    p, q
        Counts, whole numbers of shape ``(V,)``, or the distribution where it is known.
    k
        Number of drafts.
    confidence
        In (0, 1).
    sampled
        ``"both"``, ``"p"`` or ``"q"``: which are counts.
    rng
        Divides the draws.

    Raises
    ------
    ValueError
        If counts are none or fewer than two, or a parameter is out of its range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p, q = np.array([0.6, 0.3, 0.1]), np.array([0.3, 0.3, 0.4])
    >>> counts = rng.multinomial(100_000, p), rng.multinomial(100_000, q)
    >>> band = sampled_iid_band(p=counts[0], q=counts[1], k=2, confidence=0.99, rng=rng)
    >>> bool(band.lower <= 0.91 <= band.upper), band.kind  # 1 + q(H)^2 - p(H) at H = {2, 3}: 0.91
    (True, 'interval at confidence 0.99')
    """
    if sampled not in ("both", "p", "q"):
        raise ValueError(f"sampled is 'both', 'p' or 'q', got {sampled!r}")
    unknown = {"both": "pq"}.get(sampled, sampled)
    # for each sampled side: a ball, a box, and one end of one set's mass
    share = 1 - _error(confidence) / (3 * len(unknown))
    given = {"p": p, "q": q}
    pairs = []
    for make in (counts_ball, counts_box):
        sides = {
            name: make(value, confidence=share) if name in unknown else check_distribution(value, name=name)
            for name, value in given.items()
        }
        pairs.append(optimal_iid_band(p=sides["p"], q=sides["q"], k=check_k(k)))
    halves = {name: _halves(value, name in unknown, rng) for name, value in given.items()}
    upper = _one_set(halves["p"], halves["q"], k, 1 - share)
    lower = max(band.lower for band in pairs)
    # should the ends cross, the unlikely has happened, and any answer is wrong; the wider one is given
    upper = max(min(upper, *(band.upper for band in pairs)), lower)
    return Band(lower, upper, jointly(*[share] * (3 * len(unknown))))


def _halves(value: ArrayLike, sampled: bool, rng: np.random.Generator) -> _Halves:
    if not sampled:
        return _Halves(check_distribution(value), None)
    counts = _counts(value).astype(np.int64)
    if counts.sum() < 2:
        raise ValueError("at least two draws are needed to divide them")
    first = rng.multivariate_hypergeometric(counts, int(counts.sum()) // 2, method="marginals")
    return _Halves(first / first.sum(), counts - first)


def _one_set(p: _Halves, q: _Halves, k: int, error: float) -> float:
    """An upper end from one set, chosen on the first halves and evaluated on the second."""
    check_regions(p.first, q.first)
    inside = IidScan(p.first, q.first).optimum(k)[1]
    held, drafted = _end(p, inside, error, upper=True), _end(q, inside, error, upper=False)
    return float(min(1.0, 1 + held - drafted**k + 1e-12))


def _end(half: _Halves, inside: Array, error: float, *, upper: bool) -> float:
    if half.second is None:
        return float(half.first[inside].sum())
    hits, draws = float(half.second[inside].sum()), float(half.second.sum())
    return float(_clopper_pearson(np.array(hits), draws, error)[int(upper)])


def _counts(counts: ArrayLike) -> Array:
    values = np.asarray(counts)
    if values.ndim != 1 or values.size == 0 or values.dtype.kind not in "iuf":
        raise ValueError(f"counts are whole numbers of shape (V,), got {values.shape} of {values.dtype}")
    drawn = values.astype(np.float64)
    if not (np.all(drawn >= 0) and np.all(drawn == np.floor(drawn)) and 0 < drawn.sum() < 2.0**53):
        raise ValueError("counts are whole numbers of at least 0, and one of them positive")
    return drawn


def _error(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is above 0 and below 1, got {confidence}")
    return 1 - confidence
