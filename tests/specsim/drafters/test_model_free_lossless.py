"""Every drafter without a model on table worlds: rounds enumerated in fractions, memories carried along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest

from specsim.decoding import Drawn, System, World, expected_round, is_lossless, law_of, open_session
from specsim.drafters.fused import Fused
from specsim.drafters.prompt_lookup import PromptLookup
from specsim.drafters.recycling import Recycling
from specsim.drafters.retrieval import Retrieval
from specsim.drafters.superposed import MixedTable, SuperposedDrafts
from specsim.drafters.trigram import Trigram
from specsim.sources import TableModel
from specsim.stores import Datastore, NGramMix, Successors, Suffixes, Superposed, Trigrams, TrigramTable
from theory.couplings import Recursive
from theory.lossy import GreedyMatch
from theory.shapes.dynamic import Chain, DySpec, Expansion, Mcts, WithBudget
from theory.walks import TopDown, Traversal

V = 3
CORPUS = [[0, 1, 2, 0, 1, 1, 0, 2, 2, 1, 0, 0, 1], [2, 1, 2, 0]]
KNOWN = Suffixes(datastore=Datastore.of(CORPUS, vocabulary=V))
PROMPT = (0, 1, 0)


def table(seed: int, *, zeros: int = 0, order: int = 2) -> TableModel:
    rng = np.random.default_rng(seed)
    return TableModel.random(vocabulary=V, order=order, rng=rng, denominator=12, zeros=zeros)


TARGET, SPARSE, DRAFT = World(table(1)), World(table(2, zeros=1)), World(table(3))
MARKOV = table(4, order=1)
LOOKUP = PromptLookup(vocabulary=V, length=2)
RETRIEVAL = Retrieval(vocabulary=V, branches=4, length=2, spans=(4, 1), store=KNOWN)

DRAFTERS = {
    "prompt lookup": LOOKUP,
    "prompt lookup, earliest": replace(LOOKUP, pick="earliest"),
    "retrieval": RETRIEVAL,
    "recycling": Recycling(Successors(vocabulary=V, ranks=2), budget=6),
    "recycling, path": Recycling(Successors(vocabulary=V, ranks=2, zeros=True), budget=6, all_nodes=False),
    "trigrams": Trigram(
        Trigrams(TrigramTable.of(CORPUS, vocabulary=V), window=4), Mcts(iterations=9, length=2), 4
    ),
    "superposed": SuperposedDrafts(
        lambda context: MixedTable(MARKOV, 1, context),
        Superposed(drafts=2, length=2, ngrams=NGramMix(KNOWN)),
        vocabulary=V,
        learn=True,
    ),
    "fused, drawn chain": Fused(Drawn(DRAFT, WithBudget(Chain(), 1)), RETRIEVAL, keep=2, budget=4),
    "fused, DySpec": Fused(Drawn(DRAFT, WithBudget(DySpec(), 2)), LOOKUP, budget=3),
    "fused, i.i.d.": Fused(Drawn(DRAFT, WithBudget(Expansion((2,)), 2)), RETRIEVAL, budget=3),
    "two retrievals": Fused(LOOKUP, RETRIEVAL, budget=4),
}


def system(name: str, target: World = TARGET, walk: Any = None) -> System:
    return System(target=target, drafter=DRAFTERS[name], walk=walk or TopDown(Recursive()), name=name)


@pytest.mark.parametrize("target", [TARGET, SPARSE], ids=["positive", "zeros"])
@pytest.mark.parametrize("name", DRAFTERS)
def test_two_rounds_have_the_targets_joint_law(name, target):
    """The second round drafts from what the store learnt in the first."""
    assert is_lossless(system(name, target), PROMPT, rounds=2, length=3)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAFTERS)
def test_three_rounds_and_traversal(name):
    assert is_lossless(system(name), PROMPT, rounds=3, length=4)
    if not name.startswith("fused, i"):
        assert is_lossless(system(name, walk=Traversal()), PROMPT, rounds=2, length=3)


@pytest.mark.parametrize("name", ["recycling", "retrieval", "trigrams"])
def test_an_empty_prompt(name):
    assert is_lossless(system(name), (), rounds=2, length=2)


@pytest.mark.parametrize("name", ["prompt lookup", "recycling"])
def test_matching_the_likeliest_is_seen_to_be_lossy(name):
    """The negative control: a lossy walk over the same drafts fails the same check."""
    assert not is_lossless(system(name, walk=TopDown(GreedyMatch())), PROMPT, rounds=2, length=3)


@dataclass(frozen=True)
class Accounted:
    """Recursive rejection that takes a chosen first token for one drawn from the draft's row."""

    row: Any
    lossless: bool = True

    def resolve(self, *, p, drafts, law, chance, level):
        from theory.laws import WithoutReplacement

        q = WithoutReplacement(self.row, len(drafts))
        return Recursive().resolve(p=p, drafts=drafts, law=q, chance=chance, level=level)


def test_chosen_tokens_are_no_draws():
    """The negative control for laws: retrieved tokens accounted as drawn from a row are biased."""
    row = np.array([F(1, 2), F(1, 4), F(1, 4)])
    wrong = system("retrieval", walk=TopDown(Accounted(row)))
    assert not is_lossless(wrong, PROMPT, rounds=2, length=3)


def test_equal_stores_are_merged():
    """Sessions after two rounds: fewer than paths, as stores that hold the same are the same."""
    run = system("recycling")
    session = open_session(run, PROMPT)
    assert session == open_session(run, PROMPT)
    assert hash(session) == hash(open_session(run, PROMPT))
    assert sum(law_of(run, PROMPT, rounds=2, length=3).values()) == 1


def test_expected_rounds_of_chosen_trees_are_the_mass_of_their_prefixes():
    run = system("retrieval")
    tree = run.drafter.propose(open_session(run, PROMPT).memory, chance=None).tree
    mass = {(): F(1)}
    for node in range(1, tree.size + 1):
        prefix = tree.prefix(node)
        mass[prefix] = mass[prefix[:-1]] * TARGET.rows((*PROMPT, *prefix[:-1]))[prefix[-1]]
    assert tree.size > 0
    assert expected_round(run, PROMPT) == sum(mass.values())


def test_warmed_drafters_know_the_last_request():
    for name in ("prompt lookup", "retrieval", "recycling", "trigrams"):
        run = system(name)
        session = open_session(run, PROMPT)
        memory = run.drafter.observe(session.memory, _told(run, session))
        again = run.drafter.warmed(memory)
        opened = again.open(TARGET.open((2, 2)))
        assert opened != run.drafter.open(TARGET.open((2, 2)))
        assert is_lossless(System(target=TARGET, drafter=again, walk=run.walk), (2, 2), rounds=1, length=2)


def _told(run, session):
    from specsim.decoding import Outcome
    from specsim.decoding.reading import read_tree

    tree = run.drafter.propose(session.memory, chance=None).tree
    read = read_tree(session.target, tree)
    return Outcome(tree, read, (1, 2, 1), 0, read.commit((1, 2, 1)))


def test_pruning_keeps_what_the_draft_holds_likely():
    sharp = World(lambda context: np.array([F(0), F(1, 4), F(3, 4)]))
    plain = Fused(Drawn(sharp, WithBudget(Chain(), 0)), RETRIEVAL)
    kept = replace(plain, keep=1)
    trees = [
        d.propose(d.open(TARGET.open(PROMPT)), chance=None).tree
        for d in (plain, kept, replace(plain, keep=0))
    ]
    first = [{tree.tokens[node] for node in tree.children(0)} for tree in trees]
    assert first[0] - {2}
    assert first[1] == first[0] & {2}
    assert first[2] == set()
    with pytest.raises(ValueError, match="keep must be at least 0"):
        replace(plain, keep=-1)


def test_sources_name_every_node():
    for name, drafter in DRAFTERS.items():
        proposal = drafter.propose(drafter.open(TARGET.open((0, 1, 2, 0, 1))), chance=_First())
        assert len(proposal.sources) in (proposal.tree.size, 0), name
        if name == "two retrievals":
            assert set(proposal.sources) == {"lookup", "retrieval"}


class _First:
    def draw(self, weights, *, stream):
        return int(np.flatnonzero(weights)[0])
