r"""A draft that is searched for while it is used (SWIFT): which parts of the target to leave out.

Candidates are *masks*, subsets of the target's sublayers. Before each round but the first, until ``limit``
masks were tried, the next one is scored by its **matchness**: the share of the last ``window`` tokens of the
text, prompt and answer, that are its first choice. The best one drafts from then on.

A trial is two forward passes of the masked model, over the text before the window and over the window; a new
best mask reads the text once more. All of them are in the proposal's work, ahead of those of drafting.
Trials are made when a proposal is asked for, so that they are counted there. Not for use inside of another
system (:func:`~specsim.decoding.algebra.as_drafter`): memory goes back there to where the outer round began,
and trials would be forgotten and made anew. A mask that was found before can be drawn from with
:class:`~specsim.decoding.drawn.Drawn`.

Which mask is tried next is a function of those tried before. :class:`MaskSearch` mixes random masks with
an upper-confidence rule on a linear model: with features z in {0, 1}^n (which sublayers are skipped) and a
Gaussian prior, matchness is :math:`w^\top z + b` plus noise, the posterior is closed form, and of a pool of
random masks the one with the largest mean plus ``kappa`` deviations is tried.

Lossless with any walk that is: the mask in use depends on the past only, and the recorded law is its own.

Source: Xia et al. 2025 (SWIFT), arXiv 2410.06916 (random search with Bayesian optimisation; a
Gaussian process there, its linear kernel here)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsim.clocks import Call
from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import LanguageModel, Memory, Reading, Rows
from theory.chance import Chance
from theory.laws import Tokens
from theory.simplex import Array
from theory.walks.rounds import Grower

Mask = Any
#: Masks that were tried, each with its matchness.
Tried = tuple[tuple[Mask, float], ...]
#: What a trial leaves: masks tried, the best one, its reading, and the passes that this cost.
Trial = tuple[Tried, Mask, Reading, tuple[Call, ...]]


@dataclass(frozen=True)
class MaskSearch:
    """Proposes masks of ``skipped`` out of ``parts``; deterministic given its seed.

    Parameters
    ----------
    parts
        What may be skipped.
    skipped
        How many are.
    guided
        Every so many trials one is by the upper-confidence rule, the others at random.
    kappa
        Deviations added to the mean.
    pool
        Random masks that the rule chooses among.
    seed
        Of the random masks.

    Examples
    --------
    >>> search = MaskSearch(parts=("a", "b", "c", "d"), skipped=2)
    >>> search(()) == search(()), len(search(((("a", "b"), 0.5),)))
    (True, 2)
    """

    parts: tuple[Hashable, ...]
    skipped: int
    guided: int = 5
    kappa: float = 2.5
    pool: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.skipped <= len(self.parts):
            raise ValueError(f"can't skip {self.skipped} of {len(self.parts)} parts")
        if self.guided < 1 or self.pool < 1:
            raise ValueError(f"guided and pool must be at least 1, got {self.guided} and {self.pool}")

    def __call__(self, tried: Tried) -> Mask:
        """The mask to try next."""
        rng = np.random.default_rng([self.seed, len(tried)])
        if (len(tried) + 1) % self.guided:
            return self._random(rng)
        masks = [self._random(rng) for _ in range(self.pool)]
        return masks[int(np.argmax(self._optimism(tried, masks)))]

    def _random(self, rng: np.random.Generator) -> tuple[Hashable, ...]:
        chosen = np.sort(rng.choice(len(self.parts), size=self.skipped, replace=False))
        return tuple(self.parts[place] for place in chosen)

    def _features(self, masks: list[Mask]) -> Array:
        return np.array([[1.0, *(part in mask for part in self.parts)] for mask in masks])

    def _optimism(self, tried: Tried, masks: list[Mask]) -> Array:
        """Posterior mean plus kappa deviations, with unit prior variance and noise of 0.1."""
        seen, scores = self._features([mask for mask, _ in tried]), np.array([s for _, s in tried])
        precision = np.eye(seen.shape[1]) + seen.T @ seen / 0.01
        mean = np.linalg.solve(precision, seen.T @ scores / 0.01)
        candidates = self._features(masks)
        spread = np.einsum("md,dm->m", candidates, np.linalg.solve(precision, candidates.T))
        result: Array = candidates @ mean + self.kappa * np.sqrt(spread)
        return result


def matchness(model: LanguageModel, context: Tokens, window: int) -> tuple[float, tuple[Call, ...]]:
    """Share of the last tokens of a context that a model's first choice is; and the passes that found it.

    Examples
    --------
    >>> from specsim.decoding.world import World
    >>> world = World(lambda context: np.array([0.1, 0.9, 0.0]))
    >>> matchness(world, (0, 1, 1, 0), 3)
    (0.5, (Call(tokens=1, batch=1, context=0), Call(tokens=2, batch=1, context=2)))
    """
    start = max(2, len(context) - window)
    if start >= len(context):
        return 0.0, ()
    text = context[start:]
    reading = model.open(context[:start]).read([text[:-1]])
    hits = [reading.top(text[:depth], 1) == (token,) for depth, token in enumerate(text)]
    return float(np.mean(hits)), (*opening(context[:start]), *reading.work)


def opening(context: Tokens) -> tuple[Call, ...]:
    """The pass that reads all of a context but its last token; none if there is no other.

    Examples
    --------
    >>> opening((5, 6, 7)), opening((5,))
    ((Call(tokens=2, batch=1, context=0),), ())
    """
    return (Call(tokens=len(context) - 1),) if len(context) > 1 else ()


@dataclass(frozen=True)
class Searched:
    """See the module's text.

    Parameters
    ----------
    model
        From a mask to the draft model.
    start
        The first mask.
    search
        From the masks tried so far to the next one.
    grow
        Draws trees from the mask in use.
    limit
        Masks tried, at most, beside the first; one before each round but the first.
    window
        Tokens that matchness is measured on, at least 1.
    good
        The search ends at this matchness.
    """

    model: Callable[[Mask], LanguageModel]
    start: Mask
    search: Callable[[Tried], Mask]
    grow: Grower
    limit: int = 20
    window: int = 50
    good: float = 0.93

    def __post_init__(self) -> None:
        if self.limit < 0 or self.window < 1:
            raise ValueError(f"limit >= 0 and window >= 1 are needed, got {self.limit} and {self.window}")

    def open(self, target: Reading) -> Memory:
        """The first mask, untried; no trial is due."""
        return (), self.start, self.model(self.start).open(target.context), False

    def propose(self, memory: Any, *, chance: Chance) -> Proposal:
        """Try one more mask if that is due, and draw from the best of all."""
        tried, mask, reading, due = memory
        spent: tuple[Call, ...] = ()
        if due and not self._over(tried):
            tried, mask, reading, spent = self._trial(tried, mask, reading)
        rows = Rows(reading)
        tree = self.grow(draft=rows, chance=chance)
        return Proposal(tree, (tried, mask, rows.reading, False), (*spent, *rows.reading.work))

    def observe(self, memory: Any, outcome: Outcome) -> Memory:
        """The emitted tokens; a trial is due."""
        tried, mask, reading, _ = memory
        return tried, mask, reading.commit(outcome.tokens), True

    def _over(self, tried: Tried) -> bool:
        return len(tried) > self.limit or any(score >= self.good for _, score in tried)

    def _trial(self, tried: Tried, mask: Mask, reading: Reading) -> Trial:
        """One mask more, the one in use first."""
        context = reading.context
        new = self.search(tried) if tried else mask
        score, spent = matchness(self.model(new), context, self.window)
        tried = (*tried, (new, score))
        best = max(tried, key=lambda pair: pair[1])[0]
        if best == mask:
            return tried, mask, reading, spent
        return tried, best, self.model(best).open(context), (*spent, *opening(context))
