"""Bounds of a whole trace: the best possible acceptance at every position, with what proves it.

:func:`bound_stream` computes a few positions at a time, :class:`BoundWriter` keeps them on disk in pieces,
:class:`BoundFiles` reads them again. Memory does not grow with the trace.
"""

from specsim.bounding.files import BoundFiles as BoundFiles
from specsim.bounding.files import BoundWriter as BoundWriter
from specsim.bounding.pairs import bound_pairs as bound_pairs
from specsim.bounding.question import LAWS as LAWS
from specsim.bounding.question import Question as Question
from specsim.bounding.stream import Piece as Piece
from specsim.bounding.stream import bound_stream as bound_stream

__all__ = ["LAWS", "BoundFiles", "BoundWriter", "Piece", "Question", "bound_pairs", "bound_stream"]
