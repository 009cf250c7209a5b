r"""What a scheduler sees of a batch, and how drafts of its requests fare: chains here, trees beside it.

Drafting k tokens in a chain for a request of acceptance a adds :math:`a + a^2 + \dots + a^k` expected tokens:
gains fall, so the best set of n draft tokens over a batch is that of the n largest gains. The same holds for
the trees of :mod:`specsim.serving.trees`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from specsim.clocks import Affine
from specsim.serving.workload import Counts, Floats


@dataclass(frozen=True)
class Plan:
    """Drafts for each request of a batch.

    Attributes
    ----------
    sizes
        Draft tokens of each request, shape ``(B,)``.
    depth
        Most levels of a tree; None for no limit. (A chain is as deep as it is long.)
    """

    sizes: Counts
    depth: int | None = None


@dataclass(frozen=True)
class Batch:
    """What a scheduler sees before a step.

    Attributes
    ----------
    acceptance
        Of each decoding request, shape ``(B,)``.
    remaining
        Tokens that each has still to emit, at least 1.
    cached
        Tokens in all caches.
    prefill
        Prompt tokens that the step reads besides.
    target, draft
        Costs.
    late
        Seconds by which each request is behind its time per token (negative: ahead); zeros without an
        objective.
    """

    acceptance: Floats
    remaining: Counts
    cached: int
    prefill: int
    target: Affine
    draft: Affine
    late: Floats

    @property
    def size(self) -> int:
        """Decoding requests."""
        return int(self.remaining.size)

    def seconds(self, drafted: ArrayLike, steps: int) -> Floats:
        """Duration of a step with so many draft tokens, in so many draft steps."""
        fresh = self.size + self.prefill + np.asarray(drafted)
        verify = self.target.base + self.target.per_token * fresh + self.target.per_cached * self.cached
        each = self.draft.base + self.draft.per_cached * self.cached
        return np.asarray(verify + steps * each + self.draft.per_token * np.asarray(drafted))

    def room(self) -> Counts:
        """Most drafts that each request can use."""
        return self.remaining - 1

    def gains(self, most: int) -> Floats:
        """What each request's j-th draft adds in expected tokens, ``(B, most)``; 0 past what it needs."""
        places = np.arange(1, most + 1)
        powers = self.acceptance[:, None] ** places
        return np.where(places < self.remaining[:, None], powers, 0.0)

    def steps(self, plan: Plan) -> int:
        """Draft steps of a plan."""
        return int(plan.sizes.max(initial=0))

    def by_depth(self, most: int) -> Iterator[tuple[int, Floats, Counts]]:
        """For each limit of depth: the gains of all drafts within it, falling, and whose they are."""
        gains = self.gains(most)
        flat = gains.ravel()
        order = np.argsort(-flat, kind="stable")[: np.count_nonzero(flat)]
        if order.size:
            places, owners, falling = order % most, order // most, flat[order]
            for depth in range(1, int(places.max()) + 2):
                within = places < depth
                yield depth, falling[within], owners[within]


class Chains:
    """Drafts that are chains; a request's are accepted with one probability.

    Parameters
    ----------
    acceptance
        Of each request.
    """

    def __init__(self, acceptance: Floats) -> None:
        self.acceptance = acceptance

    def batch(
        self,
        numbers: Counts,
        remaining: Counts,
        cached: int,
        prefill: int,
        target: Affine,
        draft: Affine,
        late: Floats,
    ) -> Batch:
        """What a scheduler sees of these requests."""
        return Batch(self.acceptance[numbers], remaining, cached, prefill, target, draft, late)

    def accepted(self, numbers: Counts, remaining: Counts, plan: Plan, rng: np.random.Generator) -> Counts:
        """How many drafts of each request are accepted."""
        return accepted_prefixes(self.acceptance[numbers], plan.sizes, rng)


def accepted_prefixes(acceptance: Floats, lengths: Counts, rng: np.random.Generator) -> Counts:
    """How many drafts of each chain are accepted before the first that is not.

    The number of successes before a failure is geometric: one uniform number a chain.

    Examples
    --------
    >>> accepted_prefixes(np.array([0.0, 1.0]), np.array([3, 3]), np.random.default_rng(0)).tolist()
    [0, 3]
    """
    uniform = 1.0 - rng.random(acceptance.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        runs = np.floor(np.log(uniform) / np.log(acceptance))
    runs = np.where(acceptance >= 1, np.inf, np.where(acceptance <= 0, 0.0, runs))
    accepted: Counts = np.minimum(runs, lengths).astype(np.int64)
    return accepted
