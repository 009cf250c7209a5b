"""Functions of arrays and a generator: each form, right and wrong."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.testing import Budget, assert_lossless, audit, counterexample, law_of
from theory.laws import Iid, WithoutReplacement


def leftover(p, q):
    rest = np.maximum(p - q, 0)
    return rest / rest.sum() if rest.sum() > 0 else p


def single(p, q, token, rng):
    if rng.random() * q[token] < p[token]:
        return token
    return int(rng.choice(p.size, p=leftover(p, q)))


def by_inverse(p, q, token, rng):
    """The same with numbers only."""
    if rng.random() * q[token] < p[token]:
        return token
    edges = np.cumsum(leftover(p, q))
    return int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))


def one_number(p, q, token, rng):
    """The number that rejects the draft draws the residual, too."""
    number = rng.random()
    if number * q[token] < p[token]:
        return token
    edges = np.cumsum(leftover(p, q))
    return int(np.searchsorted(edges, number * edges[-1], side="right"))


def multi(p, q, tokens, rng):
    """Recursive rejection of i.i.d. drafts."""
    left = p.copy()
    for token in tokens:
        if rng.random() * q[token] < left[token]:
            return int(token)
        left = leftover(left, q)
    return int(rng.choice(p.size, p=left / left.sum()))


def without_replacement(p, q, tokens, rng):
    """Recursive rejection of drafts without replacement."""
    left, draft = p.copy(), q.copy()
    for token in tokens:
        if rng.random() * draft[token] < left[token]:
            return int(token)
        left = leftover(left, draft)
        draft[token] = 0
        draft = draft / draft.sum() if draft.sum() > 0 else draft
    return int(rng.choice(p.size, p=left / left.sum()))


def chain(target_rows, draft_rows, tokens, rng):
    emitted = []
    numbers = rng.random(len(tokens))
    for i, token in enumerate(tokens):
        if numbers[i] * draft_rows[i][token] >= target_rows[i][token]:
            return [*emitted, int(rng.choice(3, p=leftover(target_rows[i], draft_rows[i])))]
        emitted.append(int(token))
    return [*emitted, int(rng.choice(3, p=target_rows[-1]))]


def bonus_from_the_row_before(target_rows, draft_rows, tokens, rng):
    emitted = chain(target_rows, draft_rows, tokens, rng)
    if len(emitted) == len(tokens) + 1:
        emitted[-1] = int(rng.choice(3, p=target_rows[-2]))
    return emitted


def tree(target_rows, draft_rows, tokens, parents, rng):
    """Recursive rejection from the root down, for i.i.d. children."""
    node, emitted = 0, []
    while True:
        left = target_rows[node].copy()
        for child in [i + 1 for i, parent in enumerate(parents) if parent == node]:
            token = tokens[child - 1]
            if rng.random() * draft_rows[node][token] < left[token]:
                emitted.append(int(token))
                node = child
                break
            left = leftover(left, draft_rows[node])
        else:
            return [*emitted, int(rng.choice(3, p=left / left.sum()))]


def sampler(p, q, rng):
    return single(p, q, int(rng.choice(p.size, p=q)), rng)


def writes(p, q, token, rng):
    answer = single(p, q, token, rng)
    q /= 2
    return answer


@pytest.mark.parametrize("rule", [single, by_inverse, multi, sampler], ids=lambda rule: rule.__name__)
def test_right_functions_at_a_node(rule):
    verdict = assert_lossless(rule, examples=4)
    assert verdict.status == "lossless on all examples (to a stated precision)"
    assert verdict.checks[0].method == "extracted"
    assert 0 < verdict.checks[0].precision < 2e-9


def test_the_law_of_the_drafts_is_the_declared_one():
    assert_lossless(without_replacement, laws="without-replacement", drafts=2, examples=3)
    # on drafts of another law either function is wrong
    p, q = np.array([0.1, 0.45, 0.45]), np.array([0.6, 0.3, 0.1])
    right = {(token,): mass for token, mass in enumerate(p)}
    for rule, law in ((multi, Iid(q, 2)), (without_replacement, WithoutReplacement(q, 2))):
        assert law_of(rule, p=p, law=law) == pytest.approx(right)
    for rule, law in ((without_replacement, Iid(q, 2)), (multi, WithoutReplacement(q, 2))):
        assert law_of(rule, p=p, law=law) != pytest.approx(right, abs=1e-3)


def test_one_number_for_two_purposes_is_caught():
    found = counterexample(one_number, examples=20, shrink=False)
    assert found is not None
    assert found.examples <= 10
    assert "number 0: in (" in found.explain()


def test_chains():
    assert assert_lossless(chain, examples=2).lossless
    found = counterexample(bonus_from_the_row_before, examples=6, depth=1, shrink=False)
    assert found is not None
    assert "draft/0" in found.explain()


def test_trees():
    verdict = assert_lossless(tree, examples=2, drafts=2, depth=1)
    assert "1 draft, iid" not in verdict.checks[0].name


def test_chains_refuse_trees():
    verdict = audit(chain, drafts=2, examples=2)
    assert verdict.lossless is None
    assert "takes chains; a tree rule has the parameter parents" in verdict.reason


def test_single_draft_functions_refuse_two_drafts():
    assert "takes one draft, not 2" in audit(single, drafts=2, examples=2).reason


def test_more_rounds_than_one():
    assert assert_lossless(chain, examples=2, depth=1, rounds=2).lossless


def test_writing_to_inputs_is_a_warning():
    assert assert_lossless(writes, examples=6).warnings == ("it writes to its inputs: q",)


def test_zero_is_a_number_that_generators_return():
    def at_most(p, q, token, rng):
        if rng.random() * q[token] <= p[token]:
            return token
        return int(rng.choice(p.size, p=leftover(p, q)))

    verdict = assert_lossless(at_most, examples=10)
    assert any("a uniform number of exactly 0 it emits token" in text for text in verdict.warnings)
    assert assert_lossless(single, examples=10).warnings == ()


def test_a_function_that_raises():
    def divides(p, q, token, rng):
        rest = np.maximum(p - q, 0)
        if rng.random() * q[token] < p[token] and rest.sum() > 0:
            return token
        return int(rng.choice(p.size, p=rest / max(rest.sum(), 1e-300)))

    verdict = audit(divides, examples=20, shrink=False)
    assert verdict.lossless is None
    assert "it raises ValueError: probabilities must be at least 0 and sum to 1" in verdict.reason


def test_globals_are_no_source_of_randomness():
    rng_of_its_own = np.random.default_rng(0)

    def hidden(p, q, token, rng):
        return int(rng_of_its_own.choice(p.size, p=p))

    small = Budget(pairs=4, first=100, batch=100, total=400)
    verdict = audit(hidden, examples=5, budget=small)
    # it is sampled instead, and is right
    assert verdict.status == "not refuted (statistical)"
    assert "second source of randomness" in verdict.checks[0].name
