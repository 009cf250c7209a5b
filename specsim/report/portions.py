"""A trace in portions that a process works on at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from specsim.sources.traces import Block

#: Positions decoded at a time, and handed to a process at a time.
DECODED, HANDED_OUT = 16, 4
#: Numbers in an array that is worked on at a time: they fit into a cache.
WORKED_ON = 2**16


def portions(
    blocks: Iterator[Block], *, certify_every: int, vocabulary: int
) -> Iterator[tuple[Block, NDArray[np.bool_]]]:
    """Blocks cut for processes, each with its mask of positions whose certificates are to be checked.

    Parameters
    ----------
    blocks
        In the order of the trace.
    certify_every
        One position in so many is checked, counted from the first.
    vocabulary
        Of the trace; portions of small vocabularies hold more positions.
    """
    first, size = 0, max(HANDED_OUT, WORKED_ON // vocabulary)
    for block in blocks:
        ordinal = np.arange(first, first + len(block))
        first += len(block)
        for start in range(0, len(block), size):
            span = slice(start, start + size)
            yield block.part(span), ordinal[span] % certify_every == 0
