r"""What is known of a distribution: three kinds of regions that hold it.

========== ============================================================== =================================
region     distributions in it                                            where it comes from
========== ============================================================== =================================
`Ball`     total variation distance of at most r from a centre            deviation inequalities; r = 0:
                                                                          known
`Box`      each probability between two numbers                           rounded probabilities; counts
`Weights`  weights between two numbers each, over their total             rounded logits, log-probabilities
========== ============================================================== =================================

All that a bound needs is the least and the largest mass that a set H can have:

- Box: :math:`\min = \max(\ell(H), 1 - u(V \setminus H))`, :math:`\max = \min(u(H), 1 - \ell(V \setminus H))`;
- Ball: :math:`\max(0, c(H) - r)` and :math:`\min(1, c(H) + r)`, but for H empty or all;
- Weights: :math:`\ell(H) / (\ell(H) + u(V \setminus H))` and :math:`u(H) / (u(H) + \ell(V \setminus H))`.

For search, these are held between *modular* functions :math:`c + w(H)` (`Modular`), see
:mod:`theory.error.scan`. For Ball and Box that is immediate: largest and smallest of two modular functions.
For Weights with total :math:`D = x + y \in [\ell(V), u(V)]` and any t, :math:`x / (x + y) = t + E / D` with
:math:`E = (1 - t) x - t y`, which is modular, so it lies between t + E over either end of D.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory.error.ball import Ball as Ball
from theory.error.box import Box as Box
from theory.error.modular import Modular as Modular
from theory.error.weights import Weights as Weights
from theory.simplex import as_array, is_exact

Region = Ball | Box | Weights


def region_of(known: Region | ArrayLike) -> Region:
    """A region as it is; a distribution as the ball of radius zero around it.

    Examples
    --------
    >>> region_of([0.5, 0.5]).radius
    0
    """
    if isinstance(known, Ball | Box | Weights):
        return known
    return Ball(as_array(np.asarray(known)))


def check_regions(p: Region | ArrayLike, q: Region | ArrayLike) -> tuple[Region, Region]:
    """Regions of target and draft over one vocabulary.

    Raises
    ------
    ValueError
        If the vocabularies differ.
    """
    target, draft = region_of(p), region_of(q)
    if exact_region(target) != exact_region(draft):
        raise ValueError("one of p and q is in fractions, the other in floats; use one kind for both")
    if target.size != draft.size:
        raise ValueError(
            f"p has a vocabulary of {target.size} tokens and q of {draft.size}; they must share one"
        )
    return target, draft


def exact_region(region: Region) -> bool:
    """Whether a region is given in fractions."""
    return all(is_exact(array) for array in region.orders)
