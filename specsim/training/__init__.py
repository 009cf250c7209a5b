"""Training drafts, heads and probes: source x signal x objective x schedule, in JAX.

See ``docs/training.md``.
"""

from __future__ import annotations

try:
    import optax as _optax  # noqa: F401
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        f"specsim.training needs the package {_missing.name!r}; install it by: "
        "pip install 'specsim[training]'",
        name=_missing.name,
    ) from _missing

from specsim.training.checkpoints import CheckpointError as CheckpointError
from specsim.training.corpus import Corpus as Corpus
from specsim.training.corpus import Windows as Windows
from specsim.training.corpus import split as split
from specsim.training.curve import Curve as Curve
from specsim.training.dump import make_dump as make_dump
from specsim.training.dump_files import Dump as Dump
from specsim.training.dump_files import DumpError as DumpError
from specsim.training.dump_plan import DumpPlan as DumpPlan
from specsim.training.fit import Fit as Fit
from specsim.training.fit import TrainingError as TrainingError
from specsim.training.fit import evaluate as evaluate
from specsim.training.fit import fit as fit
from specsim.training.losses import Exits as Exits
from specsim.training.losses import Features as Features
from specsim.training.losses import Hard as Hard
from specsim.training.losses import Heads as Heads
from specsim.training.losses import Judged as Judged
from specsim.training.losses import Mixed as Mixed
from specsim.training.losses import Next as Next
from specsim.training.losses import Soft as Soft
from specsim.training.network import Batch as Batch
from specsim.training.network import Network as Network
from specsim.training.network import Outputs as Outputs
from specsim.training.network import ahead as ahead
from specsim.training.network import apply as apply
from specsim.training.network import causal_mask as causal_mask
from specsim.training.online import Stream as Stream
from specsim.training.online import serve as serve
from specsim.training.schedules import Offline as Offline
from specsim.training.schedules import Online as Online
from specsim.training.schedules import Staged as Staged
from specsim.training.signals import Dense as Dense
from specsim.training.signals import FromHidden as FromHidden
from specsim.training.signals import FromTop as FromTop
from specsim.training.signals import acceptance_label as acceptance_label
from specsim.training.sources import Labelled as Labelled
from specsim.training.sources import Noisy as Noisy
from specsim.training.sources import Replay as Replay
from specsim.training.sources import Sampled as Sampled
from specsim.training.sources import Source as Source
from specsim.training.students import LlamaStudent as LlamaStudent
from specsim.training.students import TableStudent as TableStudent
from specsim.training.vocabulary import SubVocabulary as SubVocabulary
from specsim.training.worlds import ModelWorld as ModelWorld
from specsim.training.worlds import TableWorld as TableWorld
