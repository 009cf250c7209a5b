"""Many requests at once: continuous batching with drafts, schedulers, and what users see of it."""

from specsim.serving.engine import Server, serve
from specsim.serving.log import BrokenLaw, Log
from specsim.serving.schedulers import (
    Allocation,
    Batch,
    ByBatch,
    Fixed,
    ForSlo,
    Goodput,
    NoDrafts,
    Scheduler,
    Tetris,
)
from specsim.serving.workload import Workload

__all__ = [
    "Allocation",
    "Batch",
    "BrokenLaw",
    "ByBatch",
    "Fixed",
    "ForSlo",
    "Goodput",
    "Log",
    "NoDrafts",
    "Scheduler",
    "Server",
    "Tetris",
    "Workload",
    "serve",
]
