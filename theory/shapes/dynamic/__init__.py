"""Trees that grow with the draft's distributions, through one protocol: ``grow(draft=, budget=, chance=)``.

See :mod:`theory.shapes.dynamic.base` for the protocol and for why they are lossless, and
:mod:`theory.shapes.dynamic.objectives` for what they are compared by.
"""

from theory.shapes.dynamic.base import TreeAlgorithm as TreeAlgorithm
from theory.shapes.dynamic.base import WithBudget as WithBudget
from theory.shapes.dynamic.beam import Beam as Beam
from theory.shapes.dynamic.chain import Chain as Chain
from theory.shapes.dynamic.confidence_width import ConfidenceWidth as ConfidenceWidth
from theory.shapes.dynamic.dyspec import DySpec as DySpec
from theory.shapes.dynamic.dyspec_threshold import DySpecThreshold as DySpecThreshold
from theory.shapes.dynamic.eagle2 import Eagle2 as Eagle2
from theory.shapes.dynamic.expansion import Expansion as Expansion
from theory.shapes.dynamic.expansion import rsd_constant as rsd_constant
from theory.shapes.dynamic.expectimax import Expectimax as Expectimax
from theory.shapes.dynamic.expectimax import Reference as Reference
from theory.shapes.dynamic.fallback import UniformFallback as UniformFallback
from theory.shapes.dynamic.mcts import Mcts as Mcts
from theory.shapes.dynamic.medusa import Medusa as Medusa
from theory.shapes.dynamic.medusa import heads as heads
from theory.shapes.dynamic.objectives import by_draft as by_draft
from theory.shapes.dynamic.objectives import by_position as by_position
from theory.shapes.dynamic.objectives import by_target as by_target
from theory.shapes.dynamic.objectives import expected as expected
from theory.shapes.dynamic.objectives import ranking as ranking
from theory.shapes.dynamic.objectives import with_verifier as with_verifier
from theory.shapes.dynamic.opt_tree import OptTree as OptTree
from theory.shapes.dynamic.retrieval import Fused as Fused
from theory.shapes.dynamic.retrieval import fuse as fuse
from theory.shapes.dynamic.retrieval import prune as prune
from theory.shapes.dynamic.retrieval import tree_of_paths as tree_of_paths
from theory.shapes.dynamic.sequoia import Sequoia as Sequoia
from theory.shapes.dynamic.squared_mass import SquaredMass as SquaredMass
from theory.shapes.dynamic.stochastic_beam import StochasticBeam as StochasticBeam
from theory.shapes.dynamic.token_recycling import TokenRecycling as TokenRecycling

__all__ = [
    "Beam",
    "Chain",
    "ConfidenceWidth",
    "DySpec",
    "DySpecThreshold",
    "Eagle2",
    "Expansion",
    "Expectimax",
    "Fused",
    "Mcts",
    "Medusa",
    "OptTree",
    "Reference",
    "Sequoia",
    "SquaredMass",
    "StochasticBeam",
    "TokenRecycling",
    "TreeAlgorithm",
    "UniformFallback",
    "WithBudget",
    "by_draft",
    "by_position",
    "by_target",
    "expected",
    "fuse",
    "heads",
    "prune",
    "ranking",
    "rsd_constant",
    "tree_of_paths",
    "with_verifier",
]
