"""What acceptance buys, in closed form: tokens a target call, speed-ups, and drafting in parallel."""

from theory.speedup.parallel import best_pearl_length, pearl_speedup, pearl_tokens_per_step
from theory.speedup.serial import (
    accepted_length,
    block_efficiency,
    memory_bound_speedup,
    speedup,
    tokens_by_depth,
)

__all__ = [
    "accepted_length",
    "best_pearl_length",
    "block_efficiency",
    "memory_bound_speedup",
    "pearl_speedup",
    "pearl_tokens_per_step",
    "speedup",
    "tokens_by_depth",
]
