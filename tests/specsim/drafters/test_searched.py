"""The search for a draft: what it tries, what it keeps, and that it keeps the law."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.decoding import System, is_lossless, open_session, resume
from specsim.decoding.loaded import Loaded
from specsim.drafters.searched import MaskSearch, Searched, matchness
from specsim.models import SublayerMask, toy_model
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


class Counting:
    """A model that counts its passes: prompts that are read, and readings' calls."""

    def __init__(self, model) -> None:
        self.model, self.vocabulary, self.tokens = model, model.vocabulary, []

    def open(self, context):
        self.tokens.append(len(context) - 1)
        return CountedReading(self.model.open(context), self.tokens)


class CountedReading:
    def __init__(self, inner, tokens) -> None:
        self.inner, self.tokens = inner, tokens

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __call__(self, prefix):
        return self.inner(prefix)

    def read(self, prefixes):
        after = self.inner.read(prefixes)
        self.tokens.extend(call.tokens for call in after.work[len(self.inner.work) :])
        return CountedReading(after, self.tokens)

    def commit(self, tokens):
        return CountedReading(self.inner.commit(tokens), self.tokens)


def counted(models, *, start: int, limit: int, rounds: int):
    """Calls of each round of a session, and tokens of the passes that the models made behind the prompt."""
    passes: list[int] = []
    wrapped = tuple(map(Counting, models))
    for model in wrapped:
        model.tokens = passes
    system = System(models[-1], searched(wrapped, start=start, limit=limit), TopDown(Recursive()))
    session, chance, calls = (
        open_session(system, (0, 1, 2, 0, 1, 2, 0, 1)),
        Sampled(np.random.default_rng(0)),
        [],
    )
    assert passes == [7]  # the prompt, which is in no count
    del passes[:]
    for _ in range(rounds):
        step = system.plan.step(system, session, chance=chance, room=10**6)
        session = step.session
        calls.append(step.round.draft)
    return calls, passes


@pytest.mark.slow
def test_calls_are_the_passes_that_were_made() -> None:
    model = toy_model(seed=0)
    full, poor = Loaded(model), Loaded(model, view=SublayerMask(attention=(1, 2), feed=(1, 2)))
    calls, passes = counted((poor, full), start=0, limit=1, rounds=3)
    assert [call.tokens for done in calls for call in done] == passes
    plain, _ = counted((poor, full), start=0, limit=0, rounds=1)
    assert calls[0] == plain[0]  # no trial before the first round


def test_a_trial_is_two_passes_and_a_change_of_masks_one_more() -> None:
    """Of whole readings of the text: none are in the first round, and none when all masks were tried."""
    calls, passes = counted((POOR, TARGET), start=0, limit=1, rounds=5)
    assert sum(map(len, calls)) == len(passes)
    read = [[call for call in done if call.context == 0] for done in calls]
    assert [len(done) for done in read] == [0, 1, 2, 0, 0]  # tried: itself, then the better one
    assert read[2][1].tokens > read[2][0].tokens  # the better one reads all of the text
