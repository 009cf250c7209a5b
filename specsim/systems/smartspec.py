"""SmartSpec: the draft length of most goodput, at the acceptance seen so far.

Here for one sequence. For batches under load it is :class:`specsim.serving.Goodput`, a scheduler of
:func:`specsim.serving.serve`.
"""

from specsim.decoding import LanguageModel, PolicyChain, System
from specsim.policies import Goodput
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Maximal
from theory.stopping import Times
from theory.walks import TopDown

#: A draft step costs this share of a target call.
TIMES = Times(draft_time=0.1, target_time=1.0)
MOST = 8


def system(target: LanguageModel, draft: LanguageModel, *, times: Times, most: int) -> System:
    """A chain whose length follows the running mean of acceptance."""
    drafter = PolicyChain(draft, Goodput(times=times, most=most), limit=most)
    return System(target, drafter, TopDown(Maximal()), name="smartspec")


def world(worlds: Worlds) -> System:
    """On table worlds: one draft or two."""
    return system(worlds.target, worlds.draft, times=Times(draft_time=0.4, target_time=1.0), most=2)


def real(bench: Bench) -> System:
    """On a real model: at most 8 drafts."""
    return system(bench.target, bench.draft, times=TIMES, most=MOST)


SYSTEM = Published(
    name="smartspec",
    title="SmartSpec",
    source="Liu et al. 2024 (arXiv 2406.14066)",
    claim="The best length falls as the batch grows; the goodput policy is never much worse than no drafts.",
    lossless=True,
    world=world,
    real=real,
)
