"""RASD: a draft model's tree and retrieved branches, pruned by the draft model, fused, verified at once."""

from specsim.decoding import Drawn, LanguageModel, System
from specsim.drafters.fused import Fused
from specsim.drafters.retrieval import Retrieval
from specsim.stores.datastore import Datastore
from specsim.stores.suffix import Suffixes
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, WithBudget
from theory.walks import TopDown

#: Nodes of the draft model's tree and of the fused one; first tokens that pruning keeps.
DRAFTED, NODES, KEEP = 24, 48, 10


def system(
    target: LanguageModel, draft: LanguageModel, found: Retrieval, tree: WithBudget, nodes: int
) -> System:
    """The draft's tree whole, then what retrieval adds to it."""
    drafter = Fused(Drawn(draft, tree), found, keep=KEEP, budget=nodes)
    return System(target, drafter, TopDown(Recursive()), name="rasd")


def world(worlds: Worlds) -> System:
    """On table worlds: the corpus is the datastore."""
    store = Suffixes().observe(worlds.corpus)
    vocabulary = worlds.target.vocabulary
    found = Retrieval(vocabulary=vocabulary, branches=2, length=2, spans=(2, 1), store=store)
    return system(worlds.target, worlds.draft, found, WithBudget(Eagle2(top_k=1, steps=1), 2), 3)


def real(bench: Bench) -> System:
    """On a real model: EAGLE-2's tree over the draft, spans of 16 to 2 over prompt and corpus."""
    vocabulary = bench.target.vocabulary
    store = Suffixes(datastore=Datastore.of([list(bench.corpus)], vocabulary=vocabulary))
    found = Retrieval(vocabulary=vocabulary, store=store)
    tree = WithBudget(Eagle2(top_k=8, steps=3), DRAFTED)
    return system(bench.target, bench.draft, found, tree, NODES)


SYSTEM = Published(
    name="rasd",
    title="RASD",
    source="Quan et al. 2025 (arXiv 2503.03434)",
    claim="On texts that copy, the fused tree emits at least as much as either half at equal nodes.",
    lossless=True,
    world=world,
    real=real,
)
