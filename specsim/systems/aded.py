"""ADED: a trigram table that adapts to the text, searched by Monte Carlo tree search."""

from specsim.decoding import System
from specsim.drafters.trigram import Trigram
from specsim.stores.trigrams import Trigrams, TrigramTable
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.shapes.dynamic.mcts import Mcts
from theory.walks import TopDown

#: Nodes of a tree; the search is the paper's: 150 walks of 4 tokens, the best 24 extended by one.
NODES = 64


def world(worlds: Worlds) -> System:
    """On table worlds: a table of the corpus, short walks."""
    table = TrigramTable.of([list(worlds.corpus)], vocabulary=worlds.target.vocabulary)
    search = Mcts(iterations=8, length=2, sequences=2, extend=0)
    drafter = Trigram(Trigrams(table), search=search, budget=3)
    return System(worlds.target, drafter, TopDown(Recursive()), name="aded")


def real(bench: Bench) -> System:
    """On a real model."""
    table = TrigramTable.of([list(bench.corpus)], vocabulary=bench.target.vocabulary)
    return System(bench.target, Trigram(Trigrams(table), budget=NODES), TopDown(Recursive()), name="aded")


SYSTEM = Published(
    name="aded",
    title="ADED",
    source="Liu et al. 2025 (arXiv 2407.12021)",
    claim="After a change of domain the table that adapts is accepted more often than the static one.",
    lossless=True,
    world=world,
    real=real,
)
