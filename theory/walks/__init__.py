"""Walks: how a draft tree is traversed in verification; see :mod:`theory.walks.base`.

Named configurations of published methods are in :mod:`theory.walks.named`.
"""

from theory.walks.base import CarryingWalk, Model, UnsupportedTree, Walk, shifted
from theory.walks.block import Block
from theory.walks.foresight import Foresight
from theory.walks.greedy_block import GreedyBlock
from theory.walks.hierarchy import Labelled, MiddleChain
from theory.walks.joined import Joined
from theory.walks.multi_path_block import MultiPathBlock
from theory.walks.rounds import Grower, Levels, Scheme, emitted, expected_length, law_of_rounds, run_rounds
from theory.walks.surviving import SurvivingPrefixes
from theory.walks.top_down import TopDown, Verified
from theory.walks.traversal import Traversal

__all__ = [
    "Block",
    "CarryingWalk",
    "Foresight",
    "GreedyBlock",
    "Grower",
    "Joined",
    "Labelled",
    "Levels",
    "MiddleChain",
    "Model",
    "MultiPathBlock",
    "Scheme",
    "SurvivingPrefixes",
    "TopDown",
    "Traversal",
    "UnsupportedTree",
    "Verified",
    "Walk",
    "emitted",
    "expected_length",
    "law_of_rounds",
    "run_rounds",
    "shifted",
]
