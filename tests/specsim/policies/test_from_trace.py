"""Outcomes drawn from recorded distributions."""

from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest

from specsim.policies import texts_of_trace
from specsim.sources.traces import Trace
from tests.theory.walks.rounds_audit import models
from theory.chance import Enumerated
from theory.couplings import Maximal
from theory.laws import Iid
from theory.simplex import Warp
from theory.walks import TopDown, named
from theory.walks.base import shifted

SHIPPED = Path(__file__).parents[3] / "traces" / "smollm2-135m"


def test_given_the_text_outcomes_are_independent_coins():
    """One round of two drafts, in fractions: the joint law of text and accepted drafts is the claim's."""
    target, draft = models(1)
    scheme = named.token_level(2)

    def program(chance):
        tree = scheme.grow(draft=draft, chance=chance)
        verified = TopDown(Maximal()).verify(tree=tree, target=target, chance=chance)
        tokens = verified.tokens
        while len(tokens) < 3:
            tokens = (*tokens, chance.draw(shifted(target, tokens)(()), stream="completion"))
        return tokens, verified.accepted_length

    for (text, accepted), weight in Enumerated().law(program).items():
        coins, mass = [], F(1)
        for place, token in enumerate(text):
            p, q = target(text[:place])[token], draft(text[:place])[token]
            mass *= p
            coins.append(min(F(1), q / p))
        given = [1 - coins[0], coins[0] * (1 - coins[1]), coins[0] * coins[1]][accepted]
        assert weight == mass * given
    assert Iid(draft(()), 1).k == 1


@pytest.mark.slow
def test_shipped_trace():
    """Means of coins against the trace's own: 80 positions, 40 draws; seven standard errors."""
    trace = Trace.open(SHIPPED).select(domain="code")
    texts = texts_of_trace(trace, draft="skip", samples=40, rng=np.random.default_rng(0))
    assert len(texts) == 5 * 40
    assert all(len(text.accepted) == 16 for text in texts)
    expected, overlaps = [], []
    for block in trace.blocks(drafts=("skip",)):
        warp = Warp(trace.header.temperature)
        p, q = warp.probabilities(block.target_logits), warp.probabilities(block.draft_logits["skip"])
        rows = np.arange(len(block.token))
        expected += np.minimum(1, q[rows, block.token] / p[rows, block.token]).tolist()
        overlaps += np.minimum(p, q).sum(axis=1).tolist()
    found = np.mean([text.accepted for text in texts])
    spread = np.sqrt(np.sum(np.array(expected) * (1 - np.array(expected))) / 40) / 80
    assert abs(found - np.mean(expected)) < 7 * spread
    confidences = [features.confidence for text in texts[::40] for features in text.features]
    assert confidences == pytest.approx(overlaps, rel=1e-9)


def test_refusals():
    trace = Trace.open(SHIPPED)
    with pytest.raises(ValueError, match="samples must be at least 1"):
        texts_of_trace(trace, draft="skip", samples=0, rng=np.random.default_rng(0))
    holes = trace.select(limit=40)
    with pytest.raises(ValueError, match="holes"):
        texts_of_trace(holes, draft="skip", samples=1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="unknown draft"):
        texts_of_trace(trace, draft="nothing", samples=1, rng=np.random.default_rng(0))
