"""Couplings: rules that resolve one node of a draft tree; see :mod:`theory.couplings.base`."""

from theory.couplings.base import Coupling, Estimate, NoClosedForm, Resolution, UnsupportedLaw
from theory.couplings.canonical import Canonical
from theory.couplings.clipped import Clipped
from theory.couplings.greedy_draft import GreedyDraft
from theory.couplings.gumbel_coupling import GumbelCoupling, race_winner
from theory.couplings.gumbel_list import GumbelList
from theory.couplings.k_seq import KSeq
from theory.couplings.maximal import Maximal
from theory.couplings.optimal_plan import OptimalPlan
from theory.couplings.raffle import Raffle
from theory.couplings.recursive import Recursive
from theory.couplings.sample_and_match import SampleAndMatch
from theory.couplings.spec_hub import SpecHub

__all__ = [
    "Canonical",
    "Clipped",
    "Coupling",
    "Estimate",
    "GreedyDraft",
    "GumbelCoupling",
    "GumbelList",
    "KSeq",
    "Maximal",
    "NoClosedForm",
    "OptimalPlan",
    "Raffle",
    "Recursive",
    "Resolution",
    "SampleAndMatch",
    "SpecHub",
    "UnsupportedLaw",
    "race_winner",
]
