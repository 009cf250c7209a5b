"""What a round costs: calls and their times, operations on devices, execution schemes, timelines."""

from specsim.clocks.calls import Call, Cost
from specsim.clocks.costs import Affine, Constant, Scaled
from specsim.clocks.hierarchy import Hierarchy
from specsim.clocks.layers import LayerGroups, OneDevice, Stepper
from specsim.clocks.measured import AffineFit, Measurement, Table, fit_affine
from specsim.clocks.parallel import Parallel
from specsim.clocks.roofline import A100, H100, L40, Hardware, Roofline, Transformer
from specsim.clocks.runs import Acceptance, Recorder, Run, Scheme
from specsim.clocks.serial import Serial, early_exit, heterogeneous, plain, skipping
from specsim.clocks.timeline import Op, Span, Timeline, schedule

__all__ = [
    "A100",
    "H100",
    "L40",
    "Acceptance",
    "Affine",
    "AffineFit",
    "Call",
    "Constant",
    "Cost",
    "Hardware",
    "Hierarchy",
    "LayerGroups",
    "Measurement",
    "OneDevice",
    "Op",
    "Parallel",
    "Recorder",
    "Roofline",
    "Run",
    "Scaled",
    "Scheme",
    "Serial",
    "Span",
    "Stepper",
    "Table",
    "Timeline",
    "Transformer",
    "early_exit",
    "fit_affine",
    "heterogeneous",
    "plain",
    "schedule",
    "skipping",
]
