"""The optimal rule for i.i.d. drafts at full vocabulary: its law and a way to draw from it.

:mod:`theory.clip.law` solves the doubly clipped law, :mod:`theory.clip.swaps` realises it by exchanging
scores between tokens, :mod:`theory.clip.plan` holds both for repeated use, exact or with tokens put into
:mod:`theory.clip.bins`. Proofs: ``docs/clipping.md``. The coupling is
:class:`theory.couplings.Clipped`.
"""

from theory.clip.law import ClipLaw, chord_slopes, clip_law
from theory.clip.plan import ClipPlan
from theory.clip.swaps import Swaps, match_swaps

__all__ = ["ClipLaw", "ClipPlan", "Swaps", "chord_slopes", "clip_law", "match_swaps"]
