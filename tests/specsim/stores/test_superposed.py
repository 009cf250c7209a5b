"""N-gram mixtures in fractions, the joining rule, and the beam against a plain transcription."""

from __future__ import annotations

import math
from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.sources import TableModel
from specsim.stores import Datastore, NGramMix, Suffixes, Superposed
from specsim.stores.ngram_mix import WEIGHTS, joined_scores
from specsim.stores.superposed import multilinear

V = 3
texts = st.lists(st.integers(0, V - 1), max_size=20)


def plain_mix(documents, context, weights):
    mass = {}
    for order, weight in enumerate(weights, start=1):
        if order > len(context):
            break
        end = tuple(context[-order:])
        after = [
            d[i + order] for d in documents for i in range(len(d) - order) if tuple(d[i : i + order]) == end
        ]
        for token in set(after):
            mass[token] = mass.get(token, 0) + weight * F(after.count(token), len(after))
    return mass


@settings(max_examples=40)
@given(texts, st.lists(texts, max_size=2), st.lists(st.integers(0, V - 1), max_size=7).map(tuple))
def test_the_mixture_is_the_weighted_shares(text, known, context):
    """Text and datastore count together; all fractions."""
    mix = NGramMix(Suffixes(datastore=Datastore.of(known, vocabulary=V)).observe(text))
    assert mix(context) == plain_mix([text, *known], context, WEIGHTS)
    floats = NGramMix(mix.store, tuple(map(float, WEIGHTS)))(context)
    assert floats == pytest.approx(mix(context))


def test_the_published_weights_are_a_half():
    assert sum(WEIGHTS) == F(1, 2)
    with pytest.raises(ValueError, match="give at least one weight"):
        NGramMix(Suffixes(), (F(1), F(-1)))


def test_joining():
    log_p = np.log([0.5, 0.3, 0.2])
    both = joined_scores(log_p=log_p, tokens=(4, 5, 6), mass={5: F(1, 10), 6: F(2, 5), 9: F(1)}, alpha=0.5)
    assert both[0] == -math.inf
    assert np.exp(both[1:]) == pytest.approx([math.sqrt(0.3 * 0.1), math.sqrt(0.2 * 0.4)])
    apart = joined_scores(log_p=log_p, tokens=(4, 5, 6), mass={9: F(1)}, alpha=0.5)
    assert apart == pytest.approx(log_p / 2 - 200)
    assert joined_scores(log_p=log_p, tokens=(4, 5, 6), mass={}, alpha=0).tolist() == log_p.tolist()
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\]"):
        joined_scores(log_p=log_p, tokens=(4, 5, 6), mass={}, alpha=2)


def chain(seed, order=1):
    rng = np.random.default_rng(seed)
    return TableModel.random(vocabulary=V, order=order, rng=rng, denominator=12)


def test_of_order_one_the_law_is_the_mean_over_the_drafts():
    table = chain(0)
    law = multilinear(table, context=(0,), order=1)
    steps = (((0, F(1, 2)), (1, F(1, 2))), ((0, F(1, 3)), (2, F(2, 3))))
    assert law(steps).tolist() == (F(1, 3) * table((0,)) + F(2, 3) * table((2,))).tolist()
    assert law(()).tolist() == table((0,)).tolist()


def test_of_order_two_it_is_linear_in_each_mixture_and_not_the_mean_over_the_drafts():
    table = chain(1, order=2)
    law = multilinear(table, context=(0,), order=2)
    half, point = ((0, F(1, 2)), (1, F(1, 2))), lambda token: ((token, F(1)),)
    both = law((half, half))
    assert both.tolist() == ((law((half, point(0))) + law((half, point(1)))) / 2).tolist()
    assert both.tolist() == (sum(table((a, b)) for a, b in product((0, 1), repeat=2)) / 4).tolist()
    drafts = (table((0, 0)) + table((1, 1))) / 2
    assert both.tolist() != drafts.tolist()
    # what is more than two back can't matter
    assert law((half, point(2), point(1))).tolist() == table((2, 1)).tolist()
    with pytest.raises(ValueError, match="order must be at least 1"):
        multilinear(table, context=(), order=0)


def transcribed(table, mix, context, *, drafts, length, alpha):
    """The search by its description: all k V candidates, sorted."""
    beam = [(0.0, ())]
    row = table(context)
    for _ in range(length):
        log_p = np.log(row.astype(float))
        candidates = []
        for weight, path in beam:
            scores = joined_scores(log_p=log_p, tokens=range(V), mass=mix((*context, *path)), alpha=alpha)
            candidates += [(weight + scores[t], (*path, t)) for t in range(V) if scores[t] > -np.inf]
        beam = sorted(candidates, key=lambda c: -c[0])[:drafts]
        share = np.exp([w for w, _ in beam])
        share = share / share.sum()
        row = sum(s * table((p[-1],)).astype(float) for s, (_, p) in zip(share, beam, strict=True))
    return [path for _, path in beam]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("drafts", [1, 2, 3])
def test_the_beam_is_the_published_search(seed, drafts):
    table, text = chain(seed), np.random.default_rng(seed).integers(0, V, 60).tolist()
    mix = NGramMix(Suffixes().observe(text))
    search = Superposed(drafts=drafts, length=3, ngrams=mix, alpha=0.4)
    calls = []

    def law(mixtures):
        calls.append(len(mixtures))
        return multilinear(table, context=(1,), order=1)(mixtures)

    found = search.search(law, context=(1,))
    # k best of each draft contain the k best of all
    assert list(found.paths) == transcribed(table, mix, (1,), drafts=drafts, length=3, alpha=0.4)
    assert calls == [0, 1, 2]
    assert all(math.isclose(sum(w for _, w in mixture), 1) for mixture in found.mixtures)


def test_one_draft_is_greedy_decoding():
    table = chain(5)
    found = Superposed(drafts=1, length=4).search(multilinear(table, context=(0,), order=1), context=(0,))
    greedy = [0]
    for _ in range(4):
        greedy.append(int(np.argmax(table((greedy[-1],)))))
    assert found.paths == (tuple(greedy[1:]),)


def test_a_budget_keeps_the_heaviest_draft_whole():
    law = multilinear(chain(6), context=(0,), order=1)
    found = Superposed(drafts=3, length=3).search(law, context=(0,))
    tree = found.tree(vocabulary=V, budget=4)
    assert tree.size == 4
    assert tree.prefix(3) == found.paths[0]
    assert found.tree(vocabulary=V).size == len({p[:n] for p in found.paths for n in range(1, 4)})


def test_temperature_sharpens_the_mixture():
    law = multilinear(chain(6), context=(0,), order=1)
    share = [
        max(w for _, w in Superposed(drafts=2, length=2, temperature=t).search(law, context=(0,)).mixtures[0])
        for t in (0.05, 1.0, 20.0)
    ]
    assert share[0] > share[1] > share[2] >= 0.5


def test_bad_input():
    with pytest.raises(ValueError, match="temperature positive"):
        Superposed(temperature=0)
    with pytest.raises(ValueError, match="considered must be at least drafts=3"):
        Superposed(considered=2)
