"""SpecTr: several i.i.d. chains; K-SEQ picks each token from the chains that agree so far."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import KSeq
from theory.couplings.base import Coupling
from theory.walks import named

CHAINS = 8
LENGTH = 4


def system(
    target: LanguageModel,
    draft: LanguageModel,
    *,
    chains: int,
    length: int,
    coupling: Coupling | None = None,
) -> System:
    """Chains that start together; another ``coupling`` for i.i.d. drafts may stand in for K-SEQ."""
    scheme = named.spectr(chains, length, coupling or KSeq())
    return System(target, Drawn(draft, scheme.grow), scheme.walk, name="spectr")


def world(worlds: Worlds) -> System:
    """On table worlds: two chains of one."""
    return system(worlds.target, worlds.draft, chains=2, length=1)


def real(bench: Bench) -> System:
    """On a real model: the paper's 8 chains of 4."""
    return system(bench.target, bench.draft, chains=CHAINS, length=LENGTH)


SYSTEM = Published(
    name="spectr",
    title="SpecTr",
    source="Sun et al. 2023 (arXiv 2310.15141)",
    claim="K-SEQ reaches at least 1 - 1/e of the best acceptance of k i.i.d. drafts.",
    lossless=True,
    world=world,
    real=real,
)
