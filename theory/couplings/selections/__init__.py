"""Selections: which of several drafts to test; see :mod:`theory.couplings.selections.base`."""

from theory.couplings.selections.base import Picked, Selection
from theory.couplings.selections.pooled_clip import PooledClip
from theory.couplings.selections.priority import PriorityOrder
from theory.couplings.selections.uniform import UniformSlot

__all__ = ["Picked", "PooledClip", "PriorityOrder", "Selection", "UniformSlot"]
