"""Superposed drafts from a model of random weights: mixtures behind a cache, and the target's own text."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.decoding import System, decode
from specsim.decoding.loaded import Loaded
from specsim.drafters.mixed import MixedModel
from specsim.drafters.superposed import SuperposedDrafts
from specsim.models import toy_model
from specsim.stores import Superposed
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.simplex import Warp
from theory.walks import TopDown

pytestmark = pytest.mark.slow  # compiles the model for shapes of its own

MODEL = Loaded(toy_model(seed=0), Warp(temperature=0.7))
PROMPT = (1, 2, 3, 4)


def test_a_mixture_of_one_token_is_the_token():
    mixed = MixedModel.of(MODEL, PROMPT)
    path = (7,)
    reading = MODEL.open(PROMPT).read([path])
    for end in range(2):
        law = mixed.law(tuple(((token, 1.0),) for token in path[:end]))
        np.testing.assert_allclose(law, reading(path[:end]), atol=1e-6)


def test_commits_forget_the_mixtures():
    mixed = MixedModel.of(MODEL, PROMPT)
    mixed.law((((5, 0.5), (6, 0.5)), ((7, 1.0),)))
    later = mixed.commit((8, 9))
    fresh = MODEL.open((*PROMPT, 8, 9)).read([()])
    np.testing.assert_allclose(later.law(()), fresh(()), atol=1e-6)
    twice = mixed.law((((5, 0.5), (6, 0.5)),))
    np.testing.assert_array_equal(twice, mixed.law((((5, 0.5), (6, 0.5)),)))


def test_one_pass_a_step_and_the_emitted_text_is_plain_greedy():
    """At temperature near zero verification is greedy: the drafts can't change what is emitted."""
    cold = Loaded(toy_model(seed=0), Warp(temperature=0.0))
    drafter = SuperposedDrafts(
        lambda context: MixedModel.of(MODEL, context), Superposed(drafts=3, length=2), vocabulary=256
    )
    proposal = drafter.propose(drafter.open(cold.open(PROMPT)), chance=None)
    assert [call.tokens for call in proposal.work] == [1, 1]
    assert len(proposal.tree.children(0)) <= 3
    run = System(target=cold, drafter=drafter, walk=TopDown(Recursive()))
    trace = decode(run, PROMPT, max_new_tokens=5, chance=Sampled(np.random.default_rng(0)))
    greedy = toy_model(seed=0).generate(PROMPT, max_new_tokens=5, temperature=0)
    assert list(trace.tokens) == greedy
