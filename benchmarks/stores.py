"""Drafters without a model: what they cost at a real vocabulary, and which published claims hold on synthetic texts.

    python benchmarks/stores.py            # all, about two minutes
    python benchmarks/stores.py costs      # or recycling, adaptive, search, fusion, superposed

Rounds are worth their expected number of tokens given the drafted tree (all trees here are of chosen tokens, for
which that is the target's mass of their prefixes, exactly); what is random is the text. Errors are standard errors
over independent texts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from time import process_time

import numpy as np

from specsim.decoding import Drawn, Outcome, World
from specsim.decoding.reading import read_tree
from specsim.drafters.fused import Fused
from specsim.drafters.prompt_lookup import PromptLookup
from specsim.drafters.recycling import Recycling
from specsim.drafters.retrieval import Retrieval
from specsim.drafters.superposed import MixedTable, SuperposedDrafts
from specsim.drafters.trigram import Trigram
from specsim.stores import (
    Chunks,
    Datastore,
    NGramMix,
    Successors,
    Suffixes,
    Superposed,
    Trigrams,
    TrigramTable,
)
from specsim.stores.worlds import TextWorld
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Beam, Eagle2, Mcts, OptTree, WithBudget, by_target, tree_of_paths
from theory.walks import TopDown

V, SEEDS = 200, range(8)
NO_CHANCE = Sampled(np.random.default_rng(0))


def rounds(drafter, world, prompt, count, seed):
    """Expected tokens of each of some rounds along one sampled text, and the memory at their end."""
    chance, walk = Sampled(np.random.default_rng(seed)), TopDown(Recursive())
    reading = World(world).open(prompt)
    memory, values = drafter.open(reading), []
    for _ in range(count):
        proposal = drafter.propose(memory, chance=chance)
        read = read_tree(reading, proposal.tree)
        values.append(by_target(proposal.tree, target=read))
        verified = walk.verify(tree=proposal.tree, target=read, chance=chance)
        reading = read.commit(verified.tokens)
        told = Outcome(proposal.tree, read, verified.tokens, len(verified.path), reading)
        memory = drafter.observe(proposal.memory, told)
    return np.array(values), memory


def line(name, values):
    values = np.array(values)
    print(f"  {name:44s} {values.mean():7.3f}  ({values.std(ddof=1) / len(values) ** 0.5:.3f})")


def recycling():
    print(f"Token Recycling, V = {V}, 120 rounds, tokens per round")
    world = TextWorld(vocabulary=V)
    for all_nodes in (True, False):
        first, last, again = [], [], []
        for seed in SEEDS:
            drafter = Recycling(Successors(vocabulary=V), all_nodes=all_nodes)
            values, memory = rounds(drafter, world, world.text(20, seed=seed), 120, seed)
            first.append(values[:30].mean())
            last.append(values[-30:].mean())
            prompt = world.text(20, seed=seed + 100)
            again.append(rounds(drafter.warmed(memory), world, prompt, 30, seed + 100)[0].mean())
        name = "every verified node" if all_nodes else "accepted path only"
        line(f"{name}: first 30 rounds, cold", first)
        line(f"{name}: last 30 rounds", last)
        line(f"{name}: next request, first 30 rounds", again)
    lookup = PromptLookup(vocabulary=V)
    line(
        "prompt lookup: last 30 rounds",
        [rounds(lookup, world, world.text(20, seed=s), 120, s)[0][-30:].mean() for s in SEEDS],
    )


def adaptive():
    print("ADED's table, V = 30, corpus of 40,000 tokens, 200 rounds, tokens per round")
    home, other = (TextWorld(vocabulary=30, orders=(0.2, 0.8), seed=seed) for seed in (1, 2))
    table = TrigramTable.of([home.text(40_000, seed=7)], vocabulary=30)
    copied = replace(other, copying=0.7)
    domains = {"the corpus' domain": home, "another domain": other, "another, 0.7 copied": copied}
    for name, world in domains.items():
        found = {}
        for window in (16, 0):
            drafter = Trigram(Trigrams(table, window=window))
            found[window] = np.array(
                [rounds(drafter, world, world.text(20, seed=s), 200, s)[0].mean() for s in SEEDS]
            )
            line(f"{name}, {'adaptive' if window else 'static'}", found[window])


def search():
    print("Monte Carlo tree search, V = 50, equal nodes (those of the search, at most 64), tokens per round")
    world = TextWorld(vocabulary=50, orders=(0.2, 0.8), seed=1)
    table = Trigrams(TrigramTable.of([world.text(40_000, seed=7)], vocabulary=50))
    found: dict[str, list[float]] = {}
    for seed in range(60):
        context = world.text(10, seed=seed)
        for name, tree in trees(table, context).items():
            value = by_target(tree, target=lambda path, context=context: world((*context, *path)))
            found.setdefault(name, []).append(value)
            found.setdefault(f"{name}: search less this", []).append(found["search"][-1] - value)
    for name, values in found.items():
        line(name, values)


def trees(table, context):
    def scored(path):
        return table.after((*context, *path))

    def row(path):
        q = np.zeros(50)
        for token, score in scored(path):
            q[token] = score
        return q

    searched = table.tree(context)
    size = searched.size
    out = {"search": searched}
    for constant in (0.0, 1.0, 8.0, 128.0):
        out[f"search, c = {constant:g}"] = Mcts(constant=constant).search(scored, budget=size, vocabulary=50)
    out["24 best paths, extended"] = _best_paths(scored, size)
    for width in (8, 12):
        out[f"beam of {width}"] = Beam(width).grow(draft=row, budget=size, chance=NO_CHANCE)
    out["best first"] = OptTree().grow(draft=row, budget=size, chance=NO_CHANCE)
    return out


def _best_paths(scored, size):
    beam = [((), 1.0)]
    for _ in range(4):
        longer = [((*path, token), mass * score) for path, mass in beam for token, score in scored(path)]
        beam = sorted(longer, key=lambda entry: -entry[1])[:24]
    paths = [(*path, *(token for token, _ in scored(path)[:1])) for path, _ in beam]
    tree = tree_of_paths(paths, vocabulary=50)
    return tree_of_paths([tree.prefix(node) for node in range(1, min(size, tree.size) + 1)], vocabulary=50)


def fusion():
    print(f"Fusion, V = {V}, 24 nodes in all, 25 rounds behind a document of 150 tokens, tokens per round")
    plain = TextWorld(vocabulary=V)
    for copying, own in ((0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.9, 0.3)):
        world, model = replace(plain, copying=copying), World(replace(plain, copying=own))
        print(f"  copied with probability {copying}, by the draft's law {own}")
        for name, drafter in _fusions(model).items():
            values = [rounds(drafter, world, _document(plain, s), 25, s)[0].mean() for s in SEEDS]
            line(f"  {name}", values)


def _document(world, seed):
    document = world.text(150, seed=seed)
    return (*document, *document[20:23])


def _fusions(model):
    def drawn(nodes):
        return Drawn(model, WithBudget(Eagle2(top_k=4, steps=4), nodes))

    def found(nodes):
        return Retrieval(vocabulary=V, branches=nodes)

    return {
        "draft's tree, 24": drawn(24),
        "retrieval, 24": found(24),
        "fused, 18 and 6": Fused(drawn(18), found(6), budget=24),
        "fused, 12 and 12": Fused(drawn(12), found(12), budget=24),
        "fused, 12 and 12, pruned to the top 8": Fused(drawn(12), found(12), keep=8, budget=24),
        "fused, 12 and 12, pruned to the top 3": Fused(drawn(12), found(12), keep=3, budget=24),
    }


def superposed():
    print(
        "Superposed drafts in a table world of order one, V = 100, length 6, tokens per round (6 model calls)"
    )
    world = TextWorld(vocabulary=100, orders=(1.0,), seed=3)
    other = TextWorld(vocabulary=100, orders=(1.0,), seed=4)

    def rows(context):
        return 0.7 * world(context) + 0.3 * other(context)

    corpus = Suffixes(datastore=Datastore.of([world.text(5_000, seed=1)], vocabulary=100))
    for ngrams in (None, NGramMix(corpus)):
        for drafts in (1, 3, 8):
            drafter = SuperposedDrafts(
                lambda context: MixedTable(rows, 1, context),
                Superposed(drafts=drafts, length=6, ngrams=ngrams),
                vocabulary=100,
            )
            values = [rounds(drafter, world, world.text(10, seed=s), 20, s)[0].mean() for s in SEEDS]
            line(f"k = {drafts}, {'with' if ngrams else 'without'} n-grams", values)


def costs():
    print("CPU time at V = 49,152, milliseconds")
    size, rng = 49_152, np.random.default_rng(0)
    text = (rng.zipf(1.1, 1_000_000) % size).astype(np.int64)
    prompt = tuple(text[:4096].tolist())
    _successors(size, rng)
    store = Suffixes()
    timed("suffixes: observe a prompt of 4,096 tokens", lambda: store.observe(prompt), 3)
    grown = store.observe(prompt)
    timed("suffixes: observe 4 tokens", lambda: grown.observe((5, 6, 7, 8)))
    timed("suffixes: retrieve 64 branches, text only", lambda: grown.retrieve(prompt[-16:], vocabulary=size))
    timed("datastore: sort 1,000,000 tokens", lambda: Datastore.of([text], vocabulary=size), 1)
    full = replace(grown, datastore=Datastore.of([text], vocabulary=size))
    timed(
        "datastore: retrieve 64 branches",
        lambda: full.retrieve(prompt[100:116], vocabulary=size, spans=(2, 2)),
    )
    mix = NGramMix(full, tuple(map(float, (0.01, 0.04, 0.15, 0.18, 0.12))))
    timed("n-grams: one mixture, all orders", lambda: mix(prompt[100:116]))
    timed("trigrams: count 1,000,000 tokens", lambda: TrigramTable.of([text], vocabulary=size), 1)
    table = Trigrams(TrigramTable.of([text], vocabulary=size)).observe(prompt)
    timed("trigrams: observe 4 tokens", lambda: table.observe((5, 6, 7, 8)))
    timed("trigrams: search a tree of 64", lambda: table.tree((1, 1)))
    chunks = Chunks(size=512).observe(text[:65_536].tolist())
    timed("chunks: observe 65,536 tokens", lambda: Chunks(size=512).observe(text[:65_536].tolist()), 1)
    timed("chunks: best 16 of 128 by words, query of 64", lambda: chunks.best(prompt[:64], top=16))


def _successors(size, rng):
    matrix = rng.integers(0, size, (size, 8))
    told = [(int(t), tuple(rng.integers(0, size, 8).tolist())) for t in rng.integers(0, size, 81)]
    full = Successors.of_matrix(matrix)
    timed("successors: the tree of 80 nodes", lambda: full.tree(5))
    timed("successors: observe 81 nodes", lambda: full.observe(told))
    timed("  a copy of the matrix, int32, for comparison", matrix.astype(np.int32).copy)


def timed(name: str, call: Callable[[], object], repeats: int = 20) -> None:
    """The best of some repeats, in CPU seconds."""
    best = float("inf")
    for _ in range(repeats):
        start = process_time()
        call()
        best = min(best, process_time() - start)
    print(f"  {name:52s} {1e3 * best:10.3f}")


PARTS = {f.__name__: f for f in (recycling, adaptive, search, fusion, superposed, costs)}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
