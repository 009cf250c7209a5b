"""SpecDec++: go on drafting until a rejection has become likely enough.

The paper's confidence is a trained head on the draft's hidden states. Any reader of drafted positions can
stand in its slot; without one the draft's top probability does.
"""

from typing import Any

from specsim.decoding import LanguageModel, PolicyChain, Reader, System
from specsim.policies import SpecDecPlusPlus
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Maximal
from theory.walks import TopDown

#: As in the published code: stop above this probability of a rejection, after 2 to 20 drafts.
THRESHOLD, LEAST, MOST = 0.3, 2, 20
#: The newest draft's confidence is not there yet when the next one is decided on.
LAG = 1


def system(
    target: LanguageModel, draft: LanguageModel, *, policy: SpecDecPlusPlus, reader: Any = None
) -> System:
    """A chain stopped by confidences that ``reader`` reads: see :class:`~specsim.decoding.Reader`."""
    drafter = PolicyChain(draft, policy, limit=policy.most, reader=reader or Reader())
    return System(target, drafter, TopDown(Maximal()), name="specdec-plus-plus")


def world(worlds: Worlds) -> System:
    """On table worlds: one draft, or up to three where the top probabilities are high."""
    policy = SpecDecPlusPlus(threshold=0.5, least=1, most=3)
    return system(worlds.target, worlds.draft, policy=policy)


def real(bench: Bench) -> System:
    """On a real model, with the published threshold and bounds and the draft's top probability."""
    policy = SpecDecPlusPlus(threshold=THRESHOLD, least=LEAST, most=MOST, lag=LAG)
    return system(bench.target, bench.draft, policy=policy)


SYSTEM = Published(
    name="specdec-plus-plus",
    title="SpecDec++",
    source="Huang et al. 2024 (arXiv 2405.19715)",
    claim="The best stopping rule is a threshold on the chance of a rejection; it beats every fixed length.",
    lossless=True,
    world=world,
    real=real,
)
