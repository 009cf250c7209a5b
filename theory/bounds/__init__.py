"""Upper bounds of acceptance at full vocabulary; start with :func:`optimal_acceptance`."""

from theory.bounds.iid import IidScan
from theory.bounds.optimal import optimal_acceptance, optimal_iid, optimal_without_replacement
from theory.bounds.result import Bound, dual_value
from theory.bounds.without_replacement import RaceBound

__all__ = [
    "Bound",
    "IidScan",
    "RaceBound",
    "dual_value",
    "optimal_acceptance",
    "optimal_iid",
    "optimal_without_replacement",
]
