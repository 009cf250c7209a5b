"""Lossy rules, each with its exact distortion; see :mod:`theory.lossy.base`."""

from theory.lossy.base import Distortion, LossyCoupling, distortion, joint_distortion
from theory.lossy.budgeted import Budgeted
from theory.lossy.engine_threshold import EngineThreshold
from theory.lossy.front import best_acceptance, front_law, least_distance
from theory.lossy.greedy_match import GreedyMatch
from theory.lossy.hub_shortcut import HubShortcut
from theory.lossy.judge import Judge
from theory.lossy.judged_chain import JudgedChain
from theory.lossy.lenient import Lenient
from theory.lossy.rapid import Rapid
from theory.lossy.typical import Typical, TypicalPath

__all__ = [
    "Budgeted",
    "Distortion",
    "EngineThreshold",
    "GreedyMatch",
    "HubShortcut",
    "Judge",
    "JudgedChain",
    "Lenient",
    "LossyCoupling",
    "Rapid",
    "Typical",
    "TypicalPath",
    "best_acceptance",
    "distortion",
    "front_law",
    "joint_distortion",
    "least_distance",
]
