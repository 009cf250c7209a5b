r"""Drafting while the target verifies (PEARL), in closed form.

Two devices work in steps. In a step of *pre-verification* the target judges the first drafted token while the
draft goes on to a block of gamma; in a step of *post-verification* it judges the gamma tokens that come next
while the draft makes another block on top. A rejection ends in a corrected token and a step of
pre-verification.

**Tokens a step.** With independent acceptances of probability a, text falls into runs of accepted tokens,
each closed by a corrected one: a run has :math:`1 / (1 - a)` tokens on average. It takes one
pre-verification and, if its first token was accepted, as many post-verifications as it takes until one of
them holds a rejection: each is clean with probability :math:`a^\gamma`. So

.. math:: \frac{\text{tokens}}{\text{step}} = \frac{1 / (1 - a)}{1 + a / (1 - a^\gamma)},

which grows with gamma to :math:`1 / (1 - a^2)`. A step lasts as long as the slower of a target call and
gamma draft steps.

**The best gamma** is one of the two whole numbers around the ratio r of the two times. With
:math:`x = a^\gamma` the tokens are :math:`(1 - x) / ((1 - a)(1 + a - x))`: 0 for gamma 0, rising and concave
in gamma (the second derivative of :math:`-a / (1 + a - x)` in gamma is
:math:`-a x \ln^2 a\, (1 + a + x) / (1 + a - x)^3`). So they rise up to r at no price, and beyond r their
ratio to gamma, and to the time, falls. Where drafts are cheap a serial round with more drafts is faster: half
of all PEARL steps may be spent on a single token.

**Two devices are busy.** A step emits at most what post-verification does, which is less than what a serial
round of gamma drafts emits, and takes at least half as long as that round. So PEARL is less than twice as
fast as serial drafting with the same gamma: **two serial replicas always have more throughput**, and what
PEARL may buy is latency, if it gains more than the second device would as a part of both models.
"""

from __future__ import annotations

from math import floor
from typing import Any


def pearl_tokens_per_step(*, acceptance: Any, length: int) -> Any:
    """Tokens emitted a step, corrected tokens counted.

    Parameters
    ----------
    acceptance
        Probability that a judged draft is accepted, in [0, 1).
    length
        Drafted tokens a step, gamma; at least 1.

    Returns
    -------
    number
        Exact for fractions.

    Raises
    ------
    ValueError
        If the acceptance is not in [0, 1), or the length below 1.

    References
    ----------
    Algorithm: Liu et al. 2025 (PEARL), arXiv 2408.11850. Formula: this module.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> pearl_tokens_per_step(acceptance=F(1, 2), length=2)
    Fraction(6, 5)
    """
    if not 0 <= acceptance < 1:
        raise ValueError(f"acceptance must be in [0, 1), got {acceptance}; a run that never ends has no mean")
    if length < 1:
        raise ValueError(f"length must be at least 1 draft a step, got {length}")
    return 1 / (1 - acceptance) / (1 + acceptance / (1 - acceptance**length))


def pearl_speedup(*, acceptance: Any, length: int, draft_time: Any, target_time: Any) -> Any:
    """Speed over plain decoding with the same target, on two devices.

    Parameters
    ----------
    acceptance, length
        As for :func:`pearl_tokens_per_step`.
    draft_time, target_time
        Times of a draft step and a target call, in one unit. A target call is taken to last as long for gamma
        tokens as for one.

    Examples
    --------
    >>> round(pearl_speedup(acceptance=0.8, length=4, draft_time=0.25, target_time=1.0), 4)
    2.1231
    """
    if not target_time > 0 or not draft_time >= 0:
        raise ValueError(
            f"times must be positive (draft_time may be 0), got draft_time={draft_time} and "
            f"target_time={target_time}"
        )
    step = max(target_time, length * draft_time)
    return pearl_tokens_per_step(acceptance=acceptance, length=length) * target_time / step


def best_pearl_length(*, acceptance: Any, draft_time: Any, target_time: Any) -> int:
    """The gamma of the largest speed-up; the smaller of equals. O(1).

    Parameters
    ----------
    acceptance
        In [0, 1).
    draft_time, target_time
        Positive, in one unit.

    Raises
    ------
    ValueError
        If a number is out of its range; with free drafts every further one pays.

    Examples
    --------
    >>> best_pearl_length(acceptance=0.8, draft_time=0.3, target_time=1.0)
    3
    """
    if not draft_time > 0:
        raise ValueError(f"draft_time must be positive, got {draft_time}: free drafts have no best number")
    below: int = max(1, floor(target_time / draft_time))
    times = {"draft_time": draft_time, "target_time": target_time}
    fast = pearl_speedup(acceptance=acceptance, length=below, **times)
    more = pearl_speedup(acceptance=acceptance, length=below + 1, **times)
    return below + 1 if more > fast else below
