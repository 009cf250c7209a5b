"""Held-out accuracies against counting by hand; areas under curves; answers that can be checked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from specsim.heads.accuracy import measure
from specsim.heads.checkable import answers
from specsim.heads.probes import area, area_error, best_accuracy
from specsim.heads.recipes import likely_tokens
from specsim.models import toy_model
from specsim.training.corpus import Corpus
from specsim.training.network import Batch
from specsim.training.vocabulary import SubVocabulary

TOKENS = [[0, 1, 2, 0, 1, 2], [2, 2, 2, 1, 0, 0]]
FEW = SubVocabulary.of([0, 2], whole=3)
RNG = np.random.default_rng(0)
HIDDEN = jnp.asarray(RNG.standard_normal((2, 6, 4)), dtype=jnp.float32)
HEAD = jnp.asarray(RNG.standard_normal((3, 4)), dtype=jnp.float32)
NORMALISER = jax.nn.logsumexp(HIDDEN @ HEAD.T, axis=-1)
LOGITS = jnp.asarray(RNG.standard_normal((2, 6, 2, 2)), dtype=jnp.float32)
BATCH = Batch.of(TOKENS, hidden=HIDDEN, log_normaliser=NORMALISER)


def measured(**more):
    return measure(
        lambda params, batch: LOGITS,
        None,
        [BATCH],
        vocabulary=FEW,
        head=FEW.rows(HEAD),
        first=2,
        top=2,
        **more,
    )


def counted(head, rank):
    """Share of columns whose token is among the rank + 1 likeliest, where both heads have one."""
    hits = []
    for text, tokens in enumerate(TOKENS):
        for column in range(3):  # head 1 is about the token 3 columns on
            token = tokens[column + 2 + head]
            order = [[0, 2][i] for i in np.argsort(-np.asarray(LOGITS[text, column, head]))]
            hits.append(token in order[: rank + 1])
    return np.mean(hits)


def test_hits_are_counted():
    found = measured()
    assert found.positions == 6
    assert found.texts == 2
    for head in (0, 1):
        for rank in (0, 1):
            assert found.hits[head, rank] == pytest.approx(counted(head, rank))
    np.testing.assert_allclose(np.cumsum(found.by_rank(), axis=1), found.hits)


def test_acceptance_is_the_overlap_on_the_texts_own_path():
    law = np.asarray(jax.nn.softmax(HIDDEN @ HEAD.T, axis=-1))[..., [0, 2]]
    q = np.asarray(jax.nn.softmax(LOGITS, axis=-1))
    wanted = [np.minimum(law[:, 1 + k : 4 + k], q[:, :3, k]).sum(axis=-1).mean() for k in (0, 1)]
    np.testing.assert_allclose(measured().accepted, wanted, rtol=1e-5)


def test_the_chain_ends_at_the_first_miss():
    single = [[counted_at(text, column, k) for k in (0, 1)] for text in (0, 1) for column in range(3)]
    assert measured().chain == pytest.approx(np.mean([a + a * b for a, b in single]))


def counted_at(text, column, head):
    best = [0, 2][int(np.argmax(LOGITS[text, column, head]))]
    return float(best == TOKENS[text][column + 2 + head])


def test_equal_texts_have_no_error():
    same = Batch.of(
        [TOKENS[0]] * 2, hidden=HIDDEN[:1].repeat(2, 0), log_normaliser=NORMALISER[:1].repeat(2, 0)
    )
    logits = LOGITS[:1].repeat(2, 0)
    found = measure(lambda p, b: logits, None, [same], vocabulary=FEW, head=FEW.rows(HEAD), first=2, top=1)
    np.testing.assert_allclose(found.hits_error, 0, atol=1e-12)


def test_nothing_to_measure_is_refused():
    empty = Batch.of(TOKENS, hidden=HIDDEN, log_normaliser=NORMALISER, weight=jnp.zeros((2, 6)))
    with pytest.raises(ValueError, match="no position of the held-out batches has weight"):
        measure(lambda p, b: LOGITS, None, [empty], vocabulary=FEW, head=FEW.rows(HEAD), first=2)


def test_areas_by_pairs():
    score, label = RNG.integers(0, 4, 30), RNG.random(30)
    pairs = [
        (label[i] * (1 - label[j]), (score[i] > score[j]) + 0.5 * (score[i] == score[j]))
        for i in range(30)
        for j in range(30)
        if i != j
    ]
    own = [(a * (1 - a), 0.5) for a in label]  # a soft label is right and wrong at once
    weights, values = np.array(pairs + own).T
    assert area(score, label) == pytest.approx(float((weights * values).sum() / weights.sum()))
    assert area([1.0, 0.0], [1, 0]) == 1
    with pytest.raises(ValueError, match="both right and wrong"):
        area([1.0, 2.0], [1, 1])


def test_the_best_threshold_by_trying_all():
    score, label = RNG.integers(0, 5, 20), RNG.integers(0, 2, 20)
    tried = [np.mean((score > t) == (label == 1)) for t in range(-1, 6)]
    assert best_accuracy(score, label) == pytest.approx(max(tried))
    group = np.arange(20) // 2
    assert 0 < area_error(score, label, group) < 0.3


def test_answers_have_one_mistake_or_none():
    model = toy_model(seed=0)
    right = answers(model, count=3, seed=4, wrong=0.0)
    wrong = answers(model, count=3, seed=4, wrong=1.0)
    assert [a.kind for a in right] == ["sum", "copy", "reverse"]
    for answer in right:
        np.testing.assert_array_equal(answer.label, answer.weight)
    for answer in wrong:
        mistakes = np.flatnonzero(answer.weight - answer.label)
        assert len(mistakes) == 1
        assert answer.weight[mistakes[0] + 1 :].sum() == 0
    assert model.tokenizer.decode(right[0].tokens.tolist()).startswith("Sums, one a line.")
    lines = model.tokenizer.decode(right[0].tokens.tolist()).splitlines()[1:]
    assert all(eval(line.split("=")[0]) == int(line.split("=")[1]) for line in lines)


@pytest.mark.parametrize(("count", "wrong"), [(0, 0.5), (1, 1.5)])
def test_impossible_numbers_of_answers_are_refused(count, wrong):
    with pytest.raises(ValueError, match="count must be at least 1 and wrong in"):
        answers(toy_model(seed=0), count=count, seed=0, wrong=wrong)


def test_likely_tokens_are_those_of_law_and_text():
    ids, log_p = np.array([[3, 4], [3, 5]]), np.log([[0.6, 0.4], [0.9, 0.1]])
    corpus = Corpus.of_texts([[7, 7]])
    known = Corpus(corpus.tokens, corpus.texts, {"top_ids": ids, "top_log_p": log_p})
    assert likely_tokens(known, vocabulary=9, size=2).tolist() == [3, 7]
