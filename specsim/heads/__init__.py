"""The trained networks: Medusa, Hydra, Chimera, EAGLE and its kin, Kangaroo, S2D, and two probes.

Each is a frozen value with pure ``init(key)`` and ``apply(params, batch)`` (the protocol of
:mod:`specsim.training`); those that draft from the target's features also have the three functions of
:mod:`specsim.heads.tip`. See ``docs/heads.md``.
"""

from specsim.heads.accept_head import AcceptHead as AcceptHead
from specsim.heads.backbone import Backbone as Backbone
from specsim.heads.chimera import Chimera as Chimera
from specsim.heads.drafter import HeadDrafter as HeadDrafter
from specsim.heads.drafter import HeadRows as HeadRows
from specsim.heads.drafter import rows as rows
from specsim.heads.eagle import Eagle as Eagle
from specsim.heads.files import HeadFileError as HeadFileError
from specsim.heads.files import load as load
from specsim.heads.files import save as save
from specsim.heads.hydra import Hydra as Hydra
from specsim.heads.judge import JudgeProbe as JudgeProbe
from specsim.heads.kangaroo import Kangaroo as Kangaroo
from specsim.heads.medusa import Medusa as Medusa
from specsim.heads.narrow import Shape as Shape
from specsim.heads.reader import AcceptReader as AcceptReader
from specsim.heads.sorted import Sorted as Sorted
from specsim.heads.sorted import choose_exit as choose_exit
from specsim.heads.tip import HeadNetwork as HeadNetwork

__all__ = [
    "AcceptHead",
    "AcceptReader",
    "Backbone",
    "Chimera",
    "Eagle",
    "HeadDrafter",
    "HeadFileError",
    "HeadNetwork",
    "HeadRows",
    "Hydra",
    "JudgeProbe",
    "Kangaroo",
    "Medusa",
    "Shape",
    "Sorted",
    "choose_exit",
    "load",
    "rows",
    "save",
]
