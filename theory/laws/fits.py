"""Whether a target and a law fit each other: vocabulary, kind of numbers, batch."""

from __future__ import annotations

from theory.laws.base import AnyLaw, Law
from theory.laws.independent import Independent
from theory.laws.point import Point
from theory.simplex import Array, check_same_vocabulary


def fitted(p: Array, law: AnyLaw) -> AnyLaw:
    """The law over p's vocabulary.

    Raises
    ------
    ValueError
        If the vocabularies differ, one side holds fractions and the other floats, or p and the law are
        batches of different shapes.

    Examples
    --------
    >>> import numpy as np
    >>> fitted(np.array([0.5, 0.25, 0.25]), Point([1])).vocabulary
    3
    """
    law = law.over(p.shape[-1])
    draft = _distribution(law)
    if draft is not None:
        check_same_vocabulary(p, draft)
    batch = _batch(law)
    if batch is not None and p.shape[:-1] != batch:
        raise ValueError(f"p has the batch shape {p.shape[:-1]} and the law {batch}; they must agree")
    return law


def _distribution(law: Law) -> Array | None:
    if isinstance(law, Independent):
        return law.drafters[0]
    draft: Array | None = getattr(law, "q", None)
    return draft


def _batch(law: Law) -> tuple[int, ...] | None:
    if isinstance(law, Independent):
        return None
    if isinstance(law, Point):
        return law.tokens.shape[:-1]
    draft = _distribution(law)
    return None if draft is None else draft.shape[:-1]
