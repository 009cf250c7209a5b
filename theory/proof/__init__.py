"""Proofs of losslessness: exhaustive enumeration of the very programs that simulate."""

from theory.proof.exhaustive import (
    enumerated_acceptance,
    joint_law,
    output_law,
    resolve_fresh,
    target_law,
)

__all__ = ["enumerated_acceptance", "joint_law", "output_law", "resolve_fresh", "target_law"]
