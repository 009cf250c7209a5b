r"""Constant acceptance: the best fixed draft length in closed form.

Each draft that is judged is accepted with probability a, independently. A round of K drafts emits
:math:`S_K = (1 - a^{K+1}) / (1 - a)` tokens in the time :math:`b + K d` (b: target call and what a round
costs besides; d: draft step), so its rate is :math:`f(K) = S_K / (b + K d)`. One draft more helps exactly
if

.. math:: a^{K+1} (b + K d) > d\, S_K,

and the difference of the two sides falls with K (by :math:`(1 - a) a^{K+1} (b + (K + 1) d)`): f rises, then
falls. Its stationary point, with :math:`L = -\ln a` and :math:`c = d / b`, is

.. math:: K^* = \frac{x - 1}{L} - \frac{1 - c}{c} - 1 = \frac{\ln x}{L} - 1,
          \qquad x = -W_{-1}\!\left(-e^{-1 - u}\right), \quad u = L\,\frac{1 - c}{c},

W being Lambert's function: x is the root above 1 of :math:`x - \ln x = 1 + u`. (The second form of K* loses
no digits.) The best whole length is one of its two neighbours; the inequality above decides, in the
numbers' own arithmetic (exactly, for fractions). For :math:`d \ge b` no draft pays; with :math:`d = 0`, or
:math:`a = 1`, every further one does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from theory.speedup import block_efficiency
from theory.stopping.times import Times, check_limit


class NoBestLength(ValueError):
    """Every further draft pays, so there is no best length without a limit."""


@dataclass(frozen=True)
class BestLength:
    """The best fixed length.

    Attributes
    ----------
    length
        Drafts a round; the smallest of the best ones.
    tokens
        Expected tokens a round, bonus token counted.
    rate
        Tokens per unit of time; exact for fractions.
    speedup
        Over plain decoding, ``rate * target_time``.
    stationary
        The real-valued stationary point; None where there is none (no draft pays, or all do).
    """

    length: int
    tokens: Any
    rate: Any
    speedup: Any
    stationary: float | None


def best_length(*, acceptance: Any, times: Times, limit: int | None = None) -> BestLength:
    """The length of the largest rate, in closed form.

    Parameters
    ----------
    acceptance
        Probability that a judged draft is accepted, in [0, 1].
    times
        Times of draft step and target call.
    limit
        Most drafts a round, if there is a limit.

    Returns
    -------
    BestLength
        Exact: the comparison with both neighbours is done in the arithmetic of the inputs.

    Raises
    ------
    ValueError
        If the acceptance is no probability.
    NoBestLength
        If every further draft pays and there is no limit.

    Notes
    -----
    O(1). References: the objective is Leviathan et al. 2023, eq. 1 over time; the closed form is this
    module's.

    Examples
    --------
    >>> best = best_length(acceptance=0.8, times=Times(draft_time=0.1, target_time=1.0))
    >>> best.length, round(best.stationary, 3), round(best.speedup, 4)
    (6, 5.756, 2.4696)
    """
    if not 0 <= acceptance <= 1:
        raise ValueError(f"acceptance must be a probability in [0, 1], got {acceptance}")
    if limit is not None:
        check_limit(limit)
    point = stationary_length(acceptance=acceptance, times=times)
    if point is None and _pays(acceptance, times, 0):
        if limit is None:
            raise NoBestLength(
                f"with acceptance {acceptance} and draft_time {times.draft_time} every further draft pays; "
                "give a limit"
            )
        length = limit
    else:
        length = _climb(acceptance, times, max(0, math.floor(point or 0)), limit)
    tokens = block_efficiency(acceptance=acceptance, length=length)
    rate = tokens / times.of_round(length)
    return BestLength(length, tokens, rate, times.speedup(rate), point)


def stationary_length(*, acceptance: Any, times: Times) -> float | None:
    """The real-valued stationary point of the rate, or None where it has none.

    Examples
    --------
    >>> stationary_length(acceptance=0.8, times=Times(draft_time=2.0, target_time=1.0)) is None
    True
    """
    if not 0 < acceptance < 1 or not 0 < times.draft_time < times.base:
        return None
    rise = -math.log(acceptance) if acceptance < 0.5 else -math.log1p(-float(1 - acceptance))
    ratio = float(times.base / times.draft_time) - 1
    return math.log(_upper_root(rise * ratio)) / rise - 1 if math.isfinite(ratio) else None


def _upper_root(u: float) -> float:
    """The root above 1 of ``x - ln x = 1 + u``, which is -W_{-1}(-exp(-1 - u)); no overflow for large u."""
    x = 1 + math.sqrt(2 * u) + u
    for _ in range(60):
        step = (x - math.log(x) - 1 - u) / (1 - 1 / x) if x > 1 else 0.0
        x, before = max(x - step, 1.0), x
        if abs(x - before) <= 1e-15 * x:
            break
    return x


def _pays(acceptance: Any, times: Times, length: int) -> bool:
    """Whether one draft more than ``length`` raises the rate."""
    tokens = block_efficiency(acceptance=acceptance, length=length)
    return bool(acceptance ** (length + 1) * times.of_round(length) > times.draft_time * tokens)


def _climb(acceptance: Any, times: Times, start: int, limit: int | None) -> int:
    """From near the top to the top."""
    length = start if limit is None else min(start, limit)
    while (limit is None or length < limit) and _pays(acceptance, times, length):
        length += 1
    while length > 0 and not _pays(acceptance, times, length - 1):
        length -= 1
    return length
