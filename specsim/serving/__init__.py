"""Many requests at once: continuous batching with drafts, schedulers, and what users see of it."""

from specsim.serving.arrivals import BadArrivals, read_arrivals
from specsim.serving.batch import Batch, Plan
from specsim.serving.engine import Server, serve
from specsim.serving.log import BrokenLaw, Log
from specsim.serving.routing import (
    AsAsked,
    Exit,
    FleetLog,
    LeastWork,
    Load,
    Picked,
    Router,
    ShortestQueue,
    Target,
    pick_exit,
    serve_fleet,
)
from specsim.serving.schedulers import (
    Allocation,
    ByBatch,
    Fixed,
    ForSlo,
    Goodput,
    NoDrafts,
    Scheduler,
    SpreadByBatch,
    Tetris,
)
from specsim.serving.trees import Menu
from specsim.serving.workload import Workload

__all__ = [
    "Allocation",
    "AsAsked",
    "BadArrivals",
    "Batch",
    "BrokenLaw",
    "ByBatch",
    "Exit",
    "Fixed",
    "FleetLog",
    "ForSlo",
    "Goodput",
    "LeastWork",
    "Load",
    "Log",
    "Menu",
    "NoDrafts",
    "Picked",
    "Plan",
    "Router",
    "Scheduler",
    "Server",
    "ShortestQueue",
    "SpreadByBatch",
    "Target",
    "Tetris",
    "Workload",
    "pick_exit",
    "read_arrivals",
    "serve",
    "serve_fleet",
]
