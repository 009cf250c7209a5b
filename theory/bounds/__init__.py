"""Upper bounds of acceptance at full vocabulary; start with :func:`optimal_acceptance`."""

from theory.bounds.iid import IidScan
from theory.bounds.optimal import optimal_acceptance, optimal_iid, optimal_without_replacement
from theory.bounds.primal import IidCertificate, certify_iid
from theory.bounds.result import Bound, dual_value
from theory.bounds.shared import SharedBound, best_shared_list, optimal_shared, shared_limit
from theory.bounds.truncated import Ends, Truncated
from theory.bounds.truncated_ends import (
    k_seq_ends,
    optimal_iid_ends,
    overlap_ends,
    point_ends,
    recursive_ends,
    top_k_plus_sample_ends,
    total_variation_ends,
)
from theory.bounds.truncated_race import without_replacement_ends
from theory.bounds.without_replacement import RaceBound

__all__ = [
    "Bound",
    "Ends",
    "IidCertificate",
    "IidScan",
    "RaceBound",
    "SharedBound",
    "Truncated",
    "best_shared_list",
    "certify_iid",
    "dual_value",
    "k_seq_ends",
    "optimal_acceptance",
    "optimal_iid",
    "optimal_iid_ends",
    "optimal_shared",
    "optimal_without_replacement",
    "overlap_ends",
    "point_ends",
    "recursive_ends",
    "shared_limit",
    "top_k_plus_sample_ends",
    "total_variation_ends",
    "without_replacement_ends",
]
