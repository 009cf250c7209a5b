"""The search for a draft: what it tries, what it keeps, and that it keeps the law."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.decoding import System, is_lossless, open_session, resume
from specsim.drafters.searched import MaskSearch, Searched, matchness
from tests.specsim.decoding.worlds import world
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import WithBudget
from theory.shapes.dynamic.confidence_width import ConfidenceWidth
from theory.walks import TopDown

TARGET, GOOD, POOR = world(1), world(1), world(9)
GROW = WithBudget(ConfidenceWidth(widths=((0.5, 1), (0, 2)), threshold=0.4), 2)


def searched(models, *, start: int, limit: int) -> Searched:
    return Searched(
        model=models.__getitem__,
        start=start,
        search=lambda tried: (start + len(tried)) % len(models),
        grow=GROW,
        limit=limit,
        window=20,
        good=1.1,
    )


def test_the_better_model_drafts_in_the_end() -> None:
    drafter = searched((POOR, TARGET), start=0, limit=2)
    system = System(TARGET, drafter, TopDown(Recursive()))
    session = open_session(system, (0, 1))
    assert session.memory[1] == 0
    chance = Sampled(np.random.default_rng(0))
    trace, session = resume(system, session, max_new_tokens=60, chance=chance)
    assert session.memory[1] == 1
    tried = dict(session.memory[0])
    assert tried[1] > tried[0]
    scores = [matchness(model, (0, 1, *trace.tokens), 40)[0] for model in (POOR, TARGET)]
    assert scores[1] > scores[0]


@pytest.mark.slow
def test_switching_between_rounds_keeps_the_law() -> None:
    drafter = searched((POOR, GOOD, world(2)), start=0, limit=2)
    assert is_lossless(System(TARGET, drafter, TopDown(Recursive())), (0, 1, 2), rounds=2, length=3)


def test_search_finds_the_harmless_parts_of_a_linear_matchness() -> None:
    """Guided trials beat random masks where matchness is what the rule takes it for."""
    parts = tuple(range(20))

    def score(mask) -> float:
        return 1 - 0.08 * sum(part < 10 for part in mask)  # the last ten parts are harmless

    def best(guided: int) -> float:
        tried: tuple = ()
        search = MaskSearch(parts=parts, skipped=5, guided=guided, kappa=1.0)
        for _ in range(40):
            mask = search(tried)
            tried = (*tried, (mask, score(mask)))
        return max(value for _, value in tried)

    assert best(2) == 1.0
    assert best(10**9) < 1.0  # only random ones: the control


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="can't skip 3 of 2 parts"):
        MaskSearch(parts=(1, 2), skipped=3)
    with pytest.raises(ValueError, match="limit >= 0 and window >= 1"):
        searched((POOR,), start=0, limit=-1)
    with pytest.raises(ValueError, match="falling confidences down to 0"):
        ConfidenceWidth(widths=((0.5, 1), (0.6, 2)))
    with pytest.raises(ValueError, match=r"threshold must be in \[0, 1\], got 2"):
        ConfidenceWidth(threshold=2)
