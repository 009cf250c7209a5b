"""Draft length as a decision process: closed forms, the optimal stopping rule, bounds with hindsight.

``docs/draft-length.md`` has the theorems and what the rules give away.
"""

from theory.stopping.confidence import Confidence
from theory.stopping.constant import BestLength, NoBestLength, best_length, stationary_length
from theory.stopping.evaluation import (
    Evaluated,
    Stops,
    belief_stops,
    evaluate,
    fixed_stops,
    last_stops,
    stops_by,
)
from theory.stopping.finite import FinitePlan, finite_plan
from theory.stopping.ladder import Rung, ladder
from theory.stopping.miscalibrated import Miscalibrated, miscalibrated
from theory.stopping.optimum import Optimum, optimal_policy
from theory.stopping.oracle import greedy_oracle_rate
from theory.stopping.recorded import Outcomes, Replayed, clairvoyant, greedy_oracle, walk
from theory.stopping.round_cost import RoundCost, cost_policy, rate_of_costs
from theory.stopping.simulation import Simulated, simulate
from theory.stopping.thresholds import Bracket, brackets, independent_threshold
from theory.stopping.times import Times

__all__ = [
    "BestLength",
    "Bracket",
    "Confidence",
    "Evaluated",
    "FinitePlan",
    "Miscalibrated",
    "NoBestLength",
    "Optimum",
    "Outcomes",
    "Replayed",
    "RoundCost",
    "Rung",
    "Simulated",
    "Stops",
    "Times",
    "belief_stops",
    "best_length",
    "brackets",
    "clairvoyant",
    "cost_policy",
    "evaluate",
    "finite_plan",
    "fixed_stops",
    "greedy_oracle",
    "greedy_oracle_rate",
    "independent_threshold",
    "ladder",
    "last_stops",
    "miscalibrated",
    "optimal_policy",
    "rate_of_costs",
    "simulate",
    "stationary_length",
    "stops_by",
    "walk",
]
