r"""Speed of drafting and verifying one after the other, in closed form.

A round drafts a chain of gamma tokens and makes one target call. If each draft that is judged is accepted
with probability alpha, independently, the round emits the accepted prefix and one token more (a
correction, or the bonus token):

.. math:: E[\text{accepted}] = \sum_{j=1}^{\gamma} \alpha^j, \qquad
          \tau = 1 + E[\text{accepted}] = \frac{1 - \alpha^{\gamma + 1}}{1 - \alpha}.

The probability of acceptance may change with the depth; then powers become products. Everything serves floats
and fractions, :func:`block_efficiency` arrays, too.

The quotient loses half its digits where :math:`\alpha` is close to 1. So the sum is made by doubling,
:math:`S_{2m} = S_m (1 + \alpha^m)` and :math:`S_{m+1} = S_m + \alpha^m`: no difference of close numbers, no
division, :math:`\log_2 \gamma` steps, and nothing special at :math:`\alpha = 1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def tokens_by_depth(acceptance: Sequence[Any]) -> Any:
    r"""Tokens a target call emits, bonus token counted: :math:`1 + \sum_j \prod_{i \le j} a_i`.

    Parameters
    ----------
    acceptance
        For each drafted position the probability that its token is accepted, given that those before it were.

    Returns
    -------
    number
        Exact. The block efficiency of a chain of that many drafts.

    Raises
    ------
    ValueError
        If an entry is not in [0, 1].

    Examples
    --------
    >>> tokens_by_depth([0.5, 0.5])
    1.75
    >>> tokens_by_depth([])
    1
    """
    total, reached = 1, 1
    for depth, probability in enumerate(acceptance):
        _check_probability(probability, f"acceptance[{depth}]")
        reached = reached * probability
        total = total + reached
    return total


def block_efficiency(*, acceptance: Any, length: int) -> Any:
    r"""Tokens emitted a target call, **bonus token counted**: chains of one length, constant acceptance.

    Parameters
    ----------
    acceptance
        Probability that a judged draft is accepted, in [0, 1]; a number, or an array of any shape.
    length
        Drafted tokens a round, gamma; at least 0.

    Returns
    -------
    number or array
        :math:`\tau = (1 - \alpha^{\gamma+1}) / (1 - \alpha)`, between 1 and gamma + 1. Exact for fractions;
        for floats within a few roundings, for alpha close to 1, too.

    Raises
    ------
    ValueError
        If the acceptance is no probability, or the length negative.

    Notes
    -----
    O(log length) operations.

    References
    ----------
    Leviathan et al. 2023, eq. 1.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> block_efficiency(acceptance=F(1, 2), length=3)
    Fraction(15, 8)
    >>> block_efficiency(acceptance=1 - 2.0**-50, length=3) - 4      # the quotient gives 0.0
    -5.329070518200751e-15
    """
    _check_length(length)
    _check_probability(acceptance, "acceptance")
    total, terms = acceptance**0, 1
    for bit in bin(length + 1)[3:]:
        total, terms = total * (1 + acceptance**terms), 2 * terms
        if bit == "1":
            total, terms = total + acceptance**terms, terms + 1
    return total


def accepted_length(*, acceptance: Any, length: int) -> Any:
    """Accepted drafts a target call: the block efficiency **without** the token that every call adds.

    Examples
    --------
    >>> accepted_length(acceptance=0.5, length=2)
    0.75
    """
    return block_efficiency(acceptance=acceptance, length=length) - 1


def speedup(*, acceptance: Any, length: int, draft_time: Any, target_time: Any, round_time: Any = 0) -> Any:
    r"""Speed over plain decoding with the same target: :math:`\tau\, T_t / (\gamma T_d + T_t + T_o)`.

    The target call that verifies is taken to last as long as one that decodes a single token; clocks with
    anything else are in ``specsim.clocks``.

    Parameters
    ----------
    acceptance, length
        As for :func:`block_efficiency`.
    draft_time, target_time
        Times of one draft step and of one target call, in one unit; the target's is positive.
    round_time
        What a round costs besides: synchronisation, sampling, kernels.

    Raises
    ------
    ValueError
        If a time is negative, or the target's zero.

    Examples
    --------
    >>> round(speedup(acceptance=0.8, length=6, draft_time=0.1, target_time=1.0), 4)
    2.4696
    """
    _check_times(draft_time=draft_time, target_time=target_time, round_time=round_time)
    tokens = block_efficiency(acceptance=acceptance, length=length)
    return tokens * target_time / (length * draft_time + target_time + round_time)


def memory_bound_speedup(*, block_efficiency: Any, length: int, draft_time: Any, target_time: Any) -> Any:
    r"""MBSU: :math:`\tau / (\gamma T_d / T_t + 1)`, from a measured block efficiency (bonus counted).

    Papers state the cost of the draft as a ratio, of times or of parameter counts; here it is two times.
    Where parameter counts are meant, pass these.

    Parameters
    ----------
    block_efficiency
        Tokens emitted a target call, bonus token counted.
    length
        Drafted tokens a round.
    draft_time, target_time
        In one unit; the target's is positive.

    Examples
    --------
    >>> memory_bound_speedup(block_efficiency=3.0, length=5, draft_time=0.1, target_time=1.0)
    2.0
    """
    _check_times(draft_time=draft_time, target_time=target_time)
    _check_length(length)
    if not 1 <= block_efficiency <= length + 1:
        raise ValueError(
            f"a round of {length} drafts emits 1 to {length + 1} tokens with the bonus token counted, "
            f"got a block efficiency of {block_efficiency}; add one if yours leaves it out"
        )
    return block_efficiency * target_time / (length * draft_time + target_time)


def _check_probability(value: Any, name: str) -> None:
    good = np.all((value >= 0) & (value <= 1)) if isinstance(value, np.ndarray) else 0 <= value <= 1
    if not good:
        raise ValueError(f"{name} must be a probability in [0, 1], got {value}")


def _check_length(length: int) -> None:
    if length < 0:
        raise ValueError(f"length must be a number of drafts, 0 or more, got {length}")


def _check_times(*, target_time: Any, **others: Any) -> None:
    if not target_time > 0:
        raise ValueError(f"target_time must be positive, got {target_time}")
    for name, value in others.items():
        if not value >= 0:
            raise ValueError(f"{name} must not be negative, got {value}")
