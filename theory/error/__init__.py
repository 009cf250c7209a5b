"""Bounds when p and q are themselves known with error: rounded, in intervals, or from samples.

Say what is known with `Ball`, `Box` or `Weights` (or :func:`logits_region`, :func:`probabilities_region`,
:func:`counts_ball`, :func:`counts_box`), and ask for a `Band`. ``docs/estimation-error.md`` has the proofs.
"""

from theory.error.band import Band
from theory.error.ends import (
    k_seq_band,
    optimal_iid_band,
    overlap_band,
    point_band,
    recursive_band,
    top_k_plus_sample_band,
)
from theory.error.race import optimal_without_replacement_band
from theory.error.regions import Ball, Box, Region, Weights
from theory.error.rounding import logits_region, probabilities_region
from theory.error.sampled import counts_ball, counts_box, sampled_iid_band
from theory.error.stability import iid_modulus, log_error_distance, race_modulus

__all__ = [
    "Ball",
    "Band",
    "Box",
    "Region",
    "Weights",
    "counts_ball",
    "counts_box",
    "iid_modulus",
    "k_seq_band",
    "log_error_distance",
    "logits_region",
    "optimal_iid_band",
    "optimal_without_replacement_band",
    "overlap_band",
    "point_band",
    "probabilities_region",
    "race_modulus",
    "recursive_band",
    "sampled_iid_band",
    "top_k_plus_sample_band",
]
