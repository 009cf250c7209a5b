"""What is claimed of the drafters without a model, on synthetic texts; seeds are fixed, so is the result.

A round is worth its expected number of tokens given the tree (the target's mass of its prefixes: exact for
trees of chosen tokens). The margins asked for are far below what ``benchmarks/stores.py`` measures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsim.decoding import Drawn, Outcome, World
from specsim.decoding.reading import read_tree
from specsim.drafters.fused import Fused
from specsim.drafters.prompt_lookup import PromptLookup
from specsim.drafters.recycling import Recycling
from specsim.drafters.retrieval import Retrieval
from specsim.drafters.trigram import Trigram
from specsim.stores import Successors, Trigrams, TrigramTable
from specsim.stores.worlds import TextWorld
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Eagle2, Mcts, OptTree, WithBudget, by_target, tree_of_paths
from theory.walks import TopDown


def rounds(drafter, world, prompt, count, seed):
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


def mean_of(drafter, world, prompts, count):
    return np.mean([rounds(drafter, world, prompt, count, n)[0].mean() for n, prompt in enumerate(prompts)])


def test_token_recycling_warms_up_and_stays_warm():
    """Late rounds beat early ones, and a next request starts where the last one ended."""
    world = TextWorld(vocabulary=60)
    cold = Recycling(Successors(vocabulary=60))
    values, memory = rounds(cold, world, world.text(10, seed=1), 60, 1)
    assert values[0] == 1
    assert values[-20:].mean() > values[:20].mean() + 0.3
    prompt = world.text(10, seed=2)
    again = rounds(cold.warmed(memory), world, prompt, 15, 2)[0].mean()
    assert again > rounds(cold, world, prompt, 15, 2)[0].mean() + 0.5


def test_all_nodes_teach_more_than_the_accepted_path():
    world = TextWorld(vocabulary=60)
    prompts = [world.text(10, seed=s) for s in range(3)]
    drafter = Recycling(Successors(vocabulary=60))
    path = replace(drafter, all_nodes=False)
    assert mean_of(drafter, world, prompts, 30) > mean_of(path, world, prompts, 30) + 0.2


@pytest.mark.slow
def test_token_recycling_beats_prompt_lookup_on_text_that_is_not_copied():
    world = TextWorld(vocabulary=60)
    prompts = [world.text(10, seed=s) for s in range(3)]
    recycling, lookup = Recycling(Successors(vocabulary=60)), PromptLookup(vocabulary=60)
    assert mean_of(recycling, world, prompts, 60) > mean_of(lookup, world, prompts, 60) + 0.3


@pytest.mark.slow
def test_an_adaptive_table_gains_in_another_domain_and_loses_little_at_home():
    home = TextWorld(vocabulary=30, orders=(0.2, 0.8), seed=1)
    other = replace(home, seed=2, copying=0.7)
    table = TrigramTable.of([home.text(20_000, seed=7)], vocabulary=30)
    search = Mcts(iterations=60, length=3)
    adaptive, static = (Trigram(Trigrams(table, window=window), search, 24) for window in (16, 0))
    prompts = [other.text(20, seed=s) for s in range(3)]
    assert mean_of(adaptive, other, prompts, 80) > mean_of(static, other, prompts, 80) + 0.1
    prompts = [home.text(20, seed=s) for s in range(3)]
    assert abs(mean_of(static, home, prompts, 60) - mean_of(adaptive, home, prompts, 60)) < 0.1


@pytest.mark.slow
def test_the_search_is_no_better_than_the_best_paths_and_worse_than_the_best_nodes():
    """At equal nodes; the published claim that the search is better does not show here."""
    world = TextWorld(vocabulary=50, orders=(0.2, 0.8), seed=1)
    table = Trigrams(TrigramTable.of([world.text(20_000, seed=7)], vocabulary=50))
    gains = []
    for seed in range(12):
        context = world.text(10, seed=seed)

        def row(path, context=context):
            q = np.zeros(50)
            for token, score in table.after((*context, *path)):
                q[token] = score
            return q

        def worth(tree, context=context):
            return by_target(tree, target=lambda path: world((*context, *path)))

        searched = table.tree(context)
        best = OptTree().grow(draft=row, budget=searched.size, chance=Sampled(np.random.default_rng(0)))
        paths = tree_of_paths(_heaviest_paths(row), vocabulary=50)
        cut = [paths.prefix(n) for n in range(1, min(searched.size, paths.size) + 1)]
        gains.append(
            (worth(searched) - worth(tree_of_paths(cut, vocabulary=50)), worth(best) - worth(searched))
        )
    over_paths, under_nodes = np.mean(gains, axis=0)
    assert abs(over_paths) < 0.1
    assert under_nodes > 0.1


def _heaviest_paths(row):
    beam = [((), 1.0)]
    for _ in range(4):
        longer = [
            ((*path, int(t)), mass * row(path)[t]) for path, mass in beam for t in np.flatnonzero(row(path))
        ]
        beam = sorted(longer, key=lambda entry: -entry[1])[:24]
    return [(*path, int(np.argmax(row(path)))) if row(path).any() else path for path, _ in beam]


@pytest.mark.slow
@pytest.mark.parametrize(("copying", "wins"), [(0.9, True), (0.0, False)])
def test_fusion_beats_both_where_text_is_copied_and_only_there(copying, wins):
    """At 24 nodes in all; without copies the retrieved share of the budget is lost."""
    plain = TextWorld(vocabulary=200)
    world, model = replace(plain, copying=copying), World(plain)

    def drawn(nodes):
        return Drawn(model, WithBudget(Eagle2(top_k=4, steps=4), nodes))

    def found(nodes):
        return Retrieval(vocabulary=200, branches=nodes)

    documents = [plain.text(150, seed=s) for s in range(4)]
    prompts = [(*document, *document[20:23]) for document in documents]
    fused, draft, retrieval = (
        mean_of(drafter, world, prompts, 25)
        for drafter in (Fused(drawn(18), found(6), budget=24), drawn(24), found(24))
    )
    if wins:
        assert fused > max(draft, retrieval) + 0.5
    else:
        assert max(draft, retrieval) - 0.3 < fused < max(draft, retrieval)


def test_fused_trees_are_no_larger_than_both():
    world = TextWorld(vocabulary=50, copying=0.8)
    model = World(TextWorld(vocabulary=50))
    first, second = Drawn(model, WithBudget(OptTree(), 10)), Retrieval(vocabulary=50, spans=(16, 1))
    fused = Fused(first, second)
    for seed in range(6):
        reading = World(world).open(world.text(60, seed=seed))
        one, other, both = (
            d.propose(d.open(reading), chance=Sampled(np.random.default_rng(0))).tree
            for d in (first, second, fused)
        )
        prefixes = {tree.prefix(n) for tree in (one, other) for n in range(1, tree.size + 1)}
        assert {both.prefix(n) for n in range(1, both.size + 1)} == prefixes
        assert both.size == len(prefixes) <= one.size + other.size


def test_texts_of_a_world_have_its_rows():
    """The generator follows its rows: a long text's bigram shares, within six standard errors."""
    world = TextWorld(vocabulary=5, orders=(1.0,), live=3, seed=4)
    text = np.array(world.text(6_000, seed=1))
    for token in range(5):
        after = text[1:][text[:-1] == token]
        p = world((token,))
        share = np.bincount(after, minlength=5) / len(after)
        assert np.all(np.abs(share - p) <= 6 * np.sqrt(p / len(after)) + 1e-12)
    copied = TextWorld(vocabulary=5, copying=0.5, span=2)
    assert copied((1, 2, 3, 1, 2))[3] >= 0.5
    assert copied((1, 2, 3))[3] == TextWorld(vocabulary=5)((2, 3))[3]
    with pytest.raises(ValueError, match=r"copying must be in \[0, 1\)"):
        TextWorld(vocabulary=5, copying=1.0)
    with pytest.raises(ValueError, match="live must be in"):
        TextWorld(vocabulary=3)
    with pytest.raises(ValueError, match="sum to one"):
        TextWorld(vocabulary=5, orders=(0.5,))
