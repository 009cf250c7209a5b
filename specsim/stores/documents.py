"""Documents of tokens, checked: what every store and n-gram counts is built from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory.simplex import Array


def checked_document(document: ArrayLike, *, number: int, vocabulary: int) -> Array:
    """A document as an int64 array; nothing in it is an empty one.

    Parameters
    ----------
    document
        Tokens, shape ``(N,)``.
    number
        Of the document, for messages.
    vocabulary
        Tokens are 0 to ``vocabulary - 1``.

    Raises
    ------
    ValueError
        For another shape, numbers that are no integers, or tokens outside of the vocabulary.

    Examples
    --------
    >>> checked_document([2, 0], number=0, vocabulary=3)
    array([2, 0])
    >>> checked_document([3], number=0, vocabulary=3)
    Traceback (most recent call last):
        ...
    ValueError: document 0 has tokens in 3..3; the vocabulary is 0..2
    """
    tokens = np.asarray(document)
    if tokens.size == 0:
        return np.zeros(0, dtype=np.int64)
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise ValueError(
            f"document {number} must be one axis of integer tokens, "
            f"got shape {tokens.shape} of {tokens.dtype}"
        )
    if tokens.min() < 0 or tokens.max() >= vocabulary:
        raise ValueError(
            f"document {number} has tokens in {tokens.min()}..{tokens.max()}; "
            f"the vocabulary is 0..{vocabulary - 1}"
        )
    return tokens.astype(np.int64)


def packed_trigrams(document: ArrayLike, *, number: int, vocabulary: int) -> Array:
    """Every three tokens in a row as one integer, ``(x V + y) V + z``; parameters as above.

    Examples
    --------
    >>> packed_trigrams([1, 0, 2, 1], number=0, vocabulary=3)
    array([11,  7])
    """
    tokens = checked_document(document, number=number, vocabulary=vocabulary)
    return np.asarray((tokens[:-2] * vocabulary + tokens[1:-1]) * vocabulary + tokens[2:])
